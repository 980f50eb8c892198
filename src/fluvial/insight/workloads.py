"""Why an applied object does not become what it should: pods, images, probes, volumes, events."""

from collections.abc import Sequence

from fluvial.insight.answers import Answer, Known, Stage, Step
from fluvial.objects import Object, Ref, dig

_WITH_PODS = {"Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job"}


def unhealthy(ref: Ref, obj: Object, message: str, known: Known) -> Answer:
    """Return the cause why `obj`, whose health says `message`, is not Current."""
    if ref.kind in _WITH_PODS:
        for pod in known.pods(ref):
            cause = _pod_cause(pod)
            if cause:
                inner = Ref.of(pod)
                return Answer(
                    stage=Stage.HEALTH,
                    path=(Step(ref), Step(inner, "runs")),
                    text=f"{inner}: {cause}",
                    evidence=(f"{ref}: {message}", *known.warnings(inner)[-3:]),
                    next=f"kubectl -n {ref.namespace} describe pod {inner.name}",
                )
    if ref.kind == "Pod":
        message = _pod_cause(obj) or message
    return Answer(
        stage=Stage.HEALTH,
        path=(Step(ref),),
        text=f"{ref}: {message}",
        evidence=(*_conditions(obj), *known.warnings(ref)[-3:]),
        next=_describe(ref),
    )


def _describe(ref: Ref) -> str:
    scope = f" -n {ref.namespace}" if ref.namespace else ""
    kind = f"{ref.kind.lower()}.{ref.group}" if ref.group else ref.kind.lower()
    return f"kubectl{scope} describe {kind} {ref.name}"


def _pod_cause(pod: Object) -> str:
    """Return what stops the pod, or "" if nothing does."""
    status = dig(pod, "status", default={})
    for part in ("initContainerStatuses", "containerStatuses"):
        for container in status.get(part) or ():
            cause = _container_cause(container)
            if cause:
                return cause
    for condition in status.get("conditions") or ():
        if condition.get("type") == "PodScheduled" and condition.get("status") == "False":
            return f"cannot be scheduled: {condition.get('message', '')}"
    for container in status.get("containerStatuses") or ():
        if status.get("phase") == "Running" and not container.get("ready", False):
            return f"container {container.get('name')} runs but is not ready: its readiness probe does not pass"
    return ""


def _container_cause(container: Object) -> str:
    name = container.get("name")
    waiting = dig(container, "state", "waiting", default={})
    reason = waiting.get("reason", "")
    if reason and reason not in ("ContainerCreating", "PodInitializing"):
        last = dig(container, "lastState", "terminated", default={})
        ended = f" (it ended with code {last['exitCode']}: {last.get('reason', '')})" if "exitCode" in last else ""
        return f"container {name}: {reason}: {waiting.get('message', '')}{ended}".rstrip(": ")
    ended = dig(container, "state", "terminated", default={})
    if ended.get("exitCode"):
        told = f"{ended.get('reason', '')} {ended.get('message', '')}".strip()
        return f"container {name} ended with code {ended['exitCode']}: {told}"
    return ""


def _conditions(obj: Object) -> Sequence[str]:
    conditions = dig(obj, "status", "conditions", default=[])
    return [
        f"{one.get('type')}={one.get('status')} {one.get('reason', '')}: {one['message']}"
        for one in conditions
        if isinstance(one, dict) and one.get("message")
    ][:3]
