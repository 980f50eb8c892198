"""What workload controllers share: the Pods of an owner, their state, new Pods from a template."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from fluvial.controlplane.background.workloads.failures import controller_ref
from fluvial.controlplane.background.writer import Writer
from fluvial.controlplane.core import Core
from fluvial.controlplane.resources import Resource
from fluvial.controlplane.store import Entry, Event
from fluvial.gotext import parse_rfc3339
from fluvial.objects import Object

_HASH_LETTERS = "bcdfghjklmnpqrstvwxz2456789"


@dataclass(frozen=True, slots=True)
class Owned:
    """One object of an owner, with its entry."""

    entry: Entry
    object: Object

    @property
    def name(self) -> str:
        return self.entry.name

    @property
    def is_dying(self) -> bool:
        return bool(self.object["metadata"].get("deletionTimestamp"))


def owned(core: Core, storage: str, owner: Object) -> list[Owned]:
    """Return the objects that `owner` controls, in the order of their names."""
    uid, namespace = owner["metadata"]["uid"], owner["metadata"]["namespace"]
    found = []
    for entry in core.store.scan(storage, namespace):
        if uid in entry.owners:
            obj = entry.object()
            ref = controller_ref(obj)
            if ref is not None and ref["uid"] == uid:
                found.append(Owned(entry, obj))
    return found


def owner_keys(kind: str) -> Any:
    """Return a function from an event of a dependent to the keys of its controllers of `kind`."""

    def keys(event: Event) -> Iterator[str]:
        for entry in (event.entry, event.previous):
            if entry is None or not entry.owners:
                continue
            for ref in entry.object()["metadata"].get("ownerReferences") or ():
                if ref.get("controller") and ref["kind"] == kind:
                    yield f"{entry.namespace}/{ref['name']}"

    return keys


def resource_named(core: Core, storage: str) -> Resource:
    resource = core.registry.stored(storage)
    assert resource is not None, f"{storage} is built in"
    return resource


def owner_reference(owner: Object) -> dict[str, Any]:
    return {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }


def make_pod(owner: Object, template: Object, *, name: str = "", labels: dict[str, str] | None = None) -> Object:
    """Return a Pod of `owner` from its template; without a name it is generated from the owner's."""
    held = template.get("metadata") or {}
    metadata: dict[str, Any] = {
        "namespace": owner["metadata"]["namespace"],
        "ownerReferences": [owner_reference(owner)],
        "labels": {**(held.get("labels") or {}), **(labels or {})},
    }
    if held.get("annotations"):
        metadata["annotations"] = dict(held["annotations"])
    if held.get("finalizers"):
        metadata["finalizers"] = list(held["finalizers"])
    if name:
        metadata["name"] = name
    else:
        metadata["generateName"] = f"{owner['metadata']['name']}-"
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template.get("spec") or {}}


def template_hash(template: Any) -> str:
    """Return a short name for the content of a template; equal content, equal name."""
    digest = int.from_bytes(hashlib.sha256(msgspec.json.encode(template, order="deterministic")).digest()[:8], "big")
    letters = ""
    for _ in range(10):
        digest, index = divmod(digest, len(_HASH_LETTERS))
        letters += _HASH_LETTERS[index]
    return letters


def is_ready(pod: Object) -> bool:
    return ready_since(pod) is not None


def ready_since(pod: Object) -> datetime | None:
    """Return since when a Pod is ready, None when it isn't."""
    for condition in (pod.get("status") or {}).get("conditions") or ():
        if condition["type"] == "Ready" and condition["status"] == "True":
            return parse_rfc3339(condition["lastTransitionTime"])
    return None


def available_in(pod: Object, min_ready: float, now: datetime) -> float | None:
    """Return the seconds until a ready Pod counts as available (0: it does), None when it is not ready."""
    since = ready_since(pod)
    if since is None:
        return None
    if not min_ready:
        return 0.0
    return max(0.0, min_ready - (now - since).total_seconds())


def is_finished(pod: Object) -> bool:
    return (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed")


def intolerable(value: Any, total: int, *, round_up: bool) -> int:
    """Return an int-or-percent of `total`."""
    if isinstance(value, str) and value.endswith("%"):
        scaled = int(value[:-1]) * total
        return -(-scaled // 100) if round_up else scaled // 100
    return int(value or 0)


def delete_order(pods: list[Owned]) -> list[Owned]:
    """Return Pods in the order in which a controller gives them up: unassigned, pending, not ready, youngest."""
    phases = {"Pending": 0, "Unknown": 1, "Running": 2}

    def rank(pod: Owned) -> tuple[bool, int, bool, Any, str]:
        obj = pod.object
        since = ready_since(obj)
        phase = phases.get((obj.get("status") or {}).get("phase", ""), 3)
        created = obj["metadata"]["creationTimestamp"]
        return (bool(obj["spec"].get("nodeName")), phase, since is not None, _Reversed(created), pod.name)

    return sorted(pods, key=rank)


class _Reversed:
    """A value that sorts the other way round."""

    __slots__ = ("value",)

    def __init__(self, value: str) -> None:
        self.value = value

    def __lt__(self, other: _Reversed) -> bool:
        return other.value < self.value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Reversed) and other.value == self.value

    def __hash__(self) -> int:
        return hash(self.value)


def set_condition(
    conditions: list[dict[str, Any]], kind: str, value: str, reason: str, message: str, now: str, *, updates: bool
) -> None:
    """Set one condition of a workload in place; `updates` keeps a lastUpdateTime too, as Deployments do."""
    found = next((c for c in conditions if c["type"] == kind), None)
    if found is None:
        found = {"type": kind}
        conditions.append(found)
    elif (found["status"], found.get("reason"), found.get("message")) == (value, reason, message):
        return
    if found.get("status") != value:
        found["lastTransitionTime"] = now
    if updates:
        found["lastUpdateTime"] = now
    found.update(status=value, reason=reason, message=message)


def write_status(writer: Writer, resource: Resource, entry: Entry, status: dict[str, Any]) -> None:
    """Write a status whose empty parts are left out."""
    writer.set_status(resource, entry, {key: value for key, value in status.items() if value is not None})
