"""Deployments roll their Pods out through ReplicaSets.

Source: pkg/controller/deployment of k8s.io/kubernetes. Not simulated: proportional scaling while a rollout is under way
(the newest ReplicaSet takes the difference).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from fluvial.controlplane.background.engine import Engine, Keys, own_key
from fluvial.controlplane.background.workloads.failures import ANNOTATION, controller_ref
from fluvial.controlplane.background.workloads.parts import (
    Owned,
    owned,
    owner_keys,
    owner_reference,
    resource_named,
    template_hash,
)
from fluvial.controlplane.background.workloads.rollout import Rollout, rollout_status
from fluvial.controlplane.background.writer import Writer
from fluvial.controlplane.core import Core
from fluvial.controlplane.store import Event
from fluvial.objects import Object

_STORAGE = "deployments.apps"
_SETS = "replicasets.apps"
_REVISION = "deployment.kubernetes.io/revision"
_HASH = "pod-template-hash"
_NOT_COPIED = frozenset(
    {
        "kubectl.kubernetes.io/last-applied-configuration",
        _REVISION,
        "deployment.kubernetes.io/revision-history",
        "deployment.kubernetes.io/desired-replicas",
        "deployment.kubernetes.io/max-replicas",
        "deprecated.deployment.rollback.to",
        ANNOTATION,  # it is found by way of the owner; a copy would outlive it
    }
)


class Deployments:
    """Scales ReplicaSets so that a rollout makes progress within its limits."""

    def __init__(self, core: Core, engine: Engine) -> None:
        self._core = core
        self._engine = engine
        self._writer = Writer(core)

    @property
    def watches(self) -> Mapping[str, Keys]:
        return {_STORAGE: own_key, _SETS: owner_keys("Deployment"), "pods": self._pod_gone}

    def _pod_gone(self, event: Event) -> Iterator[str]:
        """A Deployment with strategy Recreate waits until the last old Pod is really gone."""
        if event.change != "DELETED":
            return
        for key in owner_keys("ReplicaSet")(event):
            entry = self._core.store.get(_SETS, key)
            ref = controller_ref(entry.object()) if entry is not None else None
            if ref is not None:
                yield f"{event.entry.namespace}/{ref['name']}"

    def reconcile(self, key: str) -> None:
        entry = self._core.store.get(_STORAGE, key)
        if entry is None:
            return
        deployment = entry.object()
        if deployment["metadata"].get("deletionTimestamp"):
            self._write_status(key, "", False)
            return
        sets = owned(self._core, _SETS, deployment)
        new = _matching(deployment, sets)
        paused = bool(deployment["spec"].get("paused"))
        event = ""
        if new is None and not paused:
            if not self._may_create(deployment, sets):
                self._scale_down_all(sets)
                self._write_status(key, "", True)
                return
            new, event = self._create_set(deployment, sets), "NewReplicaSetCreated"
            sets = owned(self._core, _SETS, deployment)
        if new is not None:
            self._keep_revision(key, deployment, new, sets)
            self._scale(deployment, new.name, sets, paused)
        self._clean_up(deployment, new)
        self._write_status(key, event, True)

    def _may_create(self, deployment: Object, sets: list[Owned]) -> bool:
        """With strategy Recreate the old Pods must be gone first."""
        if _strategy(deployment) != "Recreate":
            return True
        return not any(owned(self._core, "pods", old.object) for old in sets)

    def _scale_down_all(self, sets: list[Owned]) -> None:
        for old in sets:
            self._set_replicas(old, 0, None)

    def _create_set(self, deployment: Object, sets: list[Owned]) -> Owned:
        name, spec = deployment["metadata"]["name"], deployment["spec"]
        digest = template_hash(spec["template"])
        labels = {**(spec["template"].get("metadata", {}).get("labels") or {}), _HASH: digest}
        template = {**spec["template"], "metadata": {**(spec["template"].get("metadata") or {}), "labels": labels}}
        match = {**(spec["selector"].get("matchLabels") or {}), _HASH: digest}
        limits = Rollout.of(deployment, [], [])
        replicas = 0
        if _strategy(deployment) == "Recreate" or not sets:
            replicas = spec.get("replicas", 1)
        obj = {
            "apiVersion": "apps/v1",
            "kind": "ReplicaSet",
            "metadata": {
                "name": f"{name}-{digest}",
                "namespace": deployment["metadata"]["namespace"],
                "labels": labels,
                "annotations": {
                    **_copied(deployment),
                    _REVISION: str(_last_revision(sets) + 1),
                    **_bounds(limits),
                },
                "ownerReferences": [owner_reference(deployment)],
            },
            "spec": {
                "replicas": replicas,
                "selector": {**spec["selector"], "matchLabels": match},
                "template": template,
                **({"minReadySeconds": spec["minReadySeconds"]} if spec.get("minReadySeconds") else {}),
            },
        }
        self._writer.create(resource_named(self._core, _SETS), obj)
        entry = self._core.store.get(_SETS, f"{deployment['metadata']['namespace']}/{name}-{digest}")
        assert entry is not None
        return Owned(entry, entry.object())

    def _keep_revision(self, key: str, deployment: Object, new: Owned, sets: list[Owned]) -> None:
        """The newest template has the highest revision; the Deployment shows it."""
        held = _revision(new.object)
        highest = max((_revision(old.object) for old in sets if old.name != new.name), default=0)
        if held <= highest:
            held = highest + 1
            text = str(held)

            def edit(obj: Object) -> None:
                obj["metadata"].setdefault("annotations", {})[_REVISION] = text

            self._writer.edit(resource_named(self._core, _SETS), self._fresh(_SETS, new), edit)

        def show(obj: Object) -> None:
            obj["metadata"].setdefault("annotations", {})[_REVISION] = str(held)

        entry = self._core.store.get(_STORAGE, key)
        if entry is not None:
            self._writer.edit(resource_named(self._core, _STORAGE), entry, show, "status")

    def _scale(self, deployment: Object, new_name: str, sets: list[Owned], paused: bool) -> None:
        new = next(s for s in sets if s.name == new_name)
        old = [s for s in sets if s.name != new_name]
        rollout = Rollout.of(deployment, [new.object], [s.object for s in old])
        if _strategy(deployment) == "Recreate":
            if not paused:
                self._scale_down_all(old)
            self._set_replicas(new, rollout.wanted, rollout)
            return
        if paused and old:
            return
        self._set_replicas(new, rollout.new_replicas(), rollout)
        for name, replicas in rollout.old_replicas().items():
            found = next(s for s in old if s.name == name)
            self._set_replicas(found, replicas, rollout)

    def _set_replicas(self, owned_set: Owned, replicas: int, rollout: Rollout | None) -> None:
        entry = self._fresh(_SETS, owned_set)

        def edit(obj: Object) -> None:
            obj["spec"]["replicas"] = replicas
            if rollout is not None:
                obj["metadata"].setdefault("annotations", {}).update(_bounds(rollout))

        self._writer.edit(resource_named(self._core, _SETS), entry, edit)

    def _fresh(self, storage: str, found: Owned) -> Any:
        entry = self._core.store.get(storage, found.entry.key)
        assert entry is not None  # nobody else runs meanwhile
        return entry

    def _clean_up(self, deployment: Object, new: Owned | None) -> None:
        """Keep as many old ReplicaSets as the history limit allows."""
        limit = deployment["spec"].get("revisionHistoryLimit", 10)
        sets = owned(self._core, _SETS, deployment)
        idle = [s for s in sets if (new is None or s.name != new.name) and _is_idle(s.object) and not s.is_dying]
        idle.sort(key=lambda s: _revision(s.object))
        for found in idle[: max(0, len(idle) - limit)]:
            self._writer.delete(resource_named(self._core, _SETS), found.entry, propagation="Background")

    def _write_status(self, key: str, event: str, with_progress: bool) -> None:
        entry = self._core.store.get(_STORAGE, key)
        if entry is None:
            return
        deployment = entry.object()
        sets = owned(self._core, _SETS, deployment)
        new = _matching(deployment, sets)
        status, again = rollout_status(
            deployment,
            new.object if new is not None else None,
            [s.object for s in sets],
            event=event if with_progress else "",
            now=self._core.now(),
        )
        self._writer.set_status(resource_named(self._core, _STORAGE), entry, status)
        if again is not None:
            self._engine.later(again, self, key)


def _strategy(deployment: Object) -> str:
    kind: str = (deployment["spec"].get("strategy") or {}).get("type") or "RollingUpdate"
    return kind


def _matching(deployment: Object, sets: list[Owned]) -> Owned | None:
    """Return the ReplicaSet of the Deployment's present template, the oldest if there are several."""
    wanted = deployment["spec"]["template"]
    found = [s for s in sets if _without_hash(s.object["spec"]["template"]) == _without_hash(wanted)]
    return min(found, key=lambda s: (s.object["metadata"]["creationTimestamp"], s.name), default=None)


def _without_hash(template: dict[str, Any]) -> dict[str, Any]:
    metadata = template.get("metadata") or {}
    labels = {key: value for key, value in (metadata.get("labels") or {}).items() if key != _HASH}
    return {**template, "metadata": {**metadata, "labels": labels}}


def _copied(deployment: Object) -> dict[str, str]:
    held = deployment["metadata"].get("annotations") or {}
    return {key: value for key, value in held.items() if key not in _NOT_COPIED}


def _revision(obj: Object) -> int:
    text = (obj["metadata"].get("annotations") or {}).get(_REVISION, "")
    return int(text) if text.isdigit() else 0


def _last_revision(sets: list[Owned]) -> int:
    return max((_revision(s.object) for s in sets), default=0)


def _bounds(rollout: Rollout) -> dict[str, str]:
    return {
        "deployment.kubernetes.io/desired-replicas": str(rollout.wanted),
        "deployment.kubernetes.io/max-replicas": str(rollout.wanted + rollout.surge),
    }


def _is_idle(obj: Object) -> bool:
    status = obj.get("status") or {}
    settled = status.get("observedGeneration", 0) >= obj["metadata"].get("generation", 0)
    return not obj["spec"].get("replicas") and not status.get("replicas") and settled
