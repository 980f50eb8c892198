"""A scripted API server in memory: answers by (method, path), records what was asked."""

import asyncio
import random
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from fluvial.kube import Client
from fluvial.net import Fault, MemoryTransport, Request, ServerRequest, ServerResponse
from fluvial.stdx import NO_METRICS, Metrics

API = "https://api.fluvial.local"
JSON = {"content-type": "application/json"}
CORE = [
    {"resource": "configmaps", "responseKind": {"kind": "ConfigMap"}, "scope": "Namespaced", "verbs": ["get", "list"]},
    {
        "resource": "namespaces",
        "responseKind": {"kind": "Namespace"},
        "scope": "Cluster",
        "verbs": ["get"],
        "shortNames": ["ns"],
        "singularResource": "namespace",
        "subresources": [{"subresource": "status", "verbs": ["get"]}],
    },
]
APPS = [{"resource": "deployments", "responseKind": {"kind": "Deployment"}, "scope": "Namespaced", "verbs": ["get"]}]
MAP = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "ns"}}

Answer = ServerResponse | Callable[[ServerRequest], ServerResponse]


def reply(code: int, body: Any, headers: Mapping[str, str] | None = None) -> ServerResponse:
    return ServerResponse(code, {**JSON, **(headers or {})}, msgspec.json.encode(body))


def failure(code: int, reason: str, message: str = "no", *, retry_after: int = 0, **details: Any) -> ServerResponse:
    body = {"kind": "Status", "reason": reason, "message": message, "code": code, "details": details}
    return reply(code, body, {"retry-after": str(retry_after)} if retry_after else None)


def aggregated(groups: Mapping[str, list[dict[str, Any]]], stale: tuple[str, ...] = ()) -> dict[str, Any]:
    items = []
    for group_version, resources in groups.items():
        group, _, version = group_version.rpartition("/")
        entry: dict[str, Any] = {"version": version, "resources": resources}
        if group_version in stale:
            entry = {"version": version, "freshness": "Stale"}
        items.append({"metadata": {"name": group}, "versions": [entry]})
    return {"kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "items": items}


class Server:
    """Answers from `answers`, and discovery from `groups`; what has no answer is a 404 without a Status."""

    def __init__(self) -> None:
        self.groups: dict[str, list[dict[str, Any]]] = {"apps/v1": APPS}
        self.stale: tuple[str, ...] = ()
        self.answers: dict[tuple[str, str], Answer] = {}
        self.requests: list[ServerRequest] = []
        self.latency = 0.0  # seconds that a discovery answer takes to come back
        self.fault: Callable[[Request], Fault | None] = lambda request: None
        self.transport = MemoryTransport({API: self.handle}, faults=lambda request: self.fault(request))

    def client(self, metrics: Metrics = NO_METRICS, **options: Any) -> Client:
        return Client(API, self.transport, chance=random.Random(1), metrics=metrics, **options)

    def answer(self, method: str, path: str, answer: Answer) -> None:
        self.answers[method, path] = answer

    def in_turn(self, method: str, path: str, *answers: ServerResponse) -> None:
        """Give these answers one after another, the last one for ever."""
        left = list(answers)
        self.answers[method, path] = lambda request: left.pop(0) if len(left) > 1 else left[0]

    def asked(self, *, discovery: bool = False) -> list[str]:
        """Return "METHOD path?query" of all requests."""
        found = [request for request in self.requests if discovery or request.path not in ("/api", "/apis")]
        return [f"{one.method} {one.path}" + (f"?{one.query}" if one.query else "") for one in found]

    async def handle(self, request: ServerRequest) -> ServerResponse:
        self.requests.append(request)
        answer = self.answers.get((request.method, request.path))
        if answer is not None:
            return answer if isinstance(answer, ServerResponse) else answer(request)
        if request.path in ("/api", "/apis"):
            found = aggregated({"v1": CORE}) if request.path == "/api" else aggregated(self.groups, self.stale)
            await asyncio.sleep(self.latency)
            return reply(200, found)
        return ServerResponse(404, {"content-type": "text/plain"}, b"404 page not found\n")
