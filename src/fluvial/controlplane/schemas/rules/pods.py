"""What a pod's specification must satisfy, in a Pod and in every template."""

from collections.abc import Iterator, Mapping
from typing import Any

from fluvial.controlplane.schemas.errors import FieldError, duplicate, forbidden, invalid, required
from fluvial.controlplane.schemas.rules.checks import ip_address, labels_of, named, one_of
from fluvial.controlplane.schemas.rules.containers import container_errors
from fluvial.controlplane.schemas.rules.metadata import annotation_errors
from fluvial.controlplane.schemas.rules.names import dns_label, qualified_name, subdomain
from fluvial.controlplane.schemas.rules.scheduling_rules import affinity_errors, spread_errors, toleration_errors
from fluvial.controlplane.schemas.rules.volumes import volume_errors

Errors = Iterator[FieldError]
Values = Mapping[str, Any]

_DNS_POLICIES = ("ClusterFirstWithHostNet", "ClusterFirst", "Default", "None")
_MAX_ID = 2**31 - 1


def template_errors(template: Values, path: str) -> Errors:
    """Yield what is wrong with a pod template, beyond what its owner demands of it."""
    metadata = template.get("metadata") or {}
    yield from labels_of(metadata.get("labels"), f"{path}.labels")
    yield from annotation_errors(metadata.get("annotations") or {}, f"{path}.annotations")
    spec = template.get("spec") or {}
    yield from pod_spec_errors(spec, f"{path}.spec")
    if spec.get("ephemeralContainers"):
        yield forbidden(f"{path}.spec.ephemeralContainers", "ephemeral containers not allowed in pod template")


def pod_spec_errors(spec: Values, path: str) -> Errors:
    """Yield what is wrong with a pod's spec."""
    volumes = spec.get("volumes") or []
    yield from volume_errors(volumes, f"{path}.volumes")
    names = {volume.get("name") for volume in volumes}
    yield from _all_containers(spec, names, path)
    yield from one_of(spec.get("restartPolicy"), f"{path}.restartPolicy", ("Always", "OnFailure", "Never"))
    yield from _dns_errors(spec, path)
    yield from _security_errors(spec.get("securityContext") or {}, f"{path}.securityContext")
    for key in spec.get("nodeSelector") or {}:
        yield from named(key, f"{path}.nodeSelector", qualified_name)
    for name in ("serviceAccountName", "nodeName", "priorityClassName", "runtimeClassName"):
        if spec.get(name):
            yield from named(spec[name], f"{path}.{name}", subdomain)
    for name in ("hostname", "subdomain"):
        if spec.get(name):
            yield from named(spec[name], f"{path}.{name}", dns_label)
    deadline = spec.get("activeDeadlineSeconds")
    if deadline is not None and not 1 <= deadline <= _MAX_ID:
        yield invalid(f"{path}.activeDeadlineSeconds", deadline, f"must be between 1 and {_MAX_ID}, inclusive")
    yield from toleration_errors(spec.get("tolerations") or (), f"{path}.tolerations")
    for index, alias in enumerate(spec.get("hostAliases") or ()):
        yield from ip_address(alias.get("ip", ""), f"{path}.hostAliases[{index}].ip")
        for number, host in enumerate(alias.get("hostnames") or ()):
            yield from named(host, f"{path}.hostAliases[{index}].hostnames[{number}]", subdomain)
    yield from affinity_errors(spec.get("affinity") or {}, f"{path}.affinity")
    yield from spread_errors(spec.get("topologySpreadConstraints") or (), f"{path}.topologySpreadConstraints")


def _all_containers(spec: Values, volumes: set[Any], path: str) -> Errors:
    containers = spec.get("containers") or []
    if not containers:
        yield required(f"{path}.containers")
    seen: set[str] = set()
    host_network = bool(spec.get("hostNetwork"))
    for field, group in (("containers", containers), ("initContainers", spec.get("initContainers") or [])):
        for index, container in enumerate(group):
            at = f"{path}.{field}[{index}]"
            yield from container_errors(container, at, volumes, host_network=host_network, init=field != "containers")
            name = container.get("name") or ""
            if name and name in seen:
                yield duplicate(f"{at}.name", name)
            seen.add(name)


def _dns_errors(spec: Values, path: str) -> Errors:
    policy = spec.get("dnsPolicy")
    yield from one_of(policy, f"{path}.dnsPolicy", _DNS_POLICIES)
    config = spec.get("dnsConfig")
    if policy == "None" and config is None:
        yield required(f"{path}.dnsConfig", "must provide `dnsConfig` when `dnsPolicy` is None")
    for index, server in enumerate((config or {}).get("nameservers") or ()):
        yield from ip_address(server, f"{path}.dnsConfig.nameservers[{index}]")


def _security_errors(context: Values, path: str) -> Errors:
    for name in ("fsGroup", "runAsUser", "runAsGroup"):
        value = context.get(name)
        if value is not None and not 0 <= value <= _MAX_ID:
            yield invalid(f"{path}.{name}", value, f"must be between 0 and {_MAX_ID}, inclusive")


def pod_errors(obj: Values) -> Errors:
    """Yield what is wrong with a Pod."""
    spec = obj.get("spec") or {}
    yield from pod_spec_errors(spec, "spec")
    if spec.get("ephemeralContainers"):
        yield forbidden("spec.ephemeralContainers", "cannot be set on create")


_CHANGEABLE = (
    "`spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,"
    "`spec.tolerations` (only additions to existing tolerations),"
    "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"
)


def pod_changes(old: Values, new: Values) -> Errors:
    """Yield what may not change in a Pod's spec: all but images, the deadline, and added tolerations."""
    before, after = _fixed_part(old.get("spec") or {}), _fixed_part(new.get("spec") or {})
    if len((old.get("spec") or {}).get("containers") or ()) != len((new.get("spec") or {}).get("containers") or ()):
        yield forbidden("spec.containers", "pod updates may not add or remove containers")
    elif before != after:
        yield forbidden("spec", f"pod updates may not change fields other than {_CHANGEABLE}")


def _fixed_part(spec: Values) -> dict[str, Any]:
    fixed = {k: v for k, v in spec.items() if k not in ("activeDeadlineSeconds", "tolerations", "schedulingGates")}
    for field in ("containers", "initContainers"):
        fixed[field] = [{k: v for k, v in c.items() if k != "image"} for c in spec.get(field) or ()]
    return fixed
