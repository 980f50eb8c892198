"""Fetching the artifact of a run, for as long as the source still has it.

A restarted source-controller may serve at another address, or the artifact be another meanwhile: whoever goes on trying
the old one for minutes (`--http-retry`) holds a worker for nothing.
"""

import asyncio
from typing import Any

from fluvial.api import Artifact, Kustomization, source_object_ref
from fluvial.controllers.kustomize.world import World
from fluvial.runtime import Change
from fluvial.stdx import Tree


class SourceMoved(Exception):
    """The source has another artifact, or the same at another address: look again."""


async def fetch_while_current(world: World, ks: Kustomization, artifact: Artifact) -> Tree:
    """Return the files of `artifact`.

    Raises:
        SourceMoved: while it was fetched, its source came to hold another one.
        ArtifactError: as `Fetcher.fetch`.
    """
    loop = asyncio.get_running_loop()
    fetch = loop.create_task(world.deps.fetcher.fetch(artifact.url, artifact.digest), name=f"fetch for {ks.ref}")
    moved: asyncio.Future[None] = loop.create_future()

    def on_change(change: Change) -> None:
        now = Artifact.of(change.object)
        if now is not None and (now.url, now.digest) != (artifact.url, artifact.digest) and not moved.done():
            moved.set_result(None)

    end = world.watches.on_source(source_object_ref(ks.source), on_change)
    try:
        either: list[asyncio.Future[Any]] = [fetch, moved]
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        if fetch.done():
            return fetch.result()
        raise SourceMoved
    finally:
        end()
        moved.cancel()
        if not fetch.done():
            fetch.cancel()
            await asyncio.gather(fetch, return_exceptions=True)
