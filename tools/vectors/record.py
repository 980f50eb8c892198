"""Records what a real kube-apiserver answers to sequences of requests, as vectors for the fast tests.

usage: PYTHONPATH=. python tools/vectors/record.py SITUATIONS.yaml OUT.json[.gz]
       (FLUVIAL_PEERS names the folder of `make peers`)

SITUATIONS.yaml has `setup` (objects created first) and `situations`, each with a `name` (a sentence) and `steps`. A
step is one request: `apply|create|put|merge|json|strategic|get|delete: BODY`, with `at` (the path of the object; else
it follows from the body), `subresource`, `manager`, `force`, `query`. Steps of one situation are a second apart, so
that time stamps tell which step set them (`timeless: true` leaves that out). OUT.json holds each step as an HTTP
request and the answer's code, body and warnings.
Masked: uid, resourceVersion (first seen is "1", the next other one "2", …), creationTimestamp, and time stamps as
"step 3", the number of the step that set them.
"""

import gzip
import http.client
import json
import ssl
import sys
import time
import urllib.parse
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from tests.support.realserver import peers_folder, real_server

PATCHES = {
    "apply": "application/apply-patch+yaml",
    "merge": "application/merge-patch+json",
    "json": "application/json-patch+json",
    "strategic": "application/strategic-merge-patch+json",
}
PLURALS = {
    "ConfigMap": "configmaps", "Secret": "secrets", "Service": "services", "Deployment": "deployments", "Pod": "pods",
    "Namespace": "namespaces", "CustomResourceDefinition": "customresourcedefinitions", "ClusterRole": "clusterroles",
    "Job": "jobs", "ServiceAccount": "serviceaccounts", "HorizontalPodAutoscaler": "horizontalpodautoscalers",
    "Ingress": "ingresses", "StatefulSet": "statefulsets", "DaemonSet": "daemonsets", "CronJob": "cronjobs",
    "PersistentVolumeClaim": "persistentvolumeclaims", "RoleBinding": "rolebindings", "Role": "roles",
    "ClusterRoleBinding": "clusterrolebindings", "NetworkPolicy": "networkpolicies",
    "PodDisruptionBudget": "poddisruptionbudgets", "PersistentVolume": "persistentvolumes",
    "StorageClass": "storageclasses", "PriorityClass": "priorityclasses", "IngressClass": "ingressclasses",
    "Endpoints": "endpoints", "EndpointSlice": "endpointslices", "ReplicaSet": "replicasets", "Event": "events",
    "ReplicationController": "replicationcontrollers", "LimitRange": "limitranges", "ResourceQuota": "resourcequotas",
    "ValidatingWebhookConfiguration": "validatingwebhookconfigurations", "Lease": "leases",
    "MutatingWebhookConfiguration": "mutatingwebhookconfigurations", "RuntimeClass": "runtimeclasses",
}  # fmt: skip
CLUSTER = {
    "Namespace", "CustomResourceDefinition", "ClusterRole", "ClusterRoleBinding", "PersistentVolume", "StorageClass",
    "PriorityClass", "IngressClass", "ValidatingWebhookConfiguration", "MutatingWebhookConfiguration", "RuntimeClass",
}  # fmt: skip


class Api:
    """One connection to the real server."""

    def __init__(self, url: str, token: str) -> None:
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        self.connection = http.client.HTTPSConnection(url.removeprefix("https://"), context=context, timeout=60)
        self.headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}

    def send(self, method: str, path: str, body: Any, media: str) -> tuple[int, Any, list[str]]:
        """Return the code, the decoded body and the warnings of the answer."""
        text = body if isinstance(body, str) else json.dumps(body) if body is not None else None
        self.connection.request(method, path, text, {**self.headers, "Content-Type": media})
        answer = self.connection.getresponse()
        content = answer.read()
        warnings = [value for key, value in answer.getheaders() if key.lower() == "warning"]
        try:
            return answer.status, json.loads(content), warnings
        except ValueError:
            return answer.status, content.decode(), warnings


def collection(body: dict[str, Any], plurals: dict[str, str]) -> str:
    """Return the path of the collection that `body` belongs to."""
    version = body["apiVersion"]
    prefix = f"/apis/{version}" if "/" in version else f"/api/{version}"
    kind = body["kind"]
    metadata = body.get("metadata")
    namespace = metadata.get("namespace") if isinstance(metadata, dict) else None
    scope = "" if kind in CLUSTER else f"/namespaces/{namespace or 'default'}"
    return f"{prefix}{scope}/{plurals[kind]}"


