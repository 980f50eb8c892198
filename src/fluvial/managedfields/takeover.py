"""Taking fields over from other managers, as Flux does before it prunes what kubectl or an older Flux applied.

Behaviour: fluxcd/pkg ssa PatchReplaceFieldsManagers, PatchMigrateToVersion, PatchRemoveLabels and
PatchRemoveAnnotations.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

from fluvial.managedfields.fieldset import FieldSet
from fluvial.objects import Object, dig

JsonPatch = list[dict[str, Any]]

_MANAGED_FIELDS = "/metadata/managedFields"


class ManagerMatch(NamedTuple):
    """Which entries of managedFields are meant. Entries of a subresource never match."""

    name: str
    operation: str  # "Apply" or "Update"
    exact: bool = False  # False: `name` is a prefix

    def matches(self, entry: dict[str, Any]) -> bool:
        """Tell whether the managedFields entry `entry` is one of these."""
        if entry.get("operation") != self.operation or entry.get("subresource"):
            return False
        manager: str = entry.get("manager", "")
        return manager == self.name if self.exact else manager.startswith(self.name)


def take_over(obj: Object, managers: Iterable[ManagerMatch], *, manager: str) -> JsonPatch:
    """Return the JSON patch that merges the entries of `managers` into the Apply entry of `manager`; [] if none.

    Without such an entry the first match becomes it. The patch replaces /metadata/managedFields as a whole; send it
    with the object's resourceVersion in mind (a `test` operation, or the caller's own check).

    Raises:
        ValueError: an entry's fields cannot be read.
    """
    wanted = list(managers)
    held = _managed_fields(obj)
    mine: dict[str, Any] | None = None
    for entry in held:
        if entry.get("manager") == manager and entry.get("operation") == "Apply":
            mine = entry
    original = mine
    kept = []
    edited = False
    for entry in held:
        if entry is original:
            continue
        if not any(match.matches(entry) for match in wanted):
            kept.append(entry)
            continue
        edited = True
        if mine is None:
            mine = {**entry, "manager": manager, "operation": "Apply"}
        else:
            mine = {**mine, "fieldsV1": _merged(mine.get("fieldsV1"), entry.get("fieldsV1"))}
    if not edited or mine is None:
        return []
    return [{"op": "replace", "path": _MANAGED_FIELDS, "value": [*kept, mine]}]


def migrate_version(obj: Object, api_version: str) -> JsonPatch:
    """Return the JSON patch that puts all entries into `api_version`; [] when they are.

    Needed before an apply in a newer version whose schema declares fields that the older one doesn't: the server
    would refuse them with "field not declared in schema" for the sake of an entry in the old version.
    """
    held = _managed_fields(obj)
    if all(entry.get("apiVersion") == api_version for entry in held):
        return []
    return [{"op": "replace", "path": _MANAGED_FIELDS, "value": [{**e, "apiVersion": api_version} for e in held]}]


def metadata_removal(obj: Object, *, labels: Iterable[str] = (), annotations: Iterable[str] = ()) -> JsonPatch:
    """Return the JSON patch that removes those of the labels and annotations that `obj` has."""
    patch = []
    for folder, keys in (("annotations", annotations), ("labels", labels)):
        held = dig(obj, "metadata", folder, default=None) or {}
        for key in keys:
            if key in held:
                escaped = key.replace("~", "~0").replace("/", "~1")
                patch.append({"op": "remove", "path": f"/metadata/{folder}/{escaped}"})
    return patch


def _managed_fields(obj: Object) -> list[dict[str, Any]]:
    held = dig(obj, "metadata", "managedFields", default=None)
    return held if isinstance(held, list) else []


def _merged(ours: Any, theirs: Any) -> Any:
    if ours is None or theirs is None:
        return ours if theirs is None else theirs
    return (FieldSet.from_fields(ours) | FieldSet.from_fields(theirs)).to_fields()
