"""The apps group: Deployments, StatefulSets, DaemonSets, ReplicaSets."""

from collections.abc import Callable, Iterator
from typing import Any

from fluvial.controlplane.schemas.errors import FieldError, Internal, forbidden, invalid, not_supported, required
from fluvial.controlplane.schemas.rules.checks import (
    at_most_all,
    count_or_percent,
    non_negative,
    selector_errors,
    selects,
    unchanged,
)
from fluvial.controlplane.schemas.rules.pods import template_errors
from fluvial.controlplane.schemas.rules.table import Rules
from fluvial.objects import same_json

Values = dict[str, Any]


def _deployment(obj: Values) -> None:
    spec = obj["spec"]
    spec.setdefault("replicas", 1)
    strategy = spec["strategy"]
    if strategy.setdefault("type", "RollingUpdate") == "RollingUpdate":
        rolling = strategy.setdefault("rollingUpdate", {})
        rolling.setdefault("maxUnavailable", "25%")
        rolling.setdefault("maxSurge", "25%")
    spec.setdefault("revisionHistoryLimit", 10)
    spec.setdefault("progressDeadlineSeconds", 600)


def _daemon_set(obj: Values) -> None:
    spec = obj["spec"]
    strategy = spec["updateStrategy"]
    if strategy.setdefault("type", "RollingUpdate") == "RollingUpdate":
        rolling = strategy.setdefault("rollingUpdate", {})
        rolling.setdefault("maxUnavailable", 1)
        rolling.setdefault("maxSurge", 0)
    spec.setdefault("revisionHistoryLimit", 10)
    # The internal type still counts generations of the template, and its conversion writes the count here.
    obj["metadata"].setdefault("annotations", {}).setdefault("deprecated.daemonset.template.generation", "1")


def _stateful_set(obj: Values) -> None:
    spec = obj["spec"]
    spec.setdefault("podManagementPolicy", "OrderedReady")
    strategy = spec["updateStrategy"]
    if not strategy.get("type"):
        strategy["type"] = "RollingUpdate"
        strategy.setdefault("rollingUpdate", {})
    if strategy["type"] == "RollingUpdate" and strategy.get("rollingUpdate") is not None:
        strategy["rollingUpdate"].setdefault("partition", 0)
    retention = spec.setdefault("persistentVolumeClaimRetentionPolicy", {})
    retention.setdefault("whenDeleted", "Retain")
    retention.setdefault("whenScaled", "Retain")
    spec.setdefault("replicas", 1)
    spec.setdefault("revisionHistoryLimit", 10)
    for claim in spec.get("volumeClaimTemplates") or ():
        claim["apiVersion"], claim["kind"] = "v1", "PersistentVolumeClaim"


def _replica_set(obj: Values) -> None:
    obj["spec"].setdefault("replicas", 1)


DEFAULTS: dict[str, Callable[[Values], None]] = {
    "v1.Deployment": _deployment,
    "v1.DaemonSet": _daemon_set,
    "v1.StatefulSet": _stateful_set,
    "v1.ReplicaSet": _replica_set,
}


Errors = Iterator[FieldError]


def workload_template_errors(spec: Values, kind: str) -> Errors:
    """Yield what is wrong with a selector and the template that it must select."""
    selector, template = spec.get("selector"), spec.get("template") or {}
    if selector is None:
        yield required("spec.selector")
    else:
        yield from selector_errors(selector, "spec.selector")
        if not selector.get("matchLabels") and not selector.get("matchExpressions"):
            yield invalid("spec.selector", selector, f"empty selector is invalid for {kind}")
    labels = (template.get("metadata") or {}).get("labels")
    broken = selector is not None and any(selector_errors(selector, ""))
    if broken:
        yield invalid("spec.selector", selector, "invalid label selector")
    elif not selects(selector, labels or {}):
        text = "`selector` does not match template `labels`"
        yield invalid("spec.template.metadata.labels", labels, text)
    yield from template_errors(template, "spec.template")
    pod = template.get("spec") or {}
    if pod.get("restartPolicy") != "Always":
        yield not_supported("spec.template.spec.restartPolicy", pod.get("restartPolicy"), ("Always",))
    if pod.get("activeDeadlineSeconds") is not None:
        yield forbidden(
            "spec.template.spec.activeDeadlineSeconds", "activeDeadlineSeconds in ReplicaSet is not Supported"
        )


def _deployment_errors(obj: Values) -> Errors:
    spec = obj["spec"]
    yield from non_negative(spec, "spec", "replicas")
    yield from workload_template_errors(spec, "deployment")
    yield from _strategy_errors(spec.get("strategy") or {})
    yield from non_negative(spec, "spec", "minReadySeconds", "revisionHistoryLimit", "progressDeadlineSeconds")
    deadline = spec.get("progressDeadlineSeconds")
    if deadline is not None and 0 <= deadline <= (spec.get("minReadySeconds") or 0):
        yield invalid("spec.progressDeadlineSeconds", deadline, "must be greater than minReadySeconds")


