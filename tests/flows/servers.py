"""Where flows run: the embedded API server on virtual time, and a real kube-apiserver."""

import asyncio
import contextlib
import random
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from fluvial.controllers import kustomize, source
from fluvial.controlplane import AuditRecord, ControlPlane, Faults, MemoryStore
from fluvial.git import MemoryRepository, git_handler
from fluvial.kube import Client
from fluvial.kube.credentials import FixedHeader
from fluvial.local import Controllers, Seams
from fluvial.local.cluster import install
from fluvial.net import (
    ConnectFailed,
    Handler,
    Http1Transport,
    MemoryTransport,
    ServerRequest,
    ServerResponse,
    Transport,
    WebTransport,
    serve,
)
from fluvial.objects import Ref, dig
from fluvial.runtime import LeaderElector, SystemClock, lease_name
from fluvial.sources import Web
from fluvial.telemetry import Logger
from fluvial.testing import VirtualClock, run
from tests.flows.flow import Flow
from tests.flows.world import Engine, World
from tests.support.realserver import RealServer

API, GIT, ARTIFACTS = "https://api.fluvial.local", "http://git.fluvial.local", "http://artifacts.fluvial.local"


class Api:
    """The embedded API server, which may go away and come back with the same data."""

    def __init__(self, make: Callable[[], ControlPlane]) -> None:
        self._make = make
        self.plane: ControlPlane | None = None

    async def start(self) -> None:
        self.plane = self._make()
        await self.plane.start()

    async def stop(self) -> None:
        if self.plane is not None:
            plane, self.plane = self.plane, None
            await plane.stop()

    async def handle(self, request: ServerRequest) -> ServerResponse:
        if self.plane is None:
            raise ConnectFailed(f"connection to {API} refused")
        return await self.plane.handle(request)


class LocalEngine(Engine):
    """Both controllers as a task of this loop."""

    def __init__(self, make: Callable[[], Controllers], storage: Path) -> None:
        self._make = make
        self._storage = storage
        self._task: asyncio.Task[None] | None = None
        self.controllers: Controllers | None = None

    async def start(self) -> None:
        self.controllers = self._make()
        self._task = asyncio.create_task(self.controllers.run(), name="controllers")

    async def stop(self) -> None:
        if self._task is not None:
            task, self._task = self._task, None
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    @property
    def leads(self) -> bool:
        """Whether source-controller, which has the storage, is the leader."""
        return self.controllers is not None and self.controllers.managers[0].leadership.is_leader

    def damage(self, path: str, content: bytes | None = None) -> None:
        target = self._storage / path
        target.unlink()
        if content is not None:
            target.write_bytes(content)
            target.chmod(0o600)

    async def serve_artifact(self, request: ServerRequest) -> ServerResponse:
        """Serve the storage without a socket."""
        if self.controllers is None:
            return ServerResponse(503, {}, b"")
        return await self.controllers.artifact_handler(request)


def play_embedded(
    flow: Flow,
    settings: dict[str, Any],
    storage: Path,
    *,
    seed: int = 1,
    audit: Callable[[AuditRecord], None] | None = None,
    faults: Faults | None = None,
    line: Callable[[Transport], Transport] | None = None,
    store: Callable[[], MemoryStore] = MemoryStore,
    rivals: bool = False,
) -> None:
    """Run a flow on virtual time, without sockets.

    Args:
        audit, faults: of the API server.
        line: put around each transport of the controllers, at every start.
        store: opens the API server's data, at every start of it.
        rivals: a second pair of controllers, `world.extra["rival"]`, competes for the leases.
    """
    run(_play_embedded(flow, settings, storage, seed, audit, faults, line or _direct, store, rivals))


def _direct(transport: Transport) -> Transport:
    return transport


