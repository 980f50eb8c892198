"""A very small API server in memory: a few kinds, list, watch with history, optimistic locking.

It answers what the informer, the elector and the recorder ask for; they meet the embedded control plane elsewhere.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import msgspec

from fluvial.net import ServerRequest, ServerResponse
from fluvial.objects import LabelSelector, apply_merge_patch, labels
from fluvial.wire import ListOptions, ResourcePath, bookmark, encode_frame, parse_path, parse_query

API = "https://api.fluvial.local"
CONFIG_MAPS, EVENTS, LEASES = "configmaps", "events", "leases"
_KINDS = {CONFIG_MAPS: ("v1", "ConfigMap"), EVENTS: ("v1", "Event"), LEASES: ("coordination.k8s.io/v1", "Lease")}
_JSON = {"content-type": "application/json"}


class MiniApi:
    """Objects by (plural, namespace, name), and what happened to them.

    Attributes:
        requests: everything asked, in order.
        oldest: a watch from an older version is answered 410.
        streams_initial_events: as a server with the WatchList feature.
        override: may answer a request in the server's place.
    """

    def __init__(self) -> None:
        self.objects: dict[tuple[str, str, str], dict[str, Any]] = {}
        self.history: list[tuple[int, str, str, dict[str, Any]]] = []  # version, plural, event type, object
        self.requests: list[ServerRequest] = []
        self.version = 1
        self.oldest = 0
        self.streams_initial_events = True
        self.override: Callable[[ServerRequest], ServerResponse | None] = lambda request: None
        self._changed = asyncio.Event()

    def put(self, obj: dict[str, Any], *, plural: str = "") -> dict[str, Any]:
        """Create or replace an object, and tell the watches."""
        plural = plural or next(name for name, (_, kind) in _KINDS.items() if kind == obj["kind"])
        metadata = obj["metadata"]
        key = (plural, metadata.get("namespace", ""), metadata["name"])
        self.version += 1
        kind = "MODIFIED" if key in self.objects else "ADDED"
        uid = self.objects[key]["metadata"]["uid"] if key in self.objects else f"uid-{self.version}"
        stored = {**obj, "metadata": {**metadata, "uid": uid, "resourceVersion": str(self.version)}}
        self.objects[key] = stored
        self._happened(plural, kind, stored)
        return stored

    def config_map(self, name: str, value: str = "", **extra: Any) -> dict[str, Any]:
        """Put a ConfigMap into namespace "ns"."""
        metadata = {"name": name, "namespace": "ns", **extra}
        return self.put({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"value": value}})

    def delete(self, plural: str, namespace: str, name: str) -> None:
        """Remove an object, and tell the watches."""
        self.version += 1
        gone = self.objects.pop((plural, namespace, name))
        last = {**gone, "metadata": {**gone["metadata"], "resourceVersion": str(self.version)}}
        self._happened(plural, "DELETED", last)

    def compact(self) -> None:
        """Forget history: watches from before now are answered 410."""
        self.oldest = self.version

    async def handle(self, request: ServerRequest) -> ServerResponse:
        self.requests.append(request)
        overriding = self.override(request)
        if overriding is not None:
            return overriding
        if request.path in ("/api", "/apis"):
            return _reply(200, _discovery(request.path))
        path = parse_path(request.path)
        if path is None or path.resource not in _KINDS:
            return ServerResponse(404, {"content-type": "text/plain"}, b"404 page not found\n")
        if path.name:
            return self._one(request, path)
        if request.method == "POST":
            return self._create(request, path)
        options = ListOptions.parse(parse_query(request.query))
        if options.watch:
            return self._watch(path, options)
        return self._list(path, options)

    def _one(self, request: ServerRequest, path: ResourcePath) -> ServerResponse:
        key = (path.resource, path.namespace, path.name)
        found = self.objects.get(key)
        if found is None:
            return status(404, "NotFound", f'{path.resource} "{path.name}" not found', name=path.name)
        if request.method == "GET":
            return _reply(200, found)
        body = msgspec.json.decode(request.body)
        if request.method == "PATCH":
            return _reply(200, self.put(apply_merge_patch(found, body), plural=path.resource))
        version = body["metadata"].get("resourceVersion")
        if version and version != found["metadata"]["resourceVersion"]:
            return status(409, "Conflict", "the object has been modified", name=path.name)
        return _reply(200, self.put(body, plural=path.resource))

    def _create(self, request: ServerRequest, path: ResourcePath) -> ServerResponse:
        body = msgspec.json.decode(request.body)
        name = body["metadata"]["name"]
        if (path.resource, path.namespace, name) in self.objects:
            return status(409, "AlreadyExists", f'{path.resource} "{name}" already exists', name=name)
        return _reply(201, self.put(body, plural=path.resource))

    def _select(self, path: ResourcePath, options: ListOptions) -> list[dict[str, Any]]:
        found = [obj for key, obj in sorted(self.objects.items()) if key[0] == path.resource]
        return [obj for obj in found if _matches(obj, path, options)]

    def _list(self, path: ResourcePath, options: ListOptions) -> ServerResponse:
        items = self._select(path, options)
        metadata: dict[str, Any] = {"resourceVersion": str(self.version)}
        start = int(options.continue_token or 0)
        if options.limit and len(items) > start + options.limit:
            metadata["continue"] = str(start + options.limit)
        end = start + options.limit if options.limit else None
        return _reply(200, {"kind": "List", "apiVersion": "v1", "metadata": metadata, "items": items[start:end]})

    def _watch(self, path: ResourcePath, options: ListOptions) -> ServerResponse:
        if options.send_initial_events and not self.streams_initial_events:
            return status(422, "Invalid", "sendInitialEvents is forbidden")
        since = int(options.resource_version or 0)
        if since and since < self.oldest:
            return status(410, "Expired", "too old resource version")
        return ServerResponse(200, _JSON, self._frames(path, options, since))

    async def _frames(self, path: ResourcePath, options: ListOptions, since: int) -> AsyncIterator[bytes]:
        api_version, kind = _KINDS[path.resource]
        if options.send_initial_events:
            for obj in self._select(path, options):
                yield encode_frame("ADDED", msgspec.json.encode(obj))
            since = self.version
            yield bookmark(kind, api_version, since, initial_events_end=True)
        loop = asyncio.get_running_loop()
        ends = loop.time() + options.timeout_seconds
        while loop.time() < ends:
            for version, plural, event_type, obj in list(self.history):
                if version > since and plural == path.resource and _matches(obj, path, options):
                    yield encode_frame(event_type, msgspec.json.encode(obj))  # type: ignore[arg-type]
            since = self.version
            self._changed.clear()
            try:
                async with asyncio.timeout(min(60, ends - loop.time())):
                    await self._changed.wait()
            except TimeoutError:
                yield bookmark(kind, api_version, since)

    def _happened(self, plural: str, event_type: str, obj: dict[str, Any]) -> None:
        self.history.append((self.version, plural, event_type, obj))
        self._changed.set()


def status(code: int, reason: str, message: str, *, name: str = "", retry_after: int = 0) -> ServerResponse:
    """Return a failure as a Kubernetes Status."""
    details = {"name": name, "kind": "any"} if name else {}
    body = {
        "kind": "Status",
        "apiVersion": "v1",
        "reason": reason,
        "message": message,
        "code": code,
        "details": details,
    }
    headers = {**_JSON, "retry-after": str(retry_after)} if retry_after else _JSON
    return _reply(code, body, headers)


def _matches(obj: dict[str, Any], path: ResourcePath, options: ListOptions) -> bool:
    if path.namespace and obj["metadata"].get("namespace") != path.namespace:
        return False
    return LabelSelector.parse(options.label_selector).matches(labels(obj))


def _discovery(path: str) -> dict[str, Any]:
    groups: dict[str, list[dict[str, Any]]] = {}
    for plural, (api_version, kind) in _KINDS.items():
        group, _, version = api_version.rpartition("/")
        resource = {"resource": plural, "responseKind": {"kind": kind}, "scope": "Namespaced", "verbs": ["get"]}
        if (group == "") == (path == "/api"):
            groups.setdefault(f"{group}/{version}", []).append(resource)
    items = [
        {
            "metadata": {"name": name.rpartition("/")[0]} if name.rpartition("/")[0] else {},
            "versions": [{"version": name.rpartition("/")[2], "resources": resources}],
        }
        for name, resources in groups.items()
    ]
    return {"kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "items": items}


def _reply(code: int, body: dict[str, Any], headers: dict[str, str] | None = None) -> ServerResponse:
    return ServerResponse(code, headers or _JSON, msgspec.json.encode(body))
