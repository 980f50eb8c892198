"""Apply and update: the two ways in which an object changes, and what each does to its managedFields.

The order of the steps is that of apimachinery's NewDefaultFieldManager.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from fluvial.gotext import rfc3339
from fluvial.managedfields.cap import cap_update_managers
from fluvial.managedfields.entries import Entry, Managed, decode, encode, identifier
from fluvial.managedfields.errors import ApplyConflict, ApplyError, Conflict
from fluvial.managedfields.fieldset import EMPTY, FieldSet, path_text
from fluvial.managedfields.lastapplied import refresh_last_applied, set_by_last_applied
from fluvial.managedfields.types import TypeSchema
from fluvial.managedfields.updater import ConflictsFound, Owned, Rules, apply_config, update_owners
from fluvial.managedfields.validation import check
from fluvial.managedfields.values import same
from fluvial.objects import Object

Versions = Callable[[str], TypeSchema | None]

BEFORE_FIRST_APPLY = "before-first-apply"
_THIS_OPERATION = "current-operation"  # set apart from earlier entries of the same manager until all is computed

_NEVER_OWNED = FieldSet.of(
    ("f:apiVersion",),
    ("f:kind",),
    ("f:metadata",),
    *(
        ("f:metadata", "f:" + name)
        for name in (
            "name",
            "namespace",
            "creationTimestamp",
            "selfLink",
            "uid",
            "clusterName",
            "generation",
            "managedFields",
            "resourceVersion",
        )
    ),
)


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
    empty: Object | None = None,
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
        empty: what the decoder of the kind makes of an empty object (built-in kinds: `spec: {}` and the like);
            nobody comes to own what is in it.
    Raises:
        ApplyConflict: other managers own fields that would change, and `force` is off.
        ApplyError: the object does not fit the schema (code 500, as the real server), or the request is wrong (400).
    """
    api_version = api_version or str(applied.get("apiVersion", ""))
    if applied.get("apiVersion") != api_version:
        raise ApplyError(f"invalid object type: {_gvk(applied)}", code=400, reason="BadRequest")
    if _metadata(applied).get("managedFields") is not None:
        raise ApplyError("metadata.managedFields must be nil", code=400, reason="BadRequest")
    endpoint = _Endpoint(_rules(schema, api_version, reset, versions), subresource, now, empty or {})
    before, listed = _without_managed(live if live is not None else endpoint.empty)
    try:
        managed = decode(listed)
    except ValueError as error:
        raise ApplyError(f"failed to decode managed fields: {error}") from error
    if not managed.owners:
        # Whatever is there now was put there by somebody: remember that before the first applier takes its part.
        endpoint.note_change(endpoint.empty, before, managed, BEFORE_FIRST_APPLY)
    endpoint.check_fit(before, applied)
    try:
        after, managed = endpoint.apply(before, applied, managed, manager, force=force)
    except ConflictsFound as found:
        if manager != "kubectl" or not _only_by_last_applied(found, before, endpoint.rules):
            raise _conflict(found, before, manager, endpoint.rules) from None
        after, managed = endpoint.apply(before, applied, managed, manager, force=True)
    if manager == "kubectl":
        after = refresh_last_applied(after, applied)
    return _with_managed(after, managed)


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
    empty: Object | None = None,
) -> Object:
    """Return `after` with the managedFields that a create (`before` None), PUT or patch by `manager` gives.

    Call it with the object as it will be stored, defaults included but not yet stripped of `reset`. Managers lose what
    changed or went; `manager` gains it; an empty list of managedFields in `after` (or one empty entry) resets them;
    managedFields that the request changed by itself are taken as sent when they can be read, and those of `before`
    otherwise. More than ten update entries are merged into "ancient-changes". Never raises for odd input: an object
    that does not fit the schema comes back with no managedFields, as from the real server.
    """
    api_version = api_version or str(after.get("apiVersion", ""))
    endpoint = _Endpoint(_rules(schema, api_version, reset, versions), subresource, now, empty or {})
    old, old_listed = _without_managed(before if before is not None else endpoint.empty)
    new, new_listed = _without_managed(after)
    managed = _live_or_new(old_listed, new_listed, ignore_new=bool(subresource))
    if not managed.owners and _metadata(old).get("uid"):
        return new  # an object without managers stays so until it is applied to
    if check(new, schema, allow_duplicates=True) or check(old, schema, allow_duplicates=True):
        return new
    endpoint.note_change(old, new, managed, manager)
    return _with_managed(new, managed)


def keep_times(before: Object | None, after: Object) -> Object:
    """Return `after`; with the managedFields of `before` if time stamps there are all that differs.

    Call it last, after defaulting and admission. If the result equals `before`, nothing is to be written and the
    resourceVersion stays.
    """
    if before is None:
        return after
    old_listed = _metadata(before).get("managedFields")
    new_listed = _metadata(after).get("managedFields")
    if not old_listed or not new_listed or len(old_listed) != len(new_listed):
        return after
    pairs = list(zip(old_listed, new_listed, strict=True))
    if all(old.get("time") == new.get("time") for old, new in pairs):
        return after
    if not all(same({**old, "time": None}, {**new, "time": None}) for old, new in pairs):
        return after
    if not same(_without_managed(before)[0], _without_managed(after)[0]):
        return after
    return {**after, "metadata": {**after["metadata"], "managedFields": old_listed}}


