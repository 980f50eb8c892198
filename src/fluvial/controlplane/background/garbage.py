"""The garbage collector: what nobody owns any more goes, in the background, in the foreground, or not (orphan).

Source: pkg/controller/garbagecollector of k8s.io/kubernetes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from fluvial.controlplane.background.engine import Engine, Keys
from fluvial.controlplane.background.writer import Writer
from fluvial.controlplane.core import Core
from fluvial.controlplane.resources import Resource, key_of
from fluvial.controlplane.store import Entry, Event
from fluvial.objects import Object

FOREGROUND = "foregroundDeletion"
ORPHAN = "orphan"
_DYING = b'"deletionTimestamp"'


@dataclass(frozen=True, slots=True)
class _Owners:
    """The owner references of one object, sorted by what became of the owners."""

    solid: list[dict[str, Any]]
    dangling: list[dict[str, Any]]
    waiting: list[dict[str, Any]]  # owners that wait, in foreground deletion, for their dependents


class Garbage:
    """Collects. A key is `resource|key`; indexes by uid are kept from events."""

    def __init__(self, core: Core, engine: Engine) -> None:
        self._core = core
        self._engine = engine
        self._writer = Writer(core)
        self._places: dict[str, str] = {}  # uid to key
        self._dependents: dict[str, dict[str, None]] = {}  # uid of an owner to the keys of what it owns

    @property
    def watches(self) -> Mapping[str, Keys]:
        return {"*": self._concerned}

    def _concerned(self, event: Event) -> Iterator[str]:
        entry, place = event.entry, f"{event.resource}|{event.entry.key}"
        self._index(event, place)
        if event.change == "DELETED":
            yield from self._dependents.get(entry.uid, ())
            yield from (self._places[uid] for uid in entry.owners if uid in self._places)
        elif entry.owners or _DYING in entry.data:
            yield place
        if event.previous is not None and event.previous.owners != entry.owners:
            yield from (self._places[uid] for uid in event.previous.owners if uid in self._places)

    def _index(self, event: Event, place: str) -> None:
        previous, entry = event.previous, event.entry
        for uid in previous.owners if previous is not None else ():
            held = self._dependents.get(uid)
            if held is not None:
                held.pop(place, None)
                if not held:
                    del self._dependents[uid]
        if event.change == "DELETED":
            self._places.pop(entry.uid, None)
            return
        self._places[entry.uid] = place
        for uid in entry.owners:
            self._dependents.setdefault(uid, {})[place] = None

    def reconcile(self, key: str) -> None:
        storage, _, place = key.partition("|")
        entry = self._core.store.get(storage, place)
        resource = self._core.registry.stored(storage)
        if entry is None or resource is None:
            return
        obj = entry.object()
        if obj["metadata"].get("deletionTimestamp"):
            self._finish(resource, entry, obj)
        elif entry.owners:
            self._judge(resource, entry, obj)

    def _judge(self, resource: Resource, entry: Entry, obj: Object) -> None:
        """Delete what no solid owner holds; drop references to owners that are gone where another one holds."""
        owners = self._sort(entry, obj)
        if owners is None or not (owners.dangling or owners.waiting):
            return
        if owners.solid:
            lost = {ref["uid"] for ref in (*owners.dangling, *owners.waiting)}
            self._drop_owners(resource, entry, lost)
            return
        foreground = bool(owners.waiting) and bool(self._dependents.get(entry.uid))
        self._writer.delete(resource, entry, propagation="Foreground" if foreground else "Background")

    def _sort(self, entry: Entry, obj: Object) -> _Owners | None:
        """Return the owners sorted, None when one is of a kind that is not known: then nothing is decided."""
        owners = _Owners([], [], [])
        for ref in obj["metadata"]["ownerReferences"]:
            resource = self._core.registry.of_kind(ref["apiVersion"], ref["kind"])
            if resource is None:
                return None
            if resource.namespaced and not entry.namespace:
                return None  # a cluster-wide object cannot belong to a namespaced one
            found = self._core.store.get(
                resource.storage, key_of(entry.namespace if resource.namespaced else "", ref["name"])
            )
            if found is None or found.uid != ref["uid"]:
                owners.dangling.append(ref)
            elif ref.get("blockOwnerDeletion") and _waits_for_dependents(found):
                owners.waiting.append(ref)
            else:
                owners.solid.append(ref)
        return owners

    def _finish(self, resource: Resource, entry: Entry, obj: Object) -> None:
        """Let an object go that waits for its dependents to be gone or orphaned."""
        finalizers = obj["metadata"].get("finalizers") or ()
        if ORPHAN in finalizers:
            for place in list(self._dependents.get(entry.uid, ())):
                self._orphan(place, entry.uid)
            self._release(resource, entry, ORPHAN)
        elif FOREGROUND in finalizers:
            places = list(self._dependents.get(entry.uid, ()))
            if not any(self._blocks(place, entry.uid) for place in places):
                self._release(resource, entry, FOREGROUND)
                return
            for place in places:
                self._engine.enqueue(self, place)

    def _blocks(self, place: str, uid: str) -> bool:
        storage, _, key = place.partition("|")
        entry = self._core.store.get(storage, key)
        if entry is None:
            return False
        refs = entry.object()["metadata"].get("ownerReferences") or ()
        return any(ref["uid"] == uid and ref.get("blockOwnerDeletion") for ref in refs)

    def _orphan(self, place: str, uid: str) -> None:
        storage, _, key = place.partition("|")
        entry, resource = self._core.store.get(storage, key), self._core.registry.stored(storage)
        if entry is not None and resource is not None:
            self._drop_owners(resource, entry, {uid})

    def _drop_owners(self, resource: Resource, entry: Entry, lost: set[str]) -> None:
        def edit(obj: Object) -> None:
            kept = [ref for ref in obj["metadata"].get("ownerReferences") or () if ref["uid"] not in lost]
            if kept:
                obj["metadata"]["ownerReferences"] = kept
            else:
                obj["metadata"].pop("ownerReferences", None)

        self._writer.edit(resource, entry, edit)

    def _release(self, resource: Resource, entry: Entry, finalizer: str) -> None:
        def edit(obj: Object) -> None:
            obj["metadata"]["finalizers"] = [f for f in obj["metadata"].get("finalizers") or () if f != finalizer]

        self._writer.edit(resource, entry, edit)


def _waits_for_dependents(entry: Entry) -> bool:
    if _DYING not in entry.data:
        return False
    metadata = entry.object()["metadata"]
    return bool(metadata.get("deletionTimestamp")) and FOREGROUND in (metadata.get("finalizers") or ())
