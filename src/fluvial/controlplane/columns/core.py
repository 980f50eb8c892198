"""Cells of the core kinds. Source: pkg/printers/internalversion of k8s.io/kubernetes."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from fluvial.controlplane.columns.layout import (
    BodyCells,
    age,
    created,
    first_few,
    label_text,
    name_of,
    spec_of,
    status_of,
)
from fluvial.objects import Object

_MODES = (("ReadWriteOnce", "RWO"), ("ReadOnlyMany", "ROX"), ("ReadWriteMany", "RWX"), ("ReadWriteOncePod", "RWOP"))


def _config_map(obj: Object, now: datetime) -> list[Any]:
    count = len(obj.get("data") or ()) + len(obj.get("binaryData") or ())
    return [name_of(obj), count, created(obj, now)]


def _secret(obj: Object, now: datetime) -> list[Any]:
    return [name_of(obj), obj.get("type", ""), len(obj.get("data") or ()), created(obj, now)]


def _namespace(obj: Object, now: datetime) -> list[Any]:
    return [name_of(obj), status_of(obj).get("phase", ""), created(obj, now)]


def _service(obj: Object, now: datetime) -> list[Any]:
    spec = spec_of(obj)
    addresses = spec.get("clusterIPs") or ["<none>"]
    ports = ",".join(_port(port) for port in spec.get("ports") or ()) or "<none>"
    return [
        name_of(obj),
        spec.get("type", ""),
        addresses[0],
        _external(obj),
        ports,
        created(obj, now),
        label_text(spec.get("selector")),
    ]


def _port(port: dict[str, Any]) -> str:
    protocol = port.get("protocol", "")
    if port.get("nodePort"):
        return f"{port['port']}:{port['nodePort']}/{protocol}"
    return f"{port['port']}/{protocol}"


def _external(obj: Object) -> str:
    spec = spec_of(obj)
    own = list(spec.get("externalIPs") or ())
    match spec.get("type"):
        case "ClusterIP" | "NodePort":
            return ",".join(own) or "<none>"
        case "LoadBalancer":
            balancers = load_balancer_text(status_of(obj).get("loadBalancer"))
            return ",".join([*([balancers] if balancers else []), *own]) or "<pending>"
        case "ExternalName":
            return str(spec.get("externalName", ""))
    return "<unknown>"


def load_balancer_text(balancer: Any) -> str:
    """Return the addresses of a load balancer status."""
    ingress = (balancer or {}).get("ingress") or ()
    return ",".join(sorted({i.get("ip") or i.get("hostname") or "" for i in ingress} - {""}))


def _endpoints(obj: Object, now: datetime) -> list[Any]:
    found: list[str] = []
    for subset in obj.get("subsets") or ():
        addresses = [address["ip"] for address in subset.get("addresses") or ()]
        ports = subset.get("ports") or ()
        found += [f"{ip}:{port['port']}" for port in ports for ip in addresses] if ports else addresses
    text = first_few(found, 3, len(found)) if obj.get("subsets") else "<none>"
    return [name_of(obj), text, created(obj, now)]


def _event(obj: Object, now: datetime) -> list[Any]:
    target = obj.get("involvedObject") or obj.get("regarding") or {}
    first = obj.get("firstTimestamp") or obj.get("deprecatedFirstTimestamp") or obj.get("eventTime")
    last = obj.get("lastTimestamp") or obj.get("deprecatedLastTimestamp") or first
    count = obj.get("count") or obj.get("deprecatedCount") or 1
    series = obj.get("series")
    if series:
        last, count = series.get("lastObservedTime"), series.get("count", 0)
    kind = target.get("kind", "").lower()
    named = f"{kind}/{target['name']}" if target.get("name") else kind
    return [
        age(last, now),
        obj.get("type", ""),
        obj.get("reason", ""),
        named,
        target.get("fieldPath", ""),
        _event_source(obj),
        (obj.get("message") or obj.get("note") or "").strip(),
        age(first, now),
        count,
        name_of(obj),
    ]


def _event_source(obj: Object) -> str:
    source = obj.get("source") or obj.get("deprecatedSource") or {}
    component = source.get("component") or obj.get("reportingComponent") or obj.get("reportingController") or ""
    instance = source.get("host") or obj.get("reportingInstance") or ""
    return f"{component}, {instance}" if instance else component


def _node(obj: Object, now: datetime) -> list[Any]:
    status = status_of(obj)
    info = status.get("nodeInfo") or {}
    ready = next((c for c in status.get("conditions") or () if c["type"] == "Ready"), None)
    shown = ["Unknown"] if ready is None else ["Ready" if ready["status"] == "True" else "NotReady"]
    if spec_of(obj).get("unschedulable"):
        shown.append("SchedulingDisabled")
    kernel = info.get("kernelVersion") or "<unknown>"
    if info.get("architecture"):
        kernel += f" ({info['architecture']})"
    addresses = {a["type"]: a["address"] for a in reversed(status.get("addresses") or [])}
    return [
        name_of(obj),
        ",".join(shown),
        ",".join(_roles(obj)) or "<none>",
        created(obj, now),
        info.get("kubeletVersion", ""),
        addresses.get("InternalIP", "<none>"),
        addresses.get("ExternalIP", "<none>"),
        info.get("osImage") or "<unknown>",
        kernel,
        info.get("containerRuntimeVersion") or "<unknown>",
    ]


def _roles(obj: Object) -> list[str]:
    labels = obj["metadata"].get("labels") or {}
    prefix = "node-role.kubernetes.io/"
    roles = {key.removeprefix(prefix) for key in labels if key.startswith(prefix)}
    roles.add(labels.get("kubernetes.io/role", ""))
    return sorted(roles - {""})


def _volume(obj: Object, now: datetime) -> list[Any]:
    spec, status = spec_of(obj), status_of(obj)
    claim = spec.get("claimRef")
    return [
        name_of(obj),
        (spec.get("capacity") or {}).get("storage", "0"),
        _access_modes(spec.get("accessModes")),
        spec.get("persistentVolumeReclaimPolicy", ""),
        _phase(obj),
        f"{claim.get('namespace', '')}/{claim.get('name', '')}" if claim else "",
        _storage_class(obj),
        spec.get("volumeAttributesClassName") or "<unset>",
        status.get("reason", ""),
        created(obj, now),
        spec.get("volumeMode") or "<unset>",
    ]


def _claim(obj: Object, now: datetime) -> list[Any]:
    spec, status = spec_of(obj), status_of(obj)
    bound = bool(spec.get("volumeName"))
    return [
        name_of(obj),
        _phase(obj),
        spec.get("volumeName", ""),
        (status.get("capacity") or {}).get("storage", "0") if bound else "",
        _access_modes(status.get("accessModes")) if bound else "",
        _storage_class(obj),
        spec.get("volumeAttributesClassName") or "<unset>",
        created(obj, now),
        spec.get("volumeMode") or "<unset>",
    ]


def _phase(obj: Object) -> str:
    return "Terminating" if obj["metadata"].get("deletionTimestamp") else str(status_of(obj).get("phase", ""))


def _access_modes(modes: Any) -> str:
    return ",".join(short for name, short in _MODES if name in (modes or ()))


def _storage_class(obj: Object) -> str:
    annotations = obj["metadata"].get("annotations") or {}
    named = annotations.get("volume.beta.kubernetes.io/storage-class")
    return str(named if named is not None else spec_of(obj).get("storageClassName") or "")


def _service_account(obj: Object, now: datetime) -> list[Any]:
    return [name_of(obj), created(obj, now)]


def _quota(obj: Object, now: datetime) -> list[Any]:
    status = status_of(obj)
    used = status.get("used") or {}
    rows = [
        (name, f"{name}: {used.get(name, '0')}/{hard}") for name, hard in sorted((status.get("hard") or {}).items())
    ]
    limits = [text for name, text in rows if name.startswith("limits.")]
    requests = [text for name, text in rows if not name.startswith("limits.")]
    return [name_of(obj), ", ".join(requests), ", ".join(limits), created(obj, now)]


CELLS: dict[str, BodyCells] = {
    "configmaps": _config_map,
    "endpoints": _endpoints,
    "events": _event,
    "namespaces": _namespace,
    "nodes": _node,
    "persistentvolumeclaims": _claim,
    "persistentvolumes": _volume,
    "resourcequotas": _quota,
    "secrets": _secret,
    "serviceaccounts": _service_account,
    "services": _service,
}
