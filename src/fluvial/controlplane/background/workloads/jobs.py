"""Jobs run Pods to their end.

Source: pkg/controller/job of k8s.io/kubernetes. Not simulated: indexed completion with per-index limits, success and
failure policies, managedBy. CronJobs stay idle: they are stored and never start a Job.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from fluvial.controlplane.background.engine import Engine, Keys, own_key
from fluvial.controlplane.background.workloads.creation import PodMaker
from fluvial.controlplane.background.workloads.parts import (
    Owned,
    is_finished,
    is_ready,
    make_pod,
    owned,
    owner_keys,
    resource_named,
    write_status,
)
from fluvial.controlplane.background.writer import Writer
from fluvial.controlplane.core import Core
from fluvial.gotext import parse_rfc3339
from fluvial.objects import Object

_STORAGE = "jobs.batch"


class Jobs:
    """Starts Pods, counts how they ended, and says when the Job is done."""

    def __init__(self, core: Core, engine: Engine) -> None:
        self._core = core
        self._engine = engine
        self._writer = Writer(core)
        self._maker = PodMaker(core, engine, "job-controller")

    @property
    def watches(self) -> Mapping[str, Keys]:
        return {_STORAGE: own_key, "pods": owner_keys("Job")}

    def reconcile(self, key: str) -> None:
        entry = self._core.store.get(_STORAGE, key)
        if entry is None:
            return
        job = entry.object()
        if job["metadata"].get("deletionTimestamp"):
            return
        if (ended := _ended(job)) is not None:
            self._expire(job, ended, key)
            return
        pods = owned(self._core, "pods", job)
        status = self._judge(job, pods, key)
        write_status(self._writer, resource_named(self._core, _STORAGE), entry, status)

    def _expire(self, job: Object, ended: str, key: str) -> None:
        """Delete a finished Job after its ttlSecondsAfterFinished."""
        ttl = job["spec"].get("ttlSecondsAfterFinished")
        if ttl is None:
            return
        left = (parse_rfc3339(ended) + timedelta(seconds=ttl) - self._core.now()).total_seconds()
        if left > 0:
            self._engine.later(left, self, key)
            return
        entry = self._core.store.get(_STORAGE, key)
        if entry is not None:
            self._writer.delete(resource_named(self._core, _STORAGE), entry, propagation="Foreground")

    def _judge(self, job: Object, pods: list[Owned], key: str) -> dict[str, Any]:
        spec, now = job["spec"], self._core.timestamp()
        succeeded = sum(_phase(pod) == "Succeeded" for pod in pods)
        failed = sum(_phase(pod) == "Failed" for pod in pods)
        active = [pod for pod in pods if not is_finished(pod.object) and not pod.is_dying]
        suspended = bool(spec.get("suspend"))
        status: dict[str, Any] = dict(job.get("status") or {})
        if not suspended:
            status.setdefault("startTime", now)
        conditions = [dict(condition) for condition in status.get("conditions") or ()]
        _suspension(conditions, suspended, now)
        verdict = self._verdict(job, status, succeeded, failed, key)
        if verdict is not None:
            self._stop(active)
            conditions += _final(verdict, now)
            if verdict[0] == "Complete":
                status["completionTime"] = now
            else:
                failed += len(active)  # what still ran when the Job failed has failed with it
            active = []
        elif suspended:
            self._stop(active)
            active = []
        else:
            active = self._start(job, active, succeeded, key)
        status.update(
            active=len(active) or None,
            succeeded=succeeded or None,
            failed=failed or None,
            ready=sum(is_ready(pod.object) for pod in active),
            terminating=0,
            uncountedTerminatedPods={},
            conditions=conditions or None,
        )
        return status

    def _verdict(
        self, job: Object, status: dict[str, Any], succeeded: int, failed: int, key: str
    ) -> tuple[str, str, str] | None:
        """Return condition type, reason and message when the Job is over."""
        spec = job["spec"]
        if failed > spec.get("backoffLimit", 6):
            return "Failed", "BackoffLimitExceeded", "Job has reached the specified backoff limit"
        limit = spec.get("activeDeadlineSeconds")
        if limit is not None and status.get("startTime"):
            left = (parse_rfc3339(status["startTime"]) + timedelta(seconds=limit) - self._core.now()).total_seconds()
            if left <= 0:
                return "Failed", "DeadlineExceeded", "Job was active longer than specified deadline"
            self._engine.later(left, self, key)
        completions = spec.get("completions")
        if completions is None:
            done = succeeded > 0
        else:
            done = succeeded >= completions
        if done:
            return "Complete", "CompletionsReached", "Reached expected number of succeeded pods"
        return None

    def _start(self, job: Object, active: list[Owned], succeeded: int, key: str) -> list[Owned]:
        """Make the number of active Pods right; returns them."""
        spec = job["spec"]
        wanted = spec.get("parallelism", 1)
        if spec.get("completions") is not None:
            wanted = min(wanted, spec["completions"] - succeeded)
        elif succeeded:
            wanted = len(active)
        self._stop(active[wanted:])
        for _ in range(wanted - len(active)):
            if self._maker.create(self, key, job, make_pod(job, spec["template"])):
                break
        found = owned(self._core, "pods", job)
        return [pod for pod in found if not is_finished(pod.object) and not pod.is_dying]

    def _stop(self, pods: list[Owned]) -> None:
        for pod in pods:
            self._writer.delete(resource_named(self._core, "pods"), pod.entry)


def _phase(pod: Owned) -> str:
    phase: str = (pod.object.get("status") or {}).get("phase", "")
    return phase


def _ended(job: Object) -> str | None:
    for condition in (job.get("status") or {}).get("conditions") or ():
        if condition["type"] in ("Complete", "Failed") and condition["status"] == "True":
            ended: str = condition["lastTransitionTime"]
            return ended
    return None


def _suspension(conditions: list[dict[str, Any]], suspended: bool, now: str) -> None:
    held = next((c for c in conditions if c["type"] == "Suspended"), None)
    value = "True" if suspended else "False"
    if (held is None and not suspended) or (held is not None and held["status"] == value):
        return
    reason, message = ("JobSuspended", "Job suspended") if suspended else ("JobResumed", "Job resumed")
    if held is not None:
        conditions.remove(held)
    conditions.append(_condition("Suspended", value, reason, message, now))


def _final(verdict: tuple[str, str, str], now: str) -> list[dict[str, Any]]:
    kind, reason, message = verdict
    first = "SuccessCriteriaMet" if kind == "Complete" else "FailureTarget"
    return [_condition(name, "True", reason, message, now) for name in (first, kind)]


def _condition(kind: str, value: str, reason: str, message: str, now: str) -> dict[str, Any]:
    return {
        "type": kind,
        "status": value,
        "lastProbeTime": now,
        "lastTransitionTime": now,
        "reason": reason,
        "message": message,
    }
