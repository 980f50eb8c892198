"""Makes artifacts of sources and keeps them where consumers fetch them: source-controller.

Kinds built so far: GitRepository. A look goes through `observe` (the object, storage, upstream), `decide`, `act`
(storage) and `report` (conditions and events); `reconcile` joins them. Behaviour, names and texts: Flux's
source-controller; differences: docs/parity.md, "source-controller".
"""

from dataclasses import dataclass

from fluvial.api import names
from fluvial.artifacts import Store
from fluvial.controllers.source.reconcile import reconcile, set_aside
from fluvial.controllers.source.server import ArtifactServer, advertised
from fluvial.controllers.source.settings import GATES, Settings
from fluvial.controllers.source.world import Deps, World
from fluvial.disk import Root
from fluvial.git import SshAlgorithms
from fluvial.net import Handler
from fluvial.runtime import Address, Controller, Key, Manager, Result, drop_managed_fields
from fluvial.telemetry import Logger

__all__ = ["GATES", "Deps", "Settings", "SourceController", "build", "run"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceController:
    """A controller that is built but does not run yet.

    Attributes:
        handler: serves the storage; mount it where `settings.storage_addr` names no server.
    """

    controller: Controller
    handler: Handler
    server: ArtifactServer
    root: Root

    def add_to(self, manager: Manager) -> None:
        """Let a manager run it: the artifact server and the controller while we lead."""
        manager.add_service("artifact server", self.server.run, leader_only=True)
        manager.add(self.controller)

    def close(self) -> None:
        """Let go of the storage, after the manager has ended."""
        self.root.close()


def build(settings: Settings, deps: Deps) -> SourceController:
    """Make the controller and start its watch.

    Raises:
        ValueError: settings that cannot be started with; the text names every flag.
        OSError: the storage cannot be opened.
    """
    if problems := settings.problems():
        raise ValueError("\n".join(problems))
    port = Address.parse(settings.storage_addr).port
    root = Root(settings.storage_path)
    store = Store(
        root,
        host=advertised(settings, deps.host_name, port or 0),
        clock=deps.clock,
        ttl=settings.artifact_retention_ttl,
        records=settings.artifact_retention_records,
        algorithm=settings.artifact_digest_algo,
    )
    informer = deps.cache.informer(
        deps.client,
        names.SOURCE_V1,
        names.GIT_REPOSITORY,
        settings.watch_namespace,
        labels=settings.watch_label_selector,
        transform=drop_managed_fields,
    )
    world = World(
        settings=settings,
        deps=deps,
        store=store,
        repositories=informer,
        ssh=SshAlgorithms(settings.ssh_kex_algos, settings.ssh_hostkey_algos),
    )
    server = ArtifactServer(world)

    async def look(key: Key, log: Logger) -> Result:
        await server.open.wait()
        return await reconcile(world, key, log)

    async def aside(key: Key, crashes: int, log: Logger) -> None:
        await set_aside(world, key, crashes, log)

    controller = Controller(
        "gitrepository",
        names.GIT_REPOSITORY,
        look,
        group=names.SOURCE_GROUP,
        concurrency=settings.concurrent,
        chance=deps.chance,
        log=deps.log,
        metrics=deps.metrics,
        min_delay=settings.min_retry_delay,
        max_delay=settings.max_retry_delay,
        in_flight=deps.in_flight,
        set_aside=aside,
    )
    controller.watch(informer)
    return SourceController(controller=controller, handler=server.handler, server=server, root=root)


async def run(settings: Settings, deps: Deps, manager: Manager) -> None:
    """Run the controller in a manager of its own until it is stopped.

    Raises:
        ValueError, OSError: as `build`.
        LeadershipLost, ExceptionGroup: as `Manager.run`.
    """
    source = build(settings, deps)
    source.add_to(manager)
    try:
        await manager.run()
    finally:
        source.close()
