"""Validating a value by a schema, with the messages of kube-openapi's validator as kube-apiserver passes them on."""

from collections.abc import Iterator
from typing import Any

from fluvial.controlplane.schemas.errors import (
    FieldError,
    invalid,
    mistyped,
    not_supported,
    required,
    too_long,
    too_many,
)
from fluvial.controlplane.schemas.structural.formats import format_is_met
from fluvial.controlplane.schemas.structural.node import Node
from fluvial.gotext import format_float, go_json, go_quote
from fluvial.objects import same_json

_NOTHING: Any = object()
_NO_FIELD = "<nil>"  # what upstream prints for an error that it gives no path


def validate(value: Any, schema: Node, path: str = "", old: Any = _NOTHING) -> list[FieldError]:
    """Return what is wrong with `value`.

    Args:
        old: the value before an update: parts that are as they were are not judged anew (ratcheting).
    """
    return list(_validate(value, schema, path, old))


def _validate(value: Any, schema: Node, path: str, old: Any) -> Iterator[FieldError]:
    if old is not _NOTHING and same_json(value, old):
        return
    type_error = _type_error(value, schema, path)
    if type_error is not None:
        yield type_error
    if value is not None:
        yield from _logic_errors(value, schema, path)
        kind = value.__class__
        if kind is str:
            yield from _string_errors(value, schema, path)
        elif kind is int or kind is float:
            yield from _number_errors(value, schema, path)
        elif kind is list:
            yield from _list_errors(value, schema, path, old)
    yield from _enum_errors(value, schema, path)
    if value.__class__ is dict:
        yield from _map_errors(value, schema, path, old)


def _json_type(value: Any) -> str:
    names = {bool: "boolean", str: "string", int: "integer", float: "number", list: "array", dict: "object"}
    return names.get(value.__class__, "null")


def _type_error(value: Any, schema: Node, path: str) -> FieldError | None:
    types = schema.types
    if not types and not schema.format:
        return None
    actual = _json_type(value)
    if value is None:
        if not types or schema.nullable:
            return None
    elif actual in types or _fits_as_number(value, actual, types):
        return None
    elif schema.format and actual in ("string", "array") and not {"number", "integer"} & set(types):
        return None  # upstream leaves texts and lists with a format to the format's own check
    wanted = ",".join(types)
    if schema.format and value is not None and actual not in ("string", "array"):
        wanted = schema.format
        actual = {"integer": "int64", "number": "float64"}.get(actual, "")
    return mistyped(path, actual, f'{path} in body must be of type {wanted}: "{actual}"')


def _fits_as_number(value: Any, actual: str, types: tuple[str, ...]) -> bool:
    if actual == "integer":
        return "number" in types
    return actual == "number" and "integer" in types and value.is_integer() and abs(value) < 2**53


def _enum_errors(value: Any, schema: Node, path: str) -> Iterator[FieldError]:
    if schema.enum is None or any(_is_same(value, allowed) for allowed in schema.enum):
        return
    texts = [allowed if isinstance(allowed, str) else go_json(allowed) for allowed in schema.enum]
    yield not_supported(path, value, texts)


def _is_same(value: Any, allowed: Any) -> bool:
    return isinstance(value, bool) == isinstance(allowed, bool) and bool(value == allowed)


def _string_errors(value: str, schema: Node, path: str) -> Iterator[FieldError]:
    limits = schema.limits
    if "maxLength" in limits and len(value) > limits["maxLength"]:
        yield too_long(path, limits["maxLength"])
    elif "minLength" in limits and len(value) < limits["minLength"]:
        yield invalid(path, value, f"{path} in body should be at least {limits['minLength']} chars long")
    elif schema.pattern is not None and not schema.pattern.search(value):
        yield invalid(path, value, f"{path} in body should match '{schema.pattern_text}'")
    if schema.format and not format_is_met(schema.format, value):
        detail = f"{path} in body must be of type {schema.format_text}: {go_quote(value)}"
        yield mistyped(path, value, detail)


