"""Waiting by watch: for objects to become Current, and for objects to be gone."""

import asyncio
from collections.abc import Iterable
from contextlib import aclosing

from fluvial.apply.cluster import Cluster, each
from fluvial.health import State, assess
from fluvial.kube import Expired
from fluvial.objects import Object, Ref, dig

_EXPIRED_PAUSE = 1.0  # seconds before a list that could not be resumed is read again


async def until_current(cluster: Cluster, objects: Iterable[Object], timeout: float) -> list[str]:
    """Wait until every object is Current; return Flux's lines for those that are not after `timeout` seconds.

    Args:
        objects: as the server last returned them.
    """
    seen = {Ref.of(obj): obj for obj in objects}
    pending = [obj for obj in seen.values() if assess(obj, now=cluster.clock.now()).state is not State.CURRENT]

    async def wait(obj: Object) -> None:
        await _follow(cluster, obj, seen)

    try:
        async with asyncio.timeout(timeout):
            await each(pending, wait, max(1, len(pending)))
    except TimeoutError:
        pass  # what is missing is told below
    verdicts = [(ref, assess(obj, now=cluster.clock.now())) for ref, obj in seen.items()]
    return [f"{ref} status: '{verdict.state.value}'" for ref, verdict in verdicts if verdict.state is not State.CURRENT]


async def _follow(cluster: Cluster, obj: Object, seen: dict[Ref, Object]) -> None:
    ref = Ref.of(obj)
    version = str(dig(obj, "metadata", "resourceVersion", default=""))
    while True:
        try:
            events = cluster.client.watch(
                ref.api_version,
                ref.kind,
                ref.namespace or None,
                fields=f"metadata.name={ref.name}",
                resource_version=version,
            )
            async with aclosing(events):  # type: ignore[type-var]
                async for event in events:
                    if event.type in ("ADDED", "MODIFIED"):
                        seen[ref] = event.object
                        if assess(event.object, now=cluster.clock.now()).state is State.CURRENT:
                            return
        except Expired:
            await asyncio.sleep(_EXPIRED_PAUSE)
            found = await cluster.client.get(ref.api_version, ref.kind, ref.namespace, ref.name)
            if found is None:
                continue
            seen[ref] = found
            if assess(found, now=cluster.clock.now()).state is State.CURRENT:
                return
            version = str(dig(found, "metadata", "resourceVersion", default=""))


async def until_gone(cluster: Cluster, ref: Ref, uid: str, timeout: float) -> bool:
    """Wait until the object of this uid is gone; False when it is still there after `timeout` seconds."""
    try:
        async with asyncio.timeout(timeout):
            while True:
                found = await cluster.client.get(ref.api_version, ref.kind, ref.namespace, ref.name, metadata_only=True)
                if found is None or dig(found, "metadata", "uid") != uid:
                    return True
                if await _deleted(cluster, ref, str(dig(found, "metadata", "resourceVersion", default=""))):
                    return True
    except TimeoutError:
        return False


async def _deleted(cluster: Cluster, ref: Ref, version: str) -> bool:
    """Follow one object until it is deleted; False when the watch went out of date and a new look is needed."""
    try:
        events = cluster.client.watch(
            ref.api_version,
            ref.kind,
            ref.namespace or None,
            fields=f"metadata.name={ref.name}",
            resource_version=version,
            metadata_only=True,
        )
        async with aclosing(events):  # type: ignore[type-var]
            async for event in events:
                if event.type == "DELETED":
                    return True
    except Expired:
        await asyncio.sleep(_EXPIRED_PAUSE)
    return False
