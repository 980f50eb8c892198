"""Cells of the other built-in kinds. Source: pkg/printers/internalversion of k8s.io/kubernetes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from fluvial.controlplane.columns.core import load_balancer_text
from fluvial.controlplane.columns.layout import (
    BodyCells,
    created,
    first_few,
    human_duration,
    name_of,
    selector_text,
    spec_of,
    status_of,
)
from fluvial.objects import Object

_DEFAULT_CLASSES = (
    "storageclass.kubernetes.io/is-default-class",
    "storageclass.beta.kubernetes.io/is-default-class",
    "ingressclass.kubernetes.io/is-default-class",
)


def _simple(*values: Callable[[Object], Any]) -> BodyCells:
    """Name, the given values, age."""

    def cells(obj: Object, now: datetime) -> list[Any]:
        return [name_of(obj), *(value(obj) for value in values), created(obj, now)]

    return cells


def _class_name(obj: Object) -> str:
    annotations = obj["metadata"].get("annotations") or {}
    is_default = any(annotations.get(key) == "true" for key in _DEFAULT_CLASSES)
    return f"{name_of(obj)} (default)" if is_default else name_of(obj)


def _storage_class(obj: Object, now: datetime) -> list[Any]:
    return [
        _class_name(obj),
        obj.get("provisioner", ""),
        obj.get("reclaimPolicy") or "Delete",
        obj.get("volumeBindingMode") or "Immediate",
        bool(obj.get("allowVolumeExpansion")),
        created(obj, now),
    ]


def _ingress_class(obj: Object, now: datetime) -> list[Any]:
    spec = spec_of(obj)
    shown, parameters = "<none>", spec.get("parameters")
    if parameters:
        kind = parameters.get("kind", "")
        group = parameters.get("apiGroup")
        shown = f"{kind}.{group}" if group is not None else kind
        shown += f"/{parameters.get('name', '')}"
    return [_class_name(obj), spec.get("controller", ""), shown, created(obj, now)]


def _ingress(obj: Object, now: datetime) -> list[Any]:
    spec = spec_of(obj)
    rules = spec.get("rules") or []
    hosts = [rule["host"] for rule in rules[:3] if rule.get("host")]
    shown = first_few(hosts, 3, len(hosts)) or "*"
    if hosts and len(rules) > 3:
        shown = f"{','.join(hosts)} + {len(rules) - 3} more..."
    return [
        name_of(obj),
        spec.get("ingressClassName") or "<none>",
        shown,
        load_balancer_text(status_of(obj).get("loadBalancer")),
        "80, 443" if spec.get("tls") else "80",
        created(obj, now),
    ]


def _binding(obj: Object, now: datetime) -> list[Any]:
    role = obj.get("roleRef") or {}
    subjects = obj.get("subjects") or ()
    users = [s["name"] for s in subjects if s.get("kind") == "User"]
    groups = [s["name"] for s in subjects if s.get("kind") == "Group"]
    accounts = [f"{s.get('namespace', '')}/{s['name']}" for s in subjects if s.get("kind") == "ServiceAccount"]
    shown = f"{role.get('kind', '')}/{role.get('name', '')}"
    return [name_of(obj), shown, created(obj, now), ", ".join(users), ", ".join(groups), ", ".join(accounts)]


def _autoscaler(obj: Object, now: datetime) -> list[Any]:
    spec, status = spec_of(obj), status_of(obj)
    target = spec.get("scaleTargetRef") or {}
    least = spec.get("minReplicas")
    return [
        name_of(obj),
        f"{target.get('kind', '')}/{target.get('name', '')}",
        _metrics(spec, status),
        "<unset>" if least is None else str(least),
        spec.get("maxReplicas", 0),
        status.get("currentReplicas", 0),
        created(obj, now),
    ]


def _metrics(spec: dict[str, Any], status: dict[str, Any]) -> str:
    metrics = spec.get("metrics") or []
    utilization = spec.get("targetCPUUtilizationPercentage")
    if utilization is not None:  # autoscaling/v1 has this one metric
        metrics = [{"type": "Resource", "resource": {"name": "cpu", "target": {"averageUtilization": utilization}}}]
    if not metrics:
        return "<none>"
    current = status.get("currentMetrics") or []
    shown = [_metric(metric, current[i] if i < len(current) else {}) for i, metric in enumerate(metrics)]
    return first_few(shown, 2, len(shown), ", ")


def _metric(metric: dict[str, Any], current: dict[str, Any]) -> str:
    kind = metric.get("type", "")
    field = kind[:1].lower() + kind[1:]
    source = metric.get(field) or {}
    target, now = source.get("target") or {}, (current.get(field) or {}).get("current") or {}
    name = f"{source['name']}: " if field in ("resource", "containerResource") else ""
    if target.get("averageValue") is not None:
        average = " (avg)" if field in ("external", "object") else ""
        return f"{name}{now.get('averageValue', '<unknown>')}/{target['averageValue']}{average}"
    if name:
        used, wanted = now.get("averageUtilization"), target.get("averageUtilization")
        shown = "<unknown>" if used is None else f"{used}%"
        return f"{name}{shown}/{'<auto>' if wanted is None else f'{wanted}%'}"
    return f"{now.get('value', '<unknown>')}/{target.get('value', '')}"


def _budget(obj: Object, now: datetime) -> list[Any]:
    spec = spec_of(obj)
    limits = [str(spec[key]) if spec.get(key) is not None else "N/A" for key in ("minAvailable", "maxUnavailable")]
    return [name_of(obj), *limits, status_of(obj).get("disruptionsAllowed", 0), created(obj, now)]


def _priority(obj: Object, now: datetime) -> list[Any]:
    return [
        name_of(obj),
        obj.get("value", 0),
        bool(obj.get("globalDefault")),
        created(obj, now),
        obj.get("preemptionPolicy", ""),
    ]


def _endpoint_slice(obj: Object, now: datetime) -> list[Any]:
    ports = [str(p["port"]) if p.get("port") is not None else p.get("name") or "*" for p in obj.get("ports") or ()]
    addresses = [a for endpoint in obj.get("endpoints") or () for a in endpoint.get("addresses") or ()]
    return [
        name_of(obj),
        obj.get("addressType", ""),
        first_few(ports, 3, len(ports)) or "<unset>",
        first_few(addresses, 3, len(addresses)) or "<unset>",
        created(obj, now),
    ]


def _param_kind(obj: Object) -> str:
    kind = spec_of(obj).get("paramKind")
    return f"{kind.get('apiVersion', '')}/{kind.get('kind', '')}" if kind else "<unset>"


def _param_ref(obj: Object) -> str:
    ref = spec_of(obj).get("paramRef")
    if not ref or not ref.get("name"):
        return selector_text(ref["selector"]) if ref and ref.get("selector") else "<unset>"
    return f"{ref.get('namespace') or '*'}/{ref['name']}"


def _signing_request(obj: Object, now: datetime) -> list[Any]:
    spec, status = spec_of(obj), status_of(obj)
    kinds = {c["type"] for c in status.get("conditions") or ()}
    state = "Denied" if "Denied" in kinds else "Approved" if "Approved" in kinds else "Pending"
    state += ",Failed" if "Failed" in kinds else ""
    state += ",Issued" if status.get("certificate") else ""
    seconds = spec.get("expirationSeconds")
    return [
        name_of(obj),
        created(obj, now),
        spec.get("signerName") or "<none>",
        spec.get("username", ""),
        "<none>" if seconds is None else human_duration(seconds),
        state,
    ]


def _api_service(obj: Object) -> str:
    service = spec_of(obj).get("service")
    return f"{service.get('namespace', '')}/{service.get('name', '')}" if service else "Local"


def _api_service_available(obj: Object) -> str:
    for condition in status_of(obj).get("conditions") or ():
        if condition["type"] == "Available":
            if condition["status"] == "True":
                return "True"
            return f"{condition['status']} ({condition.get('reason', '')})"
    return "Unknown"


def _csi_driver(obj: Object, now: datetime) -> list[Any]:
    spec = spec_of(obj)
    requests = spec.get("tokenRequests")
    return [
        name_of(obj),
        spec.get("attachRequired", True),
        bool(spec.get("podInfoOnMount")),
        bool(spec.get("storageCapacity")),
        "<unset>" if requests is None else ",".join(r.get("audience", "") for r in requests),
        bool(spec.get("requiresRepublish")),
        ",".join(spec.get("volumeLifecycleModes") or ()) or "<none>",
        created(obj, now),
    ]


def _flow_schema(obj: Object, now: datetime) -> list[Any]:
    spec = spec_of(obj)
    method = spec.get("distinguisherMethod")
    dangling = next((c["status"] for c in status_of(obj).get("conditions") or () if c["type"] == "Dangling"), "?")
    return [
        name_of(obj),
        (spec.get("priorityLevelConfiguration") or {}).get("name", ""),
        spec.get("matchingPrecedence", 0),
        method["type"] if method else "<none>",
        created(obj, now),
        dangling,
    ]


def _priority_level(obj: Object, now: datetime) -> list[Any]:
    spec = spec_of(obj)
    limited = spec.get("limited")
    queuing = ((limited or {}).get("limitResponse") or {}).get("queuing") or {}
    none = "<none>"
    return [
        name_of(obj),
        spec.get("type", ""),
        (limited or {}).get("nominalConcurrencyShares", none),
        *(queuing.get(key, none) for key in ("queues", "handSize", "queueLengthLimit")),
        created(obj, now),
    ]


def _address(obj: Object, now: datetime) -> list[Any]:
    ref = spec_of(obj).get("parentRef")
    if not ref:
        return [name_of(obj), "<none>"]
    kind = f"{ref.get('resource', '')}.{ref['group']}" if ref.get("group") else ref.get("resource", "")
    return [name_of(obj), "/".join(filter(None, (kind.lower(), ref.get("namespace"), ref.get("name"))))]


_ADMISSION = "admissionregistration.k8s.io"
_STORAGE = "storage.k8s.io"
_RBAC = "rbac.authorization.k8s.io"

CELLS: dict[str, BodyCells] = {
    f"mutatingadmissionpolicies.{_ADMISSION}": _simple(lambda o: len(spec_of(o).get("mutations") or ()), _param_kind),
    f"mutatingadmissionpolicybindings.{_ADMISSION}": _simple(lambda o: spec_of(o).get("policyName", ""), _param_ref),
    f"mutatingwebhookconfigurations.{_ADMISSION}": _simple(lambda o: len(o.get("webhooks") or ())),
    f"validatingadmissionpolicies.{_ADMISSION}": _simple(
        lambda o: len(spec_of(o).get("validations") or ()), _param_kind
    ),
    f"validatingadmissionpolicybindings.{_ADMISSION}": _simple(lambda o: spec_of(o).get("policyName", ""), _param_ref),
    f"validatingwebhookconfigurations.{_ADMISSION}": _simple(lambda o: len(o.get("webhooks") or ())),
    "apiservices.apiregistration.k8s.io": _simple(_api_service, _api_service_available),
    "horizontalpodautoscalers.autoscaling": _autoscaler,
    "certificatesigningrequests.certificates.k8s.io": _signing_request,
    "leases.coordination.k8s.io": _simple(lambda o: spec_of(o).get("holderIdentity") or ""),
    "endpointslices.discovery.k8s.io": _endpoint_slice,
    "flowschemas.flowcontrol.apiserver.k8s.io": _flow_schema,
    "prioritylevelconfigurations.flowcontrol.apiserver.k8s.io": _priority_level,
    "ingressclasses.networking.k8s.io": _ingress_class,
    "ingresses.networking.k8s.io": _ingress,
    "ipaddresses.networking.k8s.io": _address,
    "networkpolicies.networking.k8s.io": _simple(lambda o: selector_text(spec_of(o).get("podSelector"))),
    "servicecidrs.networking.k8s.io": _simple(lambda o: ",".join(spec_of(o).get("cidrs") or ())),
    "runtimeclasses.node.k8s.io": _simple(lambda o: o.get("handler", "")),
    "poddisruptionbudgets.policy": _budget,
    f"clusterrolebindings.{_RBAC}": _binding,
    f"rolebindings.{_RBAC}": _binding,
    "deviceclasses.resource.k8s.io": _simple(),
    "resourceclaimtemplates.resource.k8s.io": _simple(),
    "priorityclasses.scheduling.k8s.io": _priority,
    f"csidrivers.{_STORAGE}": _csi_driver,
    f"csinodes.{_STORAGE}": _simple(lambda o: len(spec_of(o).get("drivers") or ())),
    f"storageclasses.{_STORAGE}": _storage_class,
    f"volumeattachments.{_STORAGE}": _simple(
        lambda o: spec_of(o).get("attacher", ""),
        lambda o: (spec_of(o).get("source") or {}).get("persistentVolumeName") or "",
        lambda o: spec_of(o).get("nodeName", ""),
        lambda o: bool(status_of(o).get("attached")),
    ),
    f"volumeattributesclasses.{_STORAGE}": _simple(lambda o: o.get("driverName", "")),
}
