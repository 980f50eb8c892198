"""Services of type LoadBalancer get an address after a while; claims are bound to a volume."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from fluvial.controlplane.background.engine import Engine, Keys, own_key
from fluvial.controlplane.background.workloads.failures import failure_of
from fluvial.controlplane.background.workloads.parts import resource_named
from fluvial.controlplane.background.writer import Writer
from fluvial.controlplane.core import Core


class LoadBalancers:
    """Gives Services of type LoadBalancer an address of TEST-NET-3, which leads nowhere."""

    def __init__(self, core: Core, engine: Engine) -> None:
        self._core = core
        self._engine = engine
        self._writer = Writer(core)
        self._due: dict[str, float] = {}

    @property
    def watches(self) -> Mapping[str, Keys]:
        return {"services": own_key}

    def reconcile(self, key: str) -> None:
        entry = self._core.store.get("services", key)
        if entry is None:
            return
        obj = entry.object()
        balanced = obj["spec"].get("type") == "LoadBalancer" and not failure_of(self._core, obj)
        held = (obj.get("status") or {}).get("loadBalancer") or {}
        if not balanced:
            self._due.pop(entry.uid, None)
            if held:
                self._set(key, {})
            return
        if held:
            return
        now = self._engine.time()
        due = self._due.setdefault(entry.uid, now + self._core.settings.simulation.load_balancer_delay)
        if now < due:
            self._engine.later(due - now, self, key)
            return
        del self._due[entry.uid]
        digest = hashlib.sha256(entry.uid.encode()).digest()
        self._set(key, {"ingress": [{"ip": f"203.0.113.{digest[0] % 254 + 1}", "ipMode": "VIP"}]})

    def _set(self, key: str, balancer: dict[str, Any]) -> None:
        entry = self._core.store.get("services", key)
        if entry is not None:
            status = {**(entry.object().get("status") or {}), "loadBalancer": balancer}
            self._writer.set_status(resource_named(self._core, "services"), entry, status)


class Claims:
    """Binds each PersistentVolumeClaim to a volume made for it, and removes the volume with the claim."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._writer = Writer(core)

    @property
    def watches(self) -> Mapping[str, Keys]:
        return {"persistentvolumeclaims": own_key, "persistentvolumes": self._claim_of}

    def _claim_of(self, event: Any) -> list[str]:
        claim = event.entry.object()["spec"].get("claimRef")
        return [f"{claim['namespace']}/{claim['name']}"] if claim else []

    def reconcile(self, key: str) -> None:
        entry = self._core.store.get("persistentvolumeclaims", key)
        if entry is None:
            self._release(key)
            return
        claim = entry.object()
        if claim["metadata"].get("deletionTimestamp") or failure_of(self._core, claim):
            return
        if (claim.get("status") or {}).get("phase") == "Bound":
            return
        volume = claim["spec"].get("volumeName") or f"pvc-{entry.uid}"
        if self._core.store.get("persistentvolumes", volume) is None:
            self._make_volume(claim, volume)
        resource = resource_named(self._core, "persistentvolumeclaims")
        self._writer.edit(resource, entry, lambda obj: obj["spec"].update(volumeName=volume))
        entry = self._core.store.get("persistentvolumeclaims", key)
        if entry is not None:
            capacity = (claim["spec"].get("resources") or {}).get("requests") or {}
            modes = claim["spec"].get("accessModes") or []
            status = {"phase": "Bound", "accessModes": modes, "capacity": {"storage": capacity.get("storage", "1Gi")}}
            self._writer.set_status(resource, entry, status)

    def _make_volume(self, claim: dict[str, Any], name: str) -> None:
        spec, metadata = claim["spec"], claim["metadata"]
        capacity = (spec.get("resources") or {}).get("requests") or {}
        volume: dict[str, Any] = {
            "apiVersion": "v1",
            "kind": "PersistentVolume",
            "metadata": {"name": name},
            "spec": {
                "capacity": {"storage": capacity.get("storage", "1Gi")},
                "accessModes": spec.get("accessModes") or ["ReadWriteOnce"],
                "persistentVolumeReclaimPolicy": "Delete",
                "hostPath": {"path": f"/nonexistent/{name}"},
                "claimRef": {
                    "apiVersion": "v1",
                    "kind": "PersistentVolumeClaim",
                    "namespace": metadata["namespace"],
                    "name": metadata["name"],
                    "uid": metadata["uid"],
                },
            },
        }
        if spec.get("storageClassName"):
            volume["spec"]["storageClassName"] = spec["storageClassName"]
        resource = resource_named(self._core, "persistentvolumes")
        self._writer.create(resource, volume)
        entry = self._core.store.get("persistentvolumes", name)
        if entry is not None:
            self._writer.set_status(resource, entry, {"phase": "Bound"})

    def _release(self, key: str) -> None:
        """The claim is gone: the volumes that were made for it go too."""
        for entry in list(self._core.store.scan("persistentvolumes")):
            spec = entry.object()["spec"]
            claim = spec.get("claimRef") or {}
            if f"{claim.get('namespace')}/{claim.get('name')}" == key and entry.name == f"pvc-{claim.get('uid')}":
                self._writer.delete(resource_named(self._core, "persistentvolumes"), entry)
