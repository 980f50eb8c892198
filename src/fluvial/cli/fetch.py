"""Reading Flux objects, and waiting for them, with flux's words for what is missing."""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from fluvial.cli.errors import Failure
from fluvial.cli.kinds import FluxKind
from fluvial.cli.session import Session
from fluvial.health import State, Verdict, assess
from fluvial.objects import Object, Ref, dig, get_condition

if TYPE_CHECKING:
    from fluvial.kube import Client

WATCH_PAUSE = 1.0  # seconds between two watches, should the first end early
NAME = "metadata.name"


async def fetch(session: Session, kind: FluxKind, name: str) -> Object:
    """Return one object of the session's namespace.

    Raises:
        Failure: it is not there; the text is the API server's.
    """
    client = await session.client()
    found = await client.get(kind.api_version, kind.kind, session.namespace, name)
    if found is None:
        resource = await client.resource(kind.api_version, kind.kind)
        raise Failure(f'{resource.plural}.{resource.group} "{name}" not found')
    return found


def ref_of(session: Session, kind: FluxKind, name: str) -> Ref:
    """Return the ref of an object in the session's namespace."""
    return Ref(kind.group, kind.version, kind.kind, session.namespace, name)


async def until(client: "Client", ref: Ref, done: Callable[[Object], bool]) -> Object:
    """Return the object that `ref` names as soon as `done` says so, asking again at each change of it.

    flux asks every 2 seconds; a watch is cheaper and sooner. The caller brings the timeout.

    Raises:
        Failure: the object is gone; also whatever `done` raises.
    """
    while True:
        obj = await client.get(ref.api_version, ref.kind, ref.namespace, ref.name)
        if obj is None:
            raise Failure(f'{ref.kind} "{ref.name}" not found')
        if done(obj):
            return obj
        version = str(dig(obj, "metadata", "resourceVersion", default=""))
        fields = f"{NAME}={ref.name}"
        changes = client.watch(ref.api_version, ref.kind, ref.namespace, fields=fields, resource_version=version)
        async for event in changes:
            if event.type == "DELETED":
                raise Failure(f'{ref.kind} "{ref.name}" not found')
            if event.type in ("ADDED", "MODIFIED") and done(event.object):
                return event.object
        await asyncio.sleep(WATCH_PAUSE)


def computed(session: Session, obj: Object) -> Verdict:
    """Return the health of `obj` now."""
    return assess(obj, now=session.world.clock.now())


def settled(session: Session, obj: Object) -> bool:
    """Tell whether `obj` is Current.

    Raises:
        Failure: it is neither Current nor InProgress; the text says what it is.
    """
    verdict = computed(session, obj)
    if verdict.state is State.CURRENT:
        return True
    if verdict.state is State.IN_PROGRESS:
        return False
    raise Failure(verdict.message)


def reconciled(session: Session, obj: Object, *, static: bool = False) -> bool:
    """Tell whether the controller is done with the newest generation of `obj` and found it well.

    Args:
        static: a kind without a controller, which is ready as it is.
    Raises:
        Failure: the object failed for good.
    """
    if not static:
        observed = int(dig(obj, "status", "observedGeneration", default=0))
        condition = get_condition(obj, "Ready")
        if observed < 1 or condition is None:
            return False
        seen = int(condition.get("observedGeneration") or observed)
        if seen != int(dig(obj, "metadata", "generation", default=0)):
            return False
    return settled(session, obj)
