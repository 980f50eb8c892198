"""Events that controllers, scheduler and kubelet would write about what went wrong."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

from fluvial.controlplane.background.writer import Writer
from fluvial.controlplane.core import Core
from fluvial.controlplane.errors import StatusError
from fluvial.objects import Object


@dataclass(frozen=True, slots=True)
class Reporter:
    """Writes Warning events; the same one again counts up. Where nothing can be written (a namespace on its way out)
    nothing is said, as upstream."""

    core: Core
    component: str

    def warn(self, obj: Object, reason: str, message: str) -> None:
        """Write a Warning about `obj`."""
        resource = self.core.registry.stored("events")
        assert resource is not None, "events are built in"
        metadata, now = obj["metadata"], self.core.timestamp()
        digest = hashlib.sha256(f"{metadata['uid']}/{reason}/{message}".encode()).hexdigest()[:16]
        name, namespace = f"{metadata['name']}.{digest}", metadata.get("namespace") or "default"
        writer = Writer(self.core, self.component)
        held = self.core.store.get("events", f"{namespace}/{name}")
        if held is not None:
            writer.edit(resource, held, lambda event: event.update(count=event.get("count", 0) + 1, lastTimestamp=now))
            return
        event: dict[str, Any] = {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": name, "namespace": namespace},
            "involvedObject": {
                "apiVersion": obj["apiVersion"],
                "kind": obj["kind"],
                "name": metadata["name"],
                "namespace": namespace,
                "uid": metadata["uid"],
                "resourceVersion": metadata.get("resourceVersion", ""),
            },
            "reason": reason,
            "message": message,
            "type": "Warning",
            "count": 1,
            "firstTimestamp": now,
            "lastTimestamp": now,
            "source": {"component": self.component},
            "reportingComponent": self.component,
            "reportingInstance": "",
        }
        try:
            writer.create(resource, event)
        except StatusError as error:
            if error.status.get("code") != 403:
                raise
