"""Reading objects of built-in kinds as Go's decoder and encoder together do.

Unknown fields go, nulls and empty values of `omitempty` fields go, structs that are not pointers appear, quantities and
times take their canonical form. What a client sees of any built-in object has passed this.
"""

import base64
import binascii
import re
from collections.abc import Callable
from datetime import datetime
from functools import cache, lru_cache
from typing import Any

from fluvial.controlplane.schemas.data import definitions, shapes
from fluvial.controlplane.schemas.errors import DecodeError
from fluvial.controlplane.schemas.rules import defaults_of
from fluvial.gotext import parse_quantity, parse_rfc3339, rfc3339
from fluvial.gotext.times import rfc3339_micro

MAX_DEPTH = 250

Problems = list[str]
Path = tuple[str, ...]  # with indices, for unknown fields: ("spec", "containers[0]")

_QUANTITY = "io.k8s.apimachinery.pkg.api.resource.Quantity"
_TIME = "io.k8s.apimachinery.pkg.apis.meta.v1.Time"
_MICRO_TIME = "io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime"
_INT_OR_STRING = "io.k8s.apimachinery.pkg.util.intstr.IntOrString"


class Mistyped(Exception):
    """A value that Go cannot put into its field: JSON's name for what it is, and Go's for what was wanted."""

    def __init__(self, found: str, wanted: str, text: str = "") -> None:
        super().__init__(text or f"json: cannot unmarshal {found} into Go value of type {wanted}")
        self.found = found
        self.wanted = wanted
        self.text = text
        self.struct = ""
        self.fields: list[str] = []

    @property
    def message(self) -> str:
        """What encoding/json says."""
        if self.text or not self.struct:
            return str(self)
        path = f"{self.struct}.{'.'.join(reversed(self.fields))}"
        return f"json: cannot unmarshal {self.found} into Go struct field {path} of type {self.wanted}"


class Field:
    """One field of a struct, or the items of a list or map."""

    __slots__ = ("_code", "_defaulting", "_kind", "is_list", "keeps_empty", "read")

    def __init__(self, code: str, go_type: str, schema: dict[str, Any], defaulting: bool) -> None:
        self._code = code.lower()
        self._kind = _reference(schema) or str(schema.get("type", ""))
        self._defaulting = defaulting
        self.read = _reader(schema, go_type, defaulting)
        self.is_list = code == "L"
        self.keeps_empty = code not in ("s", "l")  # an `omitempty` scalar, list or map is left out when empty

    def zero(self) -> Any:
        """Return what Go writes for a value that was null or not there."""
        if self._code == "t":
            return struct(self._kind, self._defaulting).read({}, (), []) if self._kind in shapes() else {}
        if self._code == "m":
            return {_QUANTITY: "0", _INT_OR_STRING: 0}.get(self._kind)
        if self._code == "s":
            return {"integer": 0, "number": 0, "boolean": False}.get(self._kind, "")
        return None


class Struct:
    """A Go struct: its fields by JSON name, and what its type is filled with when `defaulting`."""

    def __init__(self, name: str, defaulting: bool) -> None:
        self._go_type = f"{name.split('.')[-2]}.{name.split('.')[-1]}"
        self._properties = definitions()[name].get("properties") or {}
        self._shapes = shapes().get(name) or {}
        self._fields: dict[str, Field] = {}
        # Written even when they are not set.
        self._always = tuple(field for field, shape in self._shapes.items() if shape[0].isupper())
        self._defaulting = defaulting
        self._declared = _declared_defaults(self._properties, self._shapes) if defaulting else {}
        self._fill = defaults_of(name) if defaulting else None

    def field(self, name: str) -> Field | None:
        """Return the field called `name`, None when the struct has none."""
        known = self._fields.get(name)
        if known is None and name in self._shapes:
            code, _, go_type = self._shapes[name].partition(" ")
            known = self._fields[name] = Field(code, go_type, self._properties.get(name) or {}, self._defaulting)
        return known

    def read(self, value: Any, path: Path, problems: Problems) -> dict[str, Any]:
        """Return the object `value` as Go reads and writes it again; unknown fields are told in `problems`.

        Raises:
            Mistyped: a value that Go can't put into its field.
        """
        if value.__class__ is not dict:
            raise Mistyped(json_kind(value), self._go_type)
        if len(path) > MAX_DEPTH:
            raise DecodeError(f"exceeded max depth of {MAX_DEPTH}")
        out: dict[str, Any] = {}
        for name, content in value.items():
            field = self.field(name)
            if field is None:
                problems.append(f'unknown field "{".".join((*path, name))}"')
            elif content is not None:
                try:
                    written = field.read(content, (*path, name), problems)
                except Mistyped as error:
                    error.fields.append(name)
                    error.struct = error.struct or self._go_type.rpartition(".")[2]
                    raise
                if written or field.keeps_empty or name == "managedFields":
                    # An empty list of managedFields is a request to forget them, which managedfields.update must see.
                    # Any other empty list or map comes back from the store as null.
                    out[name] = written if written or name == "managedFields" or not field.is_list else None
        for name, default in self._declared.items():
            if not out.get(name, ""):
                out.setdefault(name, default)
        for name in self._always:
            if name not in out and (field := self.field(name)) is not None:
                out[name] = field.zero()
        if self._fill is not None:
            self._fill(out)
        return out


