"""Sets of field paths: the trie behind FieldsV1, and its algebra."""

from collections.abc import Iterator
from typing import Any

from fluvial.managedfields.elements import element_for_people, in_order, parse_element

MAX_DEPTH = 250  # levels of nesting in one object or field set; beyond it is refused

Path = tuple[str, ...]


class FieldSet:
    """An immutable set of field paths. `members` are elements at this level, `children` sets below an element.

    A path may be a member, or only lead to members, or both. No child is ever empty.
    """

    __slots__ = ("children", "members")

    members: frozenset[str]
    children: dict[str, "FieldSet"]

    def __init__(self, members: frozenset[str] = frozenset(), children: "dict[str, FieldSet] | None" = None) -> None:
        self.members = members
        self.children = children if children is not None else {}

    @classmethod
    def of(cls, *paths: Path) -> "FieldSet":
        """Return the set of `paths`, each a tuple of elements such as ("f:spec", "f:replicas")."""
        builder = SetBuilder()
        for path in paths:
            builder.insert(path)
        return builder.build()

    @classmethod
    def from_fields(cls, fields: Any) -> "FieldSet":
        """Read a `fieldsV1` value as decoded from JSON. None is the empty set.

        Raises:
            ValueError: not a field set, or nested deeper than MAX_DEPTH.
        """
        if fields is None:
            return EMPTY
        return _read(fields, 0)[0]

    def to_fields(self) -> dict[str, Any]:
        """Return the `fieldsV1` value, its keys in upstream's order."""
        out: dict[str, Any] = {}
        members, children = self.members, self.children
        if not children:
            for element in in_order(list(members)):
                out[element] = {}
            return out
        for element in in_order(list({*members, *children})):
            child = children.get(element)
            if child is None:
                out[element] = {}
            elif element in members:
                out[element] = {".": {}, **child.to_fields()}
            else:
                out[element] = child.to_fields()
        return out

    def __bool__(self) -> bool:
        return bool(self.members) or bool(self.children)

    def __len__(self) -> int:
        return len(self.members) + sum(map(len, self.children.values()))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, FieldSet):
            return NotImplemented
        return self.members == other.members and self.children == other.children

    def __hash__(self) -> int:
        return hash((self.members, frozenset(self.children)))

    def __repr__(self) -> str:
        return f"FieldSet({', '.join(path_text(p) for p in self)})"

    def __contains__(self, path: Path) -> bool:
        node: FieldSet | None = self
        for element in path[:-1]:
            node = node.children.get(element) if node is not None else None
        return bool(path) and node is not None and path[-1] in node.members

    def __iter__(self) -> Iterator[Path]:
        """Yield every path, members before what lies below their siblings, in upstream's order."""
        return self._walk(())

    def _walk(self, prefix: Path) -> Iterator[Path]:
        for element in in_order(list(self.members)):
            yield (*prefix, element)
        for element in in_order(list(self.children)):
            yield from self.children[element]._walk((*prefix, element))

    def below(self, element: str) -> "FieldSet":
        """Return the set of paths below `element`, without it."""
        return self.children.get(element, EMPTY)

    def __or__(self, other: "FieldSet") -> "FieldSet":
        if self is other or not other:
            return self
        if not self:
            return other
        children = self.children
        if other.children:
            children = dict(children)
            for element, theirs in other.children.items():
                ours = children.get(element)
                children[element] = theirs if ours is None else ours | theirs
        return FieldSet(self.members | other.members, children)

    def __and__(self, other: "FieldSet") -> "FieldSet":
        children = {}
        for element, ours in self.children.items():
            theirs = other.children.get(element)
            if theirs is not None and (both := ours & theirs):
                children[element] = both
        return FieldSet(self.members & other.members, children)

    def __sub__(self, other: "FieldSet") -> "FieldSet":
        """Return the paths of this set that are not in `other`; a parent in `other` does not take its children."""
        if not other:
            return self
        if not other.children:
            return FieldSet(self.members - other.members, self.children)
        children = {}
        for element, ours in self.children.items():
            theirs = other.children.get(element)
            if rest := ours if theirs is None else ours - theirs:
                children[element] = rest
        return FieldSet(self.members - other.members, children)

    def without(self, other: "FieldSet") -> "FieldSet":
        """Return the paths of this set that are neither in `other` nor below a path of `other`."""
        if not other:
            return self
        children = {}
        for element, ours in self.children.items():
            if element in other.members:
                continue
            theirs = other.children.get(element)
            if rest := ours if theirs is None else ours.without(theirs):
                children[element] = rest
        return FieldSet(self.members - other.members, children)

    def leaves(self) -> "FieldSet":
        """Return the paths of this set that have none of its paths below them."""
        return FieldSet(
            self.members.difference(self.children), {element: s.leaves() for element, s in self.children.items()}
        )


EMPTY = FieldSet()


class SetBuilder:
    """A field set under construction."""

    __slots__ = ("children", "members")

    def __init__(self) -> None:
        self.members: set[str] = set()
        self.children: dict[str, SetBuilder] = {}

    def insert(self, path: Path) -> None:
        """Add `path`; the empty path names the whole object, which nobody owns."""
        if not path:
            return
        node = self
        for element in path[:-1]:
            child = node.children.get(element)
            if child is None:
                child = node.children[element] = SetBuilder()
            node = child
        node.members.add(path[-1])

    def build(self) -> FieldSet:
        """Return the set as built so far."""
        return FieldSet(
            frozenset(self.members),
            {element: child.build() for element, child in self.children.items()},
        )


def path_text(path: Path) -> str:
    """Return `path` as messages show it: `.spec.containers[name="app"].image`."""
    return "".join(map(element_for_people, path))


def _read(fields: Any, depth: int) -> tuple[FieldSet, bool]:
    """Return the set and whether its root is a member of its parent."""
    if not isinstance(fields, dict):
        raise ValueError(f"expected an object in fieldsV1, got {type(fields).__name__}")
    if depth > MAX_DEPTH:
        raise ValueError(f"fieldsV1 is nested deeper than {MAX_DEPTH} levels")
    members = []
    children: dict[str, FieldSet] = {}
    is_member = False
    for key, value in fields.items():
        if key == ".":
            is_member = True
            continue
        element = key if key[:2] == "f:" else parse_element(key)
        if element is None:
            continue
        if not value and isinstance(value, dict):
            members.append(element)
            continue
        child, child_is_member = _read(value, depth + 1)
        if child_is_member:
            members.append(element)
        if child:
            children[element] = child
    if not members and not children:
        return EMPTY, True
    return FieldSet(frozenset(members), children), is_member
