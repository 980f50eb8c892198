"""Secrets that are encrypted in Git, made fit to be shown: their values become a mark.

Source of the behaviour: flux2 `internal/build/build.go` (maskSopsData).
"""

import base64
import binascii
from typing import Any

from fluvial.gotext import go_json
from fluvial.objects import Object, dig

MASK = "**SOPS**"
_DOCKER = "kubernetes.io/dockerconfigjson"


def masked(obj: Object) -> Object:
    """Return `obj` with the mark in place of each SOPS-encrypted value, if it is a Secret; else `obj` itself.

    Raises:
        ValueError: a value of `data` is not base64.
    """
    if obj.get("kind") != "Secret":
        return obj
    if dig(obj, "sops", "mac", default=""):
        return _whole(obj)
    result = dict(obj)
    if isinstance(obj.get("data"), dict):
        result["data"] = {
            key: _encode(MASK) if _hides(_decode(key, value)) else value for key, value in obj["data"].items()
        }
    if isinstance(obj.get("stringData"), dict):
        # flux puts the encoded mark here too
        result["stringData"] = {
            key: _encode(MASK) if _hides(str(value).encode()) else value for key, value in obj["stringData"].items()
        }
    return result


def _whole(obj: Object) -> Object:
    """Mask every value of a Secret that was encrypted as a document, and drop its `sops` block."""
    result = {key: value for key, value in obj.items() if key != "sops"}
    mark = go_json({"mask": MASK}) if obj.get("type") == _DOCKER else MASK
    if isinstance(obj.get("data"), dict):
        result["data"] = dict.fromkeys(obj["data"], _encode(mark))
    if isinstance(obj.get("stringData"), dict):
        result["stringData"] = dict.fromkeys(obj["stringData"], mark)
    return result


def _decode(key: str, value: Any) -> bytes:
    try:
        return base64.b64decode(str(value))
    except (binascii.Error, ValueError) as error:
        raise ValueError(f"failed to mask secret sops data: the value of {key} is not base64") from error


def _hides(data: bytes) -> bool:
    return b"sops" in data and b"ENC[" in data


def _encode(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
