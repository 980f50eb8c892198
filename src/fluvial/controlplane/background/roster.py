"""Which controllers run."""

from __future__ import annotations

from fluvial.controlplane.background.definitions import Definitions
from fluvial.controlplane.background.engine import Engine
from fluvial.controlplane.background.garbage import Garbage
from fluvial.controlplane.background.namespaces import Namespaces, ServiceAccounts
from fluvial.controlplane.core import Core
from fluvial.controlplane.watching import Watchers


def assemble(core: Core, watchers: Watchers) -> Engine:
    """Return the engine with the controllers that the settings ask for, not started."""
    engine = Engine(core.store)
    engine.add(Definitions(core, engine, watchers))
    simulation = core.settings.simulation
    if simulation.enabled:
        engine.add(Garbage(core, engine))
        engine.add(Namespaces(core, engine))
        engine.add(ServiceAccounts(core))
    return engine
