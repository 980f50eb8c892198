"""An API server in this process, for first runs, tests and offline checks: the other end of `wire`.

It answers as kube-apiserver 1.36 does and simulates the controllers and nodes behind it. Absent on purpose: containers
(logs and exec say so), protobuf, aggregated APIs. Later: admission webhooks and policies, RBAC; the chain they fit
into stands (authenticate → authorise → decode → admit → default → validate → store).

    plane = ControlPlane(clock=clock, chance=chance)     # in memory; or store=SqliteStore(path)
    await plane.start()
    transport = MemoryTransport({"https://api.fluvial.local": plane.handle})
    ...
    access = Access.make(now=clock.now())
    server = await plane.serve_tls(access)               # for kubectl: access.kubeconfig(server.url)
    ...
    await server.close()
    await plane.stop()
"""

from fluvial.controlplane.access import Access
from fluvial.controlplane.audit import AuditRecord
from fluvial.controlplane.errors import NewerStore, StoreError
from fluvial.controlplane.faults import Faults, ServerFault
from fluvial.controlplane.plane import ControlPlane
from fluvial.controlplane.settings import Settings, Simulation
from fluvial.controlplane.sqlite import SqliteStore
from fluvial.controlplane.store import MemoryStore

__all__ = [
    "Access",
    "AuditRecord",
    "ControlPlane",
    "Faults",
    "MemoryStore",
    "NewerStore",
    "ServerFault",
    "Settings",
    "Simulation",
    "SqliteStore",
    "StoreError",
]
