"""Reading managedFields: who owns what, for decisions about drift."""

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from fluvial.managedfields.fieldset import FieldSet
from fluvial.objects import Object


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
    raise NotImplementedError


def owned_fields(obj: Object, manager: str, operation: str = "Apply", subresource: str = "") -> FieldSet:
    """Return all fields that `manager` owns through `operation`, of all versions together; empty when none."""
    raise NotImplementedError
