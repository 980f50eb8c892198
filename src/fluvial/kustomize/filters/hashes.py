"""The hash behind the names of generated ConfigMaps and Secrets. Source: api `hasher`."""

import hashlib
from typing import Any

from fluvial.gotext import go_json
from fluvial.kustomize.errors import NotSupported
from fluvial.kustomize.fields import get
from fluvial.kustomize.resmap import ResMap
from fluvial.kustomize.resource import NEEDS_HASH, Resource
from fluvial.kustomize.values import to_json
from fluvial.yamldoc.nodes import SCALAR, Node

_LETTERS = str.maketrans("013ae", "ghkmt")  # no vowels, and nothing that looks like another


def add_hashes(resources: ResMap) -> None:
    """Append the hash of their content to the names that ask for one."""
    for item in resources:
        if item.is_enabled(NEEDS_HASH):
            digest = name_hash(item)
            with resources.changing(item):
                item.remember_id()
                item.set_name(f"{item.name}-{digest}")


def name_hash(item: Resource) -> str:
    """Return ten characters that depend on kind and data (and a Secret's type), not on the name.

    Raises:
        NotSupported: neither a ConfigMap nor a Secret; upstream hashes those by an accident of its memory layout.
    """
    if item.kind == "ConfigMap":
        content = {"kind": "ConfigMap", "name": "", "data": _content(item.node, "data")}
        _add_if_map(content, item.node, "binaryData")
    elif item.kind == "Secret":
        content = {
            "kind": "Secret",
            "type": _content(item.node, "type"),
            "name": "",
            "data": _content(item.node, "data"),
        }
        _add_if_map(content, item.node, "stringData")
    else:
        raise NotSupported(f"a name hash for kind {item.kind} is not supported: disable it with disableNameSuffixHash")
    digest = hashlib.sha256(go_json(content).encode("utf-8", "surrogatepass")).hexdigest()
    return digest[:10].translate(_LETTERS)


def _content(node: Node, field: str) -> Any:
    found = get(node, field)
    if found is None:
        return ""
    return found.value if found.kind == SCALAR else _as_floats(to_json(found))


def _add_if_map(content: dict[str, Any], node: Node, field: str) -> None:
    value = _content(node, field)
    if isinstance(value, dict):
        content[field] = value


def _as_floats(value: Any) -> Any:
    """Return `value` with every number as the float64 that Go reads it as."""
    if isinstance(value, dict):
        return {key: _as_floats(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_as_floats(item) for item in value]
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value
