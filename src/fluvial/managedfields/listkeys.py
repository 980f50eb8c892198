"""From an item of an associative list to its path element."""

from typing import Any

from fluvial.gotext import go_quote
from fluvial.managedfields.elements import key_element, value_element
from fluvial.managedfields.types import ListType


def item_element(lists: ListType, item: Any) -> str:
    """Return the path element of `item`.

    Raises:
        ValueError: the item has none of its keys, or is not of the kind that such a list holds.
    """
    if not lists.keys:
        return _set_element(item)
    if item.__class__ is not dict:
        problem = "a null element" if item is None else "non-map elements"
        raise ValueError(f"associative list with keys may not have {problem}")
    keys = [(name, item[name]) for name in lists.sorted_keys if name in item]
    if len(keys) < len(lists.keys):
        defaults = lists.key_defaults
        keys = [
            (name, item[name] if name in item else defaults[name])
            for name in lists.sorted_keys
            if name in item or name in defaults
        ]
        if not keys:
            names = "[" + " ".join(map(go_quote, lists.keys)) + "]"
            raise ValueError(
                f"associative list with keys has an element that omits all key fields {names}"
                " (and doesn't have default values for any key fields)"
            )
    return key_element(keys)


def _set_element(item: Any) -> str:
    if item.__class__ is dict:
        raise ValueError("associative list without keys has an element that's a map type")
    if item.__class__ is list:
        raise ValueError("not supported: associative list with lists as elements")
    if item is None:
        raise ValueError("associative list without keys has an element that's an explicit null")
    return value_element(item)


def index_items(lists: ListType, items: list[Any]) -> dict[str, list[Any]]:
    """Return path element to the items that have it, in order; items without an element are left out."""
    index: dict[str, list[Any]] = {}
    for item in items:
        try:
            element = item_element(lists, item)
        except ValueError:
            continue  # validation has told of it, or the live object is older than its schema
        index.setdefault(element, []).append(item)
    return index
