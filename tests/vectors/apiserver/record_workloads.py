"""Record what kube-controller-manager makes of workloads whose Pods nobody runs:
PYTHONPATH=. python tests/vectors/apiserver/record_workloads.py

Needs the binaries of `make peers`. Written: workloads.json, the objects of `workloads.yaml` and what they own.
"""

import http.client
import json
import ssl
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from fluvial.yamldoc import load_all
from tests.support.realserver import peers_folder, real_server

HERE = Path(__file__).parent
PATHS = {
    "Deployment": "apis/apps/v1/namespaces/default/deployments",
    "ReplicaSet": "apis/apps/v1/namespaces/default/replicasets",
    "StatefulSet": "apis/apps/v1/namespaces/default/statefulsets",
    "DaemonSet": "apis/apps/v1/namespaces/default/daemonsets",
    "Job": "apis/batch/v1/namespaces/default/jobs",
    "ControllerRevision": "apis/apps/v1/namespaces/default/controllerrevisions",
}


def main() -> None:
    peers = peers_folder()
    if peers is None:
        raise SystemExit("build the peers first: make peers")
    with real_server(peers) as server:
        for document in load_all((HERE / "workloads.yaml").read_bytes()):
            obj = document.value
            path = f"/{PATHS[obj['kind']]}/{obj['metadata']['name']}?fieldManager=flux"
            call("PATCH", server.url, server.token, path, obj)
        time.sleep(5)
        found = {kind: call("GET", server.url, server.token, f"/{path}")["items"] for kind, path in PATHS.items()}
    (HERE / "workloads.json").write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n")


def call(method: str, url: str, token: str, path: str, body: Any = None) -> Any:
    parts = urlsplit(url)
    connection = http.client.HTTPSConnection(parts.hostname, parts.port, context=ssl._create_unverified_context())
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/apply-patch+yaml"}
    connection.request(method, path, None if body is None else json.dumps(body), headers)
    reply = connection.getresponse()
    text = reply.read()
    connection.close()
    if reply.status >= 300:
        raise SystemExit(f"{method} {path}: {reply.status} {text!r}")
    return json.loads(text)


main()