async def _play_embedded(
    flow: Flow,
    settings: dict[str, Any],
    storage: Path,
    seed: int,
    audit: Callable[[AuditRecord], None] | None,
    faults: Faults | None,
    line: Callable[[Transport], Transport],
    store: Callable[[], MemoryStore],
    rivals: bool,
) -> None:
    clock, chance = VirtualClock(), random.Random(seed)
    api = Api(lambda: ControlPlane(clock=clock, chance=chance, audit=audit, faults=faults, store=store()))
    await api.start()
    git = MemoryRepository(clock)
    log = Logger(lambda line: None, clock=clock)

    def transport() -> MemoryTransport:
        return MemoryTransport({API: api.handle, GIT: git_handler({"fleet": git}), ARTIFACTS: serve_artifact})

    def lined() -> Transport:
        return line(transport())

    async def serve_artifact(request: ServerRequest) -> ServerResponse:
        leader = engine if engine.leads or rival is None else rival
        return await leader.serve_artifact(request)

    def make(identity: str, folder: Path) -> Controllers:
        def elect(name: str, client: Client) -> LeaderElector:
            lease = lease_name(name)
            return LeaderElector(
                client, namespace="flow", name=lease, identity=identity, clock=clock, chance=chance, log=log
            )

        seams = Seams(
            elect=elect if rivals else None,
            connect=lambda agent: Client(API, lined(), user_agent=agent, chance=chance),
            web=Web(lined(), lambda tls: lined()),  # type: ignore[arg-type]
            artifacts=lined(),
            clock=clock,
            chance=chance,
            log=log,
        )
        own = source.Settings(storage_path=str(folder), storage_addr="", storage_adv_addr=ARTIFACTS)
        return Controllers(seams, own, kustomize.Settings(**settings))

    engine = LocalEngine(lambda: make("first", storage), storage)
    other = storage / "rival"  # every source-controller has a storage of its own
    rival = LocalEngine(lambda: make("second", other), other) if rivals else None
    if rivals:
        other.mkdir(mode=0o700)
    client = Client(API, transport(), user_agent="flow", chance=chance)
    try:
        await install(client)
        await _make_namespace(client, "flow")
        await engine.start()
        world = World(client, "flow", git, f"{GIT}/fleet", engine, {"api": api, "rival": rival})
        await flow(world)
    finally:
        await engine.stop()
        if rival is not None:
            await rival.stop()
        await client.close()
        await api.stop()


def play_real(flow: Flow, settings: dict[str, Any], storage: Path, server: RealServer, namespace: str) -> None:
    """Run a flow on a real kube-apiserver, with Git over loopback HTTP."""
    asyncio.run(_play_real(flow, settings, storage, server, namespace))


async def _play_real(flow: Flow, settings: dict[str, Any], storage: Path, server: RealServer, namespace: str) -> None:
    clock, chance = SystemClock(), random.Random()
    git = MemoryRepository(clock)
    log = Logger(lambda line: None, clock=clock)

    def connect(agent: str) -> Client:
        credentials = FixedHeader.bearer(server.token)
        return Client(
            server.url, Http1Transport(tls=_trusting()), credentials=credentials, user_agent=agent, chance=chance
        )

    async with _served(git_handler({"fleet": git})) as git_url, _transports() as (web, artifacts):

        def make() -> Controllers:
            seams = Seams(
                connect=connect,
                web=Web(web, lambda tls: WebTransport(tls=tls)),
                artifacts=artifacts,
                clock=clock,
                chance=chance,
                log=log,
            )
            own = source.Settings(storage_path=str(storage), storage_addr="127.0.0.1:0", watch_namespace=namespace)
            return Controllers(seams, own, kustomize.Settings(watch_namespace=namespace, **settings))

        engine = LocalEngine(make, storage)
        client = connect("flow")
        kubelet: asyncio.Task[None] | None = None
        try:
            await install(client)
            await _make_namespace(client, namespace)
            kubelet = asyncio.create_task(_make_pods_ready(client, namespace), name="stand-in for a kubelet")
            await engine.start()
            await flow(World(client, namespace, git, f"{git_url}/fleet", engine))
        finally:
            await engine.stop()
            if kubelet is not None:
                kubelet.cancel()
                await asyncio.gather(kubelet, return_exceptions=True)
            await client.close()


async def _make_pods_ready(client: Client, namespace: str) -> None:
    """Do what a kubelet does as far as flows look: a pending pod runs and is ready."""
    async for event in client.watch("v1", "Pod", namespace, send_initial_events=True):
        if event.type in ("ADDED", "MODIFIED") and dig(event.object, "status", "phase") == "Pending":
            conditions = [{"type": kind, "status": "True"} for kind in ("PodScheduled", "ContainersReady", "Ready")]
            status = {"phase": "Running", "conditions": conditions}
            await client.patch(Ref.of(event.object), {"status": status}, kind="merge", subresource="status")


async def _make_namespace(client: Client, name: str) -> None:
    obj = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    await client.apply(obj, field_manager="flow", force=True)


def _trusting() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


@asynccontextmanager
async def _served(handler: Handler) -> AsyncIterator[str]:
    server = await serve(handler)
    try:
        yield server.url
    finally:
        await server.close()


@asynccontextmanager
async def _transports() -> AsyncIterator[tuple[WebTransport, Http1Transport]]:
    web, artifacts = WebTransport(), Http1Transport()
    try:
        yield web, artifacts
    finally:
        await web.close()
        await artifacts.close()
