"""The networking group: Ingresses, IngressClasses, NetworkPolicies."""

from collections.abc import Callable
from typing import Any

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
