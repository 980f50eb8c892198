"""What the server accepts but warns of.

The warnings that people meet; those for deprecated volume types and annotations are not here.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from fluvial.gotext import go_quote, parse_quantity
from fluvial.objects import Object, dig, same_json

Values = Mapping[str, Any]
Warnings = Iterator[str]

# Where each kind has its pod template.
_TEMPLATES = {
    "Pod": (),
    "Deployment": ("spec", "template"),
    "DaemonSet": ("spec", "template"),
    "StatefulSet": ("spec", "template"),
    "ReplicaSet": ("spec", "template"),
    "ReplicationController": ("spec", "template"),
    "Job": ("spec", "template"),
    "CronJob": ("spec", "jobTemplate", "spec", "template"),
}


def warnings_of(obj: Object, old: Object | None) -> list[str]:
    """Return the warnings for a new or changed object; a change that leaves the spec alone has none."""
    if old is not None and same_json(old.get("spec"), obj.get("spec")):
        return []
    kind = obj.get("kind", "")
    found: list[str] = []
    if kind in _TEMPLATES:
        path = _TEMPLATES[kind]
        template = dig(obj, *path) if path else obj
        if isinstance(template, dict):
            found += _pod_warnings(template.get("spec") or {}, ".".join((*path, "spec")))
    elif kind == "Service":
        found += _service_warnings(obj["spec"])
    elif kind == "Endpoints":
        found.append("v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice")
    return found


def _pod_warnings(spec: Values, path: str) -> Warnings:
    for index, constraint in enumerate(spec.get("topologySpreadConstraints") or ()):
        if constraint.get("labelSelector") is None:
            where = f"{path}.topologySpreadConstraints[{index}].labelSelector"
            yield f"{where}: a null labelSelector results in matching no pod"
    seen: set[str] = set()
    for index, secret in enumerate(spec.get("imagePullSecrets") or ()):
        name = secret.get("name") or ""
        where = f"{path}.imagePullSecrets[{index}].name"
        if not name:
            yield f'{where}: invalid empty name ""'
        elif name in seen:
            yield f"{where}: duplicate name {go_quote(name)}"
        seen.add(name)
    for field in ("initContainers", "containers"):
        for index, container in enumerate(spec.get(field) or ()):
            yield from _container_warnings(container, f"{path}.{field}[{index}]")
    grace = spec.get("terminationGracePeriodSeconds")
    if grace is not None and grace < 0:
        where = f"{path}.terminationGracePeriodSeconds"
        yield f"{where}: must be >= 0; negative values are invalid and will be treated as 1"
    affinity = spec.get("affinity") or {}
    for kind in ("podAffinity", "podAntiAffinity"):
        yield from _affinity_warnings(affinity.get(kind) or {}, f"{path}.affinity.{kind}")


def _affinity_warnings(rules: Values, path: str) -> Warnings:
    text = "a null labelSelector results in matching no pod"
    for index, term in enumerate(rules.get("requiredDuringSchedulingIgnoredDuringExecution") or ()):
        if term.get("labelSelector") is None:
            yield f"{path}.requiredDuringSchedulingIgnoredDuringExecution[{index}].labelSelector: {text}"
    for index, preferred in enumerate(rules.get("preferredDuringSchedulingIgnoredDuringExecution") or ()):
        if (preferred.get("podAffinityTerm") or {}).get("labelSelector") is None:
            where = f"{path}.preferredDuringSchedulingIgnoredDuringExecution[{index}].podAffinityTerm"
            yield f"{where}.labelSelector: {text}"


def _container_warnings(container: Values, path: str) -> Warnings:
    resources = container.get("resources") or {}
    for name in ("memory", "ephemeral-storage"):
        for field in ("limits", "requests"):
            value = (resources.get(field) or {}).get(name)
            if value is not None and parse_quantity(value).amount.denominator != 1:
                where = f"{path}.resources.{field}[{name}]"
                yield f"{where}: fractional byte value {go_quote(value)} is invalid, must be an integer"
    values: dict[str, Values] = {}
    for index, variable in enumerate(container.get("env") or ()):
        name = variable.get("name") or ""
        # A variable may build on an earlier one of the same name.
        if name in values and f"$({name})" not in (variable.get("value") or ""):
            text = f"hides previous definition of {go_quote(name)}, which may be dropped when using apply"
            yield f"{path}.env[{index}]: {text}"
        values[name] = variable
    yield from _port_warnings(container.get("ports") or (), path)


def _port_warnings(ports: Any, path: str) -> Warnings:
    seen: dict[tuple[Any, ...], int] = {}
    for index, port in enumerate(ports):
        key = tuple(port.get(name) for name in ("containerPort", "protocol", "hostPort", "hostIP"))
        if key in seen:
            yield f"{path}.ports[{index}]: duplicate port definition with {path}.ports[{seen[key]}]"
        seen.setdefault(key, index)


def _service_warnings(spec: Values) -> Warnings:
    kind, headless = spec.get("type"), spec.get("clusterIP") == "None"
    if headless and spec.get("loadBalancerIP"):
        yield "spec.loadBalancerIP is ignored for headless services"
    if headless and spec.get("externalIPs"):
        yield "spec.externalIPs is ignored for headless services"
    if headless and spec.get("sessionAffinity") not in (None, "", "None"):
        yield "spec.SessionAffinity is ignored for headless services"
    if spec.get("externalIPs"):
        yield "spec.externalIPs is deprecated and may no longer be implemented in some clusters"
    if spec.get("externalIPs") and kind == "ExternalName":
        yield 'spec.externalIPs is ignored when spec.type is "ExternalName"'
    if spec.get("externalName") and kind != "ExternalName":
        yield 'spec.externalName is ignored when spec.type is not "ExternalName"'
