"""ReplicaSets keep as many Pods as they are told to.

Source: pkg/controller/replicaset of k8s.io/kubernetes. Not simulated: adoption of Pods that nobody owns, slow start.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fluvial.controlplane.background.engine import Engine, Keys, own_key
from fluvial.controlplane.background.workloads.creation import PodMaker
from fluvial.controlplane.background.workloads.parts import (
    Owned,
    available_in,
    delete_order,
    is_finished,
    make_pod,
    owned,
    owner_keys,
    resource_named,
    write_status,
)
from fluvial.controlplane.background.writer import Writer
from fluvial.controlplane.core import Core
from fluvial.objects import LabelSelector, Object


class ReplicaSets:
    """Makes and removes Pods. Also serves ReplicationControllers, whose selector is a plain map."""

    def __init__(self, core: Core, engine: Engine, storage: str = "replicasets.apps", kind: str = "ReplicaSet") -> None:
        self._core = core
        self._engine = engine
        self._storage = storage
        self._kind = kind
        self._writer = Writer(core)
        self._maker = PodMaker(core, engine, "replicaset-controller")

    @property
    def watches(self) -> Mapping[str, Keys]:
        return {self._storage: own_key, "pods": owner_keys(self._kind)}

    def reconcile(self, key: str) -> None:
        entry = self._core.store.get(self._storage, key)
        if entry is None:
            return
        obj = entry.object()
        pods = [pod for pod in owned(self._core, "pods", obj) if not is_finished(pod.object)]
        live = [pod for pod in pods if not pod.is_dying]
        failure = "" if obj["metadata"].get("deletionTimestamp") else self._adjust(obj, live, key)
        current = self._core.store.get(self._storage, key)
        if current is not None:
            resource = resource_named(self._core, self._storage)
            write_status(self._writer, resource, current, self._status(current.object(), failure, key))

    def _adjust(self, obj: Object, live: list[Owned], key: str) -> str:
        """Make the number of Pods right; returns why that failed, "" when it didn't."""
        wanted = obj["spec"].get("replicas", 1)
        resource = resource_named(self._core, "pods")
        for pod in delete_order(live)[: max(0, len(live) - wanted)]:
            self._writer.delete(resource, pod.entry)
        for _ in range(wanted - len(live)):
            if failure := self._maker.create(self, key, obj, make_pod(obj, obj["spec"]["template"])):
                return failure
        return ""

    def _status(self, obj: Object, failure: str, key: str) -> dict[str, Any]:
        template = obj["spec"]["template"].get("metadata", {}).get("labels") or {}
        unfinished = [pod for pod in owned(self._core, "pods", obj) if not is_finished(pod.object)]
        pods = [pod.object for pod in unfinished if not pod.is_dying]
        min_ready, now = obj["spec"].get("minReadySeconds") or 0, self._core.now()
        waits = [available_in(pod, min_ready, now) for pod in pods]
        pending = [wait for wait in waits if wait]
        if pending:
            self._engine.later(min(pending), self, key)
        full = LabelSelector.of_labels(template)
        conditions = _failure_conditions(obj, failure, self._core.timestamp())
        return {
            "replicas": len(pods),
            "fullyLabeledReplicas": sum(full.matches(pod["metadata"].get("labels") or {}) for pod in pods) or None,
            "readyReplicas": sum(wait is not None for wait in waits) or None,
            "availableReplicas": sum(wait == 0.0 for wait in waits) or None,
            "terminatingReplicas": len(unfinished) - len(pods),
            "observedGeneration": obj["metadata"].get("generation"),
            "conditions": conditions or None,
        }


def _failure_conditions(obj: Object, failure: str, now: str) -> list[dict[str, Any]]:
    held = [c for c in (obj.get("status") or {}).get("conditions") or () if c["type"] != "ReplicaFailure"]
    if not failure:
        return held
    since = next((c for c in (obj["status"].get("conditions") or ()) if c["type"] == "ReplicaFailure"), None)
    condition = {
        "type": "ReplicaFailure",
        "status": "True",
        "lastTransitionTime": since["lastTransitionTime"] if since else now,
        "reason": "FailedCreate",
        "message": failure,
    }
    return [*held, condition]
