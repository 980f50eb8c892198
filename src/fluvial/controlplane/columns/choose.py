"""Which layout a resource has."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from fluvial.controlplane.columns.layout import Layout, age
from fluvial.controlplane.resources import Resource
from fluvial.objects import Object
from fluvial.wire import Column


def columns_of(resource: Resource) -> Layout:
    """Return the layout of a resource."""
    return _PLAIN


def _plain(obj: Object, now: datetime) -> list[Any]:
    metadata = obj["metadata"]
    return [metadata.get("name", ""), age(metadata.get("creationTimestamp"), now)]


_PLAIN = Layout((Column("Name", format="name"), Column("Age")), _plain)
