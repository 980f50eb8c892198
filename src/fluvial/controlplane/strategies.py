"""What kube-apiserver's registries do to built-in kinds on the way in, beyond defaults and validation.

Source: `PrepareForCreate`, `PrepareForUpdate`, `AllowUnconditionalUpdate`, `AllowCreateOnUpdate` and
`DefaultGarbageCollectionPolicy` of k8s.io/kubernetes `pkg/registry`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fluvial.controlplane.resources import Resource
from fluvial.objects import Object, deep_copy, same_json

# Kinds that count generations; all others leave metadata.generation alone. Custom resources always count.
_GENERATION = frozenset(
    [
        "daemonsets.apps",
        "deployments.apps",
        "replicasets.apps",
        "statefulsets.apps",
        "cronjobs.batch",
        "jobs.batch",
        "endpointslices.discovery.k8s.io",
        "flowschemas.flowcontrol.apiserver.k8s.io",
        "prioritylevelconfigurations.flowcontrol.apiserver.k8s.io",
        "ingressclasses.networking.k8s.io",
        "ingresses.networking.k8s.io",
        "networkpolicies.networking.k8s.io",
        "pods",
        "podtemplates",
        "replicationcontrollers",
        "poddisruptionbudgets.policy",
        "deviceclasses.resource.k8s.io",
        "resourceslices.resource.k8s.io",
        "priorityclasses.scheduling.k8s.io",
        "mutatingwebhookconfigurations.admissionregistration.k8s.io",
        "validatingwebhookconfigurations.admissionregistration.k8s.io",
        "validatingadmissionpolicies.admissionregistration.k8s.io",
        "validatingadmissionpolicybindings.admissionregistration.k8s.io",
        "mutatingadmissionpolicies.admissionregistration.k8s.io",
        "mutatingadmissionpolicybindings.admissionregistration.k8s.io",
        "customresourcedefinitions.apiextensions.k8s.io",
    ]
)
# Kinds whose whole content but metadata counts; of the others `spec` does.
_CONTENT_COUNTS = frozenset(
    [
        "endpointslices.discovery.k8s.io",
        "podtemplates",
        "mutatingwebhookconfigurations.admissionregistration.k8s.io",
        "validatingwebhookconfigurations.admissionregistration.k8s.io",
    ]
)
_NEEDS_VERSION = frozenset(
    [
        "mutatingadmissionpolicies.admissionregistration.k8s.io",
        "mutatingadmissionpolicybindings.admissionregistration.k8s.io",
        "mutatingwebhookconfigurations.admissionregistration.k8s.io",
        "validatingadmissionpolicies.admissionregistration.k8s.io",
        "validatingadmissionpolicybindings.admissionregistration.k8s.io",
        "validatingwebhookconfigurations.admissionregistration.k8s.io",
        "leases.coordination.k8s.io",
        "runtimeclasses.node.k8s.io",
        "poddisruptionbudgets.policy",
        "csidrivers.storage.k8s.io",
        "csinodes.storage.k8s.io",
        "csistoragecapacities.storage.k8s.io",
        "volumeattachments.storage.k8s.io",
        "customresourcedefinitions.apiextensions.k8s.io",
        "apiservices.apiregistration.k8s.io",
    ]
)
_TEMPLATE_GENERATION = "deprecated.daemonset.template.generation"
_CREATED_BY_UPDATE = frozenset(
    [
        "leases.coordination.k8s.io",
        "endpoints",
        "events",
        "limitranges",
        "services",
        "runtimeclasses.node.k8s.io",
        "clusterroles.rbac.authorization.k8s.io",
        "clusterrolebindings.rbac.authorization.k8s.io",
        "roles.rbac.authorization.k8s.io",
        "rolebindings.rbac.authorization.k8s.io",
    ]
)


def needs_resource_version(resource: Resource) -> bool:
    """Tell whether an update must name the resourceVersion that it replaces."""
    return resource.custom is not None or resource.storage in _NEEDS_VERSION


def is_created_by_update(resource: Resource) -> bool:
    """Tell whether a PUT of an absent object creates it."""
    return resource.storage in _CREATED_BY_UPDATE


def default_grace(resource: Resource, obj: Object) -> int | None:
    """Return the seconds of grace of a deletion that names none, None for kinds without graceful deletion."""
    if resource.storage != "pods":
        return None
    spec = obj.get("spec") or {}
    if not spec.get("nodeName") or (obj.get("status") or {}).get("phase") in ("Succeeded", "Failed"):
        return 0  # nothing runs: there is nobody who would confirm the end
    grace = spec.get("terminationGracePeriodSeconds")
    return 30 if grace is None else int(grace)


def prepare_create(resource: Resource, obj: Object) -> Object:
    """Return a new object with its status set back and its first generation."""
    metadata = obj["metadata"]
    if resource.custom is not None or resource.storage in _GENERATION:
        metadata["generation"] = 1
    else:
        metadata.pop("generation", None)
    if resource.has_status:
        obj.pop("status", None)
        if (empty := resource.schema.empty.get("status")) is not None:
            obj["status"] = deep_copy(empty)
    prepare = _ON_CREATE.get(resource.storage)
    return prepare(obj) if prepare is not None else obj


def prepare_update(resource: Resource, old: Object, new: Object) -> Object:
    """Return what a write to the main resource makes of `new`: the old status, and a new generation where one is due.

    Both are in the version of `resource`.
    """
    if resource.has_status:
        if "status" in old:
            new["status"] = old["status"]
        else:
            new.pop("status", None)
    prepare = _ON_UPDATE.get(resource.storage)
    if prepare is not None:
        new = prepare(old, new)
    generation = old["metadata"].get("generation")
    if resource.custom is not None:
        if _content(new, resource.has_status) != _content(old, resource.has_status):
            generation = (generation or 0) + 1
    elif resource.storage in _GENERATION:
        if _counts(resource.storage, old, new):
            generation = (generation or 0) + 1
    else:
        generation = new["metadata"].get("generation", generation)
    _set_or_drop(new["metadata"], "generation", generation)
    return new


def prepare_status(resource: Resource, old: Object, new: Object) -> Object:
    """Return what a write to the status subresource makes of `new`: of it only status counts (and, for built-in
    kinds, most metadata)."""
    if resource.custom is not None:
        metadata = dict(old["metadata"])
        _set_or_drop(metadata, "managedFields", new["metadata"].get("managedFields"))
        merged = {**old, "metadata": metadata}
        _set_or_drop(merged, "status", new.get("status"))
        return merged
    kept = {key: value for key, value in old.items() if key not in ("metadata", "status")}
    merged = {**kept, "metadata": new["metadata"]}
    _set_or_drop(merged, "status", new.get("status"))
    if resource.group == "apps":
        _set_or_drop(merged["metadata"], "labels", old["metadata"].get("labels"))
    _set_or_drop(merged["metadata"], "generation", old["metadata"].get("generation"))
    return merged


def _counts(storage: str, old: Object, new: Object) -> bool:
    if storage in _CONTENT_COUNTS:
        return not same_json(_content(old, True), _content(new, True))
    if not same_json(old.get("spec"), new.get("spec")):
        return True
    if storage != "deployments.apps":
        return False
    # A Deployment's annotations are part of what its controller acts on, says upstream.
    return not same_json(old["metadata"].get("annotations"), new["metadata"].get("annotations"))


def _content(obj: Object, without_status: bool) -> dict[str, Any]:
    return {
        key: value
        for key, value in obj.items()
        if key not in ("metadata", "apiVersion", "kind") and not (without_status and key == "status")
    }


def _set_or_drop(target: dict[str, Any], key: str, value: Any) -> None:
    if value is None:
        target.pop(key, None)
    else:
        target[key] = value


def _namespace(obj: Object) -> Object:
    metadata = obj["metadata"]
    spec = dict(obj.get("spec") or {})
    finalizers = list(spec.get("finalizers") or ())
    if "kubernetes" not in finalizers:
        finalizers.append("kubernetes")
    # Preparation comes before validation: the name may be missing still.
    metadata["labels"] = {**(metadata.get("labels") or {}), "kubernetes.io/metadata.name": metadata.get("name", "")}
    return {**obj, "spec": {**spec, "finalizers": finalizers}, "status": {"phase": "Active"}}


def _namespace_update(old: Object, new: Object) -> Object:
    """Finalizers of a Namespace change through its finalize subresource alone."""
    metadata = new["metadata"]
    metadata["labels"] = {**(metadata.get("labels") or {}), "kubernetes.io/metadata.name": metadata["name"]}
    spec = {key: value for key, value in (new.get("spec") or {}).items() if key != "finalizers"}
    held = (old.get("spec") or {}).get("finalizers")
    return {**new, "spec": {**spec, "finalizers": held} if held else spec}


def template_generation(storage: str, old: Object | None, new: Object) -> Object:
    """Return a DaemonSet with the annotation that counts the versions of its template, as apps/v1 shows it."""
    if storage != "daemonsets.apps":
        return new
    count = 1
    if old is not None:
        count = int((old["metadata"].get("annotations") or {}).get(_TEMPLATE_GENERATION, "1"))
        count += not same_json(old["spec"]["template"], new["spec"]["template"])
    annotations = {**(new["metadata"].get("annotations") or {}), _TEMPLATE_GENERATION: str(count)}
    return {**new, "metadata": {**new["metadata"], "annotations": annotations}}


def _definition_update(old: Object, new: Object) -> Object:
    """Remember every version that objects may be stored in."""
    status = dict(old.get("status") or {})
    stored = list(status.get("storedVersions") or ())
    for version in new["spec"].get("versions") or ():
        if version.get("storage") and version["name"] not in stored:
            stored.append(version["name"])
    return {**new, "status": {**status, "storedVersions": stored}}


def _definition(obj: Object) -> Object:
    stored = [version["name"] for version in obj["spec"].get("versions") or () if version.get("storage")]
    names = {"plural": "", "kind": ""}
    return {**obj, "status": {"conditions": None, "acceptedNames": names, "storedVersions": stored}}


def _job(obj: Object) -> Object:
    """A Job that doesn't choose its Pods by hand gets a selector of its own."""
    spec, metadata = obj["spec"], obj["metadata"]
    if spec.get("manualSelector") or spec.get("selector"):
        return obj
    uid, name = metadata["uid"], metadata.get("name", "")
    template = spec["template"]
    labels = {
        **((template.get("metadata") or {}).get("labels") or {}),
        "batch.kubernetes.io/controller-uid": uid,
        "batch.kubernetes.io/job-name": name,
        "controller-uid": uid,
        "job-name": name,
    }
    template = {**template, "metadata": {**(template.get("metadata") or {}), "labels": labels}}
    selector = {"matchLabels": {"batch.kubernetes.io/controller-uid": uid}}
    if not metadata.get("labels"):
        metadata["labels"] = dict(labels)
    return {**obj, "spec": {**spec, "selector": selector, "template": template}}


