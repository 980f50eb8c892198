"""Reading managedFields: who owns what, for decisions about drift."""

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from fluvial.gotext import parse_rfc3339
from fluvial.managedfields.fieldset import EMPTY, FieldSet
from fluvial.objects import Object, dig


class ManagerEntry(NamedTuple):
    """One entry of managedFields."""

    manager: str
    operation: str  # "Apply" or "Update"
    api_version: str
    subresource: str
    time: datetime | None
    fields: FieldSet


def entries(obj: Object) -> Iterator[ManagerEntry]:
    """Yield the entries of `obj`'s managedFields in their order; those that cannot be read are left out."""
    for entry in dig(obj, "metadata", "managedFields", default=None) or ():
        try:
            time = parse_rfc3339(entry["time"]) if entry.get("time") else None
            yield ManagerEntry(
                entry.get("manager", ""),
                entry.get("operation", ""),
                entry.get("apiVersion", ""),
                entry.get("subresource", ""),
                time,
                FieldSet.from_fields(entry.get("fieldsV1")),
            )
        except (ValueError, AttributeError, TypeError):
            continue  # whoever wrote it, we cannot say what it owns


def owned_fields(obj: Object, manager: str, operation: str = "Apply", subresource: str = "") -> FieldSet:
    """Return all fields that `manager` owns through `operation`, of all versions together; empty when none."""
    fields = EMPTY
    for entry in entries(obj):
        if (entry.manager, entry.operation, entry.subresource) == (manager, operation, subresource):
            fields = fields | entry.fields
    return fields
