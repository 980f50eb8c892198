"""A controller's process: client, watches, lease, servers, workers and logs around the controller itself."""

import logging
import os
import random
import socket
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from ssl import SSLContext
from tempfile import gettempdir
from typing import Literal, cast

from fluvial import __version__
from fluvial.artifacts import Fetcher
from fluvial.cli.connect import cluster_config
from fluvial.cli.controller_flags import Process
from fluvial.cli.errors import Failure
from fluvial.cli.proxies import proxy_for
from fluvial.cli.session import Session
from fluvial.cli.signals import on_ending
from fluvial.controllers import kustomize, source
from fluvial.disk import Root
from fluvial.install import cluster_info
from fluvial.kube import Client, ConfigError, KubeError
from fluvial.net import Http1Transport, WebTransport
from fluvial.runtime import (
    Address,
    Cache,
    DiskInFlight,
    EventRecorder,
    LeaderElector,
    Manager,
    ProcessWorkers,
    SystemClock,
    Timings,
    lease_name,
)
from fluvial.sources import Web
from fluvial.stdx import Redactor
from fluvial.telemetry import Level, Logger, Registry, StandardLogging

_MOST_WORKERS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class _Parts:
    """What every controller process has; `stack` closes it all."""

    stack: AsyncExitStack
    client: Client
    cache: Cache
    recorder: EventRecorder
    manager: Manager
    workers: ProcessWorkers
    in_flight: DiskInFlight
    clock: SystemClock
    chance: random.Random
    log: Logger
    registry: Registry
    redactor: Redactor
    host_name: str


async def run_source(session: Session, settings: source.Settings, process: Process) -> None:
    """Run source-controller until a signal ends it."""
    _refuse(settings.problems())
    selector = settings.watch_label_selector
    async with _parts(session, "source-controller", process, selector, grace=10.0) as parts:
        proxies = proxy_for(session.world.environ)
        shared = WebTransport(proxy_for=proxies)
        parts.stack.push_async_callback(shared.close)
        deps = source.Deps(
            client=parts.client,
            cache=parts.cache,
            recorder=parts.recorder,
            web=Web(shared, _dedicated(proxies)),
            workers=parts.workers,
            leadership=parts.manager.leadership,
            clock=parts.clock,
            chance=parts.chance,
            log=parts.log,
            metrics=parts.registry,
            redactor=parts.redactor,
            host_name=parts.host_name,
            in_flight=parts.in_flight,
        )
        with on_ending(parts.manager.stop):
            await source.run(settings, deps, parts.manager)


async def run_kustomize(session: Session, settings: kustomize.Settings, process: Process) -> None:
    """Run kustomize-controller until a signal ends it."""
    _refuse(settings.problems())
    selector = settings.watch_label_selector
    async with _parts(session, "kustomize-controller", process, selector, grace=60.0) as parts:
        artifacts = Http1Transport()
        parts.stack.push_async_callback(artifacts.close)
        fetcher = Fetcher(
            artifacts,
            retries=settings.http_retry,
            workers=parts.workers,
            host=session.world.environ.get("SOURCE_CONTROLLER_LOCALHOST", ""),
        )
        deps = kustomize.Deps(
            client=parts.client,
            cache=parts.cache,
            recorder=parts.recorder,
            fetcher=fetcher,
            workers=parts.workers,
            leadership=parts.manager.leadership,
            clock=parts.clock,
            chance=parts.chance,
            log=parts.log,
            metrics=parts.registry,
            in_flight=parts.in_flight,
        )
        built = kustomize.build(settings, deps)
        parts.stack.push_async_callback(built.close)
        parts.manager.add(built.controller)
        with on_ending(parts.manager.stop):
            await parts.manager.run()


def _refuse(problems: list[str]) -> None:
    if problems:
        raise Failure("; ".join(problems))


