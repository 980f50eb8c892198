"""How a controller changes objects: through the same commit as every client, under its own name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fluvial.controlplane.commit import change, create, managed_create, managed_update
from fluvial.controlplane.core import Core
from fluvial.controlplane.deleting import delete
from fluvial.controlplane.request import Call, User
from fluvial.controlplane.resources import Resource
from fluvial.controlplane.store import Entry
from fluvial.objects import Object
from fluvial.wire import DeleteOptions, Verb

Edit = Callable[[Object], None]


@dataclass(frozen=True, slots=True)
class Writer:
    """Writes under the name of one controller. StatusError from admission or validation passes through."""

    core: Core
    agent: str = "kube-controller-manager"
    user: User = User("system:kube-controller-manager", ("system:masters", "system:authenticated"))  # noqa: RUF009

    def create(self, resource: Resource, obj: Object) -> Object:
        """Create `obj`, which names its namespace; returns it as stored (in the resource's version)."""
        call = self.call("create", resource, obj["metadata"].get("namespace", ""), "")
        schema = resource.schema
        decoded = schema.default(schema.decode(obj).object)
        stored, _ = create(self.core, call, managed_create(self.core, call, decoded))
        return stored

    def edit(self, resource: Resource, entry: Entry, edit: Edit, subresource: str = "") -> bool:
        """Change an object in place by `edit`; returns whether anything was written."""
        call = self.call("update", resource, entry.namespace, entry.name, subresource)
        old, new = self.core.object_in(resource, entry), self.core.object_in(resource, entry)
        edit(new)
        new = resource.schema.default(new)
        if new == old:
            return False
        _, stored = change(self.core, call, entry, old, managed_update(self.core, call, old, new))
        return stored is not entry

    def set_status(self, resource: Resource, entry: Entry, status: dict[str, Any]) -> bool:
        """Replace an object's status; returns whether that changed anything."""

        def edit(obj: Object) -> None:
            obj["status"] = status

        return self.edit(resource, entry, edit, "status")

    def delete(self, resource: Resource, entry: Entry, *, propagation: str = "", grace: int | None = None) -> None:
        call = self.call("delete", resource, entry.namespace, entry.name)
        options = DeleteOptions(uid=entry.uid, propagation=propagation, grace_seconds=grace)
        delete(self.core, call, entry, options)

    def call(self, verb: Verb, resource: Resource, namespace: str, name: str, subresource: str = "") -> Call:
        return Call(
            verb=verb,
            resource=resource,
            namespace=namespace,
            name=name,
            subresource=subresource,
            user=self.user,
            user_agent=self.agent,
            query={},
        )
