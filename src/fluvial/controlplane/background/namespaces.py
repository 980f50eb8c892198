"""Namespaces: each gets its default ServiceAccount, and takes everything along when it goes.

Source: pkg/controller/namespace and pkg/controller/serviceaccount of k8s.io/kubernetes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from fluvial.controlplane.background.engine import Engine, Keys
from fluvial.controlplane.background.writer import Writer
from fluvial.controlplane.core import Core
from fluvial.controlplane.store import Entry, Event
from fluvial.objects import Object

_FINALIZER = "kubernetes"
_DYING = b'"deletionTimestamp"'
_SETTLED = (
    ("NamespaceDeletionDiscoveryFailure", "ResourcesDiscovered", "All resources successfully discovered"),
    ("NamespaceDeletionGroupVersionParsingFailure", "ParsedGroupVersions", "All legacy kube types successfully parsed"),
    (
        "NamespaceDeletionContentFailure",
        "ContentDeleted",
        "All content successfully deleted, may be waiting on finalization",
    ),
)


class Namespaces:
    """Empties namespaces that are being deleted, and lets them go."""

    def __init__(self, core: Core, engine: Engine) -> None:
        self._core = core
        self._engine = engine
        self._writer = Writer(core)
        self._terminating: set[str] = set()

    @property
    def watches(self) -> Mapping[str, Keys]:
        return {"namespaces": self._noticed, "*": self._content_changed}

    def _noticed(self, event: Event) -> Iterator[str]:
        name = event.entry.name
        if event.change == "DELETED":
            self._terminating.discard(name)
        elif _DYING in event.entry.data:
            self._terminating.add(name)
            yield name

    def _content_changed(self, event: Event) -> Iterator[str]:
        if self._terminating and event.entry.namespace in self._terminating:
            yield event.entry.namespace

    def reconcile(self, key: str) -> None:
        entry = self._core.store.get("namespaces", key)
        if entry is None or _DYING not in entry.data:
            return
        obj = entry.object()
        if not obj["metadata"].get("deletionTimestamp"):
            return
        self._delete_content(key)
        resource = self._core.registry.stored("namespaces")
        assert resource is not None
        counts, finalizers = self._content(key)
        conditions = _conditions(obj, counts, finalizers, self._core.timestamp())
        self._writer.set_status(resource, entry, {"phase": "Terminating", "conditions": conditions})
        if counts:
            return

        def release(namespace: Object) -> None:
            kept = [f for f in (namespace.get("spec") or {}).get("finalizers") or () if f != _FINALIZER]
            namespace["spec"] = {"finalizers": kept} if kept else {}

        current = self._core.store.get("namespaces", key)
        if current is not None:
            self._writer.edit(resource, current, release, "finalize")

    def _delete_content(self, namespace: str) -> None:
        for storage in sorted(self._core.store.resources()):
            resource = self._core.registry.stored(storage)
            if resource is None or not resource.namespaced:
                continue
            for entry in list(self._core.store.scan(storage, namespace)):
                if not self._is_dying(entry):
                    self._writer.delete(resource, entry, propagation="Background")

    def _is_dying(self, entry: Entry) -> bool:
        return _DYING in entry.data and bool(entry.object()["metadata"].get("deletionTimestamp"))

    def _content(self, namespace: str) -> tuple[Counter[str], Counter[str]]:
        """Return how many objects of each resource are left, and how many wait for each finalizer."""
        counts: Counter[str] = Counter()
        finalizers: Counter[str] = Counter()
        for storage in sorted(self._core.store.resources()):
            resource = self._core.registry.stored(storage)
            if resource is None or not resource.namespaced:
                continue
            for entry in self._core.store.scan(storage, namespace):
                plural, _, group = storage.partition(".")
                counts[f"{plural}.{group}"] += 1
                finalizers.update(entry.object()["metadata"].get("finalizers") or ())
        return counts, finalizers


def _conditions(obj: Object, counts: Counter[str], finalizers: Counter[str], now: str) -> list[dict[str, Any]]:
    wanted = [(kind, "False", reason, message) for kind, reason, message in _SETTLED]
    if counts:
        listed = ", ".join(f"{name} has {number} resource instances" for name, number in sorted(counts.items()))
        text = f"Some resources are remaining: {listed}"
        wanted.append(("NamespaceContentRemaining", "True", "SomeResourcesRemain", text))
    else:
        wanted.append(("NamespaceContentRemaining", "False", "ContentRemoved", "All content successfully removed"))
    if finalizers:
        listed = ", ".join(f"{name} in {number} resource instances" for name, number in sorted(finalizers.items()))
        text = f"Some content in the namespace has finalizers remaining: {listed}"
        wanted.append(("NamespaceFinalizersRemaining", "True", "SomeFinalizersRemain", text))
    else:
        text = "All content-preserving finalizers finished"
        wanted.append(("NamespaceFinalizersRemaining", "False", "ContentHasNoFinalizers", text))
    held = {c["type"]: c for c in (obj.get("status") or {}).get("conditions") or ()}
    return [_condition(held.get(kind), kind, value, reason, message, now) for kind, value, reason, message in wanted]


def _condition(
    held: dict[str, Any] | None, kind: str, value: str, reason: str, message: str, now: str
) -> dict[str, Any]:
    since = held["lastTransitionTime"] if held is not None and held["status"] == value else now
    return {"type": kind, "status": value, "lastTransitionTime": since, "reason": reason, "message": message}


class ServiceAccounts:
    """Keeps a ServiceAccount named `default` in every namespace."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._writer = Writer(core)

    @property
    def watches(self) -> Mapping[str, Keys]:
        return {
            "namespaces": lambda event: (event.entry.name,) if event.change == "ADDED" else (),
            "serviceaccounts": lambda event: (event.entry.namespace,) if event.change == "DELETED" else (),
        }

    def reconcile(self, key: str) -> None:
        namespace = self._core.store.get("namespaces", key)
        if namespace is None or _DYING in namespace.data:
            return
        if self._core.store.get("serviceaccounts", f"{key}/default") is not None:
            return
        resource = self._core.registry.stored("serviceaccounts")
        assert resource is not None
        account = {
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": {"name": "default", "namespace": key},
        }
        self._writer.create(resource, account)
