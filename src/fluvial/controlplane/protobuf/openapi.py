"""The OpenAPI v2 document in protobuf: kubectl validates Lists with it, and takes it in no other form.

Of the document the definitions are written; paths are left out, since no client reads them from this form. Message and
field numbers: gnostic's OpenAPIv2.proto, which kube-openapi serves.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

MEDIA_TYPE = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"

_TEXTS = (("$ref", 1), ("format", 2), ("title", 3), ("description", 4), ("pattern", 13))
_NUMBERS = (
    ("maxLength", 11),
    ("minLength", 12),
    ("maxItems", 14),
    ("minItems", 15),
    ("maxProperties", 17),
    ("minProperties", 18),
)


def openapi_v2(document: Mapping[str, Any]) -> bytes:
    """Return a swagger document (as JSON has it) in protobuf, without its paths."""
    info = document.get("info") or {}
    definitions = b"".join(
        _field(1, _field(1, name) + _field(2, _schema(schema)))
        for name, schema in (document.get("definitions") or {}).items()
    )
    return b"".join(
        (
            _field(1, "2.0"),
            _field(2, _field(1, info.get("title", "Kubernetes")) + _field(2, info.get("version", ""))),
            _field(8, b""),
            _field(9, definitions),
        )
    )


def _schema(schema: Mapping[str, Any]) -> bytes:
    parts = [_field(number, schema[key]) for key, number in _TEXTS if schema.get(key)]
    if "default" in schema:
        parts.append(_field(5, _any(schema["default"])))
    parts += [_varint_field(number, schema[key]) for key, number in _NUMBERS if schema.get(key)]
    parts += [_field(19, name) for name in schema.get("required") or ()]
    parts += [_field(20, _any(value)) for value in schema.get("enum") or ()]
    extra = schema.get("additionalProperties")
    if isinstance(extra, bool):
        parts.append(_field(21, _varint_field(2, int(extra))))
    elif extra is not None:
        parts.append(_field(21, _field(1, _schema(extra))))
    if schema.get("type"):
        parts.append(_field(22, _field(1, schema["type"])))
    if schema.get("items") is not None:
        parts.append(_field(23, _field(1, _schema(schema["items"]))))
    parts += [_field(24, _schema(inner)) for inner in schema.get("allOf") or ()]
    if schema.get("properties"):
        named = (_field(1, _field(1, name) + _field(2, _schema(inner))) for name, inner in schema["properties"].items())
        parts.append(_field(25, b"".join(named)))
    parts += _extensions(schema)
    return b"".join(parts)


def _extensions(schema: Mapping[str, Any]) -> Iterable[bytes]:
    for key, value in schema.items():
        if key.startswith("x-"):
            yield _field(31, _field(1, key) + _field(2, _any(value)))


def _any(value: Any) -> bytes:
    """An arbitrary value travels as YAML, of which JSON is a part."""
    return _field(2, msgspec.json.encode(value) + b"\n")


def _field(number: int, value: bytes | str) -> bytes:
    data = value.encode() if isinstance(value, str) else value
    return _varint(number << 3 | 2) + _varint(len(data)) + data


def _varint_field(number: int, value: int) -> bytes:
    return _varint(number << 3) + _varint(value)


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)
    return bytes(out)