@cache
def struct(name: str, defaulting: bool = False) -> Struct:
    """Return the struct of the definition `name`, as it reads with or without filling in defaults."""
    return Struct(name, defaulting)


def _declared_defaults(properties: dict[str, Any], field_shapes: dict[str, str]) -> dict[str, Any]:
    """Return the defaults that the OpenAPI schema declares and that are more than Go's zero value."""
    found = {}
    for name, prop in properties.items():
        default = prop.get("default")
        if isinstance(default, str | int | bool) and (default or field_shapes.get(name, "")[:1] in ("p", "P")):
            found[name] = default
    return found


def json_kind(value: Any) -> str:
    """Return what encoding/json calls a value of this sort."""
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, str):
        return "string"
    if isinstance(value, dict):
        return "object"
    return "array" if isinstance(value, list) else "number"


def _reference(schema: dict[str, Any]) -> str | None:
    ref = schema.get("$ref")
    if ref is None and (all_of := schema.get("allOf")):
        ref = all_of[0].get("$ref")
    return ref.rpartition("/")[2] if ref is not None else None


Reader = Callable[[Any, Path, Problems], Any]


def _reader(schema: dict[str, Any], go_type: str, defaulting: bool) -> Reader:
    name = _reference(schema)
    if name is not None:
        return _SPECIAL.get(name) or (_struct_reader(name, defaulting) if name in shapes() else _anything)
    declared = schema.get("type")
    if declared == "array":
        return _list_reader(schema, go_type, defaulting)
    if declared == "object":
        return _map_reader(schema, go_type, defaulting)
    if declared == "string":
        return _bytes_reader if schema.get("format") == "byte" else _scalar_reader(str, go_type)
    if declared == "boolean":
        return _scalar_reader(bool, go_type)
    if declared == "integer":
        return _integer_reader(go_type)
    if declared == "number":
        return _float_reader
    return _anything


def _struct_reader(name: str, defaulting: bool) -> Reader:
    return lambda value, path, problems: struct(name, defaulting).read(value, path, problems)


def _anything(value: Any, path: Path, problems: Problems) -> Any:
    return value


def _scalar_reader(wanted: type, go_type: str) -> Reader:
    go_type = go_type.lstrip("*")

    def read(value: Any, path: Path, problems: Problems) -> Any:
        if value.__class__ is not wanted:
            raise Mistyped(json_kind(value), go_type)
        return value

    return read


def _float_reader(value: Any, path: Path, problems: Problems) -> Any:
    if value.__class__ is not float and value.__class__ is not int:
        raise Mistyped(json_kind(value), "float64")
    return value


def _integer_reader(go_type: str) -> Reader:
    go_type = go_type.lstrip("*")
    limit = 1 << 31 if go_type.endswith("int32") else 1 << 63

    def read(value: Any, path: Path, problems: Problems) -> Any:
        if value.__class__ is not int or not -limit <= value < limit:
            kind = json_kind(value)
            raise Mistyped(f"number {value}" if kind == "number" else kind, go_type)
        return value

    return read


def _bytes_reader(value: Any, path: Path, problems: Problems) -> str:
    if value.__class__ is not str:
        raise Mistyped(json_kind(value), "[]uint8")
    # Go's decoder skips line breaks, which people's base64 has.
    text = value.replace("\n", "").replace("\r", "")
    try:
        base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise Mistyped("string", "[]uint8", f"illegal base64 data at input byte {_illegal_byte(value)}") from None
    return text


