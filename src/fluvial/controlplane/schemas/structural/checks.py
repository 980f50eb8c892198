"""Is a CRD's schema structural?

The rules that people meet: types everywhere, no additionalProperties beside properties or at the root, lists with
items, list types that fit. The finer ones (what may stand inside anyOf and its like) are not checked.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from fluvial.controlplane.schemas.errors import FieldError, forbidden, invalid, required

_EMPTY_TYPE = {
    "root": "must not be empty at the root",
    "item": "must not be empty for specified array items",
    "field": "must not be empty for specified object fields",
}


def problems_of_schema(schema: Mapping[str, Any], path: str) -> list[FieldError]:
    """Return what keeps `schema` from being structural, sorted as the server sorts it."""
    return sorted(_problems(schema, "root", path), key=lambda error: error.message)


def _problems(schema: Mapping[str, Any], level: str, path: str) -> Iterator[FieldError]:
    declared = schema.get("type") or ""
    yield from _type_problems(schema, declared, level, path)
    yield from _list_problems(schema, declared, path)
    others = schema.get("additionalProperties")
    if others is not None:
        if level == "root":
            yield forbidden(f"{path}.additionalProperties", "must not be used at the root")
        if schema.get("properties"):
            yield forbidden(f"{path}.additionalProperties", "additionalProperties and properties are mutual exclusive")
        if isinstance(others, Mapping):
            yield from _problems(others, "field", f"{path}.additionalProperties")
    items = schema.get("items")
    if isinstance(items, Mapping):
        yield from _problems(items, "item", f"{path}.items")
    for name, prop in (schema.get("properties") or {}).items():
        if isinstance(prop, Mapping):
            yield from _problems(prop, "field", f"{path}.properties[{name}]")
    if "$ref" in schema:
        yield forbidden(f"{path}.$ref", "$ref is not supported")


def _type_problems(schema: Mapping[str, Any], declared: str, level: str, path: str) -> Iterator[FieldError]:
    open_ended = schema.get("x-kubernetes-int-or-string") or schema.get("x-kubernetes-preserve-unknown-fields")
    if schema.get("x-kubernetes-embedded-resource") and declared != "object":
        text = "must be object if x-kubernetes-embedded-resource is true"
        yield invalid(f"{path}.type", declared, text) if declared else required(f"{path}.type", text)
    elif not declared and not open_ended:
        yield required(f"{path}.type", _EMPTY_TYPE[level])
    if level == "root" and declared and declared != "object":
        yield invalid(f"{path}.type", declared, "must be object at the root")


def _list_problems(schema: Mapping[str, Any], declared: str, path: str) -> Iterator[FieldError]:
    if declared == "array" and schema.get("items") is None:
        yield required(f"{path}.items", "must be specified")
    list_type = schema.get("x-kubernetes-list-type")
    if list_type is not None and declared != "array":
        yield invalid(f"{path}.type", declared, "must be array if x-kubernetes-list-type is specified")
    keys = schema.get("x-kubernetes-list-map-keys") or ()
    if list_type == "map":
        if not keys:
            yield required(
                f"{path}.x-kubernetes-list-map-keys",
                "must not be empty if x-kubernetes-list-type is map",
            )
        properties = (schema.get("items") or {}).get("properties") or {}
        for index, key in enumerate(keys):
            if key not in properties:
                yield invalid(
                    f"{path}.x-kubernetes-list-map-keys[{index}]", key, "entries must all be names of item properties"
                )
