"""Read JSON values into records the way Go's encoding/json reads them into structs: same verdict, same words.

Source: Go `encoding/json` `decode.go`; kustomize reads its files with DisallowUnknownFields.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from typing import Any

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
    """A slice; its items are texts or structs."""

    item: "Kind | Struct"


@dataclass(frozen=True, slots=True)
class Struct:
    """A struct: its name in Go, the record to make of it, and its fields by JSON name.

    A field `fooBar` becomes the record's `foo_bar`; what the JSON does not have (or has as null) keeps its default.
    """

    name: str
    make: Callable[..., Any]
    fields: "Mapping[str, Type]"


Type = Kind | ListOf | Struct


def decode(value: Any, struct: Struct, *, strict: bool = True) -> Any:
    """Return the record of a JSON object.

    Args:
        strict: refuse fields that the struct does not have; else numbers and booleans pass for texts too, as
            sigs.k8s.io/yaml lets them.
    Raises:
        KustomizeError: with the first problem that Go would report, and the field where there is one.
    """
    if value is None:
        return struct.make()
    if not isinstance(value, Mapping):
        raise KustomizeError(f"json: cannot unmarshal {_name(value)} into Go value of type types.{struct.name}")
    return _struct(value, struct, (), strict)


def _struct(value: Mapping[str, Any], struct: Struct, path: tuple[str, ...], strict: bool) -> Any:
    found: dict[str, Any] = {}
    for key in sorted(value, key=lambda name: name.encode("utf-8", "surrogatepass")):
        field = key if key in struct.fields else _folded(struct, key)
        if field is None:
            if strict:
                raise KustomizeError(f'json: unknown field "{key}"', field=".".join((*path, key)))
            continue
        if value[key] is not None:
            found[snake(field)] = _typed(value[key], struct.fields[field], struct, (*path, field), strict)
    return struct.make(**found)


def _folded(struct: Struct, key: str) -> str | None:
    wanted = key.casefold()
    return next((name for name in struct.fields if name.casefold() == wanted), None)


def _typed(value: Any, kind: Type, struct: Struct, path: tuple[str, ...], strict: bool) -> Any:
    if isinstance(kind, Struct):
        if not isinstance(value, Mapping):
            raise _mismatch(value, f"types.{kind.name}", struct, path)
        return _struct(value, kind, path, strict)
    if isinstance(kind, ListOf):
        item = kind.item
        if not isinstance(value, list):
            name = f"types.{item.name}" if isinstance(item, Struct) else item.value
            raise _mismatch(value, f"[]{name}", struct, path)
        return [_item(entry, item, struct, path, strict) for entry in value]
    return _scalar(value, kind, struct, path, strict)


def _item(entry: Any, item: "Kind | Struct", struct: Struct, path: tuple[str, ...], strict: bool) -> Any:
    if entry is None:
        return "" if item is Kind.TEXT else item.make() if isinstance(item, Struct) else None
    return _typed(entry, item, struct, path, strict)


def _scalar(value: Any, kind: Kind, struct: Struct, path: tuple[str, ...], strict: bool) -> Any:
    if kind is Kind.TEXT and isinstance(value, str):
        return value
    if kind is Kind.TEXT and not strict and isinstance(value, int | float):
        return _as_text(value)
    if kind is Kind.FLAG and isinstance(value, bool):
        return value
    if kind in (Kind.INTEGER, Kind.POSITION) and isinstance(value, int) and not isinstance(value, bool):
        return value
    if kind is Kind.ANY or (kind is Kind.ANY_MAP and isinstance(value, Mapping)):
        return value
    if kind is Kind.TEXT_MAP and isinstance(value, Mapping):
        texts: dict[str, Any] = {key: "" if text is None else text for key, text in value.items()}
        for key in sorted(texts):
            text: Any = texts[key]
            if not strict and isinstance(text, int | float):
                texts[key] = _as_text(text)
            elif not isinstance(text, str):
                raise _mismatch(text, "string", struct, path)
        return texts
    raise _mismatch(value, kind.value, struct, path)


def _as_text(value: int | float) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return format_float(value) if isinstance(value, float) else str(value)


def _mismatch(value: Any, wanted: str, struct: Struct, path: tuple[str, ...]) -> KustomizeError:
    field = ".".join(path)
    return KustomizeError(
        f"json: cannot unmarshal {_name(value)} into Go struct field {struct.name}.{field} of type {wanted}",
        field=field,
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
        field = key if key in struct.fields else _folded(struct, key)
        if field is not None and value[key] is not None:
            kind = struct.fields[field]
            written = _written(value[key], kind)
            if isinstance(kind, Struct) or kind is Kind.INTEGER or written not in ("", [], {}, 0, False):
                result[field] = written
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