def _number_errors(value: Any, schema: Node, path: str) -> Iterator[FieldError]:
    limits = schema.limits
    if schema.types == ("integer",) and not _in_range(value, schema.format):
        style = f"with format {schema.format}" if schema.format else "(default format)"
        yield invalid(_NO_FIELD, "", f"Checked value must be of type integer {style} in {path}")
    factor = limits.get("multipleOf")
    if factor is not None:
        ratio = value / factor
        if abs(ratio - round(ratio)) > 1e-9 * max(1.0, abs(ratio)):
            yield invalid(path, value, f"{path} in body should be a multiple of {_number(factor)}")
    maximum = limits.get("maximum")
    if maximum is not None and (value >= maximum if schema.exclusive_maximum else value > maximum):
        word = "less than" if schema.exclusive_maximum else "less than or equal to"
        yield invalid(path, value, f"{path} in body should be {word} {_number(maximum)}")
    minimum = limits.get("minimum")
    if minimum is not None and (value <= minimum if schema.exclusive_minimum else value < minimum):
        word = "greater than" if schema.exclusive_minimum else "greater than or equal to"
        yield invalid(path, value, f"{path} in body should be {word} {_number(minimum)}")


def _in_range(value: Any, format: str) -> bool:
    if isinstance(value, float) and not value.is_integer():
        return False
    bits = 31 if format == "int32" else 63
    return bool(-(1 << bits) <= value < 1 << bits)


def _number(value: Any) -> str:
    return format_float(float(value)) if isinstance(value, float) else str(value)


def _list_errors(value: list[Any], schema: Node, path: str, old: Any) -> Iterator[FieldError]:
    if schema.items is not None:
        correlate = _correlated_items(schema, old)
        for index, item in enumerate(value):
            yield from _validate(item, schema.items, f"{path}[{index}]", correlate(item))
    limits = schema.limits
    if "minItems" in limits and len(value) < limits["minItems"]:
        yield invalid(path, len(value), f"{path} in body should have at least {limits['minItems']} items")
    if "maxItems" in limits and len(value) > limits["maxItems"]:
        yield too_many(path, len(value), limits["maxItems"])
    if schema.unique and any(same_json(a, b) for i, a in enumerate(value) for b in value[:i]):
        yield invalid(path, "", f"{path} in body shouldn't contain duplicates")


def _correlated_items(schema: Node, old: Any) -> Any:
    """Return a function from an item to what stood in its place before; only items with keys have a place."""
    if schema.list_type != "map" or not isinstance(old, list):
        return lambda _: _NOTHING
    by_key = {go_json([item.get(k) for k in schema.list_keys]): item for item in old if isinstance(item, dict)}

    def find(item: Any) -> Any:
        if not isinstance(item, dict):
            return _NOTHING
        return by_key.get(go_json([item.get(k) for k in schema.list_keys]), _NOTHING)

    return find


def _map_errors(value: dict[str, Any], schema: Node, path: str, old: Any) -> Iterator[FieldError]:
    limits = schema.limits
    if "minProperties" in limits and len(value) < limits["minProperties"]:
        yield invalid(path, len(value), f"{path} in body should have at least {limits['minProperties']} properties")
    if "maxProperties" in limits and len(value) > limits["maxProperties"]:
        yield too_many(path, len(value), limits["maxProperties"])
    before = old if isinstance(old, dict) else {}
    for name, content in value.items():
        inner = schema.field(name)
        if inner is not None:
            yield from _validate(content, inner, f"{path}.{name}" if path else name, before.get(name, _NOTHING))
    for name in schema.required:
        if name not in value:
            yield required(f"{path}.{name}" if path else name)


def _logic_errors(value: Any, schema: Node, path: str) -> Iterator[FieldError]:
    shown = go_json(path)
    if schema.any_of:
        failures = [validate(value, node, path) for node in schema.any_of]
        if all(failures):
            yield invalid(_NO_FIELD, "", f"{shown} must validate at least one schema (anyOf)")
            yield from min(failures, key=len)
    if schema.one_of:
        failures = [validate(value, node, path) for node in schema.one_of]
        valid = failures.count([])
        if valid != 1:
            found = f"Found {valid} valid alternatives" if valid else "Found none valid"
            yield invalid(_NO_FIELD, "", f"{shown} must validate one and only one schema (oneOf). {found}")
            if not valid:
                yield from min(failures, key=len)
    if schema.all_of:
        failures = [validate(value, node, path) for node in schema.all_of]
        for errors in failures:
            yield from errors
        if any(failures):
            none = "" if [] in failures else ". None validated"
            yield invalid(_NO_FIELD, "", f"{shown} must validate all the schemas (allOf){none}")
    if schema.not_ is not None and not validate(value, schema.not_, path):
        yield invalid(_NO_FIELD, "", f"{shown} must not validate the schema (not)")
