"""The networking group: Ingresses, IngressClasses, NetworkPolicies."""

from collections.abc import Callable, Iterator
from ipaddress import ip_network
from typing import Any

from fluvial.controlplane.schemas.errors import FieldError, forbidden, invalid, not_supported, required
from fluvial.controlplane.schemas.rules.checks import (
    is_ip_address,
    named,
    one_of,
    port_name_or_number,
    port_number,
    selector_errors,
    unchanged,
)
from fluvial.controlplane.schemas.rules.names import dns_label, port_name, subdomain, wildcard_subdomain
from fluvial.controlplane.schemas.rules.table import Rules

Values = dict[str, Any]


def _policy(obj: Values) -> None:
    spec = obj.get("spec") or {}
    if not spec.get("policyTypes"):
        spec["policyTypes"] = ["Ingress", "Egress"] if spec.get("egress") else ["Ingress"]


def _policy_port(obj: Values) -> None:
    obj.setdefault("protocol", "TCP")


def _ingress_class(obj: Values) -> None:
    parameters = (obj.get("spec") or {}).get("parameters")
    if parameters is not None:
        parameters.setdefault("scope", "Cluster")


DEFAULTS: dict[str, Callable[[Values], None]] = {
    "v1.NetworkPolicy": _policy,
    "v1.NetworkPolicyPort": _policy_port,
    "v1.IngressClass": _ingress_class,
}


Errors = Iterator[FieldError]

_PATH_TYPES = ("Exact", "ImplementationSpecific", "Prefix")


def _ingress_errors(obj: Values) -> Errors:
    spec = obj.get("spec") or {}
    rules, default = spec.get("rules") or [], spec.get("defaultBackend")
    if not rules and default is None:
        yield invalid("spec", None, "either `defaultBackend` or `rules` must be specified")
    if default is not None:
        yield from _backend_errors(default, "spec.defaultBackend")
    for index, rule in enumerate(rules):
        yield from _rule_errors(rule, f"spec.rules[{index}]")
    for index, tls in enumerate(spec.get("tls") or ()):
        for number, host in enumerate(tls.get("hosts") or ()):
            check = wildcard_subdomain if "*" in host else subdomain
            yield from named(host, f"spec.tls[{index}].hosts[{number}]", check)
    if (name := spec.get("ingressClassName")) is not None:
        yield from named(name, "spec.ingressClassName", subdomain)


def _rule_errors(rule: Values, path: str) -> Errors:
    host = rule.get("host") or ""
    if host and is_ip_address(host):
        yield invalid(f"{path}.host", host, "must be a DNS name, not an IP address")
    elif host:
        yield from named(host, f"{path}.host", wildcard_subdomain if "*" in host else subdomain)
    if (http := rule.get("http")) is None:
        return
    paths = http.get("paths") or []
    if not paths:
        yield required(f"{path}.http.paths")
    for index, entry in enumerate(paths):
        at = f"{path}.http.paths[{index}]"
        yield from _path_errors(entry, at)
        yield from _backend_errors(entry.get("backend") or {}, f"{at}.backend")


def _path_errors(entry: Values, path: str) -> Errors:
    kind, text = entry.get("pathType"), entry.get("path") or ""
    if not kind:
        yield required(f"{path}.pathType", "pathType must be specified")
    elif kind not in _PATH_TYPES:
        yield not_supported(f"{path}.pathType", kind, _PATH_TYPES)
    elif kind == "ImplementationSpecific":
        if text and not text.startswith("/"):
            yield invalid(f"{path}.path", text, "must be an absolute path")
    elif not text.startswith("/"):
        yield invalid(f"{path}.path", text, "must be an absolute path")
    else:
        for part in ("//", "/./", "/../", "%2f", "%2F"):
            if part in text:
                yield invalid(f"{path}.path", text, f"must not contain '{part}'")


def _backend_errors(backend: Values, path: str) -> Errors:
    service, resource = backend.get("service"), backend.get("resource")
    if service is None and resource is None:
        yield invalid(path, "", "resource or service backend is required")
    elif service is not None and resource is not None:
        yield invalid(path, "", "cannot set both resource and service backends")
    elif service is not None:
        if not service.get("name"):
            yield required(f"{path}.service.name")
        else:
            yield from named(service["name"], f"{path}.service.name", dns_label)
        port = service.get("port") or {}
        name, number = port.get("name") or "", port.get("number") or 0
        if name and number:
            yield invalid(path, "", "cannot set both port name & port number")
        elif name:
            yield from named(name, f"{path}.service.port.name", port_name)
        elif number:
            yield from port_number(number, f"{path}.service.port.number")
        else:
            yield required(path, "port name or number is required")


def _class_errors(obj: Values) -> Errors:
    controller = (obj.get("spec") or {}).get("controller") or ""
    if not controller:
        yield required("spec.controller")
    elif "/" not in controller:
        yield invalid("spec.controller", controller, 'must be a domain-prefixed path (such as "acme.io/foo")')


def _class_changes(old: Values, new: Values) -> Errors:
    before, after = ((o.get("spec") or {}).get("controller") for o in (old, new))
    yield from unchanged(before, after, "spec.controller")


def _policy_errors(obj: Values) -> Errors:
    spec = obj.get("spec") or {}
    yield from selector_errors(spec.get("podSelector") or {}, "spec.podSelector")
    for direction, peers in (("ingress", "from"), ("egress", "to")):
        for index, rule in enumerate(spec.get(direction) or ()):
            at = f"spec.{direction}[{index}]"
            for number, port in enumerate(rule.get("ports") or ()):
                if port.get("port") is not None:
                    yield from port_name_or_number(port["port"], f"{at}.ports[{number}].port")
                choices = ("SCTP", "TCP", "UDP")
                yield from one_of(port.get("protocol"), f"{at}.ports[{number}].protocol", choices)
            for number, peer in enumerate(rule.get(peers) or ()):
                yield from _peer_errors(peer, f"{at}.{peers}[{number}]")
    for index, kind in enumerate(spec.get("policyTypes") or ()):
        yield from one_of(kind, f"spec.policyTypes[{index}]", ("Ingress", "Egress"))


def _peer_errors(peer: Values, path: str) -> Errors:
    selectors = [name for name in ("podSelector", "namespaceSelector") if peer.get(name) is not None]
    for name in selectors:
        yield from selector_errors(peer[name], f"{path}.{name}")
    block = peer.get("ipBlock")
    if block is not None:
        try:
            ip_network(block.get("cidr") or "", strict=False)
        except ValueError:
            text = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"
            yield invalid(f"{path}.ipBlock.cidr", block.get("cidr") or "", text)
    if not selectors and block is None:
        yield required(path, "must specify a peer")
    elif selectors and block is not None:
        yield forbidden(path, "may not specify both ipBlock and another peer")


RULES: dict[tuple[str, str], Rules] = {
    ("v1", "Ingress"): Rules(object=_ingress_errors),
    ("v1", "IngressClass"): Rules(object=_class_errors, change=_class_changes),
    ("v1", "NetworkPolicy"): Rules(object=_policy_errors),
}
