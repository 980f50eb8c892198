"""Read JSON values into records the way Go's encoding/json reads them into structs: same verdict, same words.

Source: Go `encoding/json` `decode.go`; kustomize reads its files with DisallowUnknownFields.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import lru_cache
from typing import Any, NamedTuple

from fluvial.gotext import format_float
from fluvial.kustomize.errors import KustomizeError


class Kind(Enum):
    """A Go type that is no struct, with its name in Go."""

    TEXT = "string"
    FLAG = "bool"
    INTEGER = "int64"
    TEXT_MAP = "map[string]string"
    ANY = "interface {}"
    ANY_MAP = "map[string]interface {}"
    POSITION = "int"


@dataclass(frozen=True, slots=True)
class ListOf:
    """A slice; its items are texts or structs, or pointers to structs."""

    item: "Kind | Struct"
    of_pointers: bool = False


@dataclass(frozen=True, slots=True)
class Struct:
    """A struct: its name in Go, the record to make of it, and its fields by JSON name.

    A field `fooBar` becomes the record's `foo_bar`; what the JSON does not have (or has as null) keeps its default.
    `embedded` gives, for fields of structs within the struct, the names of those: they are part of the field's path in
    errors, and sigs.k8s.io/yaml does not see through them when it makes texts of numbers.
    """

    name: str
    make: Callable[..., Any]
    fields: "Mapping[str, Type]"
    embedded: Mapping[str, str] = field(default_factory=dict)


Type = Kind | ListOf | Struct


def decode(value: Any, struct: Struct, *, strict: bool = True) -> Any:
    """Return the record of a JSON object.

    Args:
        strict: refuse fields that the struct does not have; else numbers and booleans pass for texts too where
            sigs.k8s.io/yaml lets them.
    Raises:
        KustomizeError: with the first problem that Go would report, and the field where there is one.
    """
    if value is None:
        return struct.make()
    if not isinstance(value, Mapping):
        raise KustomizeError(f"json: cannot unmarshal {_name(value)} into Go value of type types.{struct.name}")
    return _struct(value, struct, _Place((), strict, converts=not strict))


class _Place(NamedTuple):
    """Where in the value we are: the path with the names of embedded structs, and what is allowed there."""

    path: tuple[str, ...]
    strict: bool
    converts: bool

    def at(self, name: str, embedded: str) -> "_Place":
        path = (*self.path, *embedded.split("."), name) if embedded else (*self.path, name)
        return _Place(path, self.strict, self.converts and not embedded)

    @property
    def field(self) -> str:
        """The path as people write it: names of structs begin with a capital."""
        return ".".join(part for part in self.path if not part[:1].isupper())


def _struct(value: Mapping[str, Any], struct: Struct, place: _Place) -> Any:
    found: dict[str, Any] = {}
    for key in sorted(value, key=lambda name: name.encode("utf-8", "surrogatepass")):
        name = key if key in struct.fields else _folded(struct, key)
        if name is None:
            if place.strict:
                raise KustomizeError(f'json: unknown field "{key}"', field=place.at(key, "").field)
            continue
        if value[key] is not None:
            below = place.at(name, struct.embedded.get(name, ""))
            found[snake(name)] = _typed(value[key], struct.fields[name], struct, below)
    return struct.make(**found)


def _folded(struct: Struct, key: str) -> str | None:
    wanted = key.casefold()
    return next((name for name in struct.fields if name.casefold() == wanted), None)


def _typed(value: Any, kind: Type, struct: Struct, place: _Place) -> Any:
    if isinstance(kind, Struct):
        if not isinstance(value, Mapping):
            raise _mismatch(value, f"types.{kind.name}", struct, place)
        return _struct(value, kind, place)
    if isinstance(kind, ListOf):
        item = kind.item
        if not isinstance(value, list):
            name = f"types.{item.name}" if isinstance(item, Struct) else item.value
            raise _mismatch(value, f"[]{'*' if kind.of_pointers else ''}{name}", struct, place)
        return [_item(entry, item, struct, place) for entry in value]
    return _scalar(value, kind, struct, place)


def _item(entry: Any, item: "Kind | Struct", struct: Struct, place: _Place) -> Any:
    if entry is None:
        return "" if item is Kind.TEXT else item.make() if isinstance(item, Struct) else None
    return _typed(entry, item, struct, place)


def _scalar(value: Any, kind: Kind, struct: Struct, place: _Place) -> Any:
    if kind is Kind.TEXT and isinstance(value, str):
        return value
    if kind is Kind.TEXT and place.converts and isinstance(value, int | float):
        return _as_text(value)
    if kind is Kind.FLAG and isinstance(value, bool):
        return value
    if kind in (Kind.INTEGER, Kind.POSITION) and isinstance(value, int) and not isinstance(value, bool):
        return value
    if kind is Kind.ANY or (kind is Kind.ANY_MAP and isinstance(value, Mapping)):
        return value
    if kind is Kind.TEXT_MAP and isinstance(value, Mapping):
        return _texts(value, struct, place)
    raise _mismatch(value, kind.value, struct, place)


def _texts(value: Mapping[str, Any], struct: Struct, place: _Place) -> dict[str, str]:
    texts: dict[str, Any] = {key: "" if text is None else text for key, text in value.items()}
    for key in sorted(texts):
        text: Any = texts[key]
        if place.converts and isinstance(text, int | float):
            texts[key] = _as_text(text)
        elif not isinstance(text, str):
            raise _mismatch(text, "string", struct, place)
    return texts


def _as_text(value: int | float) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return format_float(value) if isinstance(value, float) else str(value)


def _mismatch(value: Any, wanted: str, struct: Struct, place: _Place) -> KustomizeError:
    path = ".".join(place.path)
    return KustomizeError(
        f"json: cannot unmarshal {_name(value)} into Go struct field {struct.name}.{path} of type {wanted}",
        field=place.field,
    )


def _name(value: Any) -> str:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, str):
        return "string"
    return "array" if isinstance(value, list) else "object"


def project(value: Any, struct: Struct) -> dict[str, Any]:
    """Return the JSON object that comes out when `value` is read, leniently, into a struct and written again.

    Raises:
        KustomizeError: as `decode` without `strict`.
    """
    decode(value, struct, strict=False)
    return _projected(value or {}, struct)


def _projected(value: Mapping[str, Any], struct: Struct) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for key in sorted(value):
        name = key if key in struct.fields else _folded(struct, key)
        if name is not None and value[key] is not None:
            kind = struct.fields[name]
            written = _written(value[key], kind)
            if isinstance(kind, Struct) or kind is Kind.INTEGER or written not in ("", [], {}, 0, False):
                result[name] = written
    return result


def _written(value: Any, kind: Type) -> Any:
    if isinstance(kind, Struct):
        return _projected(value, kind)
    if isinstance(kind, ListOf):
        return [_written("" if item is None and kind.item is Kind.TEXT else item or {}, kind.item) for item in value]
    if kind is Kind.TEXT and isinstance(value, int | float):
        return _as_text(value)
    if kind is Kind.TEXT_MAP:
        return {key: "" if item is None else _written(item, Kind.TEXT) for key, item in value.items()}
    return value


@lru_cache(maxsize=512)
def snake(name: str) -> str:
    """Return `fooBar` as `foo_bar`."""
    return "".join("_" + char.lower() if char.isupper() else char for char in name).lstrip("_")
