"""Without nodes, our controllers bring workloads to where kube-controller-manager was seen to bring them."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path
from typing import Any

from fluvial.yamldoc import load_all

VECTORS = Path(__file__).parents[1] / "vectors/apiserver"
RECORDED: dict[str, list[Any]] = json.loads((VECTORS / "workloads.json").read_text())
PATHS = {
    "Deployment": "/apis/apps/v1/namespaces/default/deployments",
    "ReplicaSet": "/apis/apps/v1/namespaces/default/replicasets",
    "StatefulSet": "/apis/apps/v1/namespaces/default/statefulsets",
    "DaemonSet": "/apis/apps/v1/namespaces/default/daemonsets",
    "Job": "/apis/batch/v1/namespaces/default/jobs",
    "ControllerRevision": "/apis/apps/v1/namespaces/default/controllerrevisions",
}
# The hash of a template is ours; nothing but names shows it.
_HASH = re.compile(r"(?<=[a-z]-)[bcdfghjklmnpqrstvwxz0-9]{8,10}\b")
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_TIME = re.compile(r"20\d\d-\d\d-\d\dT[\d:]{8}Z")
_HASH_LABELS = ("pod-template-hash", "controller.kubernetes.io/hash", "controller-revision-hash")


def mask(value: Any, key: str = "") -> Any:
    if isinstance(value, dict):
        return {k: mask(v, k) for k, v in value.items()}
    if isinstance(value, list):
        items = [mask(item) for item in value]
        by_type = all(isinstance(item, dict) and "type" in item for item in items)
        return sorted(items, key=lambda item: item["type"]) if by_type else items
    if key == "resourceVersion" or key in _HASH_LABELS:
        return "<masked>"
    if isinstance(value, str):
        return _HASH.sub("<hash>", _UUID.sub("<uid>", _TIME.sub("<time>", value)))
    return value


def shown(items: list[Any]) -> dict[str, Any]:
    """Return name to what matters: everything but who wrote what in which order."""
    found = {}
    for item in items:
        masked = mask(item)
        managers = masked["metadata"].pop("managedFields", [])
        owners = sorted((m["manager"], m["operation"], m.get("subresource", "")) for m in managers)
        found[masked["metadata"]["name"]] = {**masked, "managers": owners}
    return found


def test_workloads_come_to_where_they_were_recorded(drive: Any) -> None:
    async def scenario(api: Any) -> None:
        for document in load_all((VECTORS / "workloads.yaml").read_bytes()):
            obj = document.value
            reply = await api.apply(f"{PATHS[obj['kind']]}/{obj['metadata']['name']}", obj, manager="flux")
            assert reply.code == 201, reply.json
        await asyncio.sleep(5)
        differences = []
        for kind, path in PATHS.items():
            real, ours = shown(RECORDED[kind]), shown((await api.get(path)).json["items"])
            assert real.keys() == ours.keys()
            for name in real:
                for part in sorted(real[name].keys() | ours[name].keys() - {"kind", "apiVersion"}):
                    if real[name].get(part) != ours[name].get(part):
                        there, here = json.dumps(real[name].get(part)), json.dumps(ours[name].get(part))
                        differences.append(f"{kind} {name} {part}\n  real: {there}\n  ours: {here}")
        assert not differences, "\n".join(differences)

    drive(scenario, nodes=0)
