"""The variables of `spec.postBuild`: where they come from, and how their values are cleaned."""

import base64
import binascii
from collections.abc import Iterable, Mapping
from typing import Any


def variables_of(obj: Mapping[str, Any]) -> dict[str, str]:
    """Return the variables that a ConfigMap or Secret (an object of `substituteFrom`) gives; newlines are removed.

    Raises:
        ValueError: a Secret's data is not base64.
    """
    data = obj.get("data") or {}
    if obj.get("kind") != "Secret":
        return {name: _one_line(str(value)) for name, value in data.items()}
    try:
        return {
            name: _one_line(base64.b64decode(value, validate=True).decode("utf-8", "replace"))
            for name, value in data.items()
        }
    except (binascii.Error, TypeError) as cause:
        raise ValueError("a value of the Secret is not base64") from cause


def merge_variables(sources: Iterable[Mapping[str, str]], inline: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of `substituteFrom` in order, later ones win, and `substitute` last."""
    merged: dict[str, str] = {}
    for source in sources:
        merged.update(source)
    merged.update({name: _one_line(value) for name, value in inline.items()})
    return merged


def _one_line(value: str) -> str:
    return value.replace("\n", "")
