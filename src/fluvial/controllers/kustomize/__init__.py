"""Reconciles Kustomizations: builds what a source holds, brings it about in a cluster, and keeps it so.

    controller = build(Settings(), deps)      # a controller for `fluvial.runtime.Manager`, or for one process
    await run(Settings(), deps)               # the same, run until cancelled

A look is observe → decide → act → report, in the modules of these names. Behaviour follows kustomize-controller v1.9
(differences: docs/parity.md, "kustomize-controller").
"""

from functools import partial

from fluvial.api import Reason, names
from fluvial.controllers.kustomize.judging import check_server, on_doubt, on_managed
from fluvial.controllers.kustomize.observe import observe
from fluvial.controllers.kustomize.reconcile import reconcile
from fluvial.controllers.kustomize.report import Draft
from fluvial.controllers.kustomize.settings import GATES, Settings
from fluvial.controllers.kustomize.watches import Watches
from fluvial.controllers.kustomize.world import Deps, World
from fluvial.controllers.kustomize.writer import write_status
from fluvial.runtime import Controller, Key
from fluvial.telemetry import Logger

__all__ = ["GATES", "Deps", "KustomizeController", "Settings", "UnsupportedSettings", "build", "run"]


class UnsupportedSettings(ValueError):
    """Flags or gates whose effect is not built: the start ends here."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


class KustomizeController:
    """The controller and what runs beside its workers. Give `controller` to a manager, and `close` at the end."""

    def __init__(self, controller: Controller, world: World) -> None:
        self.controller = controller
        self.world = world

    async def run(self) -> None:
        """Reconcile until cancelled, from when the watches are complete: an empty copy is not an empty cluster."""
        try:
            await self.world.deps.cache.wait_synced()
            await self.controller.run()
        finally:
            await self.close()

    async def close(self) -> None:
        """End every wait."""
        await self.world.close()


def build(settings: Settings, deps: Deps) -> KustomizeController:
    """Connect a controller; it does nothing until it runs.

    Raises:
        UnsupportedSettings
    """
    if problems := settings.problems():
        raise UnsupportedSettings(problems)
    world = World(settings=settings, deps=deps, watches=Watches(settings, deps.client, deps.cache))
    world.watches.on_managed = partial(on_managed, world)
    world.watches.on_doubt = partial(on_doubt, world)
    world.watches.on_return = partial(_server_is_back, world)

    controller = Controller(
        "kustomization",
        names.KUSTOMIZATION,
        partial(reconcile, world),
        group=names.KUSTOMIZE_GROUP,
        concurrency=settings.concurrent,
        chance=deps.chance,
        log=deps.log,
        metrics=deps.metrics,
        min_delay=settings.min_retry_delay,
        max_delay=settings.max_retry_delay,
        in_flight=deps.in_flight,
        set_aside=partial(_set_aside, world),
    )
    world.controller = controller

    def is_blocked(key: Key) -> bool:
        memory = world.memories.get(key)
        return memory is not None and bool(memory.blocked)

    world.watches.start(
        controller,
        is_blocked,
        lambda circle: deps.log.error("failed to sort dependencies for revision change", error=circle),
    )
    return KustomizeController(controller, world)


def _server_is_back(world: World) -> None:
    world.spawn(check_server(world), "server version")


async def _set_aside(world: World, key: Key, crashes: int, log: Logger) -> None:
    """Mark a Kustomization that was in flight at several crashes in a row."""
    seen = await observe(world, key)
    if seen.obj is None or seen.memory is None:
        return
    draft = Draft(seen.obj, world.deps.clock.now())
    text = f"the controller crashed {crashes} times in a row while reconciling this object, which is set aside"
    draft.stalled(Reason.QUARANTINED, text, observed=True)
    await write_status(world, seen.memory, seen.obj, draft.obj)


async def run(settings: Settings, deps: Deps) -> None:
    """Build a controller and run it until cancelled; the caller runs cache, recorder and lease.

    Raises:
        UnsupportedSettings
    """
    await build(settings, deps).run()
