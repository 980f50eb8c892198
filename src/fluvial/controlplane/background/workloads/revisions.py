"""ControllerRevisions: the history of StatefulSets and DaemonSets."""

from __future__ import annotations

from typing import Any

from fluvial.controlplane.background.workloads.parts import (
    Owned,
    owned,
    owner_reference,
    resource_named,
    template_hash,
)
from fluvial.controlplane.background.writer import Writer
from fluvial.controlplane.core import Core
from fluvial.objects import Object

_STORAGE = "controllerrevisions.apps"
_HASH_LABELS = {"StatefulSet": "controller.kubernetes.io/hash", "DaemonSet": "controller-revision-hash"}


def ensure_revision(core: Core, writer: Writer, owner: Object, data: dict[str, Any]) -> tuple[str, str]:
    """Return name and hash of the revision of the owner's present template, made when it is new."""
    digest = template_hash(data)
    namespace = owner["metadata"]["namespace"]
    name = f"{owner['metadata']['name']}-{digest}"
    if core.store.get(_STORAGE, f"{namespace}/{name}") is None:
        held = owned(core, _STORAGE, owner)
        revision = max((r.object.get("revision", 0) for r in held), default=0) + 1
        labels = (owner["spec"]["template"].get("metadata") or {}).get("labels") or {}
        obj: dict[str, Any] = {
            "apiVersion": "apps/v1",
            "kind": "ControllerRevision",
            "metadata": {
                "name": name,
                "namespace": namespace,
                "labels": {**labels, _HASH_LABELS[owner["kind"]]: digest},
                "ownerReferences": [owner_reference(owner)],
            },
            "data": data,
            "revision": revision,
        }
        if owner["kind"] == "DaemonSet" and owner["metadata"].get("annotations"):
            obj["metadata"]["annotations"] = dict(owner["metadata"]["annotations"])
        writer.create(resource_named(core, _STORAGE), obj)
    return name, digest


def drop_old_revisions(core: Core, writer: Writer, owner: Object, keep: set[str]) -> None:
    """Keep as many revisions as the history limit allows, and those in `keep`."""
    limit = owner["spec"].get("revisionHistoryLimit", 10)
    idle: list[Owned] = [r for r in owned(core, _STORAGE, owner) if r.name not in keep]
    idle.sort(key=lambda r: r.object.get("revision", 0))
    for found in idle[: max(0, len(idle) - limit)]:
        writer.delete(resource_named(core, _STORAGE), found.entry)
