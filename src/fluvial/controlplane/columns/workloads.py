"""Cells of workloads. Source: pkg/printers/internalversion of k8s.io/kubernetes."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from fluvial.controlplane.columns.layout import (
    BodyCells,
    age,
    containers,
    created,
    human_duration,
    label_text,
    name_of,
    selector_text,
    spec_of,
    status_of,
)
from fluvial.gotext import parse_rfc3339
from fluvial.objects import Object


def _pod(obj: Object, now: datetime) -> list[Any]:
    spec, status = spec_of(obj), status_of(obj)
    ready, total, reason, restarts, last = _pod_state(obj)
    shown = str(restarts)
    if restarts and last:
        shown = f"{restarts} ({age(last, now)} ago)"
    gates = spec.get("readinessGates") or ()
    true = {c["type"] for c in status.get("conditions") or () if c["status"] == "True"}
    passed = sum(gate["conditionType"] in true for gate in gates)
    addresses = status.get("podIPs") or [{}]
    return [
        name_of(obj),
        f"{ready}/{total}",
        reason,
        shown,
        created(obj, now),
        addresses[0].get("ip") or "<none>",
        spec.get("nodeName") or "<none>",
        status.get("nominatedNodeName") or "<none>",
        f"{passed}/{len(gates)}" if gates else "<none>",
    ]


def _pod_state(obj: Object) -> tuple[int, int, str, int, str]:
    """Return ready and all containers, the word for the Pod's state, restarts, and the time of the last one."""
    spec, status = spec_of(obj), status_of(obj)
    phase = status.get("phase", "")
    reason = status.get("reason") or phase
    conditions = {c["type"]: c for c in status.get("conditions") or ()}
    if conditions.get("PodScheduled", {}).get("reason") == "SchedulingGated":
        reason = "SchedulingGated"
    sidecars = {c["name"] for c in spec.get("initContainers") or () if c.get("restartPolicy") == "Always"}
    total = len(spec.get("containers") or ()) + len(sidecars)
    ready, init_reason = _init_state(status, spec, sidecars)
    inits = status.get("initContainerStatuses") or []
    if init_reason and conditions.get("Initialized", {}).get("status") != "True":
        return ready, total, _when_dying(obj, init_reason), *_restarts(inits)
    running, errors = False, ""
    for container in reversed(status.get("containerStatuses") or []):
        state = container.get("state") or {}
        if (state.get("waiting") or {}).get("reason"):
            reason = state["waiting"]["reason"]
        elif state.get("terminated") is not None:
            reason = _ended(state["terminated"])
            errors = reason if state["terminated"].get("exitCode") else errors
        elif container.get("ready") and state.get("running") is not None:
            running = True
            ready += 1
    if reason == "Completed":
        is_ready = conditions.get("Ready", {}).get("status") == "True"
        reason = "Running" if running and is_ready else errors or ("NotReady" if running else reason)
    counted = [*(c for c in inits if c["name"] in sidecars), *(status.get("containerStatuses") or ())]
    return ready, total, _when_dying(obj, reason), *_restarts(counted)


def _init_state(status: dict[str, Any], spec: dict[str, Any], sidecars: set[str]) -> tuple[int, str]:
    """Return how many sidecars are ready, and how far initialisation is ("" when it is done)."""
    ready = 0
    for index, container in enumerate(status.get("initContainerStatuses") or ()):
        state = container.get("state") or {}
        ended, waiting = state.get("terminated"), (state.get("waiting") or {}).get("reason")
        if ended is not None and not ended.get("exitCode"):
            continue
        if container["name"] in sidecars and container.get("started"):
            ready += bool(container.get("ready"))
            continue
        if ended is not None:
            return ready, f"Init:{_ended(ended)}"
        if waiting and waiting != "PodInitializing":
            return ready, f"Init:{waiting}"
        return ready, f"Init:{index}/{len(spec.get('initContainers') or ())}"
    return ready, ""


def _ended(terminated: dict[str, Any]) -> str:
    if terminated.get("reason"):
        return str(terminated["reason"])
    if terminated.get("signal"):
        return f"Signal:{terminated['signal']}"
    return f"ExitCode:{terminated.get('exitCode', 0)}"


def _when_dying(obj: Object, reason: str) -> str:
    if not obj["metadata"].get("deletionTimestamp"):
        return reason
    if status_of(obj).get("reason") == "NodeLost":
        return "Unknown"
    return reason if status_of(obj).get("phase") in ("Succeeded", "Failed") else "Terminating"


def _restarts(statuses: list[dict[str, Any]]) -> tuple[int, str]:
    times = [((c.get("lastState") or {}).get("terminated") or {}).get("finishedAt") or "" for c in statuses]
    return sum(c.get("restartCount", 0) for c in statuses), max(times, default="")


def _template(obj: Object) -> dict[str, Any]:
    return (spec_of(obj).get("template") or {}).get("spec") or {}


