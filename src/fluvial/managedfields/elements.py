"""Path elements in the text form of FieldsV1: `f:name`, `k:{"key":value}`, `v:value`, `i:index`.

An element is that text itself, made canonical (keys sorted, strings escaped as Go's JSON encoder does), so that two
elements are equal exactly when their texts are. Order and text are those of structure-merge-diff's fieldpath package.
"""

import json
from functools import lru_cache
from typing import Any

from fluvial.gotext import format_float, go_json, go_quote

SortKey = tuple[Any, ...]


def field_element(name: str) -> str:
    """Return the element of the field or map key `name`."""
    return "f:" + name


def value_element(value: Any) -> str:
    """Return the element of the item `value` (a scalar) of a set."""
    return "v:" + scalar_text(value)


def key_element(keys: list[tuple[str, Any]]) -> str:
    """Return the element of a list item by its key fields, given in the order of their names."""
    return "k:{" + ",".join(f"{_quoted(name)}:{scalar_text(value)}" for name, value in keys) + "}"


@lru_cache(maxsize=8192)
def _quoted(text: str) -> str:
    return go_json(text)


def scalar_text(value: Any) -> str:
    """Return `value` as Go's JSON encoder with HTML escaping writes it."""
    return _quoted(value) if value.__class__ is str else go_json(value)


@lru_cache(maxsize=8192)
def parse_element(text: str) -> str | None:
    """Return `text` made canonical, None for an element of a kind that we do not know (it is dropped).

    Raises:
        ValueError: not a path element.
    """
    if len(text) < 2:
        raise ValueError("key must be 2 characters long:")
    if text[1] != ":":
        raise ValueError(f"missing colon: {text}")
    kind = text[0]
    if kind == "f":
        return text
    if kind == "i":
        return f"i:{int(text[2:])}"
    if kind == "v":
        return value_element(json.loads(text[2:]))
    if kind == "k":
        keys = json.loads(text[2:])
        if not isinstance(keys, dict):
            raise ValueError(f"list keys are not an object: {text}")
        return key_element(sorted(keys.items()))
    return None


def in_order(elements: list[str]) -> list[str]:
    """Sort `elements` in place as upstream does (fields, keys, values, indices; numbers by value) and return them."""
    elements.sort()
    # Sorted text is right for fields alone, and between two texts that start with "f" all do.
    if elements and not (elements[0][0] == "f" and elements[-1][0] == "f"):
        elements.sort(key=_order)
    return elements


@lru_cache(maxsize=8192)
def _order(text: str) -> SortKey:
    kind, content = text[0], text[2:]
    if kind == "f":
        return 0, content
    if kind == "k":
        return 1, tuple((name, _value_order(value)) for name, value in json.loads(content).items())
    if kind == "v":
        return 2, _value_order(json.loads(content))
    return 3, int(content)


def _value_order(value: Any) -> SortKey:
    if isinstance(value, str):
        return 1, value
    if isinstance(value, bool):
        return 2, value
    if isinstance(value, int | float):
        return 0, value
    if isinstance(value, list):
        return 3, tuple(map(_value_order, value))
    if isinstance(value, dict):
        return 4, tuple((name, _value_order(value[name])) for name in sorted(value))
    return 5, 0


def element_for_people(text: str) -> str:
    """Return the element as it stands in paths of messages: `.name`, `[key="value"]`, `[="value"]`, `[0]`."""
    kind, content = text[0], text[2:]
    if kind == "f":
        return "." + content
    if kind == "k":
        return "[" + ",".join(f"{name}={_for_people(value)}" for name, value in json.loads(content).items()) + "]"
    if kind == "v":
        return f"[={_for_people(json.loads(content))}]"
    return f"[{content}]"


def _for_people(value: Any) -> str:
    if isinstance(value, str):
        return go_quote(value)
    if isinstance(value, float):
        return format_float(value)
    return scalar_text(value)
