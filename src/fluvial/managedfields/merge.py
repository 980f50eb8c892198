"""Merging an applied configuration into a live object (structured-merge-diff's typed.Merge).

Nothing is ever removed here. The result shares every part that did not change with the live object, so that a
comparison afterwards looks at what changed alone.
"""

from typing import Any

from fluvial.managedfields.listkeys import item_element
from fluvial.managedfields.types import ListType, MapType, TypeSchema
from fluvial.managedfields.values import ABSENT, LIST, MAP, shape_of


def merge(live: Any, applied: Any, schema: TypeSchema) -> Any:
    """Return `live` with the values of `applied` laid over it; both fit `schema`."""
    shape = shape_of(schema, applied)
    if shape == MAP and schema.map is not None:
        return _merge_maps(live, applied, schema.map)
    if shape == LIST and schema.list is not None:
        return _merge_lists(live, applied, schema.list)
    return live if live.__class__ is applied.__class__ and live == applied else applied


def _merge_maps(live: Any, applied: Any, maps: MapType) -> Any:
    ours = live if live.__class__ is dict else None
    theirs = applied if applied.__class__ is dict else None
    if maps.atomic or not ours:
        return applied
    if not theirs:
        return live
    merged: dict[str, Any] | None = None
    types = maps.types
    for name, value in theirs.items():
        before = ours.get(name, ABSENT)
        if before is ABSENT:
            after = value
        else:
            schema = types[name]
            after = value if schema is None else merge(before, value, schema)
        if after is not before:
            if merged is None:
                merged = dict(ours)
            merged[name] = after
    return live if merged is None else merged


def _merge_lists(live: Any, applied: Any, lists: ListType) -> Any:
    ours = live if live.__class__ is list else None
    theirs = applied if applied.__class__ is list else None
    if lists.atomic or not (ours or theirs):
        return applied
    if not ours:
        return applied
    if not theirs:
        return live
    merged = _interleave(ours, theirs, lists)
    unchanged = len(merged) == len(ours) and all(a is b for a, b in zip(merged, ours, strict=True))
    return live if unchanged else merged


def _interleave(ours: list[Any], theirs: list[Any], lists: ListType) -> list[Any]:
    """Merge two associative lists: items of `theirs` in their order, those of `ours` alone near where they stood."""
    left = [(item_element(lists, item), item) for item in ours]
    right = [(item_element(lists, item), item) for item in theirs]
    right_items = dict(right)
    left_items: dict[str, Any] = {}
    for element, item in left:
        # A duplicate in the live list is merged with nothing: which of the two would it be?
        left_items[element] = None if element in left_items else item
    shared = iter([element for element, _ in right if element in left_items])
    next_shared = next(shared, None)
    out: list[Any] = []
    merged: set[str] = set()
    i = j = 0
    while i < len(left) or j < len(right):
        if i < len(left) and j < len(right):
            element = left[i][0]
            if element == right[j][0]:
                merged.add(element)
                out.append(_merge_item(left_items[element], right_items[element], lists))
                i, j = i + 1, j + 1
                next_shared = next(shared, None)
                continue
            if element in right_items and next_shared is not None and next_shared != element:
                i += 1  # shared, but its turn comes later
                continue
        if i < len(left):
            element, item = left[i]
            if element not in right_items:
                out.append(item)
                i += 1
                continue
            if element in merged:
                i += 1
        if j < len(right):
            element, item = right[j]
            merged.add(element)
            out.append(_merge_item(left_items.get(element, ABSENT), item, lists))
            j += 1
            if next_shared == element:
                next_shared = next(shared, None)
    return out


def _merge_item(ours: Any, theirs: Any, lists: ListType) -> Any:
    return theirs if ours is ABSENT else merge(ours, theirs, lists.element)
