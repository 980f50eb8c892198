"""Values as Go sees them: equality, the shape that a type gives them, and how they stand in error messages."""

from enum import Enum
from typing import Any, Final

from fluvial.gotext import format_float, go_quote
from fluvial.managedfields.types import TypeSchema


class _Absent(Enum):
    ABSENT = 0


ABSENT: Final = _Absent.ABSENT  # no value at all, where None is JSON's null

MAP: Final = 1
SCALAR: Final = 2
LIST: Final = 3
NOTHING: Final = 0


def shape_of(schema: TypeSchema, value: Any) -> int:
    """Return which of its type's shapes `value` is handled as: its own if allowed, else the type's first."""
    kind = value.__class__
    if kind is dict:
        if schema.map is not None:
            return MAP
    elif kind is list:
        if schema.list is not None:
            return LIST
    elif value is not None and value is not ABSENT and schema.scalar is not None:
        return SCALAR
    return first_shape(schema)


def first_shape(schema: TypeSchema) -> int:
    """Return the shape that stands for a value whose own shape says nothing (null)."""
    if schema.map is not None:
        return MAP
    if schema.scalar is not None:
        return SCALAR
    return LIST if schema.list is not None else NOTHING


def same(left: Any, right: Any) -> bool:
    """Tell whether two JSON values are equal in Go: 1 equals 1.0, but never True."""
    if left is right:
        return True
    kind = left.__class__
    if kind is not right.__class__:
        # Numbers alone compare across types; bool is an int only in Python.
        return {kind, right.__class__} == {int, float} and bool(left == right)
    if kind is dict:
        return len(left) == len(right) and all(k in right and same(value, right[k]) for k, value in left.items())
    if kind is list:
        return len(left) == len(right) and all(map(same, left, right))
    return bool(left == right)


def go_value(value: Any) -> str:
    """Return `value` in the form of Go's %v verb."""
    if value is None:
        return "<nil>"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return format_float(value)
    if isinstance(value, list):
        return f"[{' '.join(map(go_value, value))}]"
    if isinstance(value, dict):
        return f"map[{' '.join(f'{k}:{go_value(value[k])}' for k in sorted(value))}]"
    return str(value)


def go_syntax(value: Any) -> str:
    """Return `value` in the form of Go's %#v verb, as an interface holds it."""
    if value is None:
        return "interface {}(nil)"
    if isinstance(value, str):
        return go_quote(value)
    if isinstance(value, list):
        return f"[]interface {{}}{{{', '.join(map(go_syntax, value))}}}"
    if isinstance(value, dict):
        inner = ", ".join(f"{go_quote(k)}:{go_syntax(value[k])}" for k in sorted(value))
        return f"map[string]interface {{}}{{{inner}}}"
    return go_value(value)


def go_type(value: Any) -> str:
    """Return the name of the Go type that a decoded JSON `value` has (%T)."""
    if value is None:
        return "<nil>"
    names = {bool: "bool", int: "int64", float: "float64", str: "string", list: "[]interface {}"}
    return names.get(value.__class__, "map[string]interface {}")
