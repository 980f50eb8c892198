"""Both controllers in one process, each with its own client, watches and events, as if they were two."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from fluvial import __version__
from fluvial.artifacts import Fetcher
from fluvial.controllers import kustomize, source
from fluvial.kube import Client
from fluvial.net import Handler, Transport
from fluvial.runtime import Address, Cache, EventRecorder, LeaderElector, Leadership, Manager
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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """What each of the two has for itself."""

    name: str
    client: Client
    cache: Cache
    recorder: EventRecorder

    @classmethod
    def make(cls, name: str, seams: Seams, registry: Registry, redactor: Redactor) -> "_Part":
        client = seams.connect(f"{name}/v{__version__} fluvial")
        recorder = EventRecorder(
            client,
            name,
            instance="localhost",
            clock=seams.clock,
            log=seams.log,
            metrics=registry,
            redactor=redactor,
        )
        cache = Cache(chance=seams.chance, log=seams.log, metrics=registry)
        return cls(name=name, client=client, cache=cache, recorder=recorder)

    def manager(self, seams: Seams, **servers: Any) -> Manager:
        elector = seams.elect(self.name, self.client) if seams.elect is not None else None
        return Manager(cache=self.cache, log=seams.log, recorder=self.recorder, elector=elector, **servers)

    def deps(self, seams: Seams, registry: Registry, leadership: Leadership) -> dict[str, Any]:
        """What the `Deps` of both controllers have in common."""
        return {
            "client": self.client,
            "cache": self.cache,
            "recorder": self.recorder,
            "workers": seams.workers,
            "leadership": leadership,
            "clock": seams.clock,
            "chance": seams.chance,
            "log": seams.log,
            "metrics": registry,
        }


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
        registry = Registry()
        redactor = seams.redactor or Redactor()  # one for both: what one reads the other's events may not tell
        own, other = (_Part.make(name, seams, registry, redactor) for name in NAMES)
        servers = {"registry": registry, "metrics_address": metrics_address, "health_address": health_address}
        self._clients = [own.client, other.client]
        self.managers = (own.manager(seams, **servers), other.manager(seams))
        self._source = source.build(
            source_settings,
            source.Deps(
                **own.deps(seams, registry, self.managers[0].leadership),
                web=seams.web,
                redactor=redactor,
            ),
        )
        self._source.add_to(self.managers[0])
        settings = kustomize_settings or kustomize.Settings()
        self._kustomize = kustomize.build(
            settings,
            kustomize.Deps(
                **other.deps(seams, registry, self.managers[1].leadership),
                fetcher=Fetcher(seams.artifacts, retries=settings.http_retry, workers=seams.workers),
            ),
        )
        self.managers[1].add(self._kustomize.controller)

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
