"""Services."""

from collections.abc import Iterator, Mapping
from typing import Any

from fluvial.controlplane.schemas.errors import FieldError, Internal, duplicate, forbidden, invalid, required
from fluvial.controlplane.schemas.rules.checks import ip_address, named, one_of, port_name_or_number, port_number
from fluvial.controlplane.schemas.rules.metadata import label_errors
from fluvial.controlplane.schemas.rules.names import dns_label, subdomain
from fluvial.objects import Object

Errors = Iterator[FieldError]
Values = Mapping[str, Any]

_NODE_PORTS = range(30000, 32768)  # the server's default
_POLICIES = ("Cluster", "Local")


def service_errors(obj: Object) -> Errors:
    """Yield what is wrong with a Service."""
    spec = obj["spec"]
    kind = spec.get("type")
    headless = spec.get("clusterIP") == "None"
    ports = spec.get("ports") or []
    if not ports and not headless and kind != "ExternalName":
        yield required("spec.ports")
    if kind == "LoadBalancer" and headless:
        yield invalid("spec.clusterIPs[0]", "None", "may not be set to 'None' for LoadBalancer services")
    elif kind == "ExternalName":
        name = (spec.get("externalName") or "").rstrip(".")
        if name:
            yield from named(name, "spec.externalName", subdomain)
        else:
            yield required("spec.externalName")
    yield from _port_list_errors(ports, kind)
    yield from label_errors(spec.get("selector") or {}, "spec.selector")
    if spec.get("sessionAffinity"):
        yield from one_of(spec["sessionAffinity"], "spec.sessionAffinity", ("ClientIP", "None"))
    else:
        yield required("spec.sessionAffinity")
    yield from _address_errors(spec)
    yield from one_of(kind, "spec.type", ("ClusterIP", "ExternalName", "LoadBalancer", "NodePort"))
    yield from _policy_errors(spec, kind)


def _port_list_errors(ports: list[Any], kind: Any) -> Errors:
    names: set[str] = set()
    for index, port in enumerate(ports):
        at = f"spec.ports[{index}]"
        name = port.get("name") or ""
        if not name:
            if len(ports) > 1:
                yield required(f"{at}.name")
        else:
            yield from named(name, f"{at}.name", dns_label)
            if name in names:
                yield duplicate(f"{at}.name", name)
            names.add(name)
        yield from port_number(port.get("port", 0), f"{at}.port")
        yield from one_of(port.get("protocol"), f"{at}.protocol", ("SCTP", "TCP", "UDP"))
        yield from port_name_or_number(port.get("targetPort", 0), f"{at}.targetPort")
        node_port = port.get("nodePort") or 0
        if node_port and kind == "ClusterIP":
            yield forbidden(f"{at}.nodePort", "may not be used when `type` is 'ClusterIP'")
        elif node_port and node_port not in _NODE_PORTS:
            text = "provided port is not in the valid range. The range of valid ports is 30000-32767"
            yield invalid(f"{at}.nodePort", node_port, text)
    yield from _repeated_ports(ports)


def _repeated_ports(ports: list[Any]) -> Errors:
    seen = set()
    for index, port in enumerate(ports):
        key = (port.get("protocol"), port.get("port"))
        if key in seen:
            shown = {
                "Name": "",
                "Protocol": key[0],
                "AppProtocol": None,
                "Port": key[1],
                "TargetPort": 0,
                "NodePort": 0,
            }
            yield duplicate(f"spec.ports[{index}]", Internal(shown))
        seen.add(key)


def _address_errors(spec: Values) -> Errors:
    addresses = spec.get("clusterIPs") or ([spec["clusterIP"]] if spec.get("clusterIP") else [])
    for index, address in enumerate(addresses):
        if address != "None":
            yield from ip_address(address, f"spec.clusterIPs[{index}]")
    for index, address in enumerate(spec.get("externalIPs") or ()):
        yield from ip_address(address, f"spec.externalIPs[{index}]")
    if (policy := spec.get("ipFamilyPolicy")) is not None:
        choices = ("PreferDualStack", "RequireDualStack", "SingleStack")
        yield from one_of(policy, "spec.ipFamilyPolicy", choices)


def _policy_errors(spec: Values, kind: Any) -> Errors:
    external = spec.get("externalTrafficPolicy")
    exposed = kind in ("LoadBalancer", "NodePort") or (kind == "ClusterIP" and spec.get("externalIPs"))
    if external and not exposed:
        text = "may only be set for externally-accessible services"
        yield invalid("spec.externalTrafficPolicy", external, text)
    elif external:
        yield from one_of(external, "spec.externalTrafficPolicy", _POLICIES)
    elif exposed:
        yield required("spec.externalTrafficPolicy")
    if (internal := spec.get("internalTrafficPolicy")) is not None:
        yield from one_of(internal, "spec.internalTrafficPolicy", _POLICIES)


def service_changes(old: Object, new: Object) -> Errors:
    """Yield what may not change in a Service: its cluster address, while it has one."""
    before, after = old["spec"], new["spec"]
    if before.get("type") == "ExternalName" or after.get("type") == "ExternalName":
        return
    address, now = before.get("clusterIP"), after.get("clusterIP")
    if address and now != address:
        yield invalid("spec.clusterIPs[0]", [now or ""], "may not change once set")
