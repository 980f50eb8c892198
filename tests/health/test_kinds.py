"""Verdicts of kstatus as recorded, and Flux's own rules beside it."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from fluvial.health import State, assess
from fluvial.yamldoc import load

NOW = datetime(2026, 1, 1, tzinfo=UTC)
VECTORS = Path(__file__).parents[1] / "vectors" / "health" / "kstatus.json"


def check(text: str, expect: str, *, pods: str = "[]") -> None:
    verdict = assess(load(text), now=NOW, pods=load(pods))
    assert f"{verdict.state.value} {verdict.message}" == expect


def test_every_message_of_every_kind_is_given_as_kstatus_gives_it() -> None:
    wrong = []
    for row in json.loads(VECTORS.read_text()):
        verdict = assess(row["object"], now=NOW)
        if (verdict.state.value, verdict.message) != (row["state"], row["message"]):
            wrong.append((row, verdict))
    assert wrong == []


JOBS = [
    ("spec: {suspend: true}", "Current Job is suspended"),
    ("spec: {parallelism: 2}", "InProgress Job not started. active: 0/2"),
    (
        "status: {startTime: '2026-01-01T00:00:00Z', active: 1, failed: 2}",
        "InProgress Job in progress. success:0, active: 1, failed: 2",
    ),
    (
        "spec: {completions: 3}\nstatus: {succeeded: 3, conditions: [{type: Complete, status: 'True'}]}",
        "Current Job Completed. succeeded: 3/3",
    ),
    ("status: {failed: 1, conditions: [{type: Failed, status: 'True'}]}", "Failed Job Failed. failed: 1/1"),
    (
        "metadata: {generation: 2}\nstatus: {observedGeneration: 1, conditions: [{type: Complete, status: 'True'}]}",
        "Current Job Completed. succeeded: 0/1",
    ),
]


@pytest.mark.parametrize(("body", "expect"), JOBS)
def test_a_job_is_waited_for_to_its_completion(body: str, expect: str) -> None:
    check(f"apiVersion: batch/v1\nkind: Job\n{body}", expect)


def pod(age: float, **status: Any) -> dict[str, Any]:
    created = (NOW - timedelta(seconds=age)).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"creationTimestamp": created}, "status": status}


NO_NODE = [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}]


def test_a_pod_without_a_node_gets_fifteen_seconds_and_asks_to_be_looked_at_again() -> None:
    early = assess(pod(5, phase="Pending", conditions=NO_NODE), now=NOW)
    assert (early.state, early.message, early.look_again) == (State.IN_PROGRESS, "Pod has not been scheduled", 10.0)
    late = assess(pod(15, phase="Pending", conditions=NO_NODE), now=NOW)
    assert (late.state, late.message, late.look_again) == (State.FAILED, "Pod could not be scheduled", None)


STATEFUL = """
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db, namespace: n}
spec: {replicas: 2, selector: {matchLabels: {app: db}}}
status: {replicas: 2, readyReplicas: 1}
"""
LOOPING = """
- apiVersion: v1
  kind: Pod
  metadata: {namespace: n, labels: {app: db}}
  status: {phase: Running, containerStatuses: [{name: c, state: {waiting: {reason: CrashLoopBackOff}}}]}
"""


def test_a_workload_in_progress_has_failed_when_a_pod_of_it_has() -> None:
    check(STATEFUL, "Failed 1 pods have failed", pods=LOOPING)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("namespace: n,", "namespace: other,"),
        ("app: db", "app: web"),
        ("labels:", "deletionTimestamp: '2026-01-01T00:00:00Z', labels:"),
        (
            "phase: Running",
            "phase: Pending, conditions: [{type: PodScheduled, status: 'False', reason: Unschedulable}]",
        ),
    ],
)
def test_foreign_leaving_and_unschedulable_pods_fail_nothing(old: str, new: str) -> None:
    check(STATEFUL, "InProgress Ready: 1/2", pods=LOOPING.replace(old, new))


def test_pods_fail_no_workload_that_is_current() -> None:
    current = STATEFUL.replace("readyReplicas: 1", "readyReplicas: 2, currentReplicas: 2")
    check(current, "Current All replicas scheduled as expected. Replicas: 2", pods=LOOPING)


def test_a_deployment_waits_for_its_own_deadline_whatever_its_pods_do() -> None:
    check(STATEFUL.replace("StatefulSet", "Deployment"), "InProgress Updated: 0/2", pods=LOOPING)


def test_a_workload_whose_selector_is_broken_cannot_be_judged() -> None:
    broken = STATEFUL.replace("{matchLabels: {app: db}}", "{matchExpressions: [{key: a, operator: Near}]}")
    check(broken, 'Unknown "Near" is not a valid label selector operator', pods=LOOPING)


def test_a_fresh_flux_object_is_in_progress_for_its_parent() -> None:
    check(
        "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {generation: 1}\n"
        "status: {observedGeneration: -1}",
        "InProgress Kustomization generation is 1, but latest observed generation is -1",
    )
