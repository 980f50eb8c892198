"""Taking out what a structural schema does not tell of."""

from typing import Any

from fluvial.controlplane.schemas.structural.node import Node

META = frozenset(("apiVersion", "kind", "metadata"))


def prune(obj: dict[str, Any], schema: Node) -> tuple[dict[str, Any], list[str]]:
    """Return the object without unknown fields, and the paths of these in order (`spec.foo`, `spec.list[0].bar`).

    apiVersion, kind and metadata at the root and in embedded resources are left as they are.
    """
    unknown: list[str] = []
    pruned = _prune_map(obj, schema, "", unknown, embedded=True)
    return pruned, sorted(unknown)


def _prune(value: Any, schema: Node | None, path: str, unknown: list[str]) -> Any:
    if value.__class__ is dict:
        return _prune_map(value, schema, path, unknown, embedded=schema is not None and schema.embedded)
    if value.__class__ is list:
        if schema is not None and schema.preserve:
            return [_skip(item, schema.items, f"{path}[{i}]", unknown) for i, item in enumerate(value)]
        items = schema.items if schema is not None else None
        return [_prune(item, items, f"{path}[{i}]", unknown) for i, item in enumerate(value)]
    return value


def _prune_map(
    value: dict[str, Any], schema: Node | None, path: str, unknown: list[str], *, embedded: bool
) -> dict[str, Any]:
    if schema is None:
        unknown += [_join(path, name) for name in value]
        return {}
    out = {}
    for name, content in value.items():
        if embedded and name in META:
            out[name] = content
            continue
        found = schema.field(name)
        if found is not None:
            out[name] = _prune(content, found, _join(path, name), unknown)
        elif schema.preserve:
            out[name] = content
        elif schema.additional is True:
            # Known to be there, but nothing is known of it: upstream keeps scalars and empties maps.
            out[name] = _prune(content, None, _join(path, name), unknown)
        else:
            unknown.append(_join(path, name))
    return out


def _skip(value: Any, schema: Node | None, path: str, unknown: list[str]) -> Any:
    """Return an item below `preserve`: only where its schema tells of fields are these looked at."""
    if schema is None:
        return value
    if value.__class__ is dict:
        out = {}
        for name, content in value.items():
            found = None if schema.embedded and name in META else schema.field(name)
            out[name] = content if found is None else _prune(content, found, _join(path, name), unknown)
        return out
    if value.__class__ is list:
        return [_skip(item, schema.items, f"{path}[{i}]", unknown) for i, item in enumerate(value)]
    return value


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
