"""The autoscaling group: HorizontalPodAutoscalers."""

from collections.abc import Callable
from typing import Any

Values = dict[str, Any]

_UP: Values = {
    "stabilizationWindowSeconds": 0,
    "selectPolicy": "Max",
    "policies": [
        {"type": "Pods", "value": 4, "periodSeconds": 15},
        {"type": "Percent", "value": 100, "periodSeconds": 15},
    ],
}
_DOWN: Values = {"selectPolicy": "Max", "policies": [{"type": "Percent", "value": 100, "periodSeconds": 15}]}


def _autoscaler_v1(obj: Values) -> None:
    obj["spec"].setdefault("minReplicas", 1)
    obj["spec"].setdefault("targetCPUUtilizationPercentage", 80)


def _autoscaler_v2(obj: Values) -> None:
    spec = obj["spec"]
    spec.setdefault("minReplicas", 1)
    if not spec.get("metrics"):
        target = {"type": "Utilization", "averageUtilization": 80}
        spec["metrics"] = [{"type": "Resource", "resource": {"name": "cpu", "target": target}}]
    if (behavior := spec.get("behavior")) is not None:
        for name, rules in (("scaleUp", _UP), ("scaleDown", _DOWN)):
            behavior[name] = {**_copied(rules), **(behavior.get(name) or {})}


def _copied(rules: Values) -> Values:
    return {**rules, "policies": [dict(policy) for policy in rules["policies"]]}


DEFAULTS: dict[str, Callable[[Values], None]] = {
    "v1.HorizontalPodAutoscaler": _autoscaler_v1,
    "v2.HorizontalPodAutoscaler": _autoscaler_v2,
}
