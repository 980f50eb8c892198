"""Filling in the defaults of a structural schema, and dropping nulls that may not be."""

import copy
from typing import Any

from fluvial.controlplane.schemas.structural.node import Node


def fill_defaults(value: Any, schema: Node | None) -> Any:
    """Return `value` with defaults filled in where a field is absent or null without being nullable."""
    if schema is None:
        return value
    if value.__class__ is dict:
        out = dict(value)
        for name, node in schema.properties.items():
            if node.has_default and (name not in out or (out[name] is None and not node.nullable)):
                out[name] = copy.deepcopy(node.default)
        for name, content in out.items():
            found = schema.field(name)
            if found is not None:
                if content is None and not found.nullable and found is schema.additional:
                    content = copy.deepcopy(found.default)
                out[name] = fill_defaults(content, found)
        return out
    if value.__class__ is list and schema.items is not None:
        items = schema.items
        return [
            fill_defaults(copy.deepcopy(items.default) if item is None and not items.nullable else item, items)
            for item in value
        ]
    return value


def without_nulls(value: Any, schema: Node | None) -> Any:
    """Return `value` less the nulls of fields that are neither nullable nor have a default to take their place.

    Whole numbers written with a point become integers, as they do on their way through Go's JSON.
    """
    if value.__class__ is dict:
        out = {}
        for name, content in value.items():
            found = schema.field(name) if schema is not None else None
            if content is None and found is not None and not found.nullable and not found.has_default:
                continue
            out[name] = without_nulls(content, found)
        return out
    if value.__class__ is list:
        items = schema.items if schema is not None else None
        return [without_nulls(item, items) for item in value]
    return int(value) if value.__class__ is float and value.is_integer() and abs(value) < 2**63 else value
