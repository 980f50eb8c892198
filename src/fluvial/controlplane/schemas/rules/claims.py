"""PersistentVolumeClaims and PersistentVolumes."""

import difflib
import json
from collections.abc import Iterator, Mapping
from typing import Any

from fluvial.controlplane.schemas.errors import FieldError, forbidden, invalid, not_supported, required
from fluvial.controlplane.schemas.rules.checks import named, one_of
from fluvial.controlplane.schemas.rules.names import subdomain
from fluvial.gotext import parse_quantity
from fluvial.objects import Object, same_json

Errors = Iterator[FieldError]
Values = Mapping[str, Any]

_ACCESS_MODES = ("ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod")
# The fields of a PersistentVolume's spec that are not its source.
_VOLUME_FIELDS = frozenset(
    (
        "accessModes",
        "capacity",
        "claimRef",
        "mountOptions",
        "nodeAffinity",
        "persistentVolumeReclaimPolicy",
        "storageClassName",
        "volumeAttributesClassName",
        "volumeMode",
    )
)
_CLAIM_IMMUTABLE = (
    "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims"
)


def claim_errors(obj: Object) -> Errors:
    """Yield what is wrong with a claim."""
    spec = obj["spec"]
    modes = spec.get("accessModes") or []
    if not modes:
        yield required("spec.accessModes", "at least 1 access mode is required")
    yield from _access_mode_errors(modes)
    requests = (spec.get("resources") or {}).get("requests") or {}
    if "storage" not in requests:
        yield required("spec.resources[storage]")
    elif parse_quantity(requests["storage"]).amount <= 0:
        yield invalid("spec.resources[storage]", requests["storage"], "must be greater than zero")
    if spec.get("storageClassName"):
        yield from named(spec["storageClassName"], "spec.storageClassName", subdomain)
    yield from one_of(spec.get("volumeMode"), "spec.volumeMode", ("Block", "Filesystem"))


def _access_mode_errors(modes: list[Any]) -> Errors:
    for mode in modes:
        if mode not in _ACCESS_MODES:
            yield not_supported("spec.accessModes", mode, _ACCESS_MODES)
    if "ReadWriteOncePod" in modes and len(modes) > 1:
        yield forbidden("spec.accessModes", "may not use ReadWriteOncePod with other access modes")


def claim_changes(old: Object, new: Object) -> Errors:
    """Yield what may not change in a claim: of a bound one the requests may grow, a missing class may be filled in."""
    before, after = dict(old["spec"]), dict(new["spec"])
    if before.get("storageClassName") is None:
        before["storageClassName"] = after.get("storageClassName")
    if not before.get("volumeName"):
        before["volumeName"] = after.get("volumeName")
    if (old.get("status") or {}).get("phase") == "Bound":
        for name in ("resources", "volumeAttributesClassName"):
            before[name] = after.get(name)
    before = {k: v for k, v in before.items() if v is not None}
    if not same_json(before, after):
        lines = (json.dumps(_internal_claim(spec), indent=1).splitlines() for spec in (before, after))
        yield forbidden("spec", f"{_CLAIM_IMMUTABLE}\n{_diff(*lines)}")
        return
    sizes = [((o["spec"].get("resources") or {}).get("requests") or {}).get("storage", "0") for o in (old, new)]
    if parse_quantity(sizes[1]) < parse_quantity(sizes[0]):
        text = "field can not be less than status.capacity"
        yield forbidden("spec.resources.requests.storage", text)


def _internal_claim(spec: Values) -> Values:
    resources = spec.get("resources") or {}
    return {
        "AccessModes": spec.get("accessModes"),
        "Selector": spec.get("selector"),
        "Resources": {"Limits": resources.get("limits"), "Requests": resources.get("requests")},
        "VolumeName": spec.get("volumeName") or "",
        "StorageClassName": spec.get("storageClassName"),
        "VolumeMode": spec.get("volumeMode"),
        "DataSource": spec.get("dataSource"),
        "DataSourceRef": spec.get("dataSourceRef"),
        "VolumeAttributesClassName": spec.get("volumeAttributesClassName"),
    }


def _diff(before: list[str], after: list[str]) -> str:
    """Return a unified diff with the server's three lines of context and no file names."""
    lines = list(difflib.unified_diff(before, after, n=3, lineterm=""))[2:]
    return "".join(f"{line}\n" for line in lines)


def volume_errors(obj: Object) -> Errors:
    """Yield what is wrong with a PersistentVolume."""
    spec = obj["spec"]
    modes, capacity = spec.get("accessModes") or [], spec.get("capacity") or {}
    if not modes:
        yield required("spec.accessModes")
    yield from _access_mode_errors(modes)
    if not capacity:
        yield required("spec.capacity")
    if list(capacity) != ["storage"]:
        yield not_supported("spec.capacity", spec.get("capacity"), ("storage",))
    if "storage" in capacity and parse_quantity(capacity["storage"]).amount <= 0:
        yield invalid("spec.capacity[storage]", capacity["storage"], "must be greater than zero")
    reclaim = spec.get("persistentVolumeReclaimPolicy")
    if reclaim:
        choices = ("Delete", "Recycle", "Retain")
        yield from one_of(reclaim, "spec.persistentVolumeReclaimPolicy", choices)
    sources = [name for name in spec if name not in _VOLUME_FIELDS]
    if not sources:
        yield required("spec", "must specify a volume type")
    for name in sources[1:]:
        yield forbidden(f"spec.{name}", "may not specify more than 1 volume type")


def volume_changes(old: Object, new: Object) -> Errors:
    """Yield what may not change in a PersistentVolume: where the data is."""
    sources = [{k: v for k, v in o["spec"].items() if k not in _VOLUME_FIELDS} for o in (old, new)]
    if not same_json(sources[0], sources[1]):
        yield forbidden("spec.persistentvolumesource", "spec.persistentvolumesource is immutable after creation")
    if old["spec"].get("volumeMode") != new["spec"].get("volumeMode"):
        yield invalid("spec.volumeMode", new["spec"].get("volumeMode"), "field is immutable")
