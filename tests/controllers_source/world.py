"""source-controller beside an API server and a Git server, all in this process and on virtual time."""

import asyncio
import base64
import random
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from ssl import SSLContext
from typing import Any

from fluvial import testing
from fluvial.api import crds
from fluvial.artifacts import Fetcher
from fluvial.controllers.source import Deps, Settings, SourceController, build
from fluvial.controlplane import AuditRecord, ControlPlane
from fluvial.git import MemoryRepository, git_handler
from fluvial.kube import Client
from fluvial.net import MemoryTransport, Request, ServerRequest, ServerResponse, Transport, WebTransport
from fluvial.objects import Object, Ref, dig, get_condition
from fluvial.runtime import AlwaysLeader, Cache, EventRecorder, InFlight, LeaderElector, Manager
from fluvial.sources import Web
from fluvial.stdx import NO_METRICS, Clock, InlineWorkers, Redactor, Tree, Workers
from fluvial.telemetry import silent_logger

API = "https://api.fluvial.local"
GIT = "https://git.test"
SOURCE_API = "source.toolkit.fluxcd.io/v1"
REQUESTED = "reconcile.fluxcd.io/requestedAt"


@dataclass
class World:
    """What a test may touch. `start` and `stop` are the controller's life; the cluster and Git outlive it."""

    plane: ControlPlane
    client: Client
    git: MemoryRepository
    repositories: dict[str, MemoryRepository]
    storage: Path
    audit: list[AuditRecord]
    settings: Settings
    git_requests: list[ServerRequest] = field(default_factory=list)
    allow: Callable[[ServerRequest], bool] | None = None
    git_delay: float = 0.0
    clock: Clock = field(default_factory=testing.VirtualClock)
    chance: random.Random = field(default_factory=random.Random)
    dedicated: Callable[[SSLContext], Transport] | None = None  # real sockets for Git, if given
    elector: LeaderElector | None = None
    in_flight: InFlight | None = None
    _life: asyncio.Task[None] | None = None
    _manager: Manager | None = None
    workers: Workers = field(default_factory=InlineWorkers)
    _source: SourceController | None = None
    _used: list[Any] = field(default_factory=list)

    # -- life of the controller

    async def start(self, **settings: Any) -> None:
        chance, clock = self.chance, self.clock
        client = Client(API, MemoryTransport({API: self.plane.handle}), chance=chance, user_agent="source-controller")
        log = silent_logger(clock)
        redactor = Redactor()
        recorder = EventRecorder(client, "source-controller", instance="test", clock=clock, log=log, redactor=redactor)
        cache = Cache(chance=chance, log=log)
        web: Transport = MemoryTransport({GIT: self._git}) if self.dedicated is None else WebTransport()
        deps = Deps(
            client=client,
            cache=cache,
            recorder=recorder,
            web=Web(shared=web, dedicated=self.dedicated or (lambda tls: MemoryTransport({GIT: self._git}))),
            workers=self.workers,
            leadership=self.elector or AlwaysLeader(),
            clock=clock,
            chance=chance,
            log=log,
            metrics=NO_METRICS,
            redactor=redactor,
            in_flight=self.in_flight,
        )
        self.settings = replace(self.settings, **settings)
        self._source = build(self.settings, deps)
        self._manager = Manager(cache=cache, log=log, recorder=recorder, elector=self.elector)
        self._source.add_to(self._manager)
        self._used = [client, web]
        self._life = asyncio.create_task(self._manager.run(), name="source-controller")

    async def stop(self) -> None:
        if self._life is None or self._manager is None or self._source is None:
            return
        self._manager.stop()
        await self._life
        self._source.close()
        for used in self._used:
            await used.close()
        self._life = None

    def is_serving(self) -> bool:
        """Whether artifacts can be fetched."""
        return self._source is not None and self._source.server.open.is_set()

    async def _git(self, request: ServerRequest) -> ServerResponse:
        self.git_requests.append(request)
        await asyncio.sleep(self.git_delay)
        return await git_handler(self.repositories, allow=self.allow)(request)

    # -- objects

    async def apply(self, name: str = "fleet", **spec: Any) -> Object:
        given = {"interval": "10m", "url": f"{GIT}/fleet", "ref": {"branch": "main"}} | spec
        obj = {
            "apiVersion": SOURCE_API,
            "kind": "GitRepository",
            "metadata": {"name": name, "namespace": "default"},
            "spec": {key: value for key, value in given.items() if value is not None},
        }
        return (await self.client.apply(obj, field_manager="person", force=True)).object

    async def secret(self, name: str, **data: str) -> None:
        obj = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": name, "namespace": "default"},
            "data": {key: base64.b64encode(value.encode()).decode() for key, value in data.items()},
        }
        await self.client.apply(obj, field_manager="person", force=True)

    async def get(self, name: str = "fleet") -> Object:
        obj = await self.client.get(SOURCE_API, "GitRepository", "default", name)
        assert obj is not None, f"{name} is gone"
        return obj

    async def edit(self, patch: Any, name: str = "fleet", subresource: str = "") -> None:
        ref = Ref("source.toolkit.fluxcd.io", "v1", "GitRepository", "default", name)
        await self.client.patch(ref, patch, kind="merge", field_manager="person", subresource=subresource)

    async def request(self, value: str, name: str = "fleet") -> None:
        await self.edit({"metadata": {"annotations": {REQUESTED: value}}}, name)

    async def delete(self, name: str = "fleet") -> None:
        await self.client.delete(Ref("source.toolkit.fluxcd.io", "v1", "GitRepository", "default", name))

    # -- waiting

    async def until_served(self) -> None:
        """Wait until the CRD is established."""

        async def look() -> bool:
            crd = await self.client.get(
                "apiextensions.k8s.io/v1", "CustomResourceDefinition", "", "gitrepositories.source.toolkit.fluxcd.io"
            )
            return crd is not None and status_of(crd, "Established") == "True"

        await self.until("the CRD is established", look)
        await self.client.resource(SOURCE_API, "GitRepository", fresh=True)

    async def until(self, what: str, look: Callable[[], Awaitable[Any]], seconds: float = 120.0) -> Any:
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while not (seen := await look()):
            if loop.time() > end:
                raise AssertionError(f"{what}: not within {seconds:.0f} s")
            await asyncio.sleep(0.05)
        return seen

    async def ready(self, revision: str = "", name: str = "fleet") -> Object:
        async def look() -> Object | None:
            obj = await self.get(name)
            at = dig(obj, "status", "artifact", "revision", default="")
            current = dig(obj, "status", "observedGeneration") == dig(obj, "metadata", "generation")
            return obj if current and status_of(obj, "Ready") == "True" and revision in ("", at) else None

        found: Object = await self.until(f"{name} ready at {revision or 'any revision'}", look)
        return found

    async def shows(
        self, type_: str, reason: str, message: str = "", status: str = "True", seconds: float = 120.0
    ) -> Object:
        """Wait for a condition; the message may be a part of it."""

        async def look() -> Object | None:
            obj = await self.get()
            found = get_condition(obj, type_)
            fits = found is not None and (found["status"], found["reason"]) == (status, reason)
            return obj if fits and message in (found or {})["message"] else None

        found: Object = await self.until(f"{type_} {reason} {message!r}", look, seconds)
        return found

    async def events(self) -> list[tuple[str, str, str]]:
        """Type, reason and message of every event so far."""
        await asyncio.sleep(1)
        found = await self.client.list("v1", "Event", "default")
        return [(event["type"], event["reason"], event["message"]) for event in found.items]

    async def event_counts(self) -> dict[str, int]:
        """How often each reason was told."""
        await asyncio.sleep(1)
        found = await self.client.list("v1", "Event", "default")
        return {event["reason"]: event["count"] for event in found.items}

    # -- what came of it

    def files(self) -> list[str]:
        """Everything in storage but lock files."""
        return sorted(
            str(path.relative_to(self.storage))
            for path in self.storage.rglob("*")
            if path.is_file() and path.suffix != ".lock"
        )

    async def artifact(self, obj: Object) -> Tree:
        """Fetch the artifact as a consumer does."""
        assert self._source is not None
        status = obj["status"]["artifact"]
        transport = MemoryTransport({"http://source.test": self._source.handler})
        try:
            return await Fetcher(transport).fetch(status["url"], status["digest"])
        finally:
            await transport.close()

    async def http_status(self, obj: Object) -> int:
        """The status that the artifact server answers for the artifact's URL."""
        assert self._source is not None
        transport = MemoryTransport({"http://source.test": self._source.handler})
        try:
            return (await transport.send(Request("GET", obj["status"]["artifact"]["url"]))).status
        finally:
            await transport.close()

    def writes(self) -> list[str]:
        """What the controller wrote since the last call, events left out."""
        found = [
            f"{record.verb} {record.resource}{'/' + record.subresource if record.subresource else ''}"
            for record in self.audit
            if record.user_agent.startswith("source-controller")
            and record.verb in ("create", "update", "patch", "delete")
            and record.resource != "events"
        ]
        self.audit.clear()
        return found


