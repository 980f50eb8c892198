"""What changed between two objects, as field sets (structured-merge-diff's typed.Compare)."""

from typing import Any, NamedTuple

from fluvial.managedfields.fieldset import EMPTY, FieldSet
from fluvial.managedfields.listkeys import index_items
from fluvial.managedfields.types import ListType, MapType, TypeSchema
from fluvial.managedfields.values import ABSENT, LIST, MAP, SCALAR, same, shape_of


class Comparison(NamedTuple):
    """Paths that are gone, that have another value, that are new. No path is in two of them."""

    removed: FieldSet
    modified: FieldSet
    added: FieldSet

    def without(self, fields: FieldSet) -> "Comparison":
        """Return the comparison less `fields` and what lies below them."""
        return Comparison(self.removed.without(fields), self.modified.without(fields), self.added.without(fields))


NO_CHANGE = Comparison(EMPTY, EMPTY, EMPTY)


def compare(before: Any, after: Any, schema: TypeSchema) -> Comparison:
    """Return what a change from `before` to `after` did; the root itself is in no set."""
    changes = _Changes()
    _compare(changes, before, after, schema)
    return changes.build()


def everything(value: Any, schema: TypeSchema) -> FieldSet:
    """Return all paths below `value` that appear (or vanish) together with it, containers included."""
    shape = shape_of(schema, value)
    if shape == MAP and schema.map is not None:
        maps = schema.map
        if maps.atomic or not value or value.__class__ is not dict:
            return EMPTY
        return _everything_of_map(value, maps)
    if shape == LIST and schema.list is not None:
        lists = schema.list
        if lists.atomic or not value or value.__class__ is not list:
            return EMPTY
        return _everything_of_list(value, lists)
    return EMPTY


def _everything_of_map(value: dict[str, Any], maps: MapType) -> FieldSet:
    children = {}
    types = maps.types
    for name, content in value.items():
        if content.__class__ is dict or content.__class__ is list:
            schema = types[name]
            if schema is not None and (below := everything(content, schema)):
                children["f:" + name] = below
    return FieldSet(frozenset(["f:" + name for name in value]), children)


def _everything_of_list(value: list[Any], lists: ListType) -> FieldSet:
    children = {}
    index = index_items(lists, value)
    for element, items in index.items():
        if len(items) == 1 and (below := everything(items[0], lists.element)):
            children[element] = below
    return FieldSet(frozenset(index), children)


class _Changes:
    """The three sets of one level under construction; most levels see no change, so it starts without any."""

    __slots__ = ("added", "children", "modified", "removed")

    def __init__(self) -> None:
        self.removed: dict[str, FieldSet] = {}
        self.added: dict[str, FieldSet] = {}
        self.modified: list[str] = []
        self.children: list[tuple[str, Comparison]] = []

    def build(self) -> Comparison:
        if not (self.removed or self.added or self.modified or self.children):
            return NO_CHANGE
        removed = {e: below for e, below in self.removed.items() if below}
        added = {e: below for e, below in self.added.items() if below}
        modified: dict[str, FieldSet] = {}
        for element, inner in self.children:
            for into, below in zip((removed, modified, added), inner, strict=True):
                if below:
                    into[element] = into[element] | below if element in into else below
        return Comparison(
            FieldSet(frozenset(self.removed), removed),
            FieldSet(frozenset(self.modified), modified),
            FieldSet(frozenset(self.added), added),
        )


def _compare_item(changes: _Changes, element: str, before: Any, after: Any, schema: TypeSchema) -> None:
    """Compare the values at `element`, of which one may be ABSENT."""
    if before is after:
        return
    if before is ABSENT:
        changes.added[element] = everything(after, schema)
    elif after is ABSENT:
        changes.removed[element] = everything(before, schema)
    else:
        below = _Changes()
        if _compare(below, before, after, schema):
            changes.modified.append(element)
        inner = below.build()
        if inner is not NO_CHANGE:
            changes.children.append((element, inner))


def _compare(changes: _Changes, before: Any, after: Any, schema: TypeSchema) -> bool:
    """Add what differs below two present values to `changes`; tell whether they differ as leaves."""
    shape_before, shape_after = shape_of(schema, before), shape_of(schema, after)
    modified = False
    if shape_before != shape_after:
        # The type allows both shapes, and the value changed from one to the other: what it had below went as well.
        modified = _compare_as(shape_before, changes, before, after, schema)
    return _compare_as(shape_after, changes, before, after, schema) or modified


def _compare_as(shape: int, changes: _Changes, before: Any, after: Any, schema: TypeSchema) -> bool:
    if shape == SCALAR:
        if _is_container(before) and _is_container(after):
            return False
        return not same(before, after)
    if shape == MAP and schema.map is not None:
        left = before if before.__class__ is dict else None
        right = after if after.__class__ is dict else None
        if schema.map.atomic or not (left or right):
            return not same(before, after)
        _compare_maps(changes, left or {}, right or {}, schema.map)
    elif shape == LIST and schema.list is not None:
        ours = before if before.__class__ is list else None
        theirs = after if after.__class__ is list else None
        if schema.list.atomic or not (ours or theirs):
            return not same(before, after)
        _compare_lists(changes, ours or [], theirs or [], schema.list)
    return False


def _is_container(value: Any) -> bool:
    return value.__class__ is dict or value.__class__ is list


def _compare_maps(changes: _Changes, before: dict[str, Any], after: dict[str, Any], maps: MapType) -> None:
    types = maps.types
    for name, old in before.items():
        new = after.get(name, ABSENT)
        if old is not new and (schema := types[name]) is not None:
            _compare_item(changes, "f:" + name, old, new, schema)
    for name, new in after.items():
        if name not in before and (schema := types[name]) is not None:
            changes.added["f:" + name] = everything(new, schema)


def _compare_lists(changes: _Changes, before: list[Any], after: list[Any], lists: ListType) -> None:
    left, right = index_items(lists, before), index_items(lists, after)
    for element, olds in left.items():
        news = right.get(element, [])
        if len(olds) <= 1 and len(news) <= 1:
            _compare_item(changes, element, olds[0], news[0] if news else ABSENT, lists.element)
        elif len(olds) >= 2 and len(news) >= 2:
            # Duplicates are compared as one atomic value.
            if not same(olds, news):
                changes.modified.append(element)
        elif len(olds) >= 2:
            if news:
                changes.added[element] = everything(news[0], lists.element)
            changes.removed[element] = EMPTY
        else:
            changes.removed[element] = everything(olds[0], lists.element)
            changes.added[element] = EMPTY
    for element, news in right.items():
        if element not in left:
            changes.added[element] = everything(news[0], lists.element) if len(news) == 1 else EMPTY
