"""The rules of ownership on typed objects (structured-merge-diff's merge.Updater): conflicts, transfer, removal."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fluvial.managedfields.compare import Comparison, compare
from fluvial.managedfields.fieldset import EMPTY, FieldSet
from fluvial.managedfields.merge import merge
from fluvial.managedfields.selection import fields_of, follow_schema, remove_fields, with_named_fields
from fluvial.managedfields.types import TypeSchema
from fluvial.managedfields.values import same


@dataclass(frozen=True, slots=True)
class Owned:
    """What one manager owns, in which version, and whether by apply."""

    fields: FieldSet
    api_version: str
    applied: bool


Owners = dict[str, Owned]  # by manager identifier


class ConflictsFound(Exception):
    """Fields that other managers own, by manager identifier."""

    def __init__(self, fields: dict[str, FieldSet]) -> None:
        super().__init__("conflicts")
        self.fields = fields


@dataclass(frozen=True, slots=True)
class Rules:
    """Where a change happens: the endpoint's version and type, and what else is served."""

    schema: TypeSchema
    api_version: str
    versions: Callable[[str], TypeSchema | None]
    reset: FieldSet  # fields that the endpoint sets back, which nobody comes to own through it

    def schema_in(self, api_version: str) -> TypeSchema | None:
        """Return the type in a version; None: it is no longer served."""
        return self.schema if api_version == self.api_version else self.versions(api_version)


def update_owners(before: Any, after: Any, owners: Owners, workflow: str, rules: Rules) -> Owners:
    """Return the owners after a plain change; what changed or appeared is entered under `workflow` if there is any."""
    owners = _follow_schemas(owners, rules)
    owners, changes = _transfer(before, after, owners, workflow, rules, force=True)
    mine = owners.get(workflow)
    fields = ((mine.fields if mine else EMPTY) - changes.removed) | changes.modified | changes.added
    fields = fields.without(rules.reset)
    owners.pop(workflow, None)
    if fields:
        owners[workflow] = Owned(fields, rules.api_version, False)
    return owners


def apply_config(
    live: Any, applied: Any, owners: Owners, manager: str, rules: Rules, *, force: bool
) -> tuple[Any, Owners]:
    """Return the merged object and its owners; the object is `live` itself when nothing changed.

    Raises:
        ConflictsFound: others own what would change, and `force` is off.
    """
    owners = _follow_schemas(owners, rules)
    last = owners.get(manager)
    merged = merge(live, applied, rules.schema)
    fields = fields_of(applied, rules.schema).without(rules.reset)
    owners[manager] = Owned(fields, rules.api_version, True)
    if last is not None:
        merged = _prune(merged, owners, manager, last, rules)
    owners, _ = _transfer(live, merged, owners, manager, rules, force=force)
    return (live if same(live, merged) else merged), owners


def _follow_schemas(owners: Owners, rules: Rules) -> Owners:
    """Return `owners` less those of versions no longer served, with what has become atomic since they were written."""
    result = {}
    for manager, owned in owners.items():
        schema = rules.schema_in(owned.api_version)
        if schema is None:
            continue
        fields = follow_schema(owned.fields, schema)
        result[manager] = owned if fields is owned.fields else Owned(fields, owned.api_version, owned.applied)
    return result


def _transfer(
    before: Any, after: Any, owners: Owners, workflow: str, rules: Rules, *, force: bool
) -> tuple[Owners, Comparison]:
    """Take what changed from everybody but `workflow`; with `force` off that is a conflict."""
    compared = {rules.api_version: compare(before, after, rules.schema).without(rules.reset)}
    changes = compared[rules.api_version]
    conflicts: dict[str, FieldSet] = {}
    kept: Owners = {}
    for manager, owned in owners.items():
        if manager == workflow:
            kept[manager] = owned
            continue
        theirs = compared.get(owned.api_version)
        if theirs is None:
            schema = rules.schema_in(owned.api_version)
            if schema is None:
                continue
            theirs = compared[owned.api_version] = compare(before, after, schema).without(rules.reset)
        lost = owned.fields & (theirs.modified | theirs.added)
        if lost:
            conflicts[manager] = lost
        fields = owned.fields - lost - theirs.removed
        kept[manager] = owned if fields is owned.fields else Owned(fields, owned.api_version, owned.applied)
    if conflicts and not force:
        raise ConflictsFound(conflicts)
    return {manager: owned for manager, owned in kept.items() if owned.fields}, changes


def _prune(merged: Any, owners: Owners, manager: str, last: Owned, rules: Rules) -> Any:
    """Remove what `manager` applied last time, not this time, and nobody else owns."""
    schema = rules.schema_in(last.api_version)
    if schema is None or not last.fields:
        return merged
    if last.api_version == rules.api_version and not last.fields - owners[manager].fields:
        return merged  # nothing was dropped
    named = with_named_fields(last.fields, schema)
    pruned = remove_fields(merged, named, schema)
    pruned = _add_back_owned(merged, pruned, last.api_version, owners, rules)
    # What others than appliers made below a dropped item stays: only what the manager had owned may go.
    present = with_named_fields(fields_of(merged, schema), schema)
    left = with_named_fields(fields_of(pruned, schema), schema)
    return remove_fields(merged, (present - left) & named, schema)


def _add_back_owned(merged: Any, pruned: Any, version: str, owners: Owners, rules: Rules) -> Any:
    """Return `pruned` with the fields of `merged` back that somebody owns, this apply included."""
    managed: dict[str, FieldSet] = {version: EMPTY}  # the pruned version first
    for owned in owners.values():
        managed[owned.api_version] = managed.get(owned.api_version, EMPTY) | owned.fields
    for api_version, fields in managed.items():
        schema = rules.schema_in(api_version)
        if schema is None or not fields:
            continue
        present = with_named_fields(fields_of(merged, schema), schema)
        left = with_named_fields(fields_of(pruned, schema), schema)
        gone = present - (left | with_named_fields(fields, schema))
        pruned = remove_fields(merged, gone, schema)
    return pruned
