"""Which controllers run."""

from __future__ import annotations

from fluvial.controlplane.background.definitions import Definitions
from fluvial.controlplane.background.engine import Engine
from fluvial.controlplane.background.garbage import Garbage
from fluvial.controlplane.background.namespaces import Namespaces, ServiceAccounts
from fluvial.controlplane.background.workloads.daemonsets import DaemonSets
from fluvial.controlplane.background.workloads.deployments import Deployments
from fluvial.controlplane.background.workloads.jobs import Jobs
from fluvial.controlplane.background.workloads.pods import Pods
from fluvial.controlplane.background.workloads.replicasets import ReplicaSets
from fluvial.controlplane.background.workloads.services import Claims, LoadBalancers
from fluvial.controlplane.background.workloads.statefulsets import StatefulSets
from fluvial.controlplane.core import Core
from fluvial.controlplane.watching import Watchers


def assemble(core: Core, watchers: Watchers) -> Engine:
    """Return the engine with the controllers that the settings ask for, not started."""
    engine = Engine(core.store)
    # A kind that is defined must never seem unknown: whoever asks might take its objects for gone.
    engine.add(Definitions(core, engine, watchers), first=True)
    simulation = core.settings.simulation
    if simulation.enabled:
        engine.add(Garbage(core, engine))
        engine.add(Namespaces(core, engine))
        engine.add(ServiceAccounts(core))
    if simulation.enabled and simulation.workloads:
        engine.add(Deployments(core, engine))
        engine.add(ReplicaSets(core, engine))
        engine.add(ReplicaSets(core, engine, "replicationcontrollers", "ReplicationController"))
        engine.add(StatefulSets(core, engine))
        engine.add(DaemonSets(core, engine))
        engine.add(Jobs(core, engine))
        engine.add(Pods(core, engine))
        engine.add(LoadBalancers(core, engine))
        engine.add(Claims(core))
    return engine
