"""Which objects of a collection a request means: label and field selectors."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from fluvial.controlplane.conversion import from_storage
from fluvial.controlplane.errors import StatusError
from fluvial.controlplane.resources import Resource
from fluvial.controlplane.store import Entry
from fluvial.objects import FieldSelector, LabelSelector, SelectorError
from fluvial.wire import status

_METADATA_FIELDS = ("metadata.name", "metadata.namespace")
# What each built-in kind can be selected by, in its own version; source: the kinds' `GetAttrs` in pkg/registry.
_FIELDS: dict[str, tuple[str, ...]] = {
    "pods": (
        "spec.nodeName",
        "spec.restartPolicy",
        "spec.schedulerName",
        "spec.serviceAccountName",
        "spec.hostNetwork",
        "status.phase",
        "status.podIP",
        "status.nominatedNodeName",
    ),
    "events": (
        "involvedObject.kind",
        "involvedObject.namespace",
        "involvedObject.name",
        "involvedObject.uid",
        "involvedObject.apiVersion",
        "involvedObject.resourceVersion",
        "involvedObject.fieldPath",
        "reason",
        "reportingComponent",
        "source",
        "type",
    ),
    "namespaces": ("status.phase", "name"),
    "nodes": ("spec.unschedulable",),
    "secrets": ("type",),
    "services": ("spec.clusterIP", "spec.type"),
    "replicationcontrollers": ("status.replicas",),
    "replicasets.apps": ("status.replicas",),
    "jobs.batch": ("status.successful",),
    "certificatesigningrequests.certificates.k8s.io": ("spec.signerName",),
}
_EVENT_FIELDS_OF_GROUP = {
    name: name.replace("involvedObject", "regarding").replace("reportingComponent", "reportingController")
    for name in _FIELDS["events"]
}


@dataclass(frozen=True, slots=True)
class Selection:
    """A compiled pair of selectors. `name` is the only name that can match, "" for any."""

    labels: LabelSelector | None
    fields: tuple[tuple[str, bool, str], ...]
    resource: Resource
    name: str = ""

    @property
    def is_everything(self) -> bool:
        return self.labels is None and not self.fields

    def matches(self, entry: Entry) -> bool:
        if self.labels is not None and not self.labels.matches(entry.labels):
            return False
        return not self.fields or self._fields_match(entry)

    def _fields_match(self, entry: Entry) -> bool:
        obj: dict[str, Any] | None = None
        for path, equal, value in self.fields:
            if path == "metadata.name":
                found = entry.name
            elif path == "metadata.namespace":
                found = entry.namespace
            else:
                obj = from_storage(self.resource, entry.object()) if obj is None else obj
                found = field_text(obj, path)
            if (found == value) is not equal:
                return False
        return True


def select(resource: Resource, labels: str, fields: str, name: str = "") -> Selection:
    """Compile the selectors of a request; `name` adds the one of its path.

    Raises:
        StatusError: 400 for text that cannot be parsed or a field that cannot be selected by.
    """
    try:
        label_selector = LabelSelector.parse(labels) if labels else None
        terms = FieldSelector.parse(fields).terms if fields else ()
    except SelectorError as error:
        raise StatusError(status.bad_request(str(error))) from error
    if label_selector is not None and not label_selector.requirements:
        label_selector = None
    for path, _, _ in terms:
        _check_field(resource, path)
    if name:
        terms = (*terms, ("metadata.name", True, name))
    only = next((value for path, equal, value in terms if equal and path == "metadata.name"), "")
    return Selection(label_selector, terms, resource, only)


def _check_field(resource: Resource, path: str) -> None:
    if path in _METADATA_FIELDS:
        return
    if resource.custom is not None:
        if path in resource.custom.selectable:
            return
        raise StatusError(status.bad_request(f"field label not supported: {path}"))
    known = _FIELDS.get(resource.storage, ())
    if resource.group == "events.k8s.io":
        known = tuple(_EVENT_FIELDS_OF_GROUP.values())
    if path in known:
        return
    if known:
        raise StatusError(status.bad_request(f"field label not supported: {path}"))
    text = f'"{path}" is not a known field selector: only "metadata.name", "metadata.namespace"'
    raise StatusError(status.bad_request(text))


_SPECIAL: dict[str, Callable[[Mapping[str, Any]], Any]] = {
    "source": lambda obj: (obj.get("source") or {}).get("component") or obj.get("reportingComponent"),
    "status.successful": lambda obj: (obj.get("status") or {}).get("succeeded") or 0,
    "status.replicas": lambda obj: (obj.get("status") or {}).get("replicas") or 0,
    "spec.hostNetwork": lambda obj: (obj.get("spec") or {}).get("hostNetwork") or False,
    "spec.unschedulable": lambda obj: (obj.get("spec") or {}).get("unschedulable") or False,
    "name": lambda obj: obj["metadata"]["name"],
}


def field_text(obj: Mapping[str, Any], path: str) -> str:
    """Return a field as selectors compare it: absent is "", true is "true"."""
    special = _SPECIAL.get(path)
    value: Any = obj
    if special is not None:
        value = special(obj)
    else:
        for key in path.lstrip(".").split("."):
            value = value.get(key) if isinstance(value, Mapping) else None
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
