"""OpenAPI v3 documents of custom resources, made from their definitions.

What kubectl needs of them: the kinds with their descriptions (`explain`), and that PATCH knows `fieldValidation`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from fluvial.controlplane.resources import Registry, Resource

_META = "io.k8s.apimachinery.pkg.apis.meta.v1"
_PATCHES = (
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/apply-patch+yaml",
)
_COLLECTION = (("get", "list"), ("post", "post"), ("delete", "deletecollection"))
_OBJECT = (("get", "get"), ("put", "put"), ("patch", "patch"), ("delete", "delete"))
_WRITES = frozenset({"post", "put", "patch"})


def custom_documents(registry: Registry) -> dict[str, bytes]:
    """Return path (`apis/example.com/v1`) to document for every custom group version."""
    versions = sorted({(row.group, row.version) for row in registry.all() if row.custom is not None})
    return {f"apis/{group}/{version}": _document(registry, group, version) for group, version in versions}


def custom_document(registry: Registry, path: str) -> bytes | None:
    """Return the document of one custom group version, None when there is none."""
    parts = path.split("/")
    if len(parts) != 3 or parts[0] != "apis":
        return None
    if not any(row.custom is not None for row in registry.in_version(parts[1], parts[2])):
        return None
    return _document(registry, parts[1], parts[2])


def _document(registry: Registry, group: str, version: str) -> bytes:
    schemas = _meta_schemas(registry)
    paths: dict[str, Any] = {}
    for row in registry.in_version(group, version):
        if row.custom is None:
            continue
        name = definition_name(row)
        schemas[name] = _kind_schema(row, row.custom.schema)
        schemas[f"{name}List"] = _list_schema(row, name)
        paths.update(_paths(row, name))
    body = {
        "openapi": "3.0.0",
        "info": {"title": "Kubernetes CRD Swagger", "version": "v0.1.0"},
        "paths": paths,
        "components": {"schemas": schemas},
    }
    return msgspec.json.encode(body)


def definition_name(row: Resource) -> str:
    """Return the name of a kind's definition: group reversed, version, kind."""
    return ".".join([*reversed(row.group.split(".")), row.version, row.kind])


def _meta_schemas(registry: Registry) -> dict[str, Any]:
    known = registry.kinds.openapi_v3("apis/coordination.k8s.io/v1")
    schemas = msgspec.json.decode(known)["components"]["schemas"] if known is not None else {}
    return {name: schema for name, schema in schemas.items() if name.startswith("io.k8s.apimachinery.")}


def _gvk(row: Resource, kind: str = "") -> dict[str, str]:
    return {"group": row.group, "version": row.version, "kind": kind or row.kind}


def _kind_schema(row: Resource, schema: Mapping[str, Any]) -> dict[str, Any]:
    shown = {**schema, "x-kubernetes-group-version-kind": [_gvk(row)]}
    properties = dict(shown.get("properties") or {})
    properties.setdefault("apiVersion", {"type": "string"})
    properties.setdefault("kind", {"type": "string"})
    properties["metadata"] = {
        "description": "Standard object's metadata.",
        "allOf": [{"$ref": f"#/components/schemas/{_META}.ObjectMeta"}],
    }
    return {**shown, "properties": properties}


def _list_schema(row: Resource, name: str) -> dict[str, Any]:
    return {
        "description": f"{row.list_kind} is a list of {row.kind}",
        "type": "object",
        "required": ["items"],
        "properties": {
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            "items": {"type": "array", "items": {"$ref": f"#/components/schemas/{name}"}},
            "metadata": {"$ref": f"#/components/schemas/{_META}.ListMeta"},
        },
        "x-kubernetes-group-version-kind": [_gvk(row, row.list_kind)],
    }


def _paths(row: Resource, name: str) -> dict[str, Any]:
    base = f"/apis/{row.group}/{row.version}"
    collection = f"{base}/namespaces/{{namespace}}/{row.plural}" if row.namespaced else f"{base}/{row.plural}"
    found = {collection: _operations(row, name, _COLLECTION), f"{collection}/{{name}}": _operations(row, name, _OBJECT)}
    if row.namespaced:
        found[f"{base}/{row.plural}"] = _operations(row, name, _COLLECTION[:1])
    for sub in ("status", "scale"):
        if sub in row.subresources:
            found[f"{collection}/{{name}}/{sub}"] = _operations(row, name, _OBJECT[:3])
    return found


def _operations(row: Resource, name: str, methods: tuple[tuple[str, str], ...]) -> dict[str, Any]:
    return {method: _operation(row, name, method, action) for method, action in methods}


def _operation(row: Resource, name: str, method: str, action: str) -> dict[str, Any]:
    answered = f"{name}List" if action == "list" else name
    content = {"application/json": {"schema": {"$ref": f"#/components/schemas/{answered}"}}}
    found: dict[str, Any] = {
        "responses": {"200": {"description": "OK", "content": content}},
        "x-kubernetes-action": action,
        "x-kubernetes-group-version-kind": _gvk(row),
    }
    if method in _WRITES:
        names = ("dryRun", "fieldManager", "fieldValidation")
        found["parameters"] = [
            {"name": parameter, "in": "query", "schema": {"type": "string", "uniqueItems": True}} for parameter in names
        ]
        types = _PATCHES if method == "patch" else ("application/json",)
        ref = f"{_META}.Patch" if method == "patch" else name
        schema = {"$ref": f"#/components/schemas/{ref}"}
        found["requestBody"] = {"content": {media: {"schema": schema} for media in types}}
    return found