@asynccontextmanager
async def _parts(
    session: Session, controller: str, process: Process, selector: str, *, grace: float
) -> AsyncIterator[_Parts]:
    """Make what surrounds a controller, in the order in which it is needed, and close it in the other."""
    environ = session.world.environ
    clock, chance, registry, redactor = SystemClock(), random.SystemRandom(), Registry(), Redactor()
    log = _logger(session, process, clock, redactor)
    host_name = environ.get("HOSTNAME") or socket.gethostname()
    async with AsyncExitStack() as stack:
        stack.enter_context(_library_logs(log))
        client, namespace = await _connected(session, controller, chance, registry)
        stack.push_async_callback(client.close)
        await _name_flux(client, log)
        cache = Cache(chance=chance, log=log, metrics=registry)
        events = Http1Transport() if process.events_addr else None
        if events is not None:
            stack.push_async_callback(events.close)
        recorder = EventRecorder(
            client,
            controller,
            instance=host_name,
            clock=clock,
            log=log,
            metrics=registry,
            redactor=redactor,
            address=process.events_addr,
            transport=events,
        )
        elector = None
        if process.enable_leader_election:
            elector = LeaderElector(
                client,
                namespace=environ.get("RUNTIME_NAMESPACE") or namespace,
                name=lease_name(controller, *([selector] if selector else [])),
                identity=f"{host_name}_{uuid.uuid4()}",
                clock=clock,
                chance=chance,
                log=log,
                metrics=registry,
                timings=_timings(process),
            )
        manager = Manager(
            cache=cache,
            log=log,
            elector=elector,
            release_on_cancel=process.leader_election_release_on_cancel,
            recorder=recorder,
            registry=registry,
            metrics_address=Address.parse(process.metrics_addr),
            health_address=Address.parse(process.health_addr),
            grace=grace,
        )
        size = min(os.cpu_count() or 1, _MOST_WORKERS)
        workers = await stack.enter_async_context(ProcessWorkers(size, preload=("fluvial.build", "fluvial.artifacts")))
        yield _Parts(
            stack=stack,
            client=client,
            cache=cache,
            recorder=recorder,
            manager=manager,
            workers=workers,
            in_flight=_in_flight(stack, controller),
            clock=clock,
            chance=chance,
            log=log,
            registry=registry,
            redactor=redactor,
            host_name=host_name,
        )


async def _connected(
    session: Session, controller: str, chance: random.Random, registry: Registry
) -> tuple[Client, str]:
    """Return the client of the cluster and the namespace in which this process is."""
    cluster = session.globals.cluster
    # Flux drops its client-side limits where the server has priority and fairness, as every server now has.
    limited = (cluster.qps, cluster.burst) != (50.0, 300)
    try:
        config = cluster_config(cluster, session.world.environ)
        client = await config.connect(
            user_agent=f"{controller}/v{__version__} fluvial",
            chance=chance,
            metrics=registry,
            qps=cluster.qps if limited else 0.0,
            burst=cluster.burst if limited else 0,
        )
    except ConfigError as error:
        raise Failure(f"kubernetes configuration load failed: {error}") from error
    return client, config.namespace


async def _name_flux(client: Client, log: Logger) -> None:
    """Say so when the cluster has a Flux: its controllers and ours take turns by their leases."""
    try:
        info = await cluster_info(client)
    except KubeError:
        return  # not allowed to look, or not reachable yet: neither keeps the controller from starting
    if info is not None and info.version and not info.is_fluvial:
        log.info(
            "Flux is installed in this cluster, its controllers and this one never act at once", version=info.version
        )


def _logger(session: Session, process: Process, clock: SystemClock, redactor: Redactor) -> Logger:
    return Logger(
        session.world.err.write,
        clock=clock,
        redactor=redactor,
        level=cast(Level, process.log_level),
        encoding=cast(Literal["json", "console"], process.log_encoding),
    )


class _library_logs:
    """Bring what libraries log into `log`, for as long as the process runs."""

    def __init__(self, log: Logger) -> None:
        self._handler = StandardLogging(log)

    def __enter__(self) -> None:
        logging.getLogger().addHandler(self._handler)

    def __exit__(self, *_: object) -> None:
        logging.getLogger().removeHandler(self._handler)


def _timings(process: Process) -> Timings:
    try:
        return Timings(
            process.leader_election_lease_duration,
            process.leader_election_renew_deadline,
            process.leader_election_retry_period,
        )
    except ValueError as error:
        raise Failure(f"leader election: {error}") from error


def _in_flight(stack: AsyncExitStack, controller: str) -> DiskInFlight:
    # A container's /tmp outlives its process when the pod stays, which is what a crash loop is.
    folder = Path(gettempdir()) / f"fluvial-{controller}-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    root = Root(str(folder), private=True)
    stack.callback(root.close)
    return DiskInFlight(root)


def _dedicated(proxies: Callable[[str], str]) -> Callable[[SSLContext], WebTransport]:
    return lambda tls: WebTransport(tls=tls, proxy_for=proxies)
