"""Both controllers in one process, each with its own client, watches and events, as if they were two."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from fluvial import __version__
from fluvial.artifacts import Fetcher
from fluvial.controllers import kustomize, source
from fluvial.kube import Client
from fluvial.net import Handler, Transport
from fluvial.runtime import Address, Cache, EventRecorder, LeaderElector, Manager
from fluvial.sources import Web
from fluvial.stdx import Chance, Clock, InlineWorkers, Redactor, Workers
from fluvial.telemetry import Logger, Registry

NAMES = ("source-controller", "kustomize-controller")


@dataclass(frozen=True, slots=True, kw_only=True)
class Seams:
    """What the controllers are given of the world.

    Args:
        connect: user agent → a client of the API server; closed when the controllers end.
        web: carries Git over HTTP.
        artifacts: carries artifact downloads.
        workers: inline unless told otherwise: a small fleet gains nothing from processes.
        elect: controller's name and client → its candidate for the lease; without it both always lead.
    """

    connect: Callable[[str], Client]
    web: Web
    artifacts: Transport
    clock: Clock
    chance: Chance
    log: Logger
    workers: Workers = field(default_factory=InlineWorkers)
    redactor: Redactor | None = None
    elect: Callable[[str, Client], LeaderElector] | None = None


class Controllers:
    """source-controller and kustomize-controller; `run` runs them until it is cancelled, once."""

    def __init__(
        self,
        seams: Seams,
        source_settings: source.Settings,
        kustomize_settings: kustomize.Settings | None = None,
        *,
        metrics_address: Address | None = None,
        health_address: Address | None = None,
    ) -> None:
        """
        Args:
            source_settings: `storage_path` must be a folder of ours; with an empty `storage_addr` nothing listens, and
                the caller mounts `artifact_handler`.
        Raises:
            ValueError: settings that cannot be started with.
            OSError: the storage cannot be opened.
        """
        self._clients = [seams.connect(f"{name}/v{__version__} fluvial") for name in NAMES]
        registry = Registry()
        redactor = seams.redactor or Redactor()  # one for both: what one reads the other's events may not tell
        caches = [Cache(chance=seams.chance, log=seams.log, metrics=registry) for _ in NAMES]
        recorders = [
            EventRecorder(
                client,
                name,
                instance="localhost",
                clock=seams.clock,
                log=seams.log,
                metrics=registry,
                redactor=redactor,
            )
            for client, name in zip(self._clients, NAMES, strict=True)
        ]
        electors = [seams.elect(*each) if seams.elect else None for each in zip(NAMES, self._clients, strict=True)]
        first = Manager(
            cache=caches[0],
            log=seams.log,
            recorder=recorders[0],
            elector=electors[0],
            registry=registry,
            metrics_address=metrics_address,
            health_address=health_address,
        )
        second = Manager(cache=caches[1], log=seams.log, recorder=recorders[1], elector=electors[1])
        self.managers = (first, second)
        self._source = source.build(
            source_settings,
            source.Deps(
                client=self._clients[0],
                cache=caches[0],
                recorder=recorders[0],
                web=seams.web,
                workers=seams.workers,
                leadership=first.leadership,
                clock=seams.clock,
                chance=seams.chance,
                log=seams.log,
                metrics=registry,
                redactor=redactor,
            ),
        )
        self._source.add_to(first)
        self._kustomize = kustomize.build(
            kustomize_settings or kustomize.Settings(),
            kustomize.Deps(
                client=self._clients[1],
                cache=caches[1],
                recorder=recorders[1],
                fetcher=Fetcher(seams.artifacts, workers=seams.workers),
                workers=seams.workers,
                leadership=second.leadership,
                clock=seams.clock,
                chance=seams.chance,
                log=seams.log,
                metrics=registry,
            ),
        )
        second.add(self._kustomize.controller)

    @property
    def artifact_handler(self) -> Handler:
        """Serves the artifact storage."""
        return self._source.handler

    async def run(self) -> None:
        """Run until cancelled; a controller that fails ends both.

        Raises:
            ExceptionGroup: what failed.
        """
        try:
            async with asyncio.TaskGroup() as group:
                for name, manager in zip(NAMES, self.managers, strict=True):
                    group.create_task(manager.run(), name=name)
        finally:
            await self._kustomize.close()
            self._source.close()
            for client in self._clients:
                await client.close()