@dataclass(frozen=True, slots=True)
class _Endpoint:
    """Where a request arrives and when."""

    rules: Rules
    subresource: str
    now: datetime
    empty: Object

    def identify(self, manager: str, operation: str) -> str:
        return identifier(manager or "unknown", operation, self.rules.api_version, self.subresource)

    def note_change(self, before: Object, after: Object, managed: Managed, manager: str) -> None:
        """Enter a plain change into `managed`."""
        owners = update_owners(before, after, managed.owners, _THIS_OPERATION, self.rules)
        mine = owners.pop(_THIS_OPERATION, None)
        fields = mine.fields - _NEVER_OWNED if mine is not None else EMPTY
        if fields:
            key = self.identify(manager, "Update")
            if (earlier := owners.get(key)) is not None:
                fields = fields | earlier.fields
            owners[key] = Owned(fields, self.rules.api_version, False)
            managed.times[key] = rfc3339(self.now)
        managed.owners = owners
        cap_update_managers(managed)

    def check_fit(self, before: Object, applied: Object) -> None:
        """Refuse an object that does not fit the schema."""
        if problem := check(applied, self.rules.schema):
            raise ApplyError(f"failed to create typed patch object ({_gvknn(applied)}): {problem}")
        if problem := check(before, self.rules.schema, allow_duplicates=True):
            raise ApplyError(f"failed to create typed live object ({_gvknn(before)}): {problem}")

    def apply(
        self, before: Object, applied: Object, managed: Managed, manager: str, *, force: bool
    ) -> tuple[Object, Managed]:
        key = self.identify(manager, "Apply")
        after, owners = apply_config(before, applied, dict(managed.owners), key, self.rules, force=force)
        if (mine := owners.get(key)) is not None:
            fields = mine.fields - _NEVER_OWNED
            if fields:
                owners[key] = Owned(fields, mine.api_version, True)
            else:
                del owners[key]
        times = managed.times
        if after is not before:
            times = {**times, key: rfc3339(self.now)}
        return after, Managed(owners, times)


def _rules(schema: TypeSchema, api_version: str, reset: FieldSet | None, versions: Versions | None) -> Rules:
    return Rules(schema, api_version, versions or (lambda _: None), reset if reset is not None else EMPTY)


def _live_or_new(old: list[Entry] | None, new: list[Entry] | None, *, ignore_new: bool) -> Managed:
    """Read the managedFields that a plain write starts from."""
    if not ignore_new and new is not None:
        if new in ([], [{}]):
            return Managed()
        try:
            managed = decode(new)
        except ValueError:
            managed = Managed()
        if managed.owners:
            return managed
    try:
        return decode(old)
    except ValueError:
        return Managed()


def _metadata(obj: Object) -> dict[str, Any]:
    metadata = obj.get("metadata")
    return metadata if isinstance(metadata, dict) else {}


def _without_managed(obj: Object) -> tuple[Object, list[Entry] | None]:
    metadata = _metadata(obj)
    if "managedFields" not in metadata:
        return obj, None
    rest = {k: v for k, v in metadata.items() if k != "managedFields"}
    return {**obj, "metadata": rest}, metadata["managedFields"]


def _with_managed(obj: Object, managed: Managed) -> Object:
    if not managed.owners:
        return obj
    return {**obj, "metadata": {**_metadata(obj), "managedFields": encode(managed)}}


def _gvk(obj: Object) -> str:
    group, _, version = str(obj.get("apiVersion", "")).rpartition("/")
    return f"{group}/{version}, Kind={obj.get('kind', '')}"


def _gvknn(obj: Object) -> str:
    metadata = _metadata(obj)
    return f"{metadata.get('namespace', '')}/{metadata.get('name', '')}; {_gvk(obj)}"


def _only_by_last_applied(found: ConflictsFound, live: Object, rules: Rules) -> bool:
    allowed = set_by_last_applied(live, rules)
    return allowed is not None and not any(fields - allowed for fields in found.fields.values())


def _conflict(found: ConflictsFound, live: Object, manager: str, rules: Rules) -> ApplyConflict:
    """Return the error that the server gives for `found`."""
    allowed = set_by_last_applied(live, rules) if manager == "kubectl" else None
    conflicts = []
    grouped: dict[str, list[str]] = {}
    for key in sorted(found.fields):
        name = _manager_for_people(key)
        for path in found.fields[key]:
            if allowed is not None and path in allowed:
                continue
            conflicts.append(Conflict(name, path_text(path)))
            grouped.setdefault(name, []).append(path_text(path))
    if len(conflicts) == 1:
        text = f"Apply failed with 1 conflict: conflict with {conflicts[0].manager}: {conflicts[0].field}"
    else:
        lines = []
        for name, fields in grouped.items():
            lines += [f"conflicts with {name}:", *(f"- {field}" for field in fields)]
        text = f"Apply failed with {len(conflicts)} conflicts: " + "\n".join(lines)
    return ApplyConflict(text, conflicts)


def _manager_for_people(key: str) -> str:
    parts = json.loads(key)
    text = json.dumps(parts.get("manager", ""), ensure_ascii=False)
    if subresource := parts.get("subresource"):
        text += f' with subresource "{subresource}"'
    if parts["operation"] == "Update":
        text += f" using {parts.get('apiVersion', '')}"
    return text