def _pod(obj: Object) -> Object:
    return {**obj, "status": {"phase": "Pending", "qosClass": _qos_class(obj.get("spec") or {})}}


def _qos_class(spec: dict[str, Any]) -> str:
    resources = [c.get("resources") or {} for c in (spec.get("containers") or []) + (spec.get("initContainers") or [])]
    named = [part for r in resources for part in (r.get("requests"), r.get("limits")) if part]
    if not named:
        return "BestEffort"
    limited = all({"cpu", "memory"} <= (r.get("limits") or {}).keys() for r in resources)
    equal = all((r.get("requests") or r.get("limits")) == r.get("limits") for r in resources)
    return "Guaranteed" if limited and equal else "Burstable"


def _with_status(**fields: Any) -> Callable[[Object], Object]:
    return lambda obj: {**obj, "status": dict(fields)}


_ON_CREATE: dict[str, Callable[[Object], Object]] = {
    "namespaces": _namespace,
    "customresourcedefinitions.apiextensions.k8s.io": _definition,
    "pods": _pod,
    "jobs.batch": _job,
    "persistentvolumeclaims": _with_status(phase="Pending"),
    "persistentvolumes": _with_status(phase="Pending"),
}

_ON_UPDATE: dict[str, Callable[[Object, Object], Object]] = {
    "namespaces": _namespace_update,
    "customresourcedefinitions.apiextensions.k8s.io": _definition_update,
}
