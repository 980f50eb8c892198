"""The data of ConfigMaps and Secrets: text, binary and base64. Source: kyaml `yaml/datamap.go`."""

import base64
from collections.abc import Mapping

from fluvial.kustomize.fields import add_field, clear, get, lookup_create, set_field, text_of
from fluvial.kustomize.values import STR
from fluvial.yamldoc.nodes import LITERAL, MAPPING, SCALAR, Node

_LINE = 70  # columns of wrapped base64


def put_config_data(node: Node, data: Mapping[str, bytes]) -> None:
    """Set entries of a ConfigMap: text goes to `data`, what is not UTF-8 to `binaryData`."""
    for key in sorted(data):
        try:
            _put(node, "data", key, data[key].decode())
        except UnicodeDecodeError:
            _put(node, "binaryData", key, wrapped_base64(data[key]))


def put_secret_data(node: Node, data: Mapping[str, bytes]) -> None:
    """Set entries of a Secret, all of them in base64; `data` is there even when empty."""
    lookup_create(node, ("data",), MAPPING)
    for key in sorted(data):
        _put(node, "data", key, wrapped_base64(data[key]))


def _put(node: Node, field: str, key: str, text: str) -> None:
    parent = lookup_create(node, (field,), MAPPING)
    if parent is not None:
        set_field(parent, key, Node(SCALAR, STR, LITERAL if "\n" in text else 0, text))


def wrapped_base64(raw: bytes) -> str:
    """Return base64 in lines of 70 columns, each ended by a newline; one line has none."""
    text = base64.b64encode(raw).decode()
    if len(text) < _LINE:
        return text
    return "".join(text[start : start + _LINE] + "\n" for start in range(0, len(text), _LINE))


def merge_data(node: Node, under: Node) -> None:
    """Add the entries of `under` that `node` does not have, to `data` and to `binaryData`."""
    for field in ("data", "binaryData"):
        merged = {**_texts(under, field), **_texts(node, field)}
        clear(node, field)
        if not merged:
            continue
        parent = Node(MAPPING, "", 0, "", {})
        set_field(node, field, parent)
        for key in sorted(merged):
            add_field(parent, key, Node(SCALAR, STR, LITERAL if "\n" in merged[key] else 0, merged[key]))


def _texts(node: Node, field: str) -> dict[str, str]:
    found = get(node, field)
    if found is None or found.kind != MAPPING:
        return {}
    return {key: text_of(value) for key, value in found.content.items()}