def _strategy_errors(strategy: Values) -> Errors:
    kind, rolling = strategy.get("type"), strategy.get("rollingUpdate")
    path = "spec.strategy"
    if kind == "Recreate":
        if rolling is not None:
            text = "may not be specified when strategy `type` is 'Recreate'"
            yield forbidden(f"{path}.rollingUpdate", text)
    elif kind == "RollingUpdate":
        yield from _rolling_errors(rolling or {}, f"{path}.rollingUpdate")
    else:
        shown = {"Type": kind, "RollingUpdate": rolling}
        yield not_supported(path, Internal(shown), ("Recreate", "RollingUpdate"))


def _rolling_errors(rolling: Values, path: str) -> Errors:
    unavailable, surge = rolling.get("maxUnavailable", 0), rolling.get("maxSurge", 0)
    yield from count_or_percent(unavailable, f"{path}.maxUnavailable")
    yield from count_or_percent(surge, f"{path}.maxSurge")
    if unavailable in (0, "0%") and surge in (0, "0%"):
        yield invalid(f"{path}.maxUnavailable", unavailable, "may not be 0 when `maxSurge` is 0")
    yield from at_most_all(unavailable, f"{path}.maxUnavailable")


def _same_selector(old: Values, new: Values) -> Errors:
    yield from unchanged(old["spec"].get("selector"), new["spec"].get("selector"), "spec.selector")


def _stateful_set_errors(obj: Values) -> Errors:
    spec = obj["spec"]
    policy = spec.get("podManagementPolicy")
    if policy not in ("OrderedReady", "Parallel"):
        yield invalid("spec.podManagementPolicy", policy, "must be 'OrderedReady' or 'Parallel'")
    strategy = spec.get("updateStrategy") or {}
    rolling = strategy.get("rollingUpdate")
    if strategy.get("type") == "RollingUpdate":
        yield from non_negative(rolling or {}, "spec.updateStrategy.rollingUpdate", "partition")
    elif strategy.get("type") == "OnDelete":
        if rolling is not None:
            text = "only allowed for updateStrategy 'RollingUpdate'"
            yield invalid("spec.updateStrategy.rollingUpdate", rolling, text)
    else:
        shown = {"Type": strategy.get("type"), "RollingUpdate": rolling}
        yield invalid("spec.updateStrategy", Internal(shown), "must be 'RollingUpdate' or 'OnDelete'")
    yield from non_negative(spec, "spec", "replicas", "minReadySeconds", "revisionHistoryLimit")
    yield from workload_template_errors(spec, "statefulset")


_STATEFUL_SET_MAY_CHANGE = (
    "replicas",
    "ordinals",
    "template",
    "updateStrategy",
    "revisionHistoryLimit",
    "persistentVolumeClaimRetentionPolicy",
    "minReadySeconds",
)


def _stateful_set_changes(old: Values, new: Values) -> Errors:
    fixed = [{k: v for k, v in o["spec"].items() if k not in _STATEFUL_SET_MAY_CHANGE} for o in (old, new)]
    if not same_json(fixed[0], fixed[1]):
        *names, last = (f"'{name}'" for name in _STATEFUL_SET_MAY_CHANGE)
        text = f"updates to statefulset spec for fields other than {', '.join(names)} and {last} are forbidden"
        yield forbidden("spec", text)


def _daemon_set_errors(obj: Values) -> Errors:
    spec = obj["spec"]
    yield from workload_template_errors(spec, "daemonset")
    yield from non_negative(spec, "spec", "minReadySeconds")
    strategy = spec.get("updateStrategy") or {}
    rolling = strategy.get("rollingUpdate") or {}
    path = "spec.updateStrategy"
    if strategy.get("type") == "RollingUpdate":
        unavailable, surge = rolling.get("maxUnavailable", 0), rolling.get("maxSurge", 0)
        yield from count_or_percent(unavailable, f"{path}.rollingUpdate.maxUnavailable")
        yield from count_or_percent(surge, f"{path}.rollingUpdate.maxSurge")
        empty = [value in (0, "0%") for value in (unavailable, surge)]
        if all(empty):
            yield required(f"{path}.rollingUpdate.maxUnavailable", "cannot be 0 when maxSurge is 0")
        elif not any(empty):
            yield invalid(f"{path}.rollingUpdate.maxSurge", surge, "may not be set when maxUnavailable is non-zero")
    elif strategy.get("type") != "OnDelete":
        shown = {"Type": strategy.get("type"), "RollingUpdate": strategy.get("rollingUpdate")}
        yield not_supported(path, Internal(shown), ("RollingUpdate", "OnDelete"))
    yield from non_negative(spec, "spec", "revisionHistoryLimit")


def _replica_set_errors(obj: Values) -> Errors:
    spec = obj["spec"]
    yield from non_negative(spec, "spec", "replicas", "minReadySeconds")
    yield from workload_template_errors(spec, "replicaset")


RULES: dict[tuple[str, str], Rules] = {
    ("v1", "Deployment"): Rules(object=_deployment_errors, change=_same_selector),
    ("v1", "StatefulSet"): Rules(object=_stateful_set_errors, change=_stateful_set_changes),
    ("v1", "DaemonSet"): Rules(object=_daemon_set_errors, change=_same_selector),
    ("v1", "ReplicaSet"): Rules(object=_replica_set_errors, change=_same_selector),
}
