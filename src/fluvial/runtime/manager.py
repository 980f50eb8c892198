"""One controller process: its servers, its watches, its lease, its controllers, and an orderly end.

Start: health and metrics servers, services that need no lease, the lease, the caches, then services and controllers of
the leader. End (cancelled, `stop`, lease lost, or a part failed): controllers, events flushed, lease released, watches,
servers.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Coroutine
from dataclasses import dataclass
from typing import Any

from fluvial.net import ANY_HOST, Server, ServerRequest, ServerResponse, serve
from fluvial.runtime.cache import Cache
from fluvial.runtime.controller import Controller
from fluvial.runtime.events import EventRecorder
from fluvial.runtime.leases import AlwaysLeader, LeaderElector, Leadership
from fluvial.telemetry import Logger, Registry

Service = Callable[[], Coroutine[Any, Any, None]]
Check = Callable[[], str]  # "" when all is well, else what is wrong

_FLUSH_SECONDS = 5.0
_TEXT = {"content-type": "text/plain; charset=utf-8", "x-content-type-options": "nosniff"}
_METRICS_TYPE = {"content-type": "text/plain; version=0.0.4; charset=utf-8"}


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server listens; no port means that it is not started."""

    host: str = "127.0.0.1"
    port: int | None = None
    hosts: Collection[str] | None = None

    @classmethod
    def parse(cls, text: str) -> "Address":
        """Read Go's form ("`:8080`", "127.0.0.1:0"); "0" and "" mean none. On all addresses every Host is answered.

        Raises:
            ValueError: there is no port in it.
        """
        if text in ("", "0"):
            return cls()
        host, colon, port = text.rpartition(":")
        if not colon or not port.isdigit():
            raise ValueError(f'"{text}" is not an address of the form host:port')
        host = host.removeprefix("[").removesuffix("]")
        everywhere = host in ("", "0.0.0.0", "::")
        return cls(host, int(port), ANY_HOST if everywhere else None)


