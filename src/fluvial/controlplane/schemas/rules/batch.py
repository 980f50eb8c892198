"""The batch group: Jobs and CronJobs."""

import re
from collections.abc import Callable, Iterator
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from fluvial.controlplane.schemas.errors import FieldError, forbidden, invalid, required
from fluvial.controlplane.schemas.rules.checks import non_negative, one_of, selects, unchanged
from fluvial.controlplane.schemas.rules.names import dns_label, subdomain
from fluvial.controlplane.schemas.rules.pods import template_errors
from fluvial.controlplane.schemas.rules.table import Rules

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


Errors = Iterator[FieldError]

_CRON_FIELD = re.compile(r"[0-9A-Za-z*?,/\-]+\Z")
_CRON_RANGES = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 6))
_CRON_SHORTHANDS = ("@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly")
_CRON_NAME_LIMIT = 52  # a Job's name adds eleven characters


def _job_spec_errors(spec: Values, path: str) -> Errors:
    names = ("parallelism", "completions", "activeDeadlineSeconds", "backoffLimit", "ttlSecondsAfterFinished")
    yield from non_negative(spec, path, *names)
    if spec.get("completionMode") is not None:
        yield from one_of(spec["completionMode"], f"{path}.completionMode", ("NonIndexed", "Indexed"))
        if spec["completionMode"] == "Indexed" and spec.get("completions") is None:
            yield required(f"{path}.completions", "when completion mode is Indexed")
    template = spec.get("template") or {}
    yield from template_errors(template, f"{path}.template")
    if (template.get("spec") or {}).get("restartPolicy") not in ("OnFailure", "Never"):
        yield required(f"{path}.template.spec.restartPolicy", 'valid values: "OnFailure", "Never"')


def _job_errors(obj: Values) -> Errors:
    spec = obj["spec"]
    yield from _job_spec_errors(spec, "spec")
    selector = spec.get("selector")
    labels = (spec["template"].get("metadata") or {}).get("labels")
    if selector is not None and not selects(selector, labels or {}):
        text = "`selector` does not match template `labels`"
        yield invalid("spec.template.metadata.labels", labels, text)


def _job_changes(old: Values, new: Values) -> Errors:
    before, after = old["spec"], new["spec"]
    yield from unchanged(before.get("selector"), after.get("selector"), "spec.selector")
    if not before.get("suspend"):
        yield from unchanged(before.get("template"), after.get("template"), "spec.template")
    if after.get("completionMode") != "Indexed":
        yield from unchanged(before.get("completions"), after.get("completions"), "spec.completions")
    for name in ("podFailurePolicy", "completionMode", "backoffLimitPerIndex", "podReplacementPolicy", "managedBy"):
        yield from unchanged(before.get(name), after.get(name), f"spec.{name}")


def _cron_job_errors(obj: Values) -> Errors:
    spec = obj["spec"]
    schedule = spec.get("schedule") or ""
    if not schedule:
        yield required("spec.schedule")
    elif "TZ" in schedule:
        text = "cannot use TZ or CRON_TZ in schedule, use timeZone field instead"
        yield invalid("spec.schedule", schedule, text)
    elif problem := _schedule_problem(schedule):
        yield invalid("spec.schedule", schedule, problem)
    yield from non_negative(
        spec, "spec", "startingDeadlineSeconds", "successfulJobsHistoryLimit", "failedJobsHistoryLimit"
    )
    if (zone := spec.get("timeZone")) is not None:
        if not zone:
            yield invalid("spec.timeZone", zone, "timeZone must be nil or non-empty string")
        elif not _is_zone(zone):
            yield invalid("spec.timeZone", zone, f"unknown time zone {zone}")
    yield from one_of(spec.get("concurrencyPolicy"), "spec.concurrencyPolicy", ("Allow", "Forbid", "Replace"))
    job = spec["jobTemplate"].get("spec") or {}
    yield from _job_spec_errors(job, "spec.jobTemplate.spec")
    if job.get("manualSelector"):
        yield forbidden("spec.jobTemplate.spec.manualSelector", "must not be set")


def _is_zone(name: str) -> bool:
    """Tell whether a time zone is known; where the system has no time zones at all every name is."""
    for candidate in (name, "UTC"):
        try:
            ZoneInfo(candidate)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            continue
        return candidate == name
    return True


def _schedule_problem(text: str) -> str:
    """Return what is wrong with a schedule, empty when it is one of five fields or a shorthand."""
    if text.startswith("@"):
        if text in _CRON_SHORTHANDS or text.startswith("@every "):
            return ""
        return f"unrecognized descriptor: {text}"
    fields = text.split()
    if len(fields) != 5:
        return f"expected exactly 5 fields, found {len(fields)}: [{' '.join(fields)}]"
    for field, (low, high) in zip(fields, _CRON_RANGES, strict=True):
        if not _CRON_FIELD.match(field):
            return f'failed to parse int from {field}: strconv.Atoi: parsing "{field}": invalid syntax'
        for number in re.findall(r"(?<![/0-9A-Za-z])[0-9]+", field):
            if int(number) > high:
                return f"end of range ({number}) above maximum ({high}): {field}"
            if int(number) < low:
                return f"beginning of range ({number}) below minimum ({low}): {field}"
    return ""


def _cron_job_name(value: str) -> Iterator[str]:
    yield from subdomain(value)
    if len(value) > _CRON_NAME_LIMIT:
        yield f"must be no more than {_CRON_NAME_LIMIT} characters"


def _job_name(value: str) -> Iterator[str]:
    yield from subdomain(value)
    if len(value) > 63:
        yield from (problem for problem in dns_label(value) if "no more than" in problem)


RULES: dict[tuple[str, str], Rules] = {
    ("v1", "Job"): Rules(object=_job_errors, change=_job_changes, name=_job_name),
    ("v1", "CronJob"): Rules(object=_cron_job_errors, name=_cron_job_name),
}