def status_of(obj: Object, type_: str) -> str:
    condition = get_condition(obj, type_)
    return "" if condition is None else str(condition["status"])


def conditions(obj: Object) -> list[tuple[str, str, str, str]]:
    """Type, status, reason and message, in order."""
    return [
        (each["type"], each["status"], each["reason"], each["message"])
        for each in dig(obj, "status", "conditions", default=[])
    ]


@asynccontextmanager
async def world(clock: Clock | None = None, chance: random.Random | None = None) -> AsyncIterator[World]:
    """A cluster and a repository; on virtual time unless a clock is given. The controller is not started yet."""
    clock, chance = clock or testing.VirtualClock(), chance or testing.chance()
    audit: list[AuditRecord] = []
    plane = ControlPlane(clock=clock, chance=chance, audit=audit.append)
    await plane.start()
    client = Client(API, MemoryTransport({API: plane.handle}), chance=chance, user_agent="person")
    with tempfile.TemporaryDirectory() as storage:
        git = MemoryRepository(clock)
        settings = Settings(storage_path=storage, storage_addr="", storage_adv_addr="source.test")
        made = World(plane, client, git, {"fleet": git}, Path(storage), audit, settings, clock=clock, chance=chance)
        try:
            for crd in crds():
                await client.apply(crd, field_manager="person", force=True)
            await made.until_served()
            yield made
        finally:
            await made.stop()
            await client.close()
            await plane.stop()


def run(test: Callable[[World], Awaitable[None]]) -> None:
    """Run `test` in a world of its own, with the controller started."""

    async def main() -> None:
        async with world() as made:
            await made.start()
            await test(made)

    testing.run(main())
