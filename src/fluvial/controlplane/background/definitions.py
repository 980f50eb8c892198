"""CustomResourceDefinitions: names are accepted, kinds are served, and gone they take their objects along.

Source: the status, establishing and finalizer controllers of k8s.io/apiextensions-apiserver.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from fluvial.controlplane.background.engine import Engine, Keys
from fluvial.controlplane.background.writer import Writer
from fluvial.controlplane.core import Core
from fluvial.controlplane.customkinds import resources_of
from fluvial.controlplane.deleting import CLEANUP_FINALIZER
from fluvial.controlplane.resources import Resource
from fluvial.controlplane.schemas import SchemaError
from fluvial.controlplane.store import Entry, Event
from fluvial.controlplane.watching import Watchers
from fluvial.objects import Object

DEFINITIONS = "customresourcedefinitions.apiextensions.k8s.io"


class Definitions:
    """Serves what CustomResourceDefinitions define."""

    def __init__(self, core: Core, engine: Engine, watchers: Watchers) -> None:
        self._core = core
        self._engine = engine
        self._watchers = watchers
        self._writer = Writer(core, "kube-apiserver")
        self._served: dict[str, Any] = {}  # name to the spec that is served

    @property
    def watches(self) -> Mapping[str, Keys]:
        return {DEFINITIONS: self._concerned, "*": self._owner_of_instance}

    def _concerned(self, event: Event) -> Iterator[str]:
        """A definition that goes may free names for others of its group."""
        yield event.entry.key
        if event.change != "DELETED":
            return
        group = event.entry.name.partition(".")[2]
        for entry in self._core.store.scan(DEFINITIONS):
            if entry.name != event.entry.name and entry.name.partition(".")[2] == group:
                yield entry.key

    def _owner_of_instance(self, event: Event) -> Iterator[str]:
        """The last object of a kind lets its definition go."""
        if event.change == "DELETED" and event.resource in self._served:
            yield event.resource

    def reconcile(self, key: str) -> None:
        entry = self._core.store.get(DEFINITIONS, key)
        if entry is None:
            self._withdraw(key)
            return
        crd = entry.object()
        if crd["metadata"].get("deletionTimestamp"):
            self._terminate(entry, crd)
            return
        self._establish(entry, crd)

    def _establish(self, entry: Entry, crd: Object) -> None:
        """Accept names, tell so, and serve the versions once established."""
        conflicts = self._conflicts(crd)
        conditions = _Conditions(crd, self._core.timestamp())
        try:
            rows = self._rows(crd)
        except SchemaError as error:
            conditions.set("NonStructuralSchema", "True", "Violations", str(error))
            rows = ()
        else:
            conditions.drop("NonStructuralSchema")
        if conflicts:
            reason, message = conflicts
            conditions.set("NamesAccepted", "False", reason, message)
            conditions.set("Established", "False", "NotAccepted", "not all names are accepted", only_new=True)
        else:
            conditions.set("NamesAccepted", "True", "NoConflicts", "no conflicts found")
            if rows:
                text = "the initial names have been accepted"
                conditions.set("Established", "True", "InitialNamesAccepted", text, only_new=True)
        status = {**(crd.get("status") or {}), "conditions": conditions.listed}
        if not conflicts:
            status["acceptedNames"] = crd["spec"]["names"]
        if conditions.is_true("Established") and not conflicts and rows:
            self._serve(entry.name, crd, rows)
        resource = self._core.registry.stored(DEFINITIONS)
        assert resource is not None
        self._writer.set_status(resource, entry, status)

    def _rows(self, crd: Object) -> Sequence[Resource]:
        """Return what the definition serves; compiled anew only when its spec changed."""
        name = crd["metadata"]["name"]
        return self._core.registry.custom(name) if self._served.get(name) == crd["spec"] else resources_of(crd)

    def _serve(self, name: str, crd: Object, rows: Sequence[Resource]) -> None:
        if self._served.get(name) == crd["spec"]:
            return
        self._served[name] = crd["spec"]
        before = {row.version for row in self._core.registry.custom(name)}
        self._core.registry.add_custom(name, rows)
        if before - {row.version for row in rows}:
            self._watchers.end_resource(name)

    def _withdraw(self, name: str) -> None:
        if self._served.pop(name, None) is not None:
            self._core.registry.remove_custom(name)
            self._watchers.end_resource(name)

    def _conflicts(self, crd: Object) -> tuple[str, str] | None:
        """Return reason and message when a name is taken by another kind of the group."""
        names, group, own = crd["spec"]["names"], crd["spec"]["group"], crd["metadata"]["name"]
        taken: dict[str, set[str]] = {"plural": set(), "kinds": set()}
        for row in self._core.registry.all():
            if row.group != group or (row.custom is not None and row.custom.crd == own):
                continue
            taken["plural"] |= {row.plural, row.singular, *row.short_names}
            taken["kinds"] |= {row.kind, row.list_kind}
        checks = (
            ("PluralConflict", names.get("plural"), taken["plural"]),
            ("SingularConflict", names.get("singular"), taken["plural"]),
            *(("ShortNamesConflict", short, taken["plural"]) for short in names.get("shortNames") or ()),
            ("KindConflict", names.get("kind"), taken["kinds"]),
            ("ListKindConflict", names.get("listKind"), taken["kinds"]),
        )
        for reason, name, held in checks:
            if name and name in held:
                return reason, f'"{name}" is already in use'
        return None

    def _terminate(self, entry: Entry, crd: Object) -> None:
        """Delete every object of the kind, then let the definition go."""
        resource = self._core.registry.stored(DEFINITIONS)
        assert resource is not None
        if CLEANUP_FINALIZER not in (crd["metadata"].get("finalizers") or ()):
            return
        self._delete_instances(entry.name)
        conditions = _Conditions(crd, self._core.timestamp())
        left = self._core.store.count(entry.name)
        if left:
            message = "CustomResource deletion is in progress"
            conditions.set("Terminating", "True", "InstanceDeletionInProgress", message)
        else:
            message = "removed all instances"
            conditions.set("Terminating", "False", "InstanceDeletionCompleted", message)
        self._writer.set_status(resource, entry, {**(crd.get("status") or {}), "conditions": conditions.listed})
        if left:
            return

        def release(obj: Object) -> None:
            obj["metadata"]["finalizers"] = [f for f in obj["metadata"]["finalizers"] if f != CLEANUP_FINALIZER]

        current = self._core.store.get(DEFINITIONS, entry.key)
        if current is not None:
            self._writer.edit(resource, current, release)

    def _delete_instances(self, name: str) -> None:
        resource = self._core.registry.stored(name)
        for instance in list(self._core.store.scan(name)):
            if resource is None:
                # Never served: nothing could have been written, but an older process may have left some.
                self._core.store.delete(name, instance.key)
            elif not instance.object()["metadata"].get("deletionTimestamp"):
                self._writer.delete(resource, instance)


class _Conditions:
    """The conditions of a CustomResourceDefinition under change."""

    def __init__(self, crd: Object, now: str) -> None:
        self.listed: list[dict[str, Any]] = [dict(c) for c in (crd.get("status") or {}).get("conditions") or ()]
        self._now = now

    def set(self, kind: str, value: str, reason: str, message: str, *, only_new: bool = False) -> None:
        """Set a condition; `only_new` leaves one that is true as it is (Established does not go back)."""
        found = next((c for c in self.listed if c["type"] == kind), None)
        if found is None:
            found = {"type": kind}
            self.listed.append(found)
        elif only_new and found["status"] == "True":
            return
        if found.get("status") != value:
            found["lastTransitionTime"] = self._now
        found.update(status=value, reason=reason, message=message)

    def drop(self, kind: str) -> None:
        self.listed = [c for c in self.listed if c["type"] != kind]

    def is_true(self, kind: str) -> bool:
        return any(c["type"] == kind and c["status"] == "True" for c in self.listed)