class Manager:
    """Owns the parts and their order. Add everything, then `run` once."""

    def __init__(
        self,
        *,
        cache: Cache,
        log: Logger,
        elector: LeaderElector | None = None,
        release_on_cancel: bool = True,
        recorder: EventRecorder | None = None,
        registry: Registry | None = None,
        metrics_address: Address | None = None,
        health_address: Address | None = None,
        grace: float = 30.0,
    ) -> None:
        """
        Args:
            elector: without one this process is always the leader.
            release_on_cancel: give the lease back at the end (`--leader-election-release-on-cancel`).
            grace: seconds that controllers and services have to end after they are cancelled.
        """
        self.leadership: Leadership = elector or AlwaysLeader()
        self._cache = cache
        self._log = log
        self._elector = elector
        self._release = release_on_cancel
        self._recorder = recorder
        self._registry = registry
        self._metrics_address = metrics_address or Address()
        self._health_address = health_address or Address()
        self._grace = grace
        self._controllers: list[Controller] = []
        self._services: list[tuple[str, Service]] = []
        self._leader_services: list[tuple[str, Service]] = []
        self._ready_checks: dict[str, Check] = {}
        self._health_checks: dict[str, Check] = {"healthz": _fine}
        self._stop = asyncio.Event()
        self._servers: dict[str, Server] = {}
        self.started = asyncio.Event()

    def add(self, controller: Controller) -> None:
        """Run `controller` while we lead."""
        self._controllers.append(controller)

    def add_service(self, name: str, service: Service, *, leader_only: bool = False) -> None:
        """Run `service` until the end (or while we lead). It is cancelled to stop it; if it returns early, that is
        fine; if it fails, the process ends.
        """
        (self._leader_services if leader_only else self._services).append((name, service))

    def add_ready_check(self, name: str, check: Check) -> None:
        """Make /readyz depend on `check`."""
        self._ready_checks[name] = check

    def add_health_check(self, name: str, check: Check) -> None:
        """Make /healthz depend on `check`."""
        self._health_checks[name] = check

    @property
    def metrics_url(self) -> str:
        """URL of the metrics server, "" while it doesn't listen."""
        return self._url("metrics")

    @property
    def health_url(self) -> str:
        """URL of the health server, "" while it doesn't listen."""
        return self._url("health")

    def stop(self) -> None:
        """Ask for an orderly end; `run` returns when it is reached. For signal handlers."""
        self._stop.set()

    async def run(self) -> None:
        """Run everything until `stop` or cancellation.

        Raises:
            LeadershipLost: the lease could not be renewed; the process should end and start anew.
            ExceptionGroup: parts that failed.
        """
        try:
            await self._listen()
            self._log.info("starting manager")
            background = self._spawn([*self._services, ("watches", self._cache.guard)])
            if self._recorder is not None:
                background.append(asyncio.create_task(self._recorder.run(), name="event recorder"))
            try:
                await self._until_stop(background)
            finally:
                await self._end(background)
        finally:
            await self._cache.close()
            for server in self._servers.values():
                await server.close()
            self._servers.clear()
            self._log.info("manager stopped")

    async def _until_stop(self, background: "list[asyncio.Task[None]]") -> None:
        stop = asyncio.create_task(_wait(self._stop), name="stop signal")
        lead = asyncio.create_task(self._lead(), name="leader")
        try:
            waiting: set[asyncio.Task[None]] = {stop, lead, *background}
            while not stop.done():
                done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                _raise_failures(done)
        finally:
            stop.cancel()
            await self._end([lead])
            await self._finish()

    async def _lead(self) -> None:
        if self._elector is not None:
            await self._elector.acquire()
        tasks = self._spawn(self._leader_services)
        if self._elector is not None:
            tasks.append(asyncio.create_task(self._elector.hold(), name="lease"))
        try:
            await self._while_leading(tasks)
        finally:
            await self._end(tasks)

    async def _while_leading(self, tasks: "list[asyncio.Task[None]]") -> None:
        synced = asyncio.create_task(self._cache.wait_synced(), name="caches")
        waiting: set[asyncio.Task[None]] = {synced, *tasks}
        try:
            while not synced.done():
                done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                _raise_failures(done)
        finally:
            synced.cancel()
        for controller in self._controllers:
            tasks.append(asyncio.create_task(controller.run(), name=controller.name))
        self.started.set()
        waiting = set(tasks)
        while waiting:
            done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            _raise_failures(done)

    async def _finish(self) -> None:
        """What is done after the controllers have ended and before the watches and servers do."""
        if self._recorder is not None:
            await self._recorder.flush(_FLUSH_SECONDS)
        if self._elector is not None and self._release:
            await self._elector.release()

    def _spawn(self, services: "list[tuple[str, Service]]") -> "list[asyncio.Task[None]]":
        return [asyncio.create_task(service(), name=name) for name, service in services]

    async def _end(self, tasks: "list[asyncio.Task[None]]") -> None:
        """Cancel `tasks` and wait for them, but not beyond the grace; failures on the way out are logged."""
        for task in tasks:
            task.cancel()
        if not tasks:
            return
        done, late = await asyncio.wait(tasks, timeout=self._grace)
        for task in late:
            self._log.error("part did not end in time", part=task.get_name())
        for task in done:
            if not task.cancelled() and (error := task.exception()) is not None:
                self._log.error("part failed", part=task.get_name(), error=error)

    # -- servers

    async def _listen(self) -> None:
        pairs: list[tuple[str, Address, Callable[[ServerRequest], Awaitable[ServerResponse]]]] = [
            ("health", self._health_address, self._answer_health),
            ("metrics", self._metrics_address, self._answer_metrics),
        ]
        for name, address, answer in pairs:
            if address.port is not None:
                self._servers[name] = await serve(answer, address.host, address.port, hosts=address.hosts)

    def _url(self, name: str) -> str:
        server = self._servers.get(name)
        return server.url if server is not None else ""

    async def _answer_health(self, request: ServerRequest) -> ServerResponse:
        for root, checks in (("/healthz", self._health_checks), ("/readyz", self._ready_checks or {"readyz": _fine})):
            if request.path.rstrip("/") == root:
                problems = {name: problem for name, check in checks.items() if (problem := check())}
                if not problems:
                    return ServerResponse(200, _TEXT, b"ok")
                for name, problem in problems.items():
                    self._log.info("healthz check failed", checker=name, error=problem)
                lines = [f"[-]{name} failed: reason withheld" for name in problems]
                return ServerResponse(500, _TEXT, ("\n".join(lines) + f"\n{root[1:]} check failed\n").encode())
        return ServerResponse(404, _TEXT, b"404 page not found\n")

    async def _answer_metrics(self, request: ServerRequest) -> ServerResponse:
        if request.path != "/metrics" or self._registry is None:
            return ServerResponse(404, _TEXT, b"404 page not found\n")
        for controller in self._controllers:
            controller.queue.report()
        return ServerResponse(200, _METRICS_TYPE, await self._registry.render())


def _fine() -> str:
    return ""


async def _wait(event: asyncio.Event) -> None:
    await event.wait()


def _raise_failures(done: "set[asyncio.Task[None]]") -> None:
    errors = [error for task in done if not task.cancelled() and (error := task.exception()) is not None]
    if len(errors) == 1:
        raise errors[0]
    if errors:
        raise BaseExceptionGroup("parts of the controller failed", errors)