def _deployment(obj: Object, now: datetime) -> list[Any]:
    spec, status = spec_of(obj), status_of(obj)
    ready = f"{status.get('readyReplicas', 0)}/{spec.get('replicas', 0)}"
    updated, available = status.get("updatedReplicas", 0), status.get("availableReplicas", 0)
    selector = selector_text(spec.get("selector"))
    return [name_of(obj), ready, updated, available, created(obj, now), *containers(_template(obj)), selector]


def _replica_set(obj: Object, now: datetime) -> list[Any]:
    spec, status = spec_of(obj), status_of(obj)
    counts = [spec.get("replicas", 0), status.get("replicas", 0), status.get("readyReplicas", 0)]
    selector = selector_text(spec.get("selector"))
    return [name_of(obj), *counts, created(obj, now), *containers(_template(obj)), selector]


def _replication_controller(obj: Object, now: datetime) -> list[Any]:
    spec, status = spec_of(obj), status_of(obj)
    counts = [spec.get("replicas", 0), status.get("replicas", 0), status.get("readyReplicas", 0)]
    selector = label_text(spec.get("selector"))
    return [name_of(obj), *counts, created(obj, now), *containers(_template(obj)), selector]


def _stateful_set(obj: Object, now: datetime) -> list[Any]:
    ready = f"{status_of(obj).get('readyReplicas', 0)}/{spec_of(obj).get('replicas', 0)}"
    return [name_of(obj), ready, created(obj, now), *containers(_template(obj))]


def _daemon_set(obj: Object, now: datetime) -> list[Any]:
    status = status_of(obj)
    names = (
        "desiredNumberScheduled",
        "currentNumberScheduled",
        "numberReady",
        "updatedNumberScheduled",
        "numberAvailable",
    )
    counts = [status.get(name, 0) for name in names]
    nodes = label_text(_template(obj).get("nodeSelector"))
    selector = selector_text(spec_of(obj).get("selector"))
    return [name_of(obj), *counts, nodes, created(obj, now), *containers(_template(obj)), selector]


def _job(obj: Object, now: datetime) -> list[Any]:
    spec, status = spec_of(obj), status_of(obj)
    succeeded, parallelism = status.get("succeeded", 0), spec.get("parallelism") or 0
    if spec.get("completions") is not None:
        completions = f"{succeeded}/{spec['completions']}"
    else:
        completions = f"{succeeded}/1 of {parallelism}" if parallelism > 1 else f"{succeeded}/1"
    selector = selector_text(spec.get("selector"))
    return [
        name_of(obj),
        _job_state(obj),
        completions,
        _job_duration(status, now),
        created(obj, now),
        *containers(_template(obj)),
        selector,
    ]


def _job_state(obj: Object) -> str:
    true = {c["type"] for c in status_of(obj).get("conditions") or () if c["status"] == "True"}
    if "Complete" in true or "Failed" in true:
        return "Complete" if "Complete" in true else "Failed"
    if obj["metadata"].get("deletionTimestamp"):
        return "Terminating"
    return next((kind for kind in ("Suspended", "FailureTarget", "SuccessCriteriaMet") if kind in true), "Running")


def _job_duration(status: dict[str, Any], now: datetime) -> str:
    started, ended = status.get("startTime"), status.get("completionTime")
    if not started:
        return ""
    until = parse_rfc3339(ended) if ended else now
    return human_duration((until - parse_rfc3339(started)).total_seconds())


def _cron_job(obj: Object, now: datetime) -> list[Any]:
    spec, status = spec_of(obj), status_of(obj)
    last = status.get("lastScheduleTime")
    job = (spec.get("jobTemplate") or {}).get("spec") or {}
    return [
        name_of(obj),
        spec.get("schedule", ""),
        spec.get("timeZone") or "<none>",
        "True" if spec.get("suspend") else "False",
        len(status.get("active") or ()),
        age(last, now) if last else "<none>",
        created(obj, now),
        *containers((job.get("template") or {}).get("spec") or {}),
        selector_text(job.get("selector")),
    ]


def _controller_revision(obj: Object, now: datetime) -> list[Any]:
    ref = next((r for r in obj["metadata"].get("ownerReferences") or () if r.get("controller")), None)
    controller = "<none>"
    if ref is not None:
        group = ref["apiVersion"].rpartition("/")[0]
        kind = f"{ref['kind']}.{group}" if group else ref["kind"]
        controller = f"{kind.lower()}/{ref['name']}"
    return [name_of(obj), controller, obj.get("revision", 0), created(obj, now)]


def _pod_template(obj: Object, now: datetime) -> list[Any]:
    template = obj.get("template") or {}
    labels = label_text((template.get("metadata") or {}).get("labels"))
    return [name_of(obj), *containers(template.get("spec") or {}), labels]


CELLS: dict[str, BodyCells] = {
    "pods": _pod,
    "podtemplates": _pod_template,
    "replicationcontrollers": _replication_controller,
    "controllerrevisions.apps": _controller_revision,
    "daemonsets.apps": _daemon_set,
    "deployments.apps": _deployment,
    "replicasets.apps": _replica_set,
    "statefulsets.apps": _stateful_set,
    "cronjobs.batch": _cron_job,
    "jobs.batch": _job,
}
