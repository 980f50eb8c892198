"""Field specs: which fields of which kinds a transformation changes, and the walk that finds them.

Source: api `types.FieldSpec`, `filters/fieldspec`, `filters/fsslice`.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from fluvial.kustomize.errors import KustomizeError
from fluvial.kustomize.fields import get, is_index, is_list_part, lookup, lookup_create
from fluvial.kustomize.ids import Gvk, gvk_of, split_group_version
from fluvial.kustomize.resource import Resource
from fluvial.kustomize.values import NULL
from fluvial.yamldoc.nodes import MAP, MAPPING, SEQUENCE, Node

SetNode = Callable[[Node], None]


class Step(NamedTuple):
    """One part of a path: a name that may stand for a list (`[]`); a plain one is no index, `-` or `[key=value]`."""

    name: str
    is_list: bool
    is_plain: bool


Path = tuple[Step, ...]


@lru_cache(maxsize=4096)
def compiled(path: str) -> Path:
    """Return the steps of `path`."""
    return tuple(map(_step, split_path(path)))


def _step(part: str) -> Step:
    is_list = part.endswith("[]")
    name = part[:-2] if is_list else part
    odd = not name or name in ("-", "*") or is_index(name) or is_list_part(name) or name != name.strip()
    return Step(name, is_list, not odd)


def split_path(path: str) -> tuple[str, ...]:
    """Split at slashes that have no backslash before them; a leading slash is allowed."""
    parts = path.split("/")
    if len(parts) > 1 and not parts[0]:
        parts = parts[1:]
    result = [parts[0]]
    for part in parts[1:]:
        if result[-1].endswith("\\"):
            result[-1] = result[-1][:-1] + "/" + part
        else:
            result.append(part)
    return tuple(result)


class FieldSpec(NamedTuple):
    """A path (`a/b[]/c`, a slash in a name is written `\\/`) in the kinds that `gvk` selects."""

    gvk: Gvk
    path: str
    create: bool = False


class FieldSpecs:
    """An ordered list of field specs, with the paths of each kind worked out once."""

    __slots__ = ("_by_type", "specs")

    def __init__(self, specs: Iterable[FieldSpec] = ()) -> None:
        self.specs: tuple[FieldSpec, ...] = tuple(specs)
        self._by_type: dict[tuple[str, str], tuple[tuple[Path, bool], ...]] = {}

    def __iter__(self) -> Iterator[FieldSpec]:
        return iter(self.specs)

    def __len__(self) -> int:
        return len(self.specs)

    def paths(self, api_version: str, kind: str) -> tuple[tuple[Path, bool], ...]:
        """Return (path, create) for each spec that fits the kind, in order."""
        key = (api_version, kind)
        found = self._by_type.get(key)
        if found is None:
            gvk, _ = gvk_of(api_version, kind)
            found = tuple((compiled(spec.path), spec.create) for spec in self.specs if gvk.selected_by(spec.gvk))
            self._by_type[key] = found
        return found

    def merged(self, others: "FieldSpecs | Iterable[FieldSpec]") -> "FieldSpecs":
        """Return these specs and those of `others` that are not there yet.

        Raises:
            KustomizeError: one is there, but differs in `create`.
        """
        result = list(self.specs)
        for spec in others:
            same = next(
                (known for known in result if known.path == spec.path and known.gvk.selected_by(spec.gvk)), None
            )
            if same is None:
                result.append(spec)
            elif same.create != spec.create:
                raise KustomizeError("conflicting fieldspecs")
        return FieldSpecs(result)


class Change(NamedTuple):
    """What to do at the end of a path, and what to make there if nothing is (kind 0: nothing is made)."""

    set: SetNode
    kind: int = 0
    tag: str = ""


_FIND = Change(lambda node: None)


def apply_specs(node: Node, specs: FieldSpecs, change: Change) -> None:
    """Change every field of an object that `specs` names.

    Raises:
        KustomizeError: with the path and the object.
    """
    content = node.content
    for path, create in specs.paths(content_text(content, "apiVersion"), content_text(content, "kind")):
        apply_path(node, path, create, change)


def content_text(content: dict[str, Node], field: str) -> str:
    """Return the text of a top-level field, "" for none."""
    found = content.get(field)
    return "" if found is None else found.value


def apply_path(node: Node, path: Path, create: bool, change: Change) -> None:
    """Change the fields at `path` of one object, whatever its kind."""
    try:
        for field in _fields(node, path, 0, create and bool(change.kind), change):
            change.set(field)
    except KustomizeError as error:
        raise at_path(error, node, path) from error


def fields_at(node: Node, path: Path) -> Sequence[Node]:
    """Return the fields at `path` that are there.

    Raises:
        KustomizeError: a scalar stands in the way.
    """
    return _fields(node, path, 0, False, _FIND)


def at_path(error: KustomizeError, node: Node, path: Path) -> KustomizeError:
    """Return the error with the path and the object in which it happened."""
    written = "/".join(step.name + ("[]" if step.is_list else "") for step in path)
    return error.within(f"considering field '{written}' of object {describe(node)}")


def _fields(node: Node, path: Path, index: int, create: bool, change: Change) -> Sequence[Node]:
    last = len(path)
    while index < last:
        if node.tag == NULL:
            return ()
        if node.kind == SEQUENCE:
            return [found for item in node.content for found in _fields(item, path, index, create, change)]
        if node.kind != MAPPING:
            raise KustomizeError("expected sequence or mapping node")
        step = path[index]
        field: Node | None
        if step.is_plain and not create:
            field = node.content.get(step.name)
            if field is not None and field.tag == NULL and step.is_list:
                _fill(field, SEQUENCE, "")
        else:
            field = _field(node, step, index == last - 1, create, change)
        if field is None:
            return ()
        node = field
        index += 1
    return (node,)


def _field(node: Node, step: Step, is_last: bool, create: bool, change: Change) -> Node | None:
    """Return the field at this step; make it if it is missing and may be made; give a null one its kind."""
    if not step.name:
        raise KustomizeError("cannot set or create an empty field name")
    kind, tag = (SEQUENCE, "") if step.is_list else (0, "")
    makes = create and not step.is_list
    if makes:
        kind, tag = (change.kind, change.tag) if is_last else (MAPPING, MAP)
    if step.is_plain:
        field = get(node, step.name)
        if field is None and makes:
            field = lookup_create(node, (step.name,), kind)
    else:
        field = lookup_create(node, (step.name,), kind) if makes else lookup(node, (step.name,))
    if field is not None and field.tag == NULL and kind:
        _fill(field, kind, tag)
    return field


def _fill(node: Node, kind: int, tag: str) -> None:
    node.kind, node.tag = kind, tag
    node.content = {} if kind == MAPPING else [] if kind == SEQUENCE else None


def describe(node: Node) -> str:
    """Return the id of an object as upstream prints it in errors."""
    resource = Resource(node)
    group, version = split_group_version(resource.api_version)
    gvk = Gvk(group, version, resource.kind)
    return f"{gvk}/{resource.name or '[noName]'}.{resource.namespace or '[noNs]'}"
