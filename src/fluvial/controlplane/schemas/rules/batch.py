"""The batch group: Jobs and CronJobs."""

from collections.abc import Callable
from typing import Any

Values = dict[str, Any]


def _job(obj: Values) -> None:
    spec = obj["spec"]
    if spec.get("completions") is None and spec.get("parallelism") is None:
        spec["completions"] = 1
    spec.setdefault("parallelism", 1)
    spec.setdefault("backoffLimit", 6 if spec.get("backoffLimitPerIndex") is None else 2**31 - 1)
    labels = (spec["template"].get("metadata") or {}).get("labels")
    if labels:
        obj["metadata"].setdefault("labels", dict(labels))
    spec.setdefault("completionMode", "NonIndexed")
    spec.setdefault("suspend", False)
    spec.setdefault("podReplacementPolicy", "TerminatingOrFailed" if spec.get("podFailurePolicy") is None else "Failed")
    spec.setdefault("manualSelector", False)


def _cron_job(obj: Values) -> None:
    spec = obj["spec"]
    spec.setdefault("concurrencyPolicy", "Allow")
    spec.setdefault("suspend", False)
    spec.setdefault("successfulJobsHistoryLimit", 3)
    spec.setdefault("failedJobsHistoryLimit", 1)


def _failure_condition(obj: Values) -> None:
    if not obj.get("status"):
        obj["status"] = "True"


DEFAULTS: dict[str, Callable[[Values], None]] = {
    "v1.Job": _job,
    "v1.CronJob": _cron_job,
    "v1.PodFailurePolicyOnPodConditionsPattern": _failure_condition,
}
