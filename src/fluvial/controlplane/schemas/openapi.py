"""The OpenAPI documents of the built-in kinds.

What kubectl 1.36 asks: `/openapi/v3` (the index, JSON) and `/openapi/v3/<group version>?hash=…` as JSON, for `explain`
(paths with their kind, definitions with descriptions), for the patches of client-side `apply`, `edit` and `diff` (merge
keys), and to see that PATCH knows `fieldValidation`. It asks `/openapi/v2`, in protobuf alone
(application/com.github.proto-openapi.spec.v2@v1.0+protobuf), where v3 is not served and for
`explain --output=plaintext-openapiv2`; a JSON answer to that is an error there, so answer 406. JSON v2 is for clients
in other languages. The hash of the index is part of the URL: answers under a right hash may be cached for ever.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from fluvial.controlplane.schemas.data import definitions
from fluvial.stdx import sha256

if TYPE_CHECKING:
    from fluvial.controlplane.schemas.builtin import Resource

Kinds = Mapping[tuple[str, str], str]
Operation = Callable[["Resource", str, Kinds], dict[str, Any]]

_REFERENCE = re.compile(rb'"#/components/schemas/([^"]+)"')
_QUERY_BY_METHOD = {
    "get": ("pretty",),
    "list": (
        "allowWatchBookmarks",
        "continue",
        "fieldSelector",
        "labelSelector",
        "limit",
        "pretty",
        "resourceVersion",
        "resourceVersionMatch",
        "sendInitialEvents",
        "timeoutSeconds",
        "watch",
    ),
    "post": ("dryRun", "fieldManager", "fieldValidation", "pretty"),
    "put": ("dryRun", "fieldManager", "fieldValidation", "pretty"),
    "patch": ("dryRun", "fieldManager", "fieldValidation", "force", "pretty"),
    "delete": ("dryRun", "gracePeriodSeconds", "orphanDependents", "propagationPolicy", "pretty"),
}
_TYPES = {
    "allowWatchBookmarks": "boolean",
    "force": "boolean",
    "gracePeriodSeconds": "integer",
    "limit": "integer",
    "orphanDependents": "boolean",
    "sendInitialEvents": "boolean",
    "timeoutSeconds": "integer",
    "watch": "boolean",
}
_PATCHES = (
    "application/apply-patch+yaml",
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
)


def paths_v3(resources: Sequence["Resource"]) -> dict[str, str]:
    """Return the path of each group version's document and the hash that names its content."""
    # The documents follow from vendored data: one hash of a name and the data's own text stands for each.
    names = {_path(r.group, r.version) for r in resources}
    data = sha256(b"".join(definitions().text(name) for name in definitions()))
    return {name: sha256(f"{name} {data}".encode()).rpartition(":")[2].upper() for name in sorted(names)}


def document_v3(path: str, resources: Sequence["Resource"], kinds: Kinds) -> bytes | None:
    """Return the document of one group version, None when it is not served."""
    mine = [r for r in resources if _path(r.group, r.version) == path]
    if not mine:
        return None
    roots = [name for r in mine if (name := kinds.get(_kind_of(r))) is not None]
    texts = {name: msgspec.Raw(definitions().text(name)) for name in sorted(_closure(roots))}
    document = {
        "openapi": "3.0.0",
        "info": _INFO,
        "paths": _paths(mine, kinds, _operation_v3),
        "components": {"schemas": texts},
    }
    return msgspec.json.encode(document)


def document_v2(resources: Sequence["Resource"], kinds: Kinds) -> bytes:
    """Return the Swagger document of all built-in kinds."""
    schemas = {name: to_v2(definitions()[name]) for name in sorted(definitions())}
    document = {
        "swagger": "2.0",
        "info": _INFO,
        "paths": _paths(resources, kinds, _operation_v2),
        "definitions": schemas,
    }
    return msgspec.json.encode(document)


_INFO = {"title": "Kubernetes", "version": "v1.36.3"}


