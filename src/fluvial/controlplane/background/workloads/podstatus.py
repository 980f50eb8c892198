"""What the status of a Pod says in each phase of its life, as scheduler and kubelet write it."""

from __future__ import annotations

import hashlib
from typing import Any

from fluvial.objects import Object

_NOT_READY = "ContainersNotReady"
_CRASHES = 3  # restarts that a crashing container is shown with


def starting(pod: Object, status: dict[str, Any], now: str) -> dict[str, Any]:
    """The Pod has a node; its containers are being made."""
    conditions = _conditions(status)
    unready = f"containers with unready status: [{' '.join(_names(pod))}]"
    set_condition(conditions, "PodReadyToStartContainers", "False", now)
    set_condition(conditions, "Initialized", "True", now)
    set_condition(conditions, "Ready", "False", now, _NOT_READY, unready)
    set_condition(conditions, "ContainersReady", "False", now, _NOT_READY, unready)
    set_condition(conditions, "PodScheduled", "True", now)
    waiting = {"waiting": {"reason": "ContainerCreating"}}
    return {
        **status,
        "phase": "Pending",
        "conditions": conditions,
        "hostIP": "10.0.0.1",
        "hostIPs": [{"ip": "10.0.0.1"}],
        "startTime": status.get("startTime") or now,
        "containerStatuses": [_container(pod, c, waiting, started=False) for c in _containers(pod)],
    }


def running(pod: Object, status: dict[str, Any], now: str, *, ready: bool = True) -> dict[str, Any]:
    """All containers run; `ready` says whether their probes succeed."""
    states = {"running": {"startedAt": _started(status) or now}}
    return _up(pod, status, now, "Running", states, ready=ready)


def image_missing(pod: Object, status: dict[str, Any], now: str) -> dict[str, Any]:
    """The image cannot be pulled: the Pod stays Pending."""
    up = _up(pod, status, now, "Pending", {}, ready=False)
    up["containerStatuses"] = [
        _container(pod, c, _back_off_pull(c.get("image", "")), started=False) for c in _containers(pod)
    ]
    return up


def crashing(pod: Object, status: dict[str, Any], now: str) -> dict[str, Any]:
    """Every container ends with an error soon after each start."""
    up = _up(pod, status, now, "Running", {}, ready=False)
    name = f"{pod['metadata']['name']}_{pod['metadata']['namespace']}({pod['metadata']['uid']})"
    ended = (status.get("containerStatuses") or [{}])[0].get("lastState", {}).get("terminated")
    shown = []
    for container in _containers(pod):
        message = f"back-off 40s restarting failed container={container['name']} pod={name}"
        found = _container(
            pod, container, {"waiting": {"reason": "CrashLoopBackOff", "message": message}}, started=False
        )
        found["restartCount"] = _CRASHES
        found["lastState"] = {"terminated": ended or _ended(now, 1)}
        shown.append(found)
    up["containerStatuses"] = shown
    return up


def finished(pod: Object, status: dict[str, Any], now: str, *, failed: bool) -> dict[str, Any]:
    """All containers have ended and nothing restarts them."""
    phase, code = ("Failed", 1) if failed else ("Succeeded", 0)
    done = _up(pod, status, now, phase, {"terminated": _ended(now, code, _started(status))}, ready=False)
    reason = "PodFailed" if failed else "PodCompleted"
    for condition in done["conditions"]:
        if condition["type"] in ("Ready", "ContainersReady"):
            condition["reason"] = reason
            condition.pop("message", None)
        if condition["type"] == "Initialized" and not failed:
            condition["reason"] = reason
    return done


def _up(
    pod: Object, status: dict[str, Any], now: str, phase: str, state: dict[str, Any], *, ready: bool
) -> dict[str, Any]:
    conditions = _conditions(status)
    unready = ("", "") if ready else (_NOT_READY, f"containers with unready status: [{' '.join(_names(pod))}]")
    value = "True" if ready else "False"
    set_condition(conditions, "PodReadyToStartContainers", "True", now)
    set_condition(conditions, "Initialized", "True", now)
    set_condition(conditions, "Ready", value, now, *unready)
    set_condition(conditions, "ContainersReady", value, now, *unready)
    set_condition(conditions, "PodScheduled", "True", now)
    address = pod_address(pod["metadata"]["uid"])
    found = {
        **status,
        "phase": phase,
        "conditions": conditions,
        "podIP": address,
        "podIPs": [{"ip": address}],
        "containerStatuses": [
            _container(pod, c, state, started="running" in state, ready=ready) for c in _containers(pod)
        ],
    }
    if inits := pod["spec"].get("initContainers"):
        found["initContainerStatuses"] = [_init(pod, c, status, now) for c in inits]
    return found


def _init(pod: Object, container: dict[str, Any], status: dict[str, Any], now: str) -> dict[str, Any]:
    if container.get("restartPolicy") == "Always":
        state: dict[str, Any] = {"running": {"startedAt": status.get("startTime") or now}}
        return _container(pod, container, state, started=True, ready=True)
    done = {"terminated": _ended(status.get("startTime") or now, 0)}
    return _container(pod, container, done, started=False, ready=True)


def pod_address(uid: str) -> str:
    """Return an address that follows from the uid, so that it stays the same."""
    digest = hashlib.sha256(uid.encode()).digest()
    return f"10.244.{digest[0]}.{digest[1] % 254 + 1}"


def _containers(pod: Object) -> list[dict[str, Any]]:
    return pod["spec"].get("containers") or []


def _names(pod: Object) -> list[str]:
    return [container["name"] for container in _containers(pod)]


def _conditions(status: dict[str, Any]) -> list[dict[str, Any]]:
    return [dict(condition) for condition in status.get("conditions") or ()]


def set_condition(
    conditions: list[dict[str, Any]], kind: str, value: str, now: str, reason: str = "", message: str = ""
) -> None:
    """Set a Pod condition in place, keeping the time of its last transition when its value stays."""
    held = next((c for c in conditions if c["type"] == kind), None)
    since = held["lastTransitionTime"] if held is not None and held["status"] == value else now
    found: dict[str, Any] = {"type": kind, "status": value, "lastProbeTime": None, "lastTransitionTime": since}
    if reason:
        found["reason"] = reason
    if message:
        found["message"] = message
    if held is None:
        conditions.append(found)
    else:
        conditions[conditions.index(held)] = found


def _container(
    pod: Object, container: dict[str, Any], state: dict[str, Any], *, started: bool, ready: bool = False
) -> dict[str, Any]:
    found: dict[str, Any] = {
        "name": container["name"],
        "state": state,
        "lastState": {},
        "ready": ready,
        "restartCount": 0,
        "image": container.get("image", ""),
        "imageID": "",
        "started": started,
    }
    if "running" in state or "terminated" in state:
        seed = f"{pod['metadata']['uid']}/{container['name']}"
        found["containerID"] = f"sim://{hashlib.sha256(seed.encode()).hexdigest()}"
    return found


def _back_off_pull(image: str) -> dict[str, Any]:
    message = f'Back-off pulling image "{image}": ErrImagePull: not found'
    return {"waiting": {"reason": "ImagePullBackOff", "message": message}}


def _ended(now: str, code: int, started: str | None = None) -> dict[str, Any]:
    return {
        "exitCode": code,
        "reason": "Error" if code else "Completed",
        "startedAt": started or now,
        "finishedAt": now,
    }


def _started(status: dict[str, Any]) -> str | None:
    for container in status.get("containerStatuses") or ():
        running = (container.get("state") or {}).get("running")
        if running:
            started: str = running["startedAt"]
            return started
    return None
