"""The autoscaling group: HorizontalPodAutoscalers."""

from collections.abc import Callable, Iterator
from typing import Any

from fluvial.controlplane.schemas.errors import FieldError, forbidden, invalid, required
from fluvial.controlplane.schemas.rules.checks import one_of
from fluvial.controlplane.schemas.rules.table import Rules

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


Errors = Iterator[FieldError]

_METRICS = {
    "ContainerResource": "containerResource",
    "External": "external",
    "Object": "object",
    "Pods": "pods",
    "Resource": "resource",
}


def _errors(obj: Values) -> Errors:
    spec = obj["spec"]
    minimum, maximum = spec.get("minReplicas"), spec.get("maxReplicas") or 0
    if minimum is not None and minimum < 1:
        yield invalid("spec.minReplicas", minimum, "must be greater than or equal to 1")
    if maximum < 1:
        yield required("spec.maxReplicas", "must be set and greater than 0")
    if minimum is not None and maximum < minimum:
        yield invalid("spec.maxReplicas", maximum, "must be greater than or equal to `minReplicas`")
    target = spec.get("scaleTargetRef") or {}
    for name in ("kind", "name"):
        if not target.get(name):
            yield required(f"spec.scaleTargetRef.{name}")
    if not target.get("apiVersion"):
        yield invalid("spec.scaleTargetRef.apiVersion", "", "apiVersion must specify API group")
    metrics = spec.get("metrics") or []
    for index, metric in enumerate(metrics):
        yield from _metric_errors(metric, f"spec.metrics[{index}]")
    if minimum == 0 and not any(metric.get("type") in ("Object", "External") for metric in metrics):
        text = "must specify at least one Object or External metric to support scaling to zero replicas"
        yield forbidden("spec.metrics", text)


def _metric_errors(metric: Values, path: str) -> Errors:
    kind = metric.get("type")
    if kind not in _METRICS:
        yield from one_of(kind, f"{path}.type", sorted(_METRICS))
        return
    source = metric.get(_METRICS[kind])
    if source is None:
        yield required(f"{path}.{_METRICS[kind]}", "must populate information for the given metric source")
        return
    target = source.get("target") or {}
    if kind in ("Resource", "ContainerResource"):
        if not source.get("name"):
            yield required(f"{path}.{_METRICS[kind]}.name", "must specify a resource name")
        if target.get("averageUtilization") is None and target.get("averageValue") is None:
            where = f"{path}.{_METRICS[kind]}.target.averageUtilization"
            yield required(where, "must set either a target raw value or a target utilization")


RULES: dict[tuple[str, str], Rules] = {
    ("v2", "HorizontalPodAutoscaler"): Rules(object=_errors),
    ("v1", "HorizontalPodAutoscaler"): Rules(object=_errors),
}
