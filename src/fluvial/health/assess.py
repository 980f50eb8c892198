"""kstatus' order of questions, the table of kinds, and what a workload's pods add.

A rule for a kind is a function and a row of `_RULES`. It is asked after the general questions (deletion, an old
observedGeneration, Reconciling, Stalled), so it never sees a status of an older spec; and it answers for good, so where
it has nothing to say it ends with `_by_ready(obj)`. Jobs alone are asked before.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from fluvial.health import workloads
from fluvial.health.verdict import (
    MalformedError,
    State,
    Verdict,
    conditions,
    current,
    failed,
    in_progress,
    text,
    whole_number,
)
from fluvial.objects import LabelSelector, Object, SelectorError, dig, labels, split_api_version


def assess(obj: Object, *, now: datetime, pods: Sequence[Object] = ()) -> Verdict:
    """Return the verdict on `obj`. A malformed object is UNKNOWN, with the reason as message.

    Args:
        now: UTC; only unscheduled pods depend on it.
        pods: pods of the object's namespace, if the caller has them; a StatefulSet or ReplicaSet in progress has failed
            once one that its selector matches has. (A Deployment in progress waits for its own deadline.)
    """
    try:
        verdict = _of_object(obj, now)
        if verdict.state is State.IN_PROGRESS and pods and _group_kind(obj) in _JUDGED_BY_PODS:
            return _with_pods(obj, verdict, pods, now)
    except MalformedError as error:
        return Verdict(State.UNKNOWN, str(error))
    return verdict


def _of_object(obj: Object, now: datetime) -> Verdict:
    group_kind = _group_kind(obj)
    if group_kind == ("batch", "Job"):
        # Flux's reader for Jobs asks none of the general questions
        return workloads.job(obj, now)
    verdict = _general(obj)
    if verdict is not None:
        return verdict
    rule = _RULES.get(group_kind)
    return rule(obj, now) if rule else _by_ready(obj)


def _general(obj: Object) -> Verdict | None:
    if text(obj, ("metadata", "deletionTimestamp")):
        return Verdict(State.TERMINATING, "Resource scheduled for deletion")
    generation = whole_number(obj, "metadata", "generation")
    if generation is not None:
        observed = whole_number(obj, "status", "observedGeneration")
        if observed is not None and observed != generation:
            return in_progress(
                f"{obj.get('kind')} generation is {generation}, but latest observed generation is {observed}"
            )
    for condition in conditions(obj):
        if condition.status == "True":
            if condition.type == "Reconciling":
                return in_progress(condition.message)
            if condition.type == "Stalled":
                return failed(condition.message)
    return None


def _by_ready(obj: Object) -> Verdict:
    """Judge a kind of which nothing is known; Ready=False may be a beginning or an end, so it is never a failure."""
    for condition in conditions(obj):
        if condition.type == "Ready":
            if condition.status == "True":
                return current("Resource is Ready")
            if condition.status in ("False", "Unknown"):
                return in_progress(condition.message)
    return current("Resource is current")


def _with_pods(obj: Object, verdict: Verdict, pods: Sequence[Object], now: datetime) -> Verdict:
    selector = dig(obj, "spec", "selector")
    if not isinstance(selector, dict):
        raise MalformedError("no selector found")
    try:
        wanted = LabelSelector.from_object(selector)
    except SelectorError as error:
        raise MalformedError(str(error)) from None
    namespace = dig(obj, "metadata", "namespace")
    lost = sum(
        _has_failed_for_good(pod, now)
        for pod in pods
        if dig(pod, "metadata", "namespace") == namespace and wanted.matches(labels(pod))
    )
    return failed(f"{lost} pods have failed") if lost else verdict


def _has_failed_for_good(pod: Object, now: datetime) -> bool:
    """An autoscaler may bring a node for an unschedulable pod; a pod on its way out belongs to a rollout."""
    if text(pod, ("metadata", "deletionTimestamp")):
        return False
    try:
        verdict = _of_object(pod, now)
        return verdict.state is State.FAILED and not workloads.is_unschedulable(pod)
    except MalformedError:
        return False


def _group_kind(obj: Object) -> tuple[str, str]:
    return split_api_version(text(obj, ("apiVersion",)))[0], text(obj, ("kind",))


def _always(message: str) -> Callable[[Object, datetime], Verdict]:
    return lambda obj, now: current(message)


def _claim(obj: Object, now: datetime) -> Verdict:
    phase = text(obj, ("status", "phase"), "unknown")
    return current("PVC is Bound") if phase == "Bound" else in_progress(f"PVC is not Bound. phase: {phase}")


def _service(obj: Object, now: datetime) -> Verdict:
    if text(obj, ("spec", "type")) == "LoadBalancer" and not text(obj, ("spec", "clusterIP")):
        return in_progress("ClusterIP not set. Service type: LoadBalancer")
    return current("Service is ready")


def _custom_resource_definition(obj: Object, now: datetime) -> Verdict:
    for condition in conditions(obj):
        if condition.type == "NamesAccepted" and condition.status == "False":
            return failed(condition.message)
        if condition.type == "Established":
            if condition.status == "False" and condition.reason != "Installing":
                return failed(condition.message)
            if condition.status == "True":
                return current("CRD is established")
    return in_progress("Install in progress")


_JUDGED_BY_PODS = frozenset({("apps", "StatefulSet"), ("apps", "ReplicaSet")})

_RULES: Mapping[tuple[str, str], Callable[[Object, datetime], Verdict]] = {
    ("", "Service"): _service,
    ("", "Pod"): workloads.pod,
    ("", "Secret"): _always("Resource is always ready"),
    ("", "ConfigMap"): _always("Resource is always ready"),
    ("", "PersistentVolumeClaim"): _claim,
    ("apps", "StatefulSet"): workloads.stateful_set,
    ("apps", "DaemonSet"): workloads.daemon_set,
    ("extensions", "DaemonSet"): workloads.daemon_set,
    ("apps", "Deployment"): workloads.deployment,
    ("extensions", "Deployment"): workloads.deployment,
    ("apps", "ReplicaSet"): workloads.replica_set,
    ("extensions", "ReplicaSet"): workloads.replica_set,
    ("policy", "PodDisruptionBudget"): _always("AllowedDisruptions has been computed."),
    ("batch", "CronJob"): _always("Resource is always ready"),
    ("apiextensions.k8s.io", "CustomResourceDefinition"): _custom_resource_definition,
}
