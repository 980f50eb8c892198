"""`logs`: what the controllers say, one line for each thing that they did."""

import asyncio
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fluvial.cli import flags
from fluvial.cli.command import Command
from fluvial.cli.errors import Failure, UsageFailure
from fluvial.cli.session import Session
from fluvial.gotext import parse_rfc3339
from fluvial.kube import ApiError, Client
from fluvial.objects import Object, dig

_CONTAINER = "manager"
PART_OF = "app.kubernetes.io/part-of=flux"


@dataclass(frozen=True, slots=True, kw_only=True)
class LogFilter:
    """Which lines to print; empty = any."""

    level: str
    kind: str
    name: str
    namespace: str

    def keeps(self, line: Mapping[str, object]) -> bool:
        """Tell whether a line of a controller's log is wanted."""
        kinds = (str(line.get("reconciler kind", "")).lower(), str(line.get("controllerKind", "")).lower())
        return (
            (not self.level or self.level == line.get("level"))
            and (not self.kind or self.kind.lower() in kinds)
            and (not self.name or self.name.lower() == str(line.get("name", "")).lower())
            and (not self.namespace or self.namespace.lower() == str(line.get("namespace", "")).lower())
        )


def format_line(text: str, wanted: LogFilter) -> str:
    """Return the line to print for a line of a controller's log, or "" for none.

    Raises:
        ValueError: the line begins like JSON but is not.
    """
    if not text.startswith("{"):
        return ""
    line = json.loads(text)
    if not wanted.keeps(line):
        return ""
    kind = line.get("reconciler kind") or line.get("controllerKind") or ""
    about = f"/{line['name']}.{line.get('namespace', '')}" if line.get("name") else ""
    return (
        f"{line.get('ts', '')} {line.get('level', '')} {kind}{about} - {line.get('msg', '')} {line.get('error', '')}\n"
    )


async def _run(
    session: Session,
    arguments: tuple[str, ...],
    level: str,
    kind: str,
    name: str,
    follow: bool,
    tail: int,
    flux_namespace: str,
    all_namespaces: bool,
    since: float,
    since_time: str,
) -> None:
    if arguments:
        raise UsageFailure("no argument required")
    query = _query(follow, tail, since, since_time)
    wanted = LogFilter(level=level, kind=kind, name=name, namespace="" if all_namespaces else session.namespace)
    pods = await _pods(await session.client(), flux_namespace)
    if follow and len(pods) > 1:
        async with asyncio.TaskGroup() as group:
            for pod in pods:
                group.create_task(_print(session, pod, query, wanted), name=f"logs {dig(pod, 'metadata', 'name')}")
        return
    complete = [await _print(session, pod, query, wanted) for pod in pods]
    if not all(complete):
        raise Failure("failed to collect logs from all Flux pods")


def _query(follow: bool, tail: int, since: float, since_time: str) -> dict[str, str]:
    if since and since_time:
        raise UsageFailure("at most one of `sinceTime` or `sinceDuration` may be specified")
    query = {"follow": "true"} if follow else {}
    if tail > -1:
        query["tailLines"] = str(tail)
    if since_time:
        try:
            parse_rfc3339(since_time)
        except ValueError:
            raise UsageFailure(f"{since_time} is not a valid (RFC3339) time") from None
        query["sinceTime"] = since_time
    if since:
        query["sinceSeconds"] = str(math.floor(since + 0.5))
    return query


async def _pods(client: Client, namespace: str) -> Sequence[Object]:
    """Return one pod for each Deployment of Flux: the one whose log tells most, running before not running."""
    deployments = (await client.list("apps/v1", "Deployment", namespace, labels=PART_OF)).items
    chosen = []
    for deployment in deployments:
        mine = dig(deployment, "spec", "template", "metadata", "labels", default={})
        selector = ",".join(f"{key}={value}" for key, value in sorted(mine.items()))
        pods = (await client.list("v1", "Pod", namespace, labels=selector)).items
        if pods:
            chosen.append(min(pods, key=_loudness))
    if not chosen:
        raise Failure(f'no Flux pods found in namespace "{namespace}"')
    return chosen


def _loudness(pod: Object) -> tuple[bool, int, bool, float]:
    """Order pods as kubectl does for logs: placed, running, ready, then the one ready for longer."""
    phases = {"Pending": 0, "Unknown": 1, "Running": 2}
    ready = [
        c
        for c in dig(pod, "status", "conditions", default=[])
        if c.get("type") == "Ready" and c.get("status") == "True"
    ]
    began = (
        parse_rfc3339(ready[0]["lastTransitionTime"]).timestamp()
        if ready and ready[0].get("lastTransitionTime")
        else 0.0
    )
    phase = phases.get(str(dig(pod, "status", "phase", default="")), 0)
    return not dig(pod, "spec", "nodeName", default=""), -phase, not ready, began


async def _print(session: Session, pod: Object, query: dict[str, str], wanted: LogFilter) -> bool:
    """Print the log of one pod; False when it cannot be read."""
    metadata = pod["metadata"]
    path = f"/api/v1/namespaces/{metadata['namespace']}/pods/{metadata['name']}/log"
    containers = dig(pod, "spec", "containers", default=[])
    options = {**query, "container": _CONTAINER} if len(containers) > 1 else query
    client = await session.client()
    try:
        async for text in client.lines(path, query=options):
            try:
                line = format_line(text, wanted)
            except ValueError as error:
                session.say.failure(f"parse error: {error}")
                break
            if line:
                session.print(line, end="")
    except ApiError as error:
        session.world.err.write(f"failed getting logs: {error}\n")
        return False
    return True


_LEVELS = ("debug", "info", "error")

command = Command(
    "logs",
    "Display formatted logs for Flux components",
    _run,
    long="The logs command displays formatted logs from various Flux components.",
    example="""
  # Print the reconciliation logs of all Flux custom resources in your cluster
  @ logs --all-namespaces

  # Stream logs for a particular log level
  @ logs --follow --level=error --all-namespaces

  # Filter logs by kind, name and namespace
  @ logs --kind=Kustomization --name=podinfo --namespace=default
""",
    own=[
        flags.choice(
            "level",
            "log level, available options are: (debug, info, error)",
            _LEVELS,
            lambda value: f"log level '{value}' is not supported, must be one of: {', '.join(_LEVELS)}",
        ),
        flags.text("kind", "displays errors of a particular toolkit kind e.g GitRepository"),
        flags.text("name", "specifies the name of the object logs to be displayed"),
        flags.boolean("follow", "specifies if the logs should be streamed", letter="f"),
        flags.integer("tail", "lines of recent log file to display", -1),
        flags.text("flux-namespace", "the namespace where the Flux components are running", "flux-system"),
        flags.boolean("all-namespaces", "displays logs for objects across all namespaces", letter="A"),
        flags.duration(
            "since",
            "Only return logs newer than a relative duration like 5s, 2m, or 3h. Defaults to all logs. Only one of "
            "since-time / since may be used.",
        ),
        flags.text(
            "since-time",
            "Only return logs after a specific date (RFC3339). Defaults to all logs. Only one of since-time / since "
            "may be used.",
        ),
    ],
)
