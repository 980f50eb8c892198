"""Who owns which field: the merge, conflict and removal rules of server-side apply.

Behaviour of structured-merge-diff v6 and of apimachinery's util/managedfields (Kubernetes 1.36). Values only: objects
are plain dicts, time is an argument. Absent on purpose: conversion between versions of different structure (a caller
may give one), defaulting and validation beyond the type schema (the API server's part).

    new = apply(live, wanted, manager="flux", force=True, schema=schemas.get("v1", "ConfigMap"), now=now)
    new = update(before, after, manager="kubectl", schema=schema, now=now)      # create: before=None
    new = keep_times(before, new)        # after defaulting: an apply that changed nothing keeps its time stamps
"""

from fluvial.managedfields.errors import ApplyConflict, ApplyError, Conflict
from fluvial.managedfields.fieldset import FieldSet
from fluvial.managedfields.managers import apply, keep_times, update
from fluvial.managedfields.ownership import ManagerEntry, entries, owned_fields
from fluvial.managedfields.scale import scale_fields_from_parent, scale_fields_to_parent
from fluvial.managedfields.takeover import ManagerMatch, metadata_removal, migrate_version, take_over
from fluvial.managedfields.types import DEDUCED, Schemas, TypeSchema, schema_of_crd

__all__ = [
    "DEDUCED",
    "ApplyConflict",
    "ApplyError",
    "Conflict",
    "FieldSet",
    "ManagerEntry",
    "ManagerMatch",
    "Schemas",
    "TypeSchema",
    "apply",
    "entries",
    "keep_times",
    "metadata_removal",
    "migrate_version",
    "owned_fields",
    "scale_fields_from_parent",
    "scale_fields_to_parent",
    "schema_of_crd",
    "take_over",
    "update",
]