def request_of(step: dict[str, Any], plurals: dict[str, str]) -> dict[str, Any]:
    """Return a step as an HTTP request."""
    verb = next(v for v in (*PATCHES, "create", "put", "get", "delete") if v in step)
    body = step[verb]
    path = step.get("at") or collection(body, plurals)
    if "at" not in step and verb != "create":
        path += "/" + body["metadata"]["name"]
    if subresource := step.get("subresource"):
        path += "/" + subresource
    query = dict(step.get("query") or {})
    if "manager" in step:
        query["fieldManager"] = step["manager"]
    if step.get("force"):
        query["force"] = "true"
    method = {"create": "POST", "put": "PUT", "get": "GET", "delete": "DELETE"}.get(verb, "PATCH")
    if query:
        path += "?" + urllib.parse.urlencode(query)
    return {"method": method, "path": path, "media": PATCHES.get(verb, "application/json"), "body": body}


class Mask:
    """Replaces what differs from run to run by what it means."""

    def __init__(self) -> None:
        self.versions: dict[str, str] = {}
        self.moments: list[int] = []  # second in which each step began

    def body(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self.body(item) for item in value]
        if not isinstance(value, dict):
            return value
        out = {}
        for key, content in value.items():
            if key == "resourceVersion" and isinstance(content, str) and content:
                content = self.versions.setdefault(content, str(len(self.versions) + 1))
            elif key == "uid" and isinstance(content, str):
                content = "UID"
            elif key == "creationTimestamp" and isinstance(content, str):
                content = "CREATED"
            elif key == "time" and isinstance(content, str):
                content = self.time(content)
            elif key in ("clusterIP",) and isinstance(content, str) and content not in ("None", ""):
                content = "IP"
            elif key == "clusterIPs" and content and content != ["None"]:
                content = ["IP"]
            elif key == "nodePort":
                content = 30000
            else:
                content = self.body(content)
            out[key] = content
        return out

    def time(self, text: str) -> str:
        second = int(datetime.fromisoformat(text).timestamp())
        step = max((i for i, moment in enumerate(self.moments) if moment <= second), default=None)
        # Older than the situation: a time that a request brought along.
        return text if step is None else f"step {step + 1}"


def record(api: Api, situation: dict[str, Any], plurals: dict[str, str], *, timeless: bool) -> dict[str, Any]:
    """Run one situation and return its exchanges."""
    mask = Mask()
    exchanges = []
    for step in situation["steps"]:
        if not timeless:
            # Begin each step early in a second of its own.
            time.sleep(1.02 - (time.time() % 1.0))
        mask.moments.append(int(datetime.now(UTC).timestamp()))
        request = request_of(step, plurals)
        code, body, warnings = api.send(request["method"], request["path"], request["body"], request["media"])
        answer: dict[str, Any] = {"code": code, "body": mask.body(body)}
        if warnings:
            answer["warnings"] = warnings
        exchanges.append({"request": request, "answer": answer})
        print(f"  {request['method']} {request['path']} {code}", file=sys.stderr)
    return {"name": situation["name"], "exchanges": exchanges}


def set_up(api: Api, objects: list[dict[str, Any]], plurals: dict[str, str]) -> None:
    """Create the objects that the situations stand on, and wait for the kinds among them."""
    for obj in objects:
        code, body, _ = api.send("POST", collection(obj, plurals), obj, "application/json")
        if code >= 300:
            raise SystemExit(f"set-up failed: {body}")
        if obj["kind"] == "CustomResourceDefinition":
            spec = obj["spec"]
            plurals[spec["names"]["kind"]] = spec["names"]["plural"]
            if spec["scope"] == "Cluster":
                CLUSTER.add(spec["names"]["kind"])
            for version in spec["versions"]:
                if version["served"]:
                    wait_served(api, f"/apis/{spec['group']}/{version['name']}/{spec['names']['plural']}")


def wait_served(api: Api, path: str) -> None:
    """Wait until a custom kind answers, and is known to server-side apply."""
    for _ in range(200):
        if api.send("GET", path, None, "application/json")[0] == 200:
            time.sleep(1.0)  # the handler is exchanged once more when the CRD's conditions settle
            return
        time.sleep(0.1)
    raise SystemExit(f"{path} is not served")


def main(source: Path, target: Path) -> None:
    document = yaml.safe_load(source.read_text())
    plurals = dict(PLURALS)
    peers = peers_folder()
    if peers is None:
        raise SystemExit("no kube-apiserver: run `make peers`, or name its folder in FLUVIAL_PEERS")
    with real_server(peers, controllers=False) as server:
        api = Api(server.url, server.token)
        version = api.send("GET", "/version", None, "application/json")[1]["gitVersion"]
        wait_served(api, "/api/v1/namespaces/default/configmaps")
        set_up(api, document.get("setup") or [], plurals)
        situations = []
        for situation in document["situations"]:
            print(situation["name"], file=sys.stderr)
            situations.append(record(api, situation, plurals, timeless=document.get("timeless", False)))
    recorded = {
        "origin": f"kube-apiserver {version}, recorded by tools/vectors/record.py from {source.name}",
        "setup": document.get("setup") or [],
        "situations": situations,
    }
    if target.suffix == ".gz":
        target.write_bytes(gzip.compress(json.dumps(recorded, ensure_ascii=False).encode(), 9, mtime=0))
    else:
        target.write_text(json.dumps(recorded, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
