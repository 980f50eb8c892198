"""Failures on demand: the annotation `sim.fluvial.dev/fail` on a Pod or on what controls it.

    ImagePullBackOff   the image is not to be had: Pending, containers wait
    CrashLoop          containers start and end again: Running, never ready, restarts counted
    NeverReady         containers run, the readiness probe fails
    Unschedulable      no node fits: Pending, not scheduled
    Error              containers end with exit code 1: Failed where nothing restarts them (Jobs), else CrashLoop

Taking the annotation away lets the Pod recover.
"""

from __future__ import annotations

from fluvial.controlplane.core import Core
from fluvial.controlplane.resources import key_of
from fluvial.objects import Object

ANNOTATION = "sim.fluvial.dev/fail"
_MODES = {
    "imagepullbackoff": "ImagePullBackOff",
    "crashloop": "CrashLoop",
    "crashloopbackoff": "CrashLoop",
    "neverready": "NeverReady",
    "unschedulable": "Unschedulable",
    "error": "Error",
}
_MAX_OWNERS = 4  # Pod → ReplicaSet → Deployment, and one more for custom controllers


def failure_of(core: Core, pod: Object) -> str:
    """Return how a Pod fails, "" when it doesn't. An unknown mode counts as NeverReady, so that a typo shows."""
    obj: Object | None = pod
    for _ in range(_MAX_OWNERS):
        if obj is None:
            return ""
        mode = (obj["metadata"].get("annotations") or {}).get(ANNOTATION)
        if mode:
            return _MODES.get(mode.lower().replace("-", ""), "NeverReady")
        obj = _controller(core, obj)
    return ""


def _controller(core: Core, obj: Object) -> Object | None:
    ref = controller_ref(obj)
    resource = core.registry.of_kind(ref["apiVersion"], ref["kind"]) if ref is not None else None
    if ref is None or resource is None:
        return None
    entry = core.store.get(resource.storage, key_of(obj["metadata"].get("namespace", ""), ref["name"]))
    return entry.object() if entry is not None and entry.uid == ref["uid"] else None


def controller_ref(obj: Object) -> dict[str, str] | None:
    """Return the owner reference of what controls `obj`."""
    return next((ref for ref in obj["metadata"].get("ownerReferences") or () if ref.get("controller")), None)
