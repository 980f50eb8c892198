"""A small blocking client on one connection: the benchmarks' own hand on the API server."""

import http.client
import json
import ssl
import urllib.parse
from typing import Any

NAMESPACE = "flux-system"
KUSTOMIZATIONS = f"/apis/kustomize.toolkit.fluxcd.io/v1/namespaces/{NAMESPACE}/kustomizations"
REPOSITORIES = f"/apis/source.toolkit.fluxcd.io/v1/namespaces/{NAMESPACE}/gitrepositories"
APPLY = "application/apply-patch+yaml"
MERGE = "application/merge-patch+json"


class Api:
    """GET, POST, PATCH, DELETE of JSON with a bearer token; its user agent is `benchmark`."""

    def __init__(self, url: str, token: str) -> None:
        self._url = urllib.parse.urlparse(url)
        self._token = token
        self._connection: http.client.HTTPConnection | None = None

    def send(self, method: str, path: str, body: object = None, media: str = "application/json") -> tuple[int, Any]:
        """Return the status and the decoded answer; a dropped keep-alive connection is tried once more."""
        headers = {
            "Authorization": f"Bearer {self._token}",
            "Content-Type": media,
            "Accept": "application/json",
            "User-Agent": "benchmark",
        }
        text = None if body is None else json.dumps(body)
        for last_try in (False, True):
            try:
                if self._connection is None:
                    self._connection = self._connect()
                self._connection.request(method, path, text, headers)
                answer = self._connection.getresponse()
                data = answer.read()
                return answer.status, json.loads(data) if data[:1] == b"{" else data
            except (http.client.HTTPException, OSError):
                self._connection = None
                if last_try:
                    raise
        raise AssertionError("unreachable")

    def get(self, path: str) -> Any:
        """Return the decoded answer of a GET."""
        return self.send("GET", path)[1]

    def annotate(self, path: str, key: str, value: str) -> None:
        """Set one annotation by merge patch."""
        self.send("PATCH", path, {"metadata": {"annotations": {key: value}}}, MERGE)

    def _connect(self) -> http.client.HTTPConnection:
        host, port = self._url.hostname or "127.0.0.1", self._url.port
        if self._url.scheme == "http":
            return http.client.HTTPConnection(host, port, timeout=120)
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return http.client.HTTPSConnection(host, port, timeout=120, context=context)


def is_ready(obj: dict[str, Any], revision: str = "") -> bool:
    """Tell whether an object is Ready at its generation and, where asked, has applied `revision`."""
    status = obj.get("status", {})
    ready = [c for c in status.get("conditions", []) if c["type"] == "Ready"]
    return (
        bool(ready)
        and ready[0]["status"] == "True"
        and status.get("observedGeneration") == obj["metadata"]["generation"]
        and revision in status.get("lastAppliedRevision", "")
    )


def kustomization(name: str, path: str, source: str, **spec: object) -> dict[str, Any]:
    """Return a Kustomization with a long interval, pruning and waiting."""
    return {
        "apiVersion": "kustomize.toolkit.fluxcd.io/v1",
        "kind": "Kustomization",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {
            "interval": "60m",
            "path": path,
            "prune": True,
            "wait": True,
            "timeout": "5m",
            "sourceRef": {"kind": "GitRepository", "name": source},
        }
        | spec,
    }


def repository(name: str, url: str, **spec: object) -> dict[str, Any]:
    """Return a GitRepository that follows branch main."""
    return {
        "apiVersion": "source.toolkit.fluxcd.io/v1",
        "kind": "GitRepository",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {"interval": "60m", "url": url, "ref": {"branch": "main"}} | spec,
    }
