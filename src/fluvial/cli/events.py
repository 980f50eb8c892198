"""`events`: the Kubernetes events about Flux objects."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from fluvial.cli import flags, table
from fluvial.cli.command import Command
from fluvial.cli.errors import Failure, UsageFailure
from fluvial.cli.fetch import fetch
from fluvial.cli.kinds import FluxKind, kind_named
from fluvial.cli.output import since
from fluvial.cli.session import Session
from fluvial.objects import Object, dig

_HEADS = ("Last seen", "Type", "Reason", "Object", "Message")


@dataclass(frozen=True, slots=True)
class _Reference:
    """Where a kind names the object it works on: the path of the reference, and its kind where that is fixed."""

    path: tuple[str, ...]
    kind: str = ""
    other_namespaces: bool = True
    chart: bool = False  # a HelmRelease also has the HelmChart made for it


_REFERENCES = {
    "Kustomization": _Reference(("spec", "sourceRef")),
    "HelmRelease": _Reference(("spec", "chart", "spec", "sourceRef"), chart=True),
    "Alert": _Reference(("spec", "providerRef"), kind="Provider", other_namespaces=False),
    "ImagePolicy": _Reference(("spec", "imageRepositoryRef"), kind="ImageRepository"),
    "HelmChart": _Reference(("spec", "sourceRef")),
}


@dataclass(frozen=True, slots=True)
class _Query:
    """One list of events: a namespace (None = all) and a field selector."""

    namespace: str | None
    fields: str


async def _run(
    session: Session, arguments: tuple[str, ...], all_namespaces: bool, watch: bool, for_: str, types: tuple[str, ...]
) -> None:
    for type_ in types:
        if type_.lower() not in ("normal", "warning"):
            raise UsageFailure(f"type '{type_}' not supported. Supported types are Normal, Warning")
    queries = await _queries(session, None if all_namespaces else session.namespace, for_)
    show_namespace = all_namespaces or any(query.namespace != session.namespace for query in queries)
    wanted = _filter(types)
    if watch:
        await _watch(session, queries, wanted, show_namespace)
        return
    client = await session.client()
    found: list[Object] = []
    for query in queries:
        found += (await client.list("v1", "Event", query.namespace, fields=query.fields)).items
    events = sorted((event for event in found if wanted(event)), key=_moment)
    if not events:
        where = "" if all_namespaces else f" in {session.namespace} namespace"
        session.say.failure(f"No events found{where}.")
        return
    rows = [_row(session, event, show_namespace) for event in events]
    session.print(table.render(_heads(show_namespace), rows), end="")


async def _queries(session: Session, namespace: str | None, selector: str) -> Sequence[_Query]:
    if not selector:
        return [_Query(namespace, "")]
    word, _, name = selector.partition("/")
    if not word:
        raise UsageFailure("--for selector must be of format <kind>[/<name>]")
    kind = kind_named(word)
    if kind is None or kind.kind == "ExternalArtifact":
        raise Failure(f"'{word}' is not a recognized Flux kind")
    queries = [_Query(namespace, _fields(kind.kind, name))]
    if name:
        queries += await _referenced(session, kind, name)
    return queries


def _fields(kind: str, name: str) -> str:
    return f"involvedObject.kind={kind}" + (f",involvedObject.name={name}" if name else "")


async def _referenced(session: Session, kind: FluxKind, name: str) -> Sequence[_Query]:
    """Return the queries for what the object works on, since its trouble is often told there."""
    reference = _REFERENCES.get(kind.kind)
    if reference is None:
        return []
    obj = await fetch(session, kind, name)
    named = dig(obj, *reference.path, default={})
    other_kind, other_name = reference.kind or named.get("kind"), named.get("name")
    if not other_kind or not other_name:
        missing = "kind" if not other_kind else "name"
        where = f"{session.namespace}/{name}"
        raise Failure(f"field '{'.'.join((*reference.path, missing))}' for '{where}' not found")
    namespace = (named.get("namespace") if reference.other_namespaces else "") or session.namespace
    queries = [_Query(namespace, _fields(str(other_kind), str(other_name)))]
    if reference.chart:
        queries.append(_Query(namespace, _fields("HelmChart", f"{session.namespace}-{name}")))
    return queries


def _filter(types: Sequence[str]) -> Callable[[Object], bool]:
    lowered = {type_.lower() for type_ in types}

    def wanted(event: Object) -> bool:
        kind = kind_named(str(dig(event, "involvedObject", "kind", default="")))
        known = kind is not None and kind.kind != "ExternalArtifact"
        return known and (not lowered or str(event.get("type", "")).lower() in lowered)

    return wanted


async def _watch(session: Session, queries: Sequence[_Query], wanted: Callable[[Object], bool], show: bool) -> None:
    client = await session.client()
    header = [True]  # printed with the first event of whichever watch

    async def follow(query: _Query) -> None:
        async for change in client.watch("v1", "Event", query.namespace, fields=query.fields):
            if change.type in ("ADDED", "MODIFIED") and wanted(change.object):
                heads = _heads(show) if header else ()
                header.clear()
                session.print(table.render(heads, [_row(session, change.object, show)]), end="")

    async with asyncio.TaskGroup() as group:
        for query in queries:
            group.create_task(follow(query), name=f"events {query.fields}")


def _heads(show_namespace: bool) -> Sequence[str]:
    return ("Namespace", *_HEADS) if show_namespace else _HEADS


def _row(session: Session, event: Object, show_namespace: bool) -> Sequence[str]:
    about = event.get("involvedObject", {})
    cells = [
        _last_seen(session, event),
        str(event.get("type", "")),
        str(event.get("reason", "")),
        f"{about.get('kind', '')}/{about.get('name', '')}",
        str(event.get("message", "")),
    ]
    return [str(dig(event, "metadata", "namespace", default="")), *cells] if show_namespace else cells


def _moment(event: Object) -> str:
    """Return the time to sort by; RFC 3339 in UTC sorts as text."""
    series = dig(event, "series", "lastObservedTime", default="")
    return str(series or event.get("lastTimestamp") or event.get("eventTime") or "")


def _last_seen(session: Session, event: Object) -> str:
    now = session.world.clock.now()
    first = since(event.get("eventTime") or event.get("firstTimestamp") or "", now)
    series = event.get("series")
    if series:
        return f"{since(series.get('lastObservedTime', ''), now)} (x{series.get('count', 0)} over {first})"
    count = event.get("count") or 0
    if count > 1:
        return f"{since(event.get('lastTimestamp') or '', now)} (x{count} over {first})"
    return first


command = Command(
    "events",
    "Display Kubernetes events for Flux resources",
    _run,
    long="The events sub-command shows Kubernetes events from Flux resources",
    example="""
  # Display events for flux resources in default namespace
  @ events -n default

  # Display events for a Kustomization named podinfo
  @ events --for Kustomization/podinfo
""",
    own=[
        flags.boolean("all-namespaces", "display events from Flux resources across all namespaces", letter="A"),
        flags.boolean("watch", "indicate if the events should be streamed", letter="w"),
        flags.text("for", "get events for a particular object"),
        flags.strings("types", "filter events for certain types (valid types are: Normal, Warning)"),
    ],
)
