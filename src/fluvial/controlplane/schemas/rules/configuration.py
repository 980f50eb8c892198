"""ConfigMaps and Secrets."""

import base64
import json
from collections.abc import Iterator
from typing import Any

from fluvial.controlplane.schemas.errors import FieldError, forbidden, invalid, required, too_long
from fluvial.controlplane.schemas.rules.checks import named
from fluvial.controlplane.schemas.rules.metadata import IMMUTABLE
from fluvial.controlplane.schemas.rules.names import config_key
from fluvial.objects import Object, same_json

Errors = Iterator[FieldError]

_SIZE_LIMIT = 1024 * 1024  # bytes of keys and values
_IMMUTABLE_SET = "field is immutable when `immutable` is set"
# The keys that a type of Secret must have.
_KEYS = {
    "kubernetes.io/dockercfg": (".dockercfg",),
    "kubernetes.io/dockerconfigjson": (".dockerconfigjson",),
    "kubernetes.io/ssh-auth": ("ssh-privatekey",),
    "kubernetes.io/tls": ("tls.crt", "tls.key"),
}
_ACCOUNT = "kubernetes.io/service-account.name"


def config_map_errors(obj: Object) -> Errors:
    """Yield what is wrong with a ConfigMap."""
    data, binary = obj.get("data") or {}, obj.get("binaryData") or {}
    for key in data:
        yield from named(key, f"data[{key}]", config_key)
        if key in binary:
            yield invalid(f"data[{key}]", key, "duplicate of key present in binaryData")
    for key in binary:
        yield from named(key, f"binaryData[{key}]", config_key)
    if sum(len(v.encode()) for v in data.values()) + sum(len(v) * 3 // 4 for v in binary.values()) > _SIZE_LIMIT:
        yield too_long("", _SIZE_LIMIT)


def config_map_changes(old: Object, new: Object) -> Errors:
    """Yield what an immutable ConfigMap does not allow."""
    yield from _immutable_changes(old, new, ("data", "binaryData"))


def _immutable_changes(old: Object, new: Object, fields: tuple[str, ...]) -> Errors:
    if not old.get("immutable"):
        return
    if not new.get("immutable"):
        yield forbidden("immutable", _IMMUTABLE_SET)
    for field in fields:
        if not same_json(old.get(field) or {}, new.get(field) or {}):
            yield forbidden(field, _IMMUTABLE_SET)


def secret_errors(obj: Object) -> Errors:
    """Yield what is wrong with a Secret; values never stand in a message."""
    data: dict[str, Any] = obj.get("data") or {}
    for key in data:
        yield from named(key, f"data[{key}]", config_key)
    if sum(len(value) * 3 // 4 for value in data.values()) > _SIZE_LIMIT:
        yield too_long("data", _SIZE_LIMIT)
    kind = obj.get("type")
    if kind == "kubernetes.io/service-account-token":
        if not (obj["metadata"].get("annotations") or {}).get(_ACCOUNT):
            yield required(f"metadata.annotations[{_ACCOUNT}]")
    elif kind == "kubernetes.io/basic-auth" and not data.keys() & {"username", "password"}:
        yield required("data[username]")
        yield required("data[password]")
    for key in _KEYS.get(kind or "", ()):
        if key not in data:
            yield required(f"data[{key}]")
        elif key.startswith(".docker"):
            yield from _json_errors(data[key], f"data[{key}]")


def _json_errors(value: str, path: str) -> Errors:
    text = base64.b64decode(value).decode("utf-8", "replace")
    try:
        json.loads(text)
    except ValueError:
        shown = "<secret contents redacted>"
        first = text.lstrip()[:1]
        problem = (
            f"invalid character '{first}' looking for beginning of value" if first else "unexpected end of JSON input"
        )
        yield invalid(path, shown, problem)


def secret_changes(old: Object, new: Object) -> Errors:
    """Yield what may not change in a Secret."""
    if old.get("type") != new.get("type"):
        yield invalid("type", new.get("type"), IMMUTABLE)
    yield from _immutable_changes(old, new, ("data",))
