"""A cluster in this process: the embedded API server behind TLS, the Flux kinds, and the controllers."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from ssl import SSLContext
from tempfile import TemporaryDirectory

from fluvial import __version__
from fluvial.api import crds
from fluvial.controllers import kustomize, source
from fluvial.controlplane import Access, ControlPlane, MemoryStore, SqliteStore
from fluvial.disk import write_private
from fluvial.kube import Client
from fluvial.local.controllers import Controllers, Seams
from fluvial.net import Http1Transport, MemoryTransport, WebTransport
from fluvial.runtime import Address, SystemClock
from fluvial.sources import Web
from fluvial.stdx import Chance
from fluvial.telemetry import Logger, silent_logger
from fluvial.yamldoc import dump

_ORIGIN = "https://api.fluvial.local"
_ANYWHERE = Address("127.0.0.1", 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """A running cluster.

    Attributes:
        client: an administrator's, without sockets.
        server: URL of the API server for others; `kubeconfig` gets them in.
    """

    client: Client
    server: str
    kubeconfig: Path
    controllers: Controllers
    running: asyncio.Task[None]


@asynccontextmanager
async def cluster(
    *,
    folder: Path | None = None,
    kubeconfig: Path | None = None,
    host: str = "127.0.0.1",
    port: int = 0,
    log: Logger | None = None,
) -> AsyncIterator[Cluster]:
    """Start everything, yield when it is ready, stop everything in order.

    Args:
        folder: where data, artifacts and kubeconfig are kept; None keeps data in memory and artifacts in a temporary
            folder that goes with the cluster.
        kubeconfig: where to write it, mode 0600, when all is ready.
    Raises:
        StoreError, NewerStore: the data in `folder` cannot be used.
        OSError: an address or a folder cannot be used.
    """
    clock, chance = SystemClock(), random.SystemRandom()
    log = log or silent_logger(clock)
    async with AsyncExitStack() as stack:
        root = _own_folder(stack, folder)
        store = MemoryStore() if folder is None else SqliteStore(str(root / "cluster.sqlite"))
        plane = ControlPlane(clock=clock, chance=chance, store=store)
        stack.push_async_callback(plane.stop)
        await plane.start()
        access = Access.make(now=clock.now())
        server = await plane.serve_tls(access, host=host, port=port)
        stack.push_async_callback(server.close)
        client = _in_process(plane, "fluvial", chance)
        stack.push_async_callback(client.close)
        await install(client)
        controllers = _controllers(stack, plane, root, log, clock, chance)
        running = asyncio.create_task(controllers.run(), name="controllers")
        stack.push_async_callback(_ended, running)
        await _started(controllers, running)
        target = kubeconfig or root / "kubeconfig"
        write_private(str(target), dump(access.kubeconfig(server.url)).encode())
        yield Cluster(client=client, server=server.url, kubeconfig=target, controllers=controllers, running=running)


async def up(
    *, folder: Path | None, kubeconfig: Path | None, host: str, port: int, say: Callable[[str], object]
) -> None:
    """Run a cluster until cancelled, and tell when it is ready; see `cluster` for arguments and errors."""
    async with cluster(folder=folder, kubeconfig=kubeconfig, host=host, port=port) as made:
        say(f"Kubernetes API server at {made.server}")
        say(f"controllers running, metrics at {made.controllers.managers[0].metrics_url}")
        say(f"kubeconfig written to {made.kubeconfig}; try: kubectl --kubeconfig {made.kubeconfig} get all -A")
        await made.running  # ends only when a controller fails


async def install(client: Client) -> None:
    """Create the Flux kinds and the namespace flux-system, and wait until the kinds are served."""
    await client.apply(
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "flux-system"}}, field_manager="flux", force=True
    )
    definitions = crds()
    for crd in definitions:
        # By these labels `check`, and Flux's own command, recognise an installation.
        crd["metadata"]["labels"] = crd["metadata"].get("labels", {}) | {
            "app.kubernetes.io/part-of": "flux",
            "app.kubernetes.io/version": f"v{__version__}",
            "app.kubernetes.io/managed-by": "fluvial",
        }
        await client.apply(crd, field_manager="flux", force=True)
    wanted = {
        (f"{crd['spec']['group']}/{version['name']}", crd["spec"]["names"]["kind"])
        for crd in definitions
        for version in crd["spec"]["versions"]
    }
    while True:
        if wanted <= {(found.api_version, found.kind) for found in await client.resources(refresh=True)}:
            return
        await asyncio.sleep(0.02)  # the server establishes a definition a moment after it is written


def _own_folder(stack: AsyncExitStack, folder: Path | None) -> Path:
    if folder is not None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return folder
    return Path(stack.enter_context(TemporaryDirectory(prefix="fluvial-")))


def _in_process(plane: ControlPlane, user_agent: str, chance: Chance) -> Client:
    return Client(_ORIGIN, MemoryTransport({_ORIGIN: plane.handle}), user_agent=user_agent, chance=chance)


def _controllers(
    stack: AsyncExitStack, plane: ControlPlane, root: Path, log: Logger, clock: SystemClock, chance: Chance
) -> Controllers:
    web, artifacts = WebTransport(), Http1Transport()
    stack.push_async_callback(web.close)
    stack.push_async_callback(artifacts.close)
    seams = Seams(
        connect=lambda user_agent: _in_process(plane, user_agent, chance),
        web=Web(web, _dedicated),
        artifacts=artifacts,
        clock=clock,
        chance=chance,
        log=log,
    )
    storage = root / "artifacts"
    storage.mkdir(mode=0o700, exist_ok=True)
    return Controllers(
        seams,
        source.Settings(storage_path=str(storage), storage_addr="127.0.0.1:0", storage_adv_addr=""),
        kustomize.Settings(),
        metrics_address=_ANYWHERE,
        health_address=_ANYWHERE,
    )


def _dedicated(tls: SSLContext) -> WebTransport:
    return WebTransport(tls=tls)


async def _started(controllers: Controllers, running: asyncio.Task[None]) -> None:
    started = [asyncio.create_task(manager.started.wait(), name="started") for manager in controllers.managers]
    try:
        await asyncio.wait([running, *started[:1]], return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            running.result()
        await asyncio.gather(*started)
    finally:
        for task in started:
            task.cancel()


async def _ended(running: asyncio.Task[None]) -> None:
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
