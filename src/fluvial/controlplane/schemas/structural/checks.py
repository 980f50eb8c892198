"""Is a CRD's schema structural?

The rules that people meet: types everywhere, no additionalProperties beside properties or at the root, lists with
items, list types that fit. The finer ones (what may stand inside anyOf and its like) are not checked.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from fluvial.controlplane.schemas.errors import FieldError, forbidden, invalid, not_supported, required
from fluvial.controlplane.schemas.structural.node import compile_node
from fluvial.controlplane.schemas.structural.pruning import prune
from fluvial.controlplane.schemas.structural.validation import validate

_TYPES = ("array", "boolean", "integer", "number", "object", "string")
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
    yield from _value_problems(schema, path)
    properties = schema.get("properties") or {}
    others = schema.get("additionalProperties")
    if others is not None:
        if level == "root":
            yield forbidden(f"{path}.additionalProperties", "must not be used at the root")
        if properties:
            yield forbidden(f"{path}.additionalProperties", "additionalProperties and properties are mutual exclusive")
        if isinstance(others, Mapping):
            yield from _problems(others, "field", f"{path}.additionalProperties")
    items = schema.get("items")
    if isinstance(items, Mapping):
        yield from _problems(items, "item", f"{path}.items")
    for name, prop in properties.items():
        at = f"{path}.properties[{name}]"
        if level == "root" and name == "metadata":
            if set(prop.get("properties") or ()) - {"name", "generateName"}:
                text = (
                    "must not specify anything other than name and generateName, but metadata is implicitly specified"
                )
                yield forbidden(at, text)
        elif isinstance(prop, Mapping):
            yield from _problems(prop, "field", at)
    if "$ref" in schema:
        yield forbidden(f"{path}.$ref", "$ref is not supported")


def _value_problems(schema: Mapping[str, Any], path: str) -> Iterator[FieldError]:
    """A pattern that can be compiled, a default that fits."""
    if pattern := schema.get("pattern"):
        try:
            compile_node({"type": "string", "pattern": pattern})
        except ValueError as error:
            yield invalid(f"{path}.pattern", pattern, str(error))
            return
    default = schema.get("default")
    if default is None:
        return  # few have one, and only these need what lies below them compiled
    try:
        node = compile_node({**schema, "x-kubernetes-embedded-resource": False})
    except ValueError:
        return  # told where it stands, further down
    if isinstance(default, dict) and prune(default, node)[1]:
        yield invalid(f"{path}.default", default, "must not have unknown fields")
        return
    for problem in validate(default, node):
        # Upstream names no field inside the default.
        yield problem._replace(field=f"{path}.default")


def _type_problems(schema: Mapping[str, Any], declared: str, level: str, path: str) -> Iterator[FieldError]:
    open_ended = schema.get("x-kubernetes-int-or-string") or schema.get("x-kubernetes-preserve-unknown-fields")
    if schema.get("x-kubernetes-embedded-resource"):
        if declared != "object":
            text = "must be object if x-kubernetes-embedded-resource is true"
            yield invalid(f"{path}.type", declared, text) if declared else required(f"{path}.type", text)
        if not schema.get("properties") and not schema.get("x-kubernetes-preserve-unknown-fields"):
            yield required(
                f"{path}.properties",
                "must not be empty if x-kubernetes-embedded-resource is true"
                " without x-kubernetes-preserve-unknown-fields",
            )
    elif declared and declared not in _TYPES:
        yield not_supported(f"{path}.type", declared, _TYPES)
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
        items = schema.get("items") or {}
        properties = items.get("properties") or {}
        for index, key in enumerate(keys):
            if key not in properties:
                where = f"{path}.x-kubernetes-list-map-keys[{index}]"
                yield invalid(where, key, "entries must all be names of item properties")
            elif properties[key].get("default") is None and key not in (items.get("required") or ()):
                yield required(
                    f"{path}.items.properties[{key}].default",
                    "this property is in x-kubernetes-list-map-keys,"
                    " so it must have a default or be a required property",
                )