def to_v2(schema: Any) -> Any:
    """Return an OpenAPI v3 schema in the form of v2: plain references, no defaults, no oneOf."""
    if isinstance(schema, list):
        return [to_v2(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    out: dict[str, Any] = {}
    for key, value in schema.items():
        if key == "allOf" and len(value) == 1 and "$ref" in value[0]:
            out["$ref"] = value[0]["$ref"].replace("#/components/schemas/", "#/definitions/")
        elif key == "$ref":
            out[key] = value.replace("#/components/schemas/", "#/definitions/")
        elif key == "properties":
            out[key] = {name: to_v2(prop) for name, prop in value.items()}
        elif key == "oneOf":
            out["type"] = "string"
        elif key not in ("default", "nullable"):
            out[key] = to_v2(value) if key in ("items", "additionalProperties") else value
    return out


def _path(group: str, version: str) -> str:
    return f"apis/{group}/{version}" if group else f"api/{version}"


def _kind_of(resource: "Resource") -> tuple[str, str]:
    group = resource.response_group or resource.group
    version = resource.response_version or resource.version
    return (f"{group}/{version}" if group else version), resource.kind


def _closure(roots: Iterable[str]) -> set[str]:
    """Return `roots`, their lists, and every definition that these refer to."""
    known = definitions()
    found: set[str] = set()
    waiting = [name for root in roots for name in (root, f"{root}List")]
    waiting.append("io.k8s.apimachinery.pkg.apis.meta.v1.Status")
    waiting.append("io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions")
    waiting.append("io.k8s.apimachinery.pkg.apis.meta.v1.Patch")
    while waiting:
        name = waiting.pop()
        if name in found or name not in known:
            continue
        found.add(name)
        waiting += [match.decode() for match in _REFERENCE.findall(known.text(name))]
    return found


_ITEM_METHODS = {"get": "get", "update": "put", "patch": "patch", "delete": "delete"}


def _paths(resources: Iterable["Resource"], kinds: Kinds, operation: Operation) -> dict[str, Any]:
    paths: dict[str, Any] = {}
    for resource in resources:
        plural, _, subresource = resource.name.partition("/")
        root = f"/{_path(resource.group, resource.version)}"
        if resource.namespaced:
            if not subresource and "list" in resource.verbs:
                paths[f"{root}/{plural}"] = {"get": operation(resource, "list", kinds)}
            root += "/namespaces/{namespace}"
        item = f"{root}/{plural}/{{name}}" + (f"/{subresource}" if subresource else "")
        collection = {} if subresource else {"get": ("list", "list"), "post": ("create", "post")}
        single = {method: (verb, method) for verb, method in _ITEM_METHODS.items()}
        if subresource:
            single["post"] = ("create", "post")
        for path, methods in ((f"{root}/{plural}", collection), (item, single)):
            content = {
                method: operation(resource, action, kinds)
                for method, (verb, action) in methods.items()
                if verb in resource.verbs
            }
            if content:
                paths[path] = content
    return paths


def _extensions(resource: "Resource", method: str) -> dict[str, Any]:
    api_version, kind = _kind_of(resource)
    group, _, version = api_version.rpartition("/")
    return {
        "x-kubernetes-action": method,
        "x-kubernetes-group-version-kind": {"group": group, "version": version, "kind": kind},
    }


def _in_path(resource: "Resource", method: str) -> list[str]:
    """Return the names of the parameters in the operation's path."""
    names = ["name"] if method not in ("list", "post") or "/" in resource.name else []
    return [*names, "namespace"] if resource.namespaced and method != "list" else names


def _operation_v3(resource: "Resource", method: str, kinds: Kinds) -> dict[str, Any]:
    parameters: list[dict[str, Any]] = [
        {"name": name, "in": "query", "schema": {"type": _TYPES.get(name, "string"), "uniqueItems": True}}
        for name in _QUERY_BY_METHOD[method]
    ]
    parameters += [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "uniqueItems": True}}
        for name in _in_path(resource, method)
    ]
    definition = kinds.get(_kind_of(resource))
    operation: dict[str, Any] = {"parameters": parameters, "responses": _responses(definition, method)}
    if method in ("post", "put") and definition is not None:
        schema = {"$ref": f"#/components/schemas/{definition}"}
        operation["requestBody"] = {"required": True, "content": {"*/*": {"schema": schema}}}
    elif method == "patch":
        schema = {"$ref": "#/components/schemas/io.k8s.apimachinery.pkg.apis.meta.v1.Patch"}
        operation["requestBody"] = {"required": True, "content": {media: {"schema": schema} for media in _PATCHES}}
    return {**operation, **_extensions(resource, method)}


def _responses(definition: str | None, method: str) -> dict[str, Any]:
    ok: dict[str, Any] = {"description": "OK"}
    if method == "delete":
        definition = "io.k8s.apimachinery.pkg.apis.meta.v1.Status"
    elif method == "list" and definition is not None:
        definition = f"{definition}List" if f"{definition}List" in definitions() else definition
    if definition is not None:
        ok["content"] = {"application/json": {"schema": {"$ref": f"#/components/schemas/{definition}"}}}
    return {"200": ok, "401": {"description": "Unauthorized"}}


def _operation_v2(resource: "Resource", method: str, kinds: Kinds) -> dict[str, Any]:
    parameters: list[dict[str, Any]] = [
        {"name": name, "in": "query", "type": _TYPES.get(name, "string"), "uniqueItems": True}
        for name in _QUERY_BY_METHOD[method]
    ]
    parameters += [
        {"name": name, "in": "path", "required": True, "type": "string", "uniqueItems": True}
        for name in _in_path(resource, method)
    ]
    definition = kinds.get(_kind_of(resource))
    ok: dict[str, Any] = {"description": "OK"}
    if definition is not None:
        ok["schema"] = {"$ref": f"#/definitions/{definition}"}
        if method in ("post", "put"):
            parameters.append({"name": "body", "in": "body", "required": True, "schema": ok["schema"]})
    operation: dict[str, Any] = {"consumes": ["*/*"], "produces": ["application/json"], "parameters": parameters}
    if method == "patch":
        operation["consumes"] = list(_PATCHES)
    return {**operation, "responses": {"200": ok}, **_extensions(resource, method)}