def _illegal_byte(text: str) -> int:
    """Return where Go's base64 decoder stops."""
    alphabet = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
    good = 0
    for position, char in enumerate(text):
        if char in "\r\n":
            continue
        if char not in alphabet:
            # Padding is fine only as the third or fourth character of a group that ends the text.
            if char == "=" and good % 4 >= 2:
                rest = text[position:].replace("\n", "").replace("\r", "")
                if rest != "=" * (4 - good % 4):
                    return position + min(len(rest), 4 - good % 4) if rest.strip("=") else len(text)
            return position
        good += 1
    return len(text) - len(text) % 4


def _list_reader(schema: dict[str, Any], go_type: str, defaulting: bool) -> Reader:
    item_type = go_type.removeprefix("[]")
    items = schema.get("items") or {}
    item = Field(_item_code(item_type, items), item_type, items, defaulting)

    def read(value: Any, path: Path, problems: Problems) -> list[Any]:
        if value.__class__ is not list:
            raise Mistyped(json_kind(value), go_type)
        folder, last = path[:-1], path[-1]
        return [
            item.zero() if content is None else item.read(content, (*folder, f"{last}[{index}]"), problems)
            for index, content in enumerate(value)
        ]

    return read


def _map_reader(schema: dict[str, Any], go_type: str, defaulting: bool) -> Reader:
    content_schema = schema.get("additionalProperties")
    if not isinstance(content_schema, dict):
        return _anything
    content_type = go_type.partition("]")[2] or "string"
    content = Field(_item_code(content_type, content_schema), content_type, content_schema, defaulting)

    def read(value: Any, path: Path, problems: Problems) -> dict[str, Any]:
        if value.__class__ is not dict:
            raise Mistyped(json_kind(value), go_type)
        return {
            key: content.zero() if item is None else content.read(item, (*path, key), problems)
            for key, item in value.items()
        }

    return read


def _item_code(go_type: str, schema: dict[str, Any]) -> str:
    name = _reference(schema)
    if go_type.startswith("*"):
        return "p"
    if name is not None:
        return "t" if name in shapes() else "m"
    return "l" if schema.get("type") in ("array", "object") else "s"


def _quantity(value: Any, path: Path, problems: Problems) -> str:
    if value.__class__ is not str and value.__class__ is not int and value.__class__ is not float:
        raise Mistyped(
            json_kind(value),
            "resource.Quantity",
            "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
        )
    try:
        return str(parse_quantity(str(value).strip()))
    except ValueError as error:
        raise Mistyped(json_kind(value), "resource.Quantity", str(error)) from None


def _int_or_string(value: Any, path: Path, problems: Problems) -> Any:
    if value.__class__ is str:
        return value
    if value.__class__ is not int or not -(1 << 31) <= value < 1 << 31:
        kind = json_kind(value)
        raise Mistyped(f"number {value}" if kind == "number" else kind, "int32")
    return value


def _time(value: Any, path: Path, problems: Problems) -> str:
    if value.__class__ is not str:
        raise Mistyped(json_kind(value), "string")
    return _canonical_time(value)


@lru_cache(maxsize=4096)
def _canonical_time(text: str) -> str:
    return rfc3339(_moment(text, "2006-01-02T15:04:05Z07:00", "2006"))


def _micro_time(value: Any, path: Path, problems: Problems) -> str:
    layout = "2006-01-02T15:04:05.000000Z07:00"
    if value.__class__ is str and not _SIX_DIGITS.search(value):
        rest = value[19:]
        raise Mistyped("string", "", f'parsing time "{value}" as "{layout}": cannot parse "{rest}" as ".000000"')
    return rfc3339_micro(_moment(value, layout, "2006"))


_SIX_DIGITS = re.compile(r"\.[0-9]{6}(?![0-9])")


def _moment(value: Any, layout: str, first: str) -> datetime:
    if value.__class__ is not str:
        raise Mistyped(json_kind(value), "string")
    try:
        return parse_rfc3339(value)
    except ValueError:
        text = f'parsing time "{value}" as "{layout}": cannot parse "{value}" as "{first}"'
        raise Mistyped("string", "", text) from None


_SPECIAL: dict[str, Reader] = {
    _QUANTITY: _quantity,
    _INT_OR_STRING: _int_or_string,
    _TIME: _time,
    _MICRO_TIME: _micro_time,
}
