"""What is answered besides resources: version, health, OpenAPI."""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec

from fluvial.controlplane.bootstrap import VERSION
from fluvial.controlplane.customdocuments import custom_document, custom_documents
from fluvial.controlplane.protobuf import MEDIA_TYPE, openapi_v2
from fluvial.controlplane.resources import Registry
from fluvial.net import ServerResponse
from fluvial.wire import parse_query

_JSON = "application/json"
_HEALTH = ("ping", "log", "store", "poststarthook/start-apiextensions-controllers", "poststarthook/crd-informer-synced")
_VERSION = {
    "major": "1",
    "minor": "36",
    "emulationMajor": "1",
    "emulationMinor": "36",
    "minCompatibilityMajor": "1",
    "minCompatibilityMinor": "35",
    "gitVersion": VERSION,
    "gitCommit": "",
    "gitTreeState": "clean",
    "buildDate": "1970-01-01T00:00:00Z",
    "goVersion": "go1.26",
    "compiler": "gc",
    "platform": "linux/amd64",
}


class Documents:
    """Answers requests for documents; OpenAPI is remembered until what is served changes."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._generation = -1
        self._cache: dict[str, bytes] = {}

    def answer(self, path: str, query: str, accept: str) -> ServerResponse | None:
        """Return the answer to a path, None when it is none of ours."""
        if path in ("/version", "/version/"):
            return ServerResponse(200, {"content-type": _JSON}, msgspec.json.format(msgspec.json.encode(_VERSION)))
        root = path.split("/")[1]
        if root in ("healthz", "livez", "readyz"):
            return _health(path, root, query)
        if path == "/openapi/v2":
            return self._openapi_v2(accept)
        if path in ("/openapi/v3", "/openapi/v3/"):
            return self._json("v3", self._index)
        if path.startswith("/openapi/v3/"):
            return self._group(path.removeprefix("/openapi/v3/"))
        return None

    def _json(self, key: str, make: Any) -> ServerResponse:
        if self._generation != self._registry.generation:
            self._generation = self._registry.generation
            self._cache.clear()
        found = self._cache.get(key)
        if found is None:
            found = self._cache[key] = make()
        return ServerResponse(200, {"content-type": _JSON, "vary": "Accept"}, found)

    def _index(self) -> bytes:
        paths = dict(self._registry.kinds.openapi_v3_paths())
        for path, body in custom_documents(self._registry).items():
            paths[path] = hashlib.sha256(body).hexdigest().upper()
        listed = {
            path: {"serverRelativeURL": f"/openapi/v3/{path}?hash={digest}"} for path, digest in sorted(paths.items())
        }
        return msgspec.json.encode({"paths": listed})

    def _group(self, path: str) -> ServerResponse | None:
        known = self._registry.kinds.openapi_v3(path)
        if known is not None:
            return self._json(path, lambda: known)
        made = custom_document(self._registry, path)
        return self._json(path, lambda: made) if made is not None else None

    def _openapi_v2(self, accept: str) -> ServerResponse:
        answer = self._json("v2", self._registry.kinds.openapi_v2)
        if "com.github.proto-openapi.spec.v2" not in accept:
            return answer
        assert isinstance(answer.body, bytes)
        document = answer.body
        packed = self._json("v2 protobuf", lambda: openapi_v2(msgspec.json.decode(document)))
        return ServerResponse(200, {"content-type": MEDIA_TYPE, "vary": "Accept"}, packed.body)


def _health(path: str, root: str, query: str) -> ServerResponse:
    headers = {"content-type": "text/plain; charset=utf-8", "x-content-type-options": "nosniff"}
    name = path.removeprefix(f"/{root}").strip("/")
    if name and name not in _HEALTH:
        return ServerResponse(404, headers, b"404 page not found\n")
    if name or "verbose" not in parse_query(query):
        return ServerResponse(200, headers, b"ok")
    lines = [f"[+]{check} ok\n" for check in _HEALTH]
    return ServerResponse(200, headers, "".join([*lines, f"{root} check passed\n"]).encode())
