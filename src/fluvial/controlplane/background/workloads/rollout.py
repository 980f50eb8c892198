"""The arithmetic of a rollout, and what a Deployment's status says about it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from fluvial.controlplane.background.workloads.parts import intolerable, set_condition
from fluvial.gotext import parse_rfc3339, rfc3339
from fluvial.objects import Object


@dataclass(frozen=True, slots=True)
class Rollout:
    """How many Pods there may be and must be, and what the ReplicaSets have."""

    wanted: int
    surge: int
    unavailable: int
    new: Sequence[Object]
    old: Sequence[Object]

    @classmethod
    def of(cls, deployment: Object, new: Sequence[Object], old: Sequence[Object]) -> Rollout:
        """Read the limits of a Deployment; both at 0 would stand still, so one may then be unavailable."""
        spec = deployment["spec"]
        wanted = spec.get("replicas", 1)
        rolling = (spec.get("strategy") or {}).get("rollingUpdate") or {}
        if (spec.get("strategy") or {}).get("type") == "Recreate":
            return cls(wanted, 0, 0, new, old)
        surge = intolerable(rolling.get("maxSurge", "25%"), wanted, round_up=True)
        unavailable = intolerable(rolling.get("maxUnavailable", "25%"), wanted, round_up=False)
        if not surge and not unavailable:
            unavailable = 1
        return cls(wanted, surge, min(unavailable, wanted), new, old)

    def new_replicas(self) -> int:
        """Return how many Pods the new ReplicaSet gets in this step."""
        have = sum(_replicas(s) for s in self.new)
        if have >= self.wanted:
            return self.wanted
        room = self.wanted + self.surge - have - sum(_replicas(s) for s in self.old)
        return have + max(0, min(room, self.wanted - have))

    def old_replicas(self) -> dict[str, int]:
        """Return the old ReplicaSets that give up Pods in this step, with what they keep."""
        held = {s["metadata"]["name"]: _replicas(s) for s in self.old}
        if not any(held.values()):
            return {}
        total = sum(held.values()) + self.new_replicas()
        least = self.wanted - self.unavailable
        unready = self.new_replicas() - sum(_available(s) for s in self.new)
        room = total - least - max(0, unready)
        if room <= 0:
            return {}
        kept = dict(held)
        for found in sorted(self.old, key=lambda s: s["metadata"]["creationTimestamp"]):
            # What never became available goes first: it cannot be missed.
            name = found["metadata"]["name"]
            gone = min(room, kept[name] - min(_available(found), kept[name]))
            kept[name] -= gone
            room -= gone
        spare = sum(min(_available(s), kept[s["metadata"]["name"]]) for s in self.old)
        spare = max(0, spare + sum(_available(s) for s in self.new) - least)
        for found in sorted(self.old, key=lambda s: s["metadata"]["creationTimestamp"]):
            name = found["metadata"]["name"]
            gone = min(spare, kept[name])
            kept[name] -= gone
            spare -= gone
        return {name: count for name, count in kept.items() if count != held[name]}


def rollout_status(
    deployment: Object, new: Object | None, sets: Sequence[Object], *, event: str, now: datetime
) -> tuple[dict[str, Any], float | None]:
    """Return the status of a Deployment, and in how many seconds to look again (None: an event will tell).

    Args:
        event: "NewReplicaSetCreated" right after that happened.
    """
    held = deployment.get("status") or {}
    status = _counts(deployment, new, sets)
    conditions = [dict(condition) for condition in held.get("conditions") or ()]
    stamp = rfc3339(now)
    _set_available(deployment, status, conditions, stamp)
    again = _set_progress(deployment, new, held, status, conditions, event, now)
    if conditions:
        status["conditions"] = conditions
    return status, again


def _counts(deployment: Object, new: Object | None, sets: Sequence[Object]) -> dict[str, Any]:
    total, available = sum(_in(s, "replicas") for s in sets), sum(_available(s) for s in sets)
    spec_total = sum(_replicas(s) for s in sets)
    counts = {
        "observedGeneration": deployment["metadata"].get("generation"),
        "replicas": total,
        "updatedReplicas": _in(new, "replicas") if new is not None else 0,
        "readyReplicas": sum(_in(s, "readyReplicas") for s in sets),
        "availableReplicas": available,
        "unavailableReplicas": max(0, spec_total - available),
    }
    terminating = sum(_in(s, "terminatingReplicas") for s in sets)
    return {**{key: value for key, value in counts.items() if value}, "terminatingReplicas": terminating}


def _set_available(deployment: Object, status: dict[str, Any], conditions: list[dict[str, Any]], now: str) -> None:
    rollout = Rollout.of(deployment, (), ())
    if status.get("availableReplicas", 0) >= rollout.wanted - rollout.unavailable:
        text = "Deployment has minimum availability."
        set_condition(conditions, "Available", "True", "MinimumReplicasAvailable", text, now, updates=True)
    else:
        text = "Deployment does not have minimum availability."
        set_condition(conditions, "Available", "False", "MinimumReplicasUnavailable", text, now, updates=True)


def _set_progress(
    deployment: Object,
    new: Object | None,
    held: dict[str, Any],
    status: dict[str, Any],
    conditions: list[dict[str, Any]],
    event: str,
    now: datetime,
) -> float | None:
    deadline = deployment["spec"].get("progressDeadlineSeconds", 600)
    current = next((c for c in conditions if c["type"] == "Progressing"), None)
    name = new["metadata"]["name"] if new is not None else deployment["metadata"]["name"]
    stamp = rfc3339(now)

    def say(value: str, reason: str, message: str) -> None:
        set_condition(conditions, "Progressing", value, reason, message, stamp, updates=True)

    if deployment["spec"].get("paused"):
        say("Unknown", "DeploymentPaused", "Deployment is paused")
        return None
    if event:
        say("True", event, f'Created new replica set "{name}"')
        return float(deadline)
    if _is_complete(deployment, status):
        if current is None or current["reason"] != "NewReplicaSetAvailable" or current["status"] != "True":
            say("True", "NewReplicaSetAvailable", f'ReplicaSet "{name}" has successfully progressed.')
        return None
    # A rollout that was done stays so until its template changes: Pods that fail later are no new rollout.
    if current is not None and current["reason"] == "NewReplicaSetAvailable" and not _template_changed(held, status):
        return None
    if current is None or _has_progressed(held, status) or current["reason"] in _RESTARTS:
        if current is not None and current["reason"] == "ReplicaSetUpdated":
            conditions.remove(current)  # its update time is the news
        say("True", "ReplicaSetUpdated", f'ReplicaSet "{name}" is progressing.')
        if current is not None and current["status"] == "True":
            conditions[-1]["lastTransitionTime"] = current["lastTransitionTime"]
        return float(deadline)
    if current["reason"] == "ProgressDeadlineExceeded":
        return None
    left = deadline - (now - parse_rfc3339(current["lastUpdateTime"])).total_seconds()
    if left > 0:
        return float(left)
    say("False", "ProgressDeadlineExceeded", f'ReplicaSet "{name}" has timed out progressing.')
    return None


_RESTARTS = ("DeploymentPaused", "NewReplicaSetAvailable")


def _is_complete(deployment: Object, status: dict[str, Any]) -> bool:
    wanted: int = deployment["spec"].get("replicas", 1)
    counts: list[int] = [status.get(key, 0) for key in ("updatedReplicas", "replicas", "availableReplicas")]
    return all(count == wanted for count in counts)


def _template_changed(held: dict[str, Any], status: dict[str, Any]) -> bool:
    changed: bool = status.get("updatedReplicas", 0) != held.get("updatedReplicas", 0)
    return changed


def _has_progressed(held: dict[str, Any], status: dict[str, Any]) -> bool:
    def old_pods(counts: dict[str, Any]) -> int:
        return int(counts.get("replicas", 0)) - int(counts.get("updatedReplicas", 0))

    if old_pods(status) < old_pods(held):
        return True
    counts = ("updatedReplicas", "readyReplicas", "availableReplicas")
    return any(status.get(count, 0) > held.get(count, 0) for count in counts)


def _replicas(obj: Object) -> int:
    return int(obj["spec"].get("replicas", 1))


def _in(obj: Object | None, key: str) -> int:
    return int(((obj or {}).get("status") or {}).get(key) or 0)


def _available(obj: Object) -> int:
    return _in(obj, "availableReplicas")
