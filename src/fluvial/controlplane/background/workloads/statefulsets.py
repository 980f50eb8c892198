"""StatefulSets: numbered Pods with their own claims, in order.

Source: pkg/controller/statefulset of k8s.io/kubernetes. Not simulated: retention of claims
(persistentVolumeClaimRetentionPolicy other than Retain), maxUnavailable.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fluvial.controlplane.background.engine import Engine, Keys, own_key
from fluvial.controlplane.background.workloads.creation import PodMaker
from fluvial.controlplane.background.workloads.parts import (
    Owned,
    available_in,
    make_pod,
    owned,
    owner_keys,
    resource_named,
    write_status,
)
from fluvial.controlplane.background.workloads.revisions import drop_old_revisions, ensure_revision
from fluvial.controlplane.background.writer import Writer
from fluvial.controlplane.core import Core
from fluvial.objects import Object

_STORAGE = "statefulsets.apps"
_REVISION_LABEL = "controller-revision-hash"


class StatefulSets:
    """Makes, replaces and removes Pods one by one (or all at once with podManagementPolicy Parallel)."""

    def __init__(self, core: Core, engine: Engine) -> None:
        self._core = core
        self._engine = engine
        self._writer = Writer(core)
        self._maker = PodMaker(core, engine, "statefulset-controller")

    @property
    def watches(self) -> Mapping[str, Keys]:
        return {_STORAGE: own_key, "pods": owner_keys("StatefulSet")}

    def reconcile(self, key: str) -> None:
        entry = self._core.store.get(_STORAGE, key)
        if entry is None:
            return
        obj = entry.object()
        data = {"spec": {"template": {**obj["spec"]["template"], "$patch": "replace"}}}
        update, _ = ensure_revision(self._core, self._writer, obj, data)
        current = (obj.get("status") or {}).get("currentRevision") or update
        if not obj["metadata"].get("deletionTimestamp"):
            self._step(obj, update, key)
        entry = self._core.store.get(_STORAGE, key)
        if entry is None:
            return
        status = self._status(entry.object(), current, update)
        write_status(self._writer, resource_named(self._core, _STORAGE), entry, status)
        drop_old_revisions(self._core, self._writer, obj, {update, status["currentRevision"]})

    def _step(self, obj: Object, update: str, key: str) -> None:
        """Do the next thing: make the first missing Pod, give up the last superfluous one, replace an outdated one."""
        spec = obj["spec"]
        parallel = spec.get("podManagementPolicy") == "Parallel"
        start = (spec.get("ordinals") or {}).get("start", 0)
        wanted = range(start, start + spec.get("replicas", 1))
        pods = {_ordinal(pod.name): pod for pod in owned(self._core, "pods", obj)}
        for ordinal in wanted:
            pod = pods.get(ordinal)
            if pod is None:
                self._create(obj, ordinal, update, key)
            elif _is_failed(pod):
                self._writer.delete(resource_named(self._core, "pods"), pod.entry)
            elif not pod.is_dying and self._available(obj, pod, key):
                continue
            if not parallel:
                return
        extra = [ordinal for ordinal in sorted(pods, reverse=True) if ordinal not in wanted]
        for ordinal in extra if parallel else extra[:1]:
            if not pods[ordinal].is_dying:
                self._writer.delete(resource_named(self._core, "pods"), pods[ordinal].entry)
        if not extra and not (parallel and any(not self._available(obj, pods[o], key) for o in wanted if o in pods)):
            self._replace(obj, pods, wanted, update)

    def _replace(self, obj: Object, pods: dict[int, Owned], wanted: range, update: str) -> None:
        strategy = obj["spec"].get("updateStrategy") or {}
        if strategy.get("type") == "OnDelete":
            return
        partition = (strategy.get("rollingUpdate") or {}).get("partition", 0)
        for ordinal in reversed(wanted):
            pod = pods.get(ordinal)
            if ordinal < partition or pod is None:
                continue
            if _revision(pod) != update:
                if not pod.is_dying:
                    self._writer.delete(resource_named(self._core, "pods"), pod.entry)
                return

    def _create(self, obj: Object, ordinal: int, update: str, key: str) -> None:
        name = f"{obj['metadata']['name']}-{ordinal}"
        status, partition = obj.get("status") or {}, 0
        strategy = obj["spec"].get("updateStrategy") or {}
        partition = (strategy.get("rollingUpdate") or {}).get("partition", 0)
        revision = update if ordinal >= partition else status.get("currentRevision") or update
        labels = {
            "statefulset.kubernetes.io/pod-name": name,
            "apps.kubernetes.io/pod-index": str(ordinal),
            _REVISION_LABEL: revision,
        }
        template = self._template_of(obj, revision)
        pod = make_pod(obj, template, name=name, labels=labels)
        spec = {**pod["spec"], "hostname": name, "subdomain": obj["spec"].get("serviceName", "")}
        if claims := self._claims(obj, name):
            spec["volumes"] = [*claims, *(spec.get("volumes") or ())]
        self._maker.create(self, key, obj, {**pod, "spec": spec})

    def _template_of(self, obj: Object, revision: str) -> Object:
        entry = self._core.store.get("controllerrevisions.apps", f"{obj['metadata']['namespace']}/{revision}")
        template: Object = obj["spec"]["template"]
        if entry is not None:
            held = entry.object()["data"]["spec"]["template"]
            template = {key: value for key, value in held.items() if key != "$patch"}
        return template

    def _claims(self, obj: Object, pod: str) -> list[dict[str, Any]]:
        """Make the claims of a Pod that are missing; returns its volumes."""
        resource, namespace = resource_named(self._core, "persistentvolumeclaims"), obj["metadata"]["namespace"]
        volumes = []
        for template in obj["spec"].get("volumeClaimTemplates") or ():
            name = f"{template['metadata']['name']}-{pod}"
            if self._core.store.get("persistentvolumeclaims", f"{namespace}/{name}") is None:
                labels = (obj["spec"].get("selector") or {}).get("matchLabels") or {}
                metadata = {**template["metadata"], "name": name, "namespace": namespace, "labels": dict(labels)}
                claim = {**template, "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata}
                claim.pop("status", None)
                self._writer.create(resource, claim)
            volumes.append({"name": template["metadata"]["name"], "persistentVolumeClaim": {"claimName": name}})
        return volumes

    def _available(self, obj: Object, pod: Owned, key: str) -> bool:
        wait = available_in(pod.object, obj["spec"].get("minReadySeconds") or 0, self._core.now())
        if wait:
            self._engine.later(wait, self, key)
        return wait == 0.0

    def _status(self, obj: Object, current: str, update: str) -> dict[str, Any]:
        pods = [pod for pod in owned(self._core, "pods", obj) if not pod.is_dying]
        min_ready, now = obj["spec"].get("minReadySeconds") or 0, self._core.now()
        waits = [available_in(pod.object, min_ready, now) for pod in pods]
        updated = sum(_revision(pod) == update for pod in pods)
        ready = sum(wait is not None for wait in waits)
        wanted = obj["spec"].get("replicas", 1)
        if updated == wanted and ready == wanted and len(pods) == wanted:
            current = update
        return {
            "observedGeneration": obj["metadata"].get("generation"),
            "replicas": len(pods),
            "readyReplicas": ready or None,
            "currentReplicas": sum(_revision(pod) == current for pod in pods) or None,
            "updatedReplicas": updated or None,
            "currentRevision": current,
            "updateRevision": update,
            "collisionCount": 0,
            "availableReplicas": sum(wait == 0.0 for wait in waits),
        }


def _ordinal(name: str) -> int:
    text = name.rpartition("-")[2]
    return int(text) if text.isdigit() else -1


def _revision(pod: Owned) -> str:
    revision: str = (pod.object["metadata"].get("labels") or {}).get(_REVISION_LABEL, "")
    return revision


def _is_failed(pod: Owned) -> bool:
    return (pod.object.get("status") or {}).get("phase") in ("Failed", "Succeeded") and not pod.is_dying
