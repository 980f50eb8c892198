"""Admission that fills in Pods and protects volumes in use.

Source: the plugins Priority, DefaultTolerationSeconds and StorageObjectInUseProtection of k8s.io/kubernetes.
"""

from __future__ import annotations

from typing import Any

from fluvial.controlplane.core import Core
from fluvial.controlplane.errors import StatusError
from fluvial.controlplane.request import Call
from fluvial.objects import Object
from fluvial.wire import status

_CLASSES = "priorityclasses.scheduling.k8s.io"
_TOLERATED = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")
CLAIM_FINALIZER = "kubernetes.io/pvc-protection"
_FINALIZERS = {"persistentvolumeclaims": CLAIM_FINALIZER, "persistentvolumes": "kubernetes.io/pv-protection"}


def priority(core: Core, call: Call, old: Object | None, new: Object | None) -> Object | None:
    """Give a new Pod the value of its priority class.

    Raises:
        StatusError: 403 when there is no such class.
    """
    if new is None or old is not None or call.resource.storage != "pods":
        return new
    spec: dict[str, Any] = dict(new.get("spec") or {})
    found = _class(core, spec.get("priorityClassName") or "")
    if found is None and spec.get("priorityClassName"):
        why = f"no PriorityClass with name {spec['priorityClassName']} was found"
        raise StatusError(status.forbidden("pods", new["metadata"].get("name", ""), why))
    if found is not None:
        spec["priorityClassName"] = found["metadata"]["name"]
    spec["priority"] = (found or {}).get("value", 0)
    spec.setdefault("preemptionPolicy", (found or {}).get("preemptionPolicy", "PreemptLowerPriority"))
    return {**new, "spec": spec}


def _class(core: Core, name: str) -> Object | None:
    if name:
        entry = core.store.get(_CLASSES, name)
        return entry.object() if entry is not None else None
    for entry in core.store.scan(_CLASSES):
        if b'"globalDefault":true' in entry.data:
            return entry.object()
    return None


def default_tolerations(call: Call, old: Object | None, new: Object | None) -> Object | None:
    """Let a new Pod tolerate a lost node for five minutes."""
    if new is None or old is not None or call.resource.storage != "pods":
        return new
    spec: dict[str, Any] = dict(new.get("spec") or {})
    tolerations = list(spec.get("tolerations") or ())
    held = {t.get("key", "") for t in tolerations if t.get("effect", "NoExecute") == "NoExecute"}
    for key in _TOLERATED:
        if key not in held and "" not in held:
            tolerations.append({"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300})
    spec["tolerations"] = tolerations
    return {**new, "spec": spec}


def storage_in_use(call: Call, old: Object | None, new: Object | None) -> Object | None:
    """Keep claims and volumes from going while they are used."""
    finalizer = _FINALIZERS.get(call.resource.storage)
    if new is None or old is not None or finalizer is None:
        return new
    held = new["metadata"].get("finalizers") or []
    if finalizer in held:
        return new
    return {**new, "metadata": {**new["metadata"], "finalizers": [*held, finalizer]}}
