"""managedFields as they stand in an object, read into owners and written back."""

import json
from collections.abc import Iterable
from typing import Any

from fluvial.gotext import parse_rfc3339, rfc3339
from fluvial.managedfields.fieldset import FieldSet
from fluvial.managedfields.updater import Owned, Owners

Entry = dict[str, Any]


class Managed:
    """Who owns what, and when each last changed something. Times stay in the text form that they came in."""

    __slots__ = ("owners", "times")

    def __init__(self, owners: Owners | None = None, times: dict[str, str | None] | None = None) -> None:
        self.owners: Owners = owners if owners is not None else {}
        self.times: dict[str, str | None] = times if times is not None else {}


def identifier(manager: str, operation: str, api_version: str, subresource: str) -> str:
    """Return what tells one manager's entry from another's: JSON text, as upstream sorts by it.

    Appliers are the same in all versions, so theirs has none.
    """
    parts = {"manager": manager, "operation": operation}
    if operation != "Apply" and api_version:
        parts["apiVersion"] = api_version
    if subresource:
        parts["subresource"] = subresource
    return json.dumps({k: v for k, v in parts.items() if v}, separators=(",", ":"), ensure_ascii=False)


def decode(entries: Iterable[Entry] | None) -> Managed:
    """Read a list of managedFields entries.

    Raises:
        ValueError: an entry is malformed; the text is upstream's.
    """
    managed = Managed()
    for index, entry in enumerate(entries or ()):
        operation = entry.get("operation")
        if operation not in ("Apply", "Update"):
            raise ValueError("operation must be `Apply` or `Update`")
        api_version = entry.get("apiVersion")
        if not api_version:
            raise ValueError("apiVersion must not be empty")
        fields_type = entry.get("fieldsType")
        if not fields_type:
            raise ValueError(f"missing fieldsType in managed fields entry {index}")
        if fields_type != "FieldsV1":
            raise ValueError(f'invalid fieldsType "{fields_type}" in managed fields entry {index}')
        key = identifier(entry.get("manager") or "", operation, api_version, entry.get("subresource") or "")
        managed.owners[key] = Owned(FieldSet.from_fields(entry.get("fieldsV1")), api_version, operation == "Apply")
        managed.times[key] = _in_utc(entry.get("time"))
    return managed


def _in_utc(time: str | None) -> str | None:
    """Return a time as the server keeps it; what is no time (the API server's decoder refuses it) is none."""
    if not time or (len(time) == 20 and time[-1] == "Z"):
        return time
    try:
        return rfc3339(parse_rfc3339(time))
    except ValueError:
        return None


def encode(managed: Managed) -> list[Entry]:
    """Return the entries in the server's order: Apply before Update, then by time, name, version, subresource."""
    entries = []
    for key, owned in managed.owners.items():
        parts = json.loads(key)
        entry: Entry = {}
        if parts.get("manager"):
            entry["manager"] = parts["manager"]
        entry["operation"] = "Apply" if owned.applied else parts["operation"]
        entry["apiVersion"] = owned.api_version
        if time := managed.times.get(key):
            entry["time"] = time
        entry["fieldsType"] = "FieldsV1"
        entry["fieldsV1"] = owned.fields.to_fields()
        if parts.get("subresource"):
            entry["subresource"] = parts["subresource"]
        entries.append(entry)
    if len(entries) > 1:
        entries.sort(key=_order)
    return entries


def _order(entry: Entry) -> tuple[str, ...]:
    # Times are RFC 3339 in UTC with whole seconds, so their text sorts as they do; none sorts first.
    return (
        entry["operation"],
        entry.get("time", ""),
        entry.get("manager", ""),
        entry["apiVersion"],
        entry.get("subresource", ""),
    )
