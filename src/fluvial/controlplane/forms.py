"""The forms in which objects and lists leave: whole, metadata alone, or as a Table; JSON or YAML."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from fluvial.controlplane.core import Core
from fluvial.controlplane.request import Call
from fluvial.controlplane.resources import Resource
from fluvial.controlplane.store import Entry
from fluvial.controlplane.tables import Tables
from fluvial.objects import Object
from fluvial.wire.media import Negotiated
from fluvial.yamldoc import dump


def metadata_json(entry: Entry, group_version: str = "meta.k8s.io/v1") -> bytes:
    """Return a stored object as PartialObjectMetadata."""
    head = b'{"kind":"PartialObjectMetadata","apiVersion":"' + group_version.encode() + b'","metadata":'
    return head + entry.metadata() + b"}"


def entry_json(core: Core, tables: Tables, call: Call, entry: Entry) -> bytes:
    """Return one stored object in the form that the call asked for."""
    form = call.form
    if form.shape == "object":
        return core.bytes_in(call.resource, entry)
    if form.shape == "metadata":
        return metadata_json(entry, form.group_version)
    found = tables.table(core, call, [entry], {"resourceVersion": str(entry.revision)})
    return msgspec.json.encode(found)


def object_json(core: Core, tables: Tables, call: Call, obj: Object) -> bytes:
    """Return an object that is not stored (a dry run's) in the form that the call asked for."""
    form = call.form
    if form.shape == "object":
        return msgspec.json.encode(obj)
    if form.shape == "metadata":
        shown = {"kind": "PartialObjectMetadata", "apiVersion": form.group_version, "metadata": obj["metadata"]}
        return msgspec.json.encode(shown)
    version = obj["metadata"].get("resourceVersion", "")
    return msgspec.json.encode(tables.table_of_objects(core, call, [obj], {"resourceVersion": version}))


def list_json(core: Core, tables: Tables, call: Call, entries: Sequence[Entry], metadata: dict[str, Any]) -> bytes:
    """Return a collection in the form that the call asked for."""
    form, resource = call.form, call.resource
    if form.shape == "table":
        return msgspec.json.encode(tables.table(core, call, entries, metadata))
    if form.shape == "metadata":
        items: Iterable[bytes] = (metadata_json(entry, form.group_version) for entry in entries)
        return _list("PartialObjectMetadataList", form.group_version, metadata, items)
    items = (_item(core, resource, entry) for entry in entries)
    return _list(resource.list_kind, resource.api_version, metadata, items)


def _list(kind: str, api_version: str, metadata: dict[str, Any], items: Iterable[bytes]) -> bytes:
    head = msgspec.json.encode({"kind": kind, "apiVersion": api_version, "metadata": metadata})
    return head[:-1] + b',"items":[' + b",".join(items) + b"]}"


def _item(core: Core, resource: Resource, entry: Entry) -> bytes:
    """Items of a typed list say neither kind nor apiVersion; those of custom resources say both, as upstream."""
    data = core.bytes_in(resource, entry)
    if resource.custom is not None:
        return data
    prefix = b'{"kind":"' + resource.kind.encode() + b'","apiVersion":"' + resource.api_version.encode() + b'",'
    if data.startswith(prefix):
        return b"{" + data[len(prefix) :]
    obj = msgspec.json.decode(data)
    return msgspec.json.encode({key: value for key, value in obj.items() if key not in ("kind", "apiVersion")})


def in_format(form: Negotiated, body: bytes) -> bytes:
    """Return JSON as the client wants to read it."""
    if form.format == "yaml":
        return dump(msgspec.json.decode(body)).encode()
    if form.pretty:
        return msgspec.json.format(body, indent=2) + b"\n"
    return body + b"\n"
