"""Bytes to an object: the wire format of protobuf, and the JSON that Kubernetes' types have."""

from __future__ import annotations

import base64
import gzip
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

import msgspec

from fluvial.gotext import rfc3339, rfc3339_micro
from fluvial.objects import Object
from fluvial.stdx import package_data

MAGIC = b"k8s\0"
_META = "k8s.io.apimachinery.pkg.apis.meta.v1"
_RUNTIME = "k8s.io.apimachinery.pkg.runtime"
_MAX_DEPTH = 100
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Field = tuple[str, str, bool, bool]  # JSON name, type, repeated, merged into the parent
Message = Mapping[str, Field]


class ProtobufError(ValueError):
    """The body is not protobuf of a kind that we know; answer 400."""


def read_object(body: bytes) -> Object:
    """Return the object in an enveloped body, as JSON has it.

    Raises:
        ProtobufError: no envelope, an unknown kind, or bytes that are cut or malformed.
    """
    if not body.startswith(MAGIC):
        raise ProtobufError("the body does not start with the protobuf magic number")
    envelope = _read_message(body[len(MAGIC) :], f"{_RUNTIME}.Unknown", 0)
    api_version, kind = envelope.get("apiVersion", ""), envelope.get("kind", "")
    raw = base64.b64decode(envelope.get("raw", ""))
    obj = _read_message(raw, _message_of(api_version, kind), 0)
    return {"apiVersion": api_version, "kind": kind, **obj}


def _message_of(api_version: str, kind: str) -> str:
    group, _, version = api_version.rpartition("/")
    for name in (
        f"k8s.io.api.{group.partition('.')[0] or 'core'}.{version}.{kind}",
        f"{_META}.{kind}",
    ):
        if name in _messages():
            return name
    raise ProtobufError(f"no protobuf message is known for {api_version} {kind}")


@lru_cache(maxsize=1)
def _messages() -> Mapping[str, Message]:
    data = gzip.decompress(package_data("fluvial.controlplane.protobuf", "data/messages.json.gz"))
    found: Mapping[str, Message] = msgspec.json.decode(data, type=dict[str, dict[str, tuple[str, str, bool, bool]]])
    return found


def _read_message(data: bytes, name: str, depth: int) -> dict[str, Any]:
    """Read a message into the map that JSON shows it as."""
    if depth > _MAX_DEPTH:
        raise ProtobufError("the message is nested too deep")
    fields = _messages().get(name)
    if fields is None:
        raise ProtobufError(f"no protobuf message {name} is known")
    found: dict[str, Any] = {}
    for number, value in _tokens(data):
        field = fields.get(str(number))
        if field is None:
            continue  # newer than our data
        json_name, kind, repeated, merged = field
        if kind.startswith("map "):
            key, item = _read_entry(value, kind, depth)
            found.setdefault(json_name, {})[key] = item
        elif repeated:
            found.setdefault(json_name, []).append(_read_value(value, kind, depth))
        elif merged:
            found.update(_read_value(value, kind, depth))
        else:
            found[json_name] = _read_value(value, kind, depth)
    return found


def _read_entry(data: int | bytes, kind: str, depth: int) -> tuple[str, Any]:
    _, key_kind, value_kind = kind.split(" ", 2)
    parts = dict(_tokens(_bytes(data)))
    key = _read_value(parts.get(1, b""), key_kind, depth)
    value = _read_value(parts.get(2, b""), value_kind, depth)
    return key, value


def _read_value(value: int | bytes, kind: str, depth: int) -> Any:
    if (read := _SCALARS.get(kind)) is not None:
        return read(value)
    data = _bytes(value)
    if (special := _SPECIAL.get(kind)) is not None:
        return special(_raw_fields(data))
    if kind.rpartition(".")[2] in ("ExtraValue", "Verbs"):
        return [_text(item) for number, item in _tokens(data) if number == 1]
    return _read_message(data, kind, depth + 1)


def _tokens(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Yield field numbers and their raw values."""
    position, end = 0, len(data)
    while position < end:
        key, position = _varint(data, position)
        number, form = key >> 3, key & 7
        if form == 0:
            value, position = _varint(data, position)
            yield number, value
            continue
        if form == 2:
            size, position = _varint(data, position)
        elif form in (1, 5):
            size = 8 if form == 1 else 4
        else:
            raise ProtobufError(f"wire type {form} is not known")
        if position + size > end:
            raise ProtobufError("the message is cut off")
        yield number, data[position : position + size]
        position += size


def _varint(data: bytes, position: int) -> tuple[int, int]:
    result = shift = 0
    while True:
        if position >= len(data) or shift > 63:
            raise ProtobufError("a number is cut off")
        byte = data[position]
        position += 1
        result |= (byte & 0x7F) << shift
        if byte < 0x80:
            return result, position
        shift += 7


def _raw_fields(data: bytes) -> dict[int, int | bytes]:
    return dict(_tokens(data))


def _bytes(value: int | bytes) -> bytes:
    if isinstance(value, bytes):
        return value
    raise ProtobufError("a number stands where bytes should")


def _signed(value: int | bytes) -> int:
    if not isinstance(value, int):
        if value == b"":
            return 0
        raise ProtobufError("bytes stand where a number should")
    return value - (1 << 64) if value >= 1 << 63 else value


def _text(value: int | bytes) -> str:
    try:
        return _bytes(value).decode()
    except UnicodeDecodeError as error:
        raise ProtobufError("a text is not UTF-8") from error


def _time(fields: Mapping[int, int | bytes]) -> str | None:
    moment = _moment(fields)
    return None if moment is None else rfc3339(moment)


def _micro_time(fields: Mapping[int, int | bytes]) -> str | None:
    moment = _moment(fields)
    return None if moment is None else rfc3339_micro(moment)


def _moment(fields: Mapping[int, int | bytes]) -> datetime | None:
    if not fields:
        return None  # Go's zero time
    try:
        return _EPOCH + timedelta(seconds=_signed(fields.get(1, 0)), microseconds=_signed(fields.get(2, 0)) // 1000)
    except OverflowError as error:
        raise ProtobufError("a time is out of range") from error


def _int_or_string(fields: Mapping[int, int | bytes]) -> int | str:
    return _text(fields.get(3, b"")) if fields.get(1) == 1 else _signed(fields.get(2, 0))


def _json(fields: Mapping[int, int | bytes]) -> Any:
    try:
        return msgspec.json.decode(_bytes(fields.get(1, b"null")))
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ProtobufError(f"an embedded object is not JSON: {error}") from error


_SCALARS: dict[str, Callable[[int | bytes], Any]] = {
    "string": _text,
    "bytes": lambda value: base64.b64encode(_bytes(value)).decode(),
    "bool": lambda value: bool(_signed(value)),
    "int32": _signed,
    "int64": _signed,
}
_SPECIAL: dict[str, Callable[[Mapping[int, int | bytes]], Any]] = {
    f"{_META}.Time": _time,
    f"{_META}.MicroTime": _micro_time,
    f"{_META}.FieldsV1": _json,
    f"{_RUNTIME}.RawExtension": _json,
    "k8s.io.apimachinery.pkg.api.resource.Quantity": lambda fields: _text(fields.get(1, b"")),
    "k8s.io.apimachinery.pkg.util.intstr.IntOrString": _int_or_string,
}
