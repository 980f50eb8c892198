"""Between the version a client speaks and the one that is stored.

Custom resources change their apiVersion and nothing else (strategy None), then lose the fields that the other version
does not declare. Of built-in kinds, Events exist in two groups with different names for the same fields, and
HorizontalPodAutoscalers in two versions.
"""

from __future__ import annotations

import base64
from typing import Any

import msgspec

from fluvial.controlplane.resources import Resource
from fluvial.controlplane.store import Entry
from fluvial.objects import Object

# core/v1 name of a field to its name in events.k8s.io/v1
_EVENT_FIELDS = {
    "involvedObject": "regarding",
    "message": "note",
    "source": "deprecatedSource",
    "firstTimestamp": "deprecatedFirstTimestamp",
    "lastTimestamp": "deprecatedLastTimestamp",
    "count": "deprecatedCount",
    "reportingComponent": "reportingController",
}
_CORE_EVENT_FIELDS = {new: old for old, new in _EVENT_FIELDS.items()}


def from_storage(resource: Resource, obj: Object) -> Object:
    """Return a stored object in the version of `resource`; `obj` may be changed."""
    if resource.is_stored_version:
        return obj
    if resource.custom is not None:
        obj["apiVersion"] = resource.api_version
        return resource.schema.decode(obj).object
    return resource.schema.decode(_convert(resource.group, resource.api_version, obj)).object


def to_storage(resource: Resource, obj: Object) -> Object:
    """Return an object of the version of `resource` in the stored version; `obj` may be changed."""
    if resource.is_stored_version:
        return obj
    if resource.custom is not None:
        obj["apiVersion"] = resource.storage_version
        stored = resource.siblings(resource.storage_version)
        # Upstream drops and fills in on reading, by the schema of the stored version; the outcome is the same.
        return obj if stored is None else stored.default(stored.decode(obj).object)
    converted = _convert(resource.storage_version.rpartition("/")[0], resource.storage_version, obj)
    stored = resource.siblings(resource.storage_version)
    return converted if stored is None else stored.decode(converted).object


def absorb(resource: Resource, obj: Object) -> Object:
    """Return `obj` with its write-only fields turned into what is stored."""
    if resource.storage != "secrets" or "stringData" not in obj:
        return obj
    texts = obj["stringData"] or {}
    data = {key: base64.b64encode(text.encode()).decode() for key, text in texts.items()}
    kept = {key: value for key, value in obj.items() if key != "stringData"}
    return {**kept, "data": {**(obj.get("data") or {}), **data}} if data else kept


def bytes_in_version(resource: Resource, entry: Entry) -> bytes:
    """Return the JSON of a stored object in a version that is not the stored one."""
    return msgspec.json.encode(from_storage(resource, entry.object()))


def _convert(group: str, api_version: str, obj: Object) -> Object:
    if obj["kind"] == "Event":
        names = _EVENT_FIELDS if group == "events.k8s.io" else _CORE_EVENT_FIELDS
        return {names.get(key, key): api_version if key == "apiVersion" else value for key, value in obj.items()}
    if obj["kind"] == "HorizontalPodAutoscaler":
        convert = _autoscaler_to_v1 if api_version == "autoscaling/v1" else _autoscaler_to_v2
        return {**obj, "apiVersion": api_version, "spec": convert(obj.get("spec") or {})}
    return {**obj, "apiVersion": api_version}


def _autoscaler_to_v1(spec: dict[str, Any]) -> dict[str, Any]:
    """Metrics other than CPU utilisation have no place in v1; upstream keeps them in an annotation, we hide them."""
    found = {key: value for key, value in spec.items() if key not in ("metrics", "behavior")}
    for metric in spec.get("metrics") or ():
        resource = metric.get("resource") or {}
        utilization = (resource.get("target") or {}).get("averageUtilization")
        if resource.get("name") == "cpu" and utilization is not None:
            found["targetCPUUtilizationPercentage"] = utilization
    return found


def _autoscaler_to_v2(spec: dict[str, Any]) -> dict[str, Any]:
    found = {key: value for key, value in spec.items() if key != "targetCPUUtilizationPercentage"}
    utilization = spec.get("targetCPUUtilizationPercentage")
    if utilization is not None:
        target = {"type": "Utilization", "averageUtilization": utilization}
        found["metrics"] = [{"type": "Resource", "resource": {"name": "cpu", "target": target}}]
    return found
