"""What kustomize knows of types: the merge keys of lists, and which kinds are cluster-scoped.

The data (`data/schema.json`) is derived from the Kubernetes 1.21.2 OpenAPI document that kustomize 5.8.1 carries, not
from a newer one: a list that a newer Kubernetes merges is replaced here, as kustomize does. Source: kyaml `openapi`.
"""

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from fluvial.stdx import package_data

BUILT_IN_VERSION = "v1.21.2"
_REF = "#/definitions/"
_GVK = "x-kubernetes-group-version-kind"


class Schema:
    """The type of one value.

    It is kept as text, the way the data file has it: `@T` an object of type T, `*X` a map of X, `[X` a list of X,
    `[strategy|key,key|X` one that has a patch strategy, and "" for everything whose inside is not known.
    """

    __slots__ = ("_spec", "_types")

    def __init__(self, spec: str, types: Mapping[str, Mapping[str, str]]) -> None:
        self._spec = spec
        self._types = types

    def field(self, name: str) -> "Schema | None":
        """Return the type of a field of this object or map, None if it is not known."""
        spec = self._spec
        if spec.startswith("@"):
            found = self._types.get(spec[1:], {}).get(name)
            if found is None:
                found = self._types.get(spec[1:], {}).get("*")
            return None if found is None else Schema(found, self._types)
        return Schema(spec[1:], self._types) if spec.startswith("*") else None

    def items(self) -> "Schema | None":
        """Return the type of the items of this list, None if this is no list or they are not known."""
        spec = self._spec
        if not spec.startswith("["):
            return None
        return Schema(spec.split("|", 2)[2] if self._has_strategy else spec[1:], self._types)

    @property
    def _has_strategy(self) -> bool:
        return len(self._spec) > 1 and self._spec[0] == "[" and self._spec[1] not in "[@*"

    @property
    def merge_keys(self) -> tuple[str, ...] | None:
        """The keys that tell items of this list apart; () for a list of scalars, None where lists are replaced."""
        if self._has_strategy:
            strategy, keys, _ = self._spec[1:].split("|", 2)
            if "merge" in strategy.split(","):
                return tuple(filter(None, keys.split(",")))
        return None


class Schemas:
    """The types of a build, by kind.

    Args:
        custom: an OpenAPI document (`openapi.path`) whose definitions are added.
        built_in: keep Kubernetes' own types beside the custom ones. Flux does; the command, given a custom document,
            knows that document alone.
    """

    def __init__(self, custom: Mapping[str, Any] | None = None, *, built_in: bool = True) -> None:
        base = _built_in()
        self._kinds: dict[str, str] = dict(base["kinds"]) if built_in or custom is None else {}
        self._types: dict[str, dict[str, str]] = dict(base["types"])
        if custom is not None:
            added = derive(custom)
            self._kinds.update(added["kinds"])
            self._types.update(added["types"])

    def of(self, api_version: str, kind: str) -> Schema | None:
        """Return the type of a kind, None if it is not known."""
        name = self._kinds.get(f"{api_version} {kind}")
        return None if name is None else Schema("@" + name, self._types)


@lru_cache(maxsize=1)
def _built_in() -> dict[str, Any]:
    data: dict[str, Any] = json.loads(package_data("fluvial.kustomize", "data/schema.json"))
    return data


@lru_cache(maxsize=1)
def _cluster_scoped() -> frozenset[str]:
    return frozenset(_built_in()["cluster"])


def is_cluster_scoped(api_version: str, kind: str) -> bool:
    """Tell whether the kind is built in and known to be cluster-scoped; unknown kinds count as namespaced."""
    return f"{api_version} {kind}" in _cluster_scoped()


def derive(*documents: Mapping[str, Any]) -> dict[str, Any]:
    """Return the compact form of OpenAPI v2 documents: kinds, their scopes, and types (see `Schema`)."""
    types: dict[str, dict[str, str]] = {}
    kinds: dict[str, str] = {}
    scopes: dict[str, bool] = {}
    for document in documents:
        for name, definition in (document.get("definitions") or {}).items():
            _add_type(name, definition, types)
            for gvk in definition.get(_GVK) or ():
                kinds[_type_key(gvk)] = name
        for path, item in (document.get("paths") or {}).items():
            gvk = item.get("get", {}).get(_GVK)
            if gvk:
                key = _type_key(gvk)
                scopes[key] = scopes.get(key, False) or "namespaces/{namespace}" in path
    return {
        "kinds": kinds,
        "namespaced": sorted(key for key, namespaced in scopes.items() if namespaced),
        "cluster": sorted(key for key, namespaced in scopes.items() if not namespaced),
        "types": types,
    }


def _add_type(name: str, schema: Mapping[str, Any], types: dict[str, dict[str, str]]) -> None:
    fields: dict[str, str] = {}
    types[name] = fields
    for field, part in (schema.get("properties") or {}).items():
        fields[field] = _spec_of(part, f"{name}.{field}", types)
    if isinstance(schema.get("additionalProperties"), dict):
        fields["*"] = _spec_of(schema["additionalProperties"], f"{name}.*", types)


def _spec_of(schema: Mapping[str, Any], name: str, types: dict[str, dict[str, str]]) -> str:
    """Return the type of a field as text; an object described in place becomes the type `name`."""
    if "$ref" in schema:
        return "@" + str(schema["$ref"]).removeprefix(_REF)
    if schema.get("type") == "array":
        strategy = schema.get("x-kubernetes-patch-strategy", "")
        if strategy:
            keys = schema.get("x-kubernetes-list-map-keys") or [schema.get("x-kubernetes-patch-merge-key", "")]
            strategy += f"|{','.join(filter(None, keys))}|"
        return f"[{strategy}{_spec_of(schema.get('items') or {}, name + '[]', types)}"
    if schema.get("properties"):
        _add_type(name, schema, types)
        return "@" + name
    if isinstance(schema.get("additionalProperties"), dict):
        return "*" + _spec_of(schema["additionalProperties"], name + ".*", types)
    return ""


def _type_key(gvk: Mapping[str, str]) -> str:
    group = gvk.get("group", "")
    return f"{group}/{gvk['version']} {gvk['kind']}" if group else f"{gvk['version']} {gvk['kind']}"
