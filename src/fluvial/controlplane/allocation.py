"""What the API server hands out when a Service is written: cluster addresses and node ports.

Source: pkg/registry/core/service of k8s.io/kubernetes. IPv4 alone.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterator
from typing import Any

from fluvial.controlplane.core import Core
from fluvial.objects import Object

_NETWORK = ipaddress.ip_network("10.96.0.0/16")
KUBERNETES_ADDRESS = "10.96.0.1"
_NODE_PORTS = range(30000, 32768)
_WITH_NODE_PORTS = ("NodePort", "LoadBalancer")


def allocate(core: Core, storage: str, old: Object | None, new: Object) -> Object:
    """Return `new` with the values that are allocated on writing."""
    return _service(core, old, new) if storage == "services" else new


def _service(core: Core, old: Object | None, new: Object) -> Object:
    spec = dict(new.get("spec") or {})
    before: dict[str, Any] = (old or {}).get("spec") or {}
    if spec.get("type") == "ExternalName":
        if before.get("type", "ExternalName") != "ExternalName":
            for field in ("clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"):
                spec.pop(field, None)
        return {**new, "spec": spec}
    if before.get("type", "ExternalName") != "ExternalName":
        for field in ("clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy", "healthCheckNodePort"):
            if not spec.get(field) and before.get(field):
                spec[field] = before[field]
    if not spec.get("clusterIP"):
        held = spec.get("clusterIPs")
        spec["clusterIP"] = held[0] if held else _free_address(core)
    spec["clusterIPs"] = spec.get("clusterIPs") or [spec["clusterIP"]]
    spec.setdefault("ipFamilies", ["IPv4"])
    spec.setdefault("ipFamilyPolicy", "SingleStack")
    if spec.get("type") in _WITH_NODE_PORTS and spec.get("allocateLoadBalancerNodePorts", True):
        spec["ports"] = _with_node_ports(core, spec.get("ports") or [], before.get("ports") or [])
    elif before.get("type") in _WITH_NODE_PORTS:
        spec["ports"] = [{k: v for k, v in port.items() if k != "nodePort"} for port in spec.get("ports") or ()]
    return {**new, "spec": spec}


def _free_address(core: Core) -> str:
    taken = {KUBERNETES_ADDRESS, *_values(core, lambda spec: [spec.get("clusterIP")])}
    while True:
        address = str(_NETWORK[int(core.chance.random() * (_NETWORK.num_addresses - 300)) + 256])
        if address not in taken:
            return address


def _with_node_ports(core: Core, ports: list[dict[str, Any]], before: list[dict[str, Any]]) -> list[dict[str, Any]]:
    held = {(port.get("protocol", "TCP"), port["port"]): port.get("nodePort") for port in before}
    taken = {port for port in _values(core, lambda spec: [p.get("nodePort") for p in spec.get("ports") or ()]) if port}
    found = []
    for port in ports:
        number = port.get("nodePort") or held.get((port.get("protocol", "TCP"), port["port"]))
        while not number:
            candidate = _NODE_PORTS[int(core.chance.random() * len(_NODE_PORTS))]
            number = candidate if candidate not in taken else 0
        taken.add(number)
        found.append({**port, "nodePort": number})
    return found


def _values(core: Core, read: Callable[[dict[str, Any]], list[Any]]) -> Iterator[Any]:
    for entry in core.store.scan("services"):
        yield from read(entry.object().get("spec") or {})
