"""DaemonSets: one Pod on each node.

Source: pkg/controller/daemon of k8s.io/kubernetes. Not simulated: node selectors, taints, maxSurge.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from fluvial.controlplane.background.engine import Engine, Keys, own_key
from fluvial.controlplane.background.workloads.creation import PodMaker
from fluvial.controlplane.background.workloads.parts import (
    Owned,
    available_in,
    intolerable,
    is_finished,
    is_ready,
    make_pod,
    owned,
    owner_keys,
    resource_named,
    write_status,
)
from fluvial.controlplane.background.workloads.revisions import drop_old_revisions, ensure_revision
from fluvial.controlplane.background.writer import Writer
from fluvial.controlplane.core import Core
from fluvial.controlplane.store import Event
from fluvial.objects import Object

_STORAGE = "daemonsets.apps"
_HASH = "controller-revision-hash"


class DaemonSets:
    """Keeps a Pod of each DaemonSet on every node."""

    def __init__(self, core: Core, engine: Engine) -> None:
        self._core = core
        self._engine = engine
        self._writer = Writer(core)
        self._maker = PodMaker(core, engine, "daemonset-controller")

    @property
    def watches(self) -> Mapping[str, Keys]:
        return {_STORAGE: own_key, "pods": owner_keys("DaemonSet"), "nodes": self._all}

    def _all(self, event: Event) -> Iterator[str]:
        if event.change != "MODIFIED":
            yield from (entry.key for entry in self._core.store.scan(_STORAGE))

    def reconcile(self, key: str) -> None:
        entry = self._core.store.get(_STORAGE, key)
        if entry is None:
            return
        obj = entry.object()
        name, digest = ensure_revision(
            self._core, self._writer, obj, {"spec": {"template": {**obj["spec"]["template"], "$patch": "replace"}}}
        )
        if not obj["metadata"].get("deletionTimestamp"):
            self._adjust(obj, digest, key)
        entry = self._core.store.get(_STORAGE, key)
        if entry is not None:
            write_status(
                self._writer, resource_named(self._core, _STORAGE), entry, self._status(entry.object(), digest, key)
            )
        drop_old_revisions(self._core, self._writer, obj, {name})

    def _adjust(self, obj: Object, digest: str, key: str) -> None:
        resource = resource_named(self._core, "pods")
        nodes = [node.name for node in self._core.store.scan("nodes")]
        pods = owned(self._core, "pods", obj)
        for pod in pods:
            if not pod.is_dying and (is_finished(pod.object) or _node(pod.object) not in nodes):
                self._writer.delete(resource, pod.entry)
        occupied = {_node(pod.object) for pod in pods}
        generation = str(obj["metadata"].get("generation", 1))
        for node in nodes:
            if node not in occupied:
                labels = {_HASH: digest, "pod-template-generation": generation}
                pod_object = make_pod(obj, obj["spec"]["template"], labels=labels)
                pod_object["spec"] = {**pod_object["spec"], "nodeName": node}
                self._maker.create(self, key, obj, pod_object)
        self._replace(obj, pods, digest, len(nodes))

    def _replace(self, obj: Object, pods: list[Owned], digest: str, nodes: int) -> None:
        """Give up outdated Pods, as many as may be unavailable at once."""
        strategy = obj["spec"].get("updateStrategy") or {}
        if strategy.get("type") == "OnDelete":
            return
        limit = intolerable((strategy.get("rollingUpdate") or {}).get("maxUnavailable", 1), nodes, round_up=True)
        unavailable = sum(pod.is_dying or not is_ready(pod.object) for pod in pods)
        for pod in pods:
            if pod.is_dying or _digest(pod) == digest:
                continue
            if is_ready(pod.object):
                if unavailable >= max(1, limit):
                    continue
                unavailable += 1
            self._writer.delete(resource_named(self._core, "pods"), pod.entry)

    def _status(self, obj: Object, digest: str, key: str) -> dict[str, Any]:
        pods = [pod for pod in owned(self._core, "pods", obj) if not pod.is_dying]
        wanted = self._core.store.count("nodes")
        min_ready, now = obj["spec"].get("minReadySeconds") or 0, self._core.now()
        waits = [available_in(pod.object, min_ready, now) for pod in pods]
        pending = [wait for wait in waits if wait]
        if pending:
            self._engine.later(min(pending), self, key)
        available = sum(wait == 0.0 for wait in waits)
        return {
            "currentNumberScheduled": len(pods),
            "numberMisscheduled": 0,
            "desiredNumberScheduled": wanted,
            "numberReady": sum(wait is not None for wait in waits),
            "observedGeneration": obj["metadata"].get("generation"),
            "updatedNumberScheduled": sum(_digest(pod) == digest for pod in pods) or None,
            "numberAvailable": available or None,
            "numberUnavailable": (wanted - available) or None,
        }


def _digest(pod: Owned) -> str:
    digest: str = (pod.object["metadata"].get("labels") or {}).get(_HASH, "")
    return digest


def _node(pod: Object) -> str:
    node: str = pod["spec"].get("nodeName", "")
    return node
