"""When the kinds that run pods are current: kstatus' rules, with Flux's rule for Jobs."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from fluvial.gotext import parse_rfc3339
from fluvial.health.verdict import (
    MalformedError,
    State,
    Verdict,
    conditions,
    count,
    current,
    failed,
    in_progress,
    text,
    whole_number,
)
from fluvial.objects import Object

UNSCHEDULABLE_GRACE = timedelta(seconds=15)  # how long a pod may wait for a node before it counts as failed
_NO_DEADLINE = 2**31 - 1  # the Deployment controller takes this progressDeadlineSeconds as none


def deployment(obj: Object, now: datetime) -> Verdict:
    # without a deadline the controller writes no Progressing condition
    progressing = count(obj, ("spec", "progressDeadlineSeconds"), _NO_DEADLINE) == _NO_DEADLINE
    available = False
    for condition in conditions(obj):
        if condition.type == "Progressing":
            if condition.reason == "ProgressDeadlineExceeded":
                return failed("Progress deadline exceeded")
            if condition.status == "True" and condition.reason == "NewReplicaSetAvailable":
                progressing = True
        elif condition.type == "Available" and condition.status == "True":
            available = True
    wanted = count(obj, ("spec", "replicas"), 1)
    have = _counts(obj, "replicas", "updatedReplicas", "readyReplicas", "availableReplicas")
    if wanted > have["replicas"]:
        return in_progress(f"Replicas: {have['replicas']}/{wanted}")
    if wanted > have["updatedReplicas"]:
        return in_progress(f"Updated: {have['updatedReplicas']}/{wanted}")
    if have["replicas"] > wanted:
        return in_progress(f"Pending termination: {have['replicas'] - wanted}")
    if have["updatedReplicas"] > have["availableReplicas"]:
        return in_progress(f"Available: {have['availableReplicas']}/{have['updatedReplicas']}")
    if wanted > have["readyReplicas"]:
        return in_progress(f"Ready: {have['readyReplicas']}/{wanted}")
    if not progressing:
        return in_progress("ReplicaSet not Available")
    if not available:
        return in_progress("Deployment not Available")
    return current(f"Deployment is available. Replicas: {have['replicas']}")


def stateful_set(obj: Object, now: datetime) -> Verdict:
    if text(obj, ("spec", "updateStrategy", "type")) == "OnDelete":
        return current("StatefulSet is using the ondelete update strategy")
    wanted = count(obj, ("spec", "replicas"), 1)
    have = _counts(obj, "replicas", "readyReplicas", "currentReplicas", "updatedReplicas")
    if wanted > have["replicas"]:
        return in_progress(f"Replicas: {have['replicas']}/{wanted}")
    if wanted > have["readyReplicas"]:
        return in_progress(f"Ready: {have['readyReplicas']}/{wanted}")
    if have["replicas"] > wanted:
        return in_progress(f"Pending termination: {have['replicas'] - wanted}")
    partition = count(obj, ("spec", "updateStrategy", "rollingUpdate", "partition"), -1)
    if partition != -1:
        if have["updatedReplicas"] < wanted - partition:
            return in_progress(f"updated: {have['updatedReplicas']}/{wanted - partition}")
        return current(f"Partition rollout complete. updated: {have['updatedReplicas']}")
    if wanted > have["currentReplicas"]:
        return in_progress(f"current: {have['currentReplicas']}/{wanted}")
    if text(obj, ("status", "currentRevision")) != text(obj, ("status", "updateRevision")):
        return in_progress("Waiting for updated revision to match current")
    return current(f"All replicas scheduled as expected. Replicas: {have['replicas']}")


def daemon_set(obj: Object, now: datetime) -> Verdict:
    for path in (("metadata", "generation"), ("status", "observedGeneration")):
        if whole_number(obj, *path) is None:
            return in_progress(f"{obj.get('kind')} {'.'.join(path)} not found")
    wanted = count(obj, ("status", "desiredNumberScheduled"), -1)
    if wanted == -1:
        return in_progress("Missing .status.desiredNumberScheduled")
    for field, word in (
        ("currentNumberScheduled", "Current"),
        ("updatedNumberScheduled", "Updated"),
        ("numberAvailable", "Available"),
        ("numberReady", "Ready"),
    ):
        have = count(obj, ("status", field), 0)
        if wanted > have:
            return in_progress(f"{word}: {have}/{wanted}")
    return current(f"All replicas scheduled as expected. Replicas: {wanted}")


def replica_set(obj: Object, now: datetime) -> Verdict:
    if any(condition.type == "ReplicaFailure" and condition.status == "True" for condition in conditions(obj)):
        return in_progress("Replica Failure condition. Check Pods")
    wanted = count(obj, ("spec", "replicas"), 1)
    for field, word in (
        ("fullyLabeledReplicas", "Labelled"),
        ("availableReplicas", "Available"),
        ("readyReplicas", "Ready"),
    ):
        have = count(obj, ("status", field), 0)
        if wanted > have:
            return in_progress(f"{word}: {have}/{wanted}")
    replicas = count(obj, ("status", "replicas"), 0)
    if replicas > wanted:
        return in_progress(f"Pending termination: {replicas - wanted}")
    return current(f"ReplicaSet is available. Replicas: {replicas}")


def job(obj: Object, now: datetime) -> Verdict:
    """Flux waits for a Job to complete, where kstatus is content with its start; a suspended Job is left alone."""
    spec = obj.get("spec")
    if isinstance(spec, dict) and spec.get("suspend") is True:
        return current("Job is suspended")
    parallelism = count(obj, ("spec", "parallelism"), 1)
    completions = count(obj, ("spec", "completions"), parallelism)
    have = _counts(obj, "active", "succeeded", "failed")
    for condition in conditions(obj):
        if condition.status == "True":
            if condition.type == "Complete":
                return current(f"Job Completed. succeeded: {have['succeeded']}/{completions}")
            if condition.type == "Failed":
                return failed(f"Job Failed. failed: {have['failed']}/{completions}")
    if not text(obj, ("status", "startTime")):
        return in_progress(f"Job not started. active: 0/{parallelism}")
    return in_progress(
        f"Job in progress. success:{have['succeeded']}, active: {have['active']}, failed: {have['failed']}"
    )


def pod(obj: Object, now: datetime) -> Verdict:
    found = conditions(obj)
    phase = text(obj, ("status", "phase"))
    match phase:
        case "Succeeded":
            return current("Pod has completed successfully")
        case "Failed":
            return current("Pod has completed, but not successfully")
        case "Running":
            if any(condition.type == "Ready" and condition.status == "True" for condition in found):
                return current("Pod is Ready")
            if looping := _crash_looping(obj):
                return failed(f"Containers in CrashLoop state: {','.join(looping)}")
            return in_progress("Pod is running but is not Ready")
        case "Pending":
            return _unschedulable(obj, now) if is_unschedulable(obj) else in_progress("Pod is in the Pending phase")
        case "":
            return in_progress("Pod phase not available")  # no kubelet and no scheduler has seen it yet
    raise MalformedError(f"unknown phase {phase}")


def is_unschedulable(obj: Object) -> bool:
    """Tell whether the scheduler finds no node for this pod; the first PodScheduled=False condition decides."""
    for condition in conditions(obj):
        if condition.type == "PodScheduled" and condition.status == "False":
            return condition.reason == "Unschedulable"
    return False


def _unschedulable(obj: Object, now: datetime) -> Verdict:
    try:
        created = parse_rfc3339(text(obj, ("metadata", "creationTimestamp")))
    except ValueError:
        return failed("Pod could not be scheduled")
    left = (created + UNSCHEDULABLE_GRACE - now).total_seconds()
    if left > 0:
        return Verdict(State.IN_PROGRESS, "Pod has not been scheduled", look_again=left)
    return failed("Pod could not be scheduled")


def _crash_looping(obj: Object) -> list[str]:
    status = obj.get("status")
    containers = status.get("containerStatuses") if isinstance(status, dict) else None
    return [
        name
        for container in (containers if isinstance(containers, list) else [])
        if isinstance(container, dict)
        and text(container, ("state", "waiting", "reason")) == "CrashLoopBackOff"
        and (name := text(container, ("name",)))
    ]


def _counts(obj: Object, *fields: str) -> Mapping[str, int]:
    return {field: count(obj, ("status", field), 0) for field in fields}
