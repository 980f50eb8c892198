"""Objects as rows, the way `kubectl get` shows them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from fluvial.controlplane.columns import columns_of
from fluvial.controlplane.columns.layout import Layout
from fluvial.controlplane.conversion import from_storage
from fluvial.controlplane.core import Core
from fluvial.controlplane.request import Call
from fluvial.controlplane.resources import Resource
from fluvial.controlplane.store import Entry
from fluvial.objects import Object
from fluvial.wire import encode_frame, row, table
from fluvial.wire.watch import INITIAL_EVENTS_END


class Tables:
    """Makes Tables; remembers the layout of each resource for as long as that is served as it is."""

    def __init__(self) -> None:
        self._layouts: dict[tuple[str, str, str], tuple[Resource, Layout]] = {}

    def layout(self, resource: Resource) -> Layout:
        key = (resource.group, resource.version, resource.plural)
        held = self._layouts.get(key)
        if held is None or held[0] is not resource:
            held = self._layouts[key] = (resource, columns_of(resource))
        return held[1]

    def table(self, core: Core, call: Call, entries: Sequence[Entry], metadata: dict[str, Any]) -> dict[str, Any]:
        """Return the table of stored objects."""
        objects = (from_storage(call.resource, entry.object()) for entry in entries)
        return self.table_of_objects(core, call, objects, metadata)

    def table_of_objects(
        self, core: Core, call: Call, objects: Iterable[Object], metadata: dict[str, Any], *, definitions: bool = True
    ) -> dict[str, Any]:
        """Return the table of `objects`, which are in the version of the call's resource."""
        layout = self.layout(call.resource)
        now = core.now()
        rows = [row(layout.cells(obj, now), _included(call, obj)) for obj in objects]
        return table(layout.columns, rows, metadata, api_version=call.form.group_version, with_definitions=definitions)

    def watch_table(self, core: Core, call: Call, entry: Entry, *, with_definitions: bool) -> dict[str, Any]:
        """Return the table of one event of a watch."""
        obj = from_storage(call.resource, entry.object())
        metadata = {"resourceVersion": str(entry.revision)}
        return self.table_of_objects(core, call, [obj], metadata, definitions=with_definitions)

    def bookmark(self, call: Call, revision: int, *, initial_events_end: bool) -> bytes:
        """Return the bookmark of a watch in table form: a row that holds the bookmark's object."""
        metadata: dict[str, Any] = {"resourceVersion": str(revision), "creationTimestamp": None}
        if initial_events_end:
            metadata["annotations"] = {INITIAL_EVENTS_END: "true"}
        held = {"kind": "PartialObjectMetadata", "apiVersion": call.form.group_version, "metadata": metadata}
        cells = [None] * len(self.layout(call.resource).columns)
        found = table(
            (),
            [row(cells, held)],
            {"resourceVersion": str(revision)},
            api_version=call.form.group_version,
            with_definitions=False,
        )
        return encode_frame("BOOKMARK", msgspec.json.encode(found))


def _included(call: Call, obj: Object) -> Any:
    """Return what a row carries besides its cells: `includeObject` is None, Metadata (the default) or Object."""
    wanted = call.query.get("includeObject", "")
    if wanted == "None":
        return None
    if wanted == "Object":
        return obj
    return {"kind": "PartialObjectMetadata", "apiVersion": call.form.group_version, "metadata": obj["metadata"]}
