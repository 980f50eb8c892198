"""Apply and update: the two ways in which an object changes, and what each does to its managedFields."""

from collections.abc import Callable
from datetime import datetime

from fluvial.managedfields.fieldset import FieldSet
from fluvial.managedfields.types import TypeSchema
from fluvial.objects import Object

Versions = Callable[[str], TypeSchema | None]


def apply(
    live: Object | None,
    applied: Object,
    *,
    manager: str,
    force: bool,
    schema: TypeSchema,
    now: datetime,
    api_version: str = "",
    subresource: str = "",
    reset: FieldSet | None = None,
    versions: Versions | None = None,
) -> Object:
    """Return what server-side apply makes of `live`: merged, pruned of what `manager` dropped, managedFields updated.

    Defaulting and validation come after, by the caller; then `keep_times`. The result shares parts with its
    arguments: treat all three as frozen.

    Args:
        live: None when the object does not exist; else as stored, in `api_version`.
        applied: as sent; must have no managedFields.
        schema: of the kind in `api_version`; `DEDUCED` for a kind without one.
        api_version: of the endpoint; empty means the one of `applied`. Another in `applied` is a BadRequest.
        subresource: "" or "status", "scale", …: part of the manager's identity.
        reset: fields that this endpoint sets back afterwards (status on the main resource): never owned through it.
        versions: schema of the kind in another version that managedFields may name, None for one no longer served
            (its entries are dropped). Objects are taken to have the same structure in all versions. Omitted: only
            `api_version` is served.
    Raises:
        ApplyConflict: other managers own fields that would change, and `force` is off.
        ApplyError: the object does not fit the schema (code 500, as the real server), or the request is wrong (400).
    """
    raise NotImplementedError


def update(
    before: Object | None,
    after: Object,
    *,
    manager: str,
    schema: TypeSchema,
    now: datetime,
    api_version: str = "",
    subresource: str = "",
    reset: FieldSet | None = None,
    versions: Versions | None = None,
) -> Object:
    """Return `after` with the managedFields that a create (`before` None), PUT or patch by `manager` gives.

    Call it with the object as it will be stored, defaults included but not yet stripped of `reset`. Managers lose what
    changed or went; `manager` gains it; an empty list of managedFields in `after` (or one empty entry) resets them;
    managedFields that the request changed by itself are taken as sent when they can be read, and those of `before`
    otherwise. More than ten update entries are merged into "ancient-changes". Never raises for odd input: an object
    that does not fit the schema comes back with no managedFields, as from the real server.
    """
    raise NotImplementedError


def keep_times(before: Object | None, after: Object) -> Object:
    """Return `after`; with the managedFields of `before` if time stamps there are all that differs.

    Call it last, after defaulting and admission. If the result equals `before`, nothing is to be written and the
    resourceVersion stays.
    """
    raise NotImplementedError
