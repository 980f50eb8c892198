"""Pods as scheduler and kubelet would show them: scheduled, started, ready, finished, gone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from fluvial.controlplane.background.engine import Engine, Keys
from fluvial.controlplane.background.reporting import Reporter
from fluvial.controlplane.background.workloads import podstatus
from fluvial.controlplane.background.workloads.failures import ANNOTATION, failure_of
from fluvial.controlplane.background.workloads.parts import is_finished, resource_named
from fluvial.controlplane.background.writer import Writer
from fluvial.controlplane.core import Core
from fluvial.controlplane.store import Entry, Event
from fluvial.objects import Object

_STOP_DELAY = 0.05  # seconds that a container seems to need to stop
_WARNINGS = {
    "ImagePullBackOff": ("Failed", "Failed to pull image: not found"),
    "CrashLoop": ("BackOff", "Back-off restarting failed container"),
    "Error": ("BackOff", "Back-off restarting failed container"),
    "NeverReady": ("Unhealthy", "Readiness probe failed"),
}
_CONTROLLERS = ("replicasets.apps", "deployments.apps", "statefulsets.apps", "daemonsets.apps", "jobs.batch")


class Pods:
    """Moves Pods along. Status times have whole seconds; when the next step is due is kept by uid on loop time."""

    def __init__(self, core: Core, engine: Engine) -> None:
        self._core = core
        self._engine = engine
        self._scheduler = Writer(core, "kube-scheduler")
        self._kubelet = Writer(core, "kubelet")
        self._scheduling = Reporter(core, "default-scheduler")
        self._running = Reporter(core, "kubelet")
        self._due: dict[tuple[str, str], float] = {}
        self._told: dict[str, str] = {}  # uid to the failure that was last warned of

    @property
    def watches(self) -> Mapping[str, Keys]:
        return {
            "pods": self._concerned,
            "nodes": self._node_changed,
            **dict.fromkeys(_CONTROLLERS, self._failure_switched),
        }

    def _concerned(self, event: Event) -> Iterator[str]:
        if event.change == "DELETED":
            self._told.pop(event.entry.uid, None)
            for step in ("start", "finish", "stop"):
                self._due.pop((event.entry.uid, step), None)
        else:
            yield event.entry.key

    def _node_changed(self, event: Event) -> Iterator[str]:
        """A node that can be used again may take what waits."""
        if event.change == "DELETED":
            return
        for entry in self._core.store.scan("pods"):
            if b'"nodeName"' not in entry.data:
                yield entry.key

    def _failure_switched(self, event: Event) -> Iterator[str]:
        """A failure that is switched on a controller concerns every Pod of its namespace."""
        needle = ANNOTATION.encode()
        before = event.previous is not None and needle in event.previous.data
        if before or needle in event.entry.data:
            yield from (entry.key for entry in self._core.store.scan("pods", event.entry.namespace))

    def reconcile(self, key: str) -> None:
        entry = self._core.store.get("pods", key)
        if entry is None:
            return
        pod = entry.object()
        if pod["metadata"].get("deletionTimestamp"):
            self._stop(entry, pod)
        elif not is_finished(pod):
            failure = failure_of(self._core, pod)
            if pod["spec"].get("nodeName"):
                self._run(entry, pod, failure)
            else:
                self._schedule(entry, pod, failure)

    def _is_due(self, entry: Entry, step: str, delay: float) -> bool:
        """Tell whether `delay` has passed since this was first asked; else ask again then."""
        now = self._engine.time()
        due = self._due.setdefault((entry.uid, step), now + delay)
        if now >= due:
            return True
        self._engine.later(due - now, self, entry.key)
        return False

    def _stop(self, entry: Entry, pod: Object) -> None:
        """Take the Pod away once its containers had time to stop."""
        if pod["metadata"].get("deletionGracePeriodSeconds") and self._is_due(entry, "stop", _STOP_DELAY):
            self._kubelet.delete(resource_named(self._core, "pods"), entry, grace=0)

    def _schedule(self, entry: Entry, pod: Object, failure: str) -> None:
        resource = resource_named(self._core, "pods")
        nodes = [n.name for n in self._core.store.scan("nodes") if b'"unschedulable":true' not in n.data]
        if failure != "Unschedulable" and nodes:
            node = nodes[int(self._core.chance.random() * len(nodes))]
            self._scheduler.edit(resource, entry, lambda obj: obj["spec"].update(nodeName=node), "binding")
            return
        count = len(nodes)
        message = f"0/{count} nodes are available: {count} Insufficient cpu." if nodes else "no nodes available"
        status: dict[str, Any] = dict(pod.get("status") or {})
        conditions = [dict(condition) for condition in status.get("conditions") or ()]
        now = self._core.timestamp()
        podstatus.set_condition(conditions, "PodScheduled", "False", now, "Unschedulable", message)
        self._scheduler.set_status(resource, entry, {**status, "phase": "Pending", "conditions": conditions})
        self._warn(entry, pod, "Unschedulable", "FailedScheduling", message)

    def _run(self, entry: Entry, pod: Object, failure: str) -> None:
        simulation = self._core.settings.simulation
        status, now = dict(pod.get("status") or {}), self._core.timestamp()
        if not status.get("startTime"):
            self._write(entry, podstatus.starting(pod, status, now))
            return
        if not self._is_due(entry, "start", simulation.ready_delay):
            return
        if failure:
            self._due.pop((entry.uid, "finish"), None)
            self._write(entry, _failed(pod, status, now, failure))
            if failure in _WARNINGS:
                self._warn(entry, pod, failure, *_WARNINGS[failure])
            return
        ends = pod["spec"].get("restartPolicy", "Always") != "Always"
        if ends and self._is_due(entry, "finish", simulation.job_duration):
            self._write(entry, podstatus.finished(pod, status, now, failed=False))
        else:
            self._write(entry, podstatus.running(pod, status, now))

    def _warn(self, entry: Entry, pod: Object, failure: str, reason: str, message: str) -> None:
        """Say once why a Pod does not get on."""
        if self._told.get(entry.uid) != failure:
            self._told[entry.uid] = failure
            reporter = self._scheduling if failure == "Unschedulable" else self._running
            reporter.warn(pod, reason, message)

    def _write(self, entry: Entry, status: dict[str, Any]) -> None:
        self._kubelet.set_status(resource_named(self._core, "pods"), entry, status)


def _failed(pod: Object, status: dict[str, Any], now: str, failure: str) -> dict[str, Any]:
    if failure == "ImagePullBackOff":
        return podstatus.image_missing(pod, status, now)
    if failure == "Error" and pod["spec"].get("restartPolicy") == "Never":
        return podstatus.finished(pod, status, now, failed=True)
    if failure in ("CrashLoop", "Error"):
        return podstatus.crashing(pod, status, now)
    return podstatus.running(pod, status, now, ready=False)
