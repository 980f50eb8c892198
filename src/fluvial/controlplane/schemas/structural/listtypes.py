"""Lists of type set and map: no value, no key twice."""

from collections.abc import Iterator
from typing import Any

from fluvial.controlplane.schemas.errors import FieldError, duplicate, invalid
from fluvial.controlplane.schemas.structural.node import Node
from fluvial.gotext import go_json


def list_errors(value: Any, schema: Node | None, path: str = "") -> Iterator[FieldError]:
    """Yield the items that repeat an earlier one, each once."""
    if schema is None:
        return
    if value.__class__ is dict:
        for name, content in value.items():
            found = schema.properties.get(name)
            if found is not None:
                yield from list_errors(content, found, f"{path}.{name}" if path else name)
            elif isinstance(schema.additional, Node):
                yield from list_errors(content, schema.additional, f"{path}[{name}]")
    elif value.__class__ is list:
        if schema.list_type == "set":
            for index in _repeated([_key(item) for item in value]):
                yield duplicate(f"{path}[{index}]", value[index])
        elif schema.list_type == "map":
            yield from _map_errors(value, schema, path)
        for index, item in enumerate(value):
            yield from list_errors(item, schema.items, f"{path}[{index}]")


def _map_errors(items: list[Any], schema: Node, path: str) -> Iterator[FieldError]:
    for index, item in enumerate(items):
        if item is not None and not isinstance(item, dict):
            yield invalid(f"{path}[{index}]", item, "must be an object for an array of list-type map")
            return
    keys = [{name: item[name] for name in schema.list_keys if name in item} if item else {} for item in items]
    for index in _repeated([_key(key) for key in keys]):
        yield duplicate(f"{path}[{index}]", keys[index])


def _key(value: Any) -> str:
    return go_json(value)


def _repeated(keys: list[str]) -> Iterator[int]:
    """Yield the index at which each key that stands more than once is met for the second time."""
    seen: dict[str, int] = {}
    for index, key in enumerate(keys):
        seen[key] = seen.get(key, 0) + 1
        if seen[key] == 2:
            yield index
