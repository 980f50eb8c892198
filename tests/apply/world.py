"""A cluster in this process, on virtual time, and what the tests of `apply` do with it."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from fluvial import testing
from fluvial.apply import (
    ChangeSet,
    Cluster,
    Options,
    Owner,
    carry_out,
    make_plan,
    preflight,
    resolve,
)
from fluvial.controlplane import AuditRecord, ControlPlane
from fluvial.kube import Client
from fluvial.net import MemoryTransport
from fluvial.objects import Object

SERVER = "https://api.fluvial.local"
OWNER = Owner("apps", "flux-system")


@dataclass
class World:
    plane: ControlPlane
    client: Client
    cluster: Cluster
    audit: list[AuditRecord] = field(default_factory=list)

    async def apply(
        self, *objects: Object, force: bool = False, owner: Owner = OWNER, cluster: Cluster | None = None
    ) -> ChangeSet:
        """Apply `objects` from plan to end."""
        cluster = cluster or self.cluster
        options = Options(force=force)
        resolved = await resolve(cluster, make_plan(objects, owner))
        return await carry_out(cluster, await preflight(cluster, resolved, options), options)

    async def get(self, kind: str, name: str, namespace: str = "default", api_version: str = "v1") -> Object | None:
        return await self.client.get(api_version, kind, namespace, name)

    def requests(self) -> list[str]:
        """What was asked since the last call, as `verb resource/name`; discovery left out."""
        found = [
            f"{'dry-run ' if record.dry_run else ''}{record.verb} {record.resource}"
            for record in self.audit
            if record.resource
        ]
        self.audit.clear()
        return found


def config_map(name: str, namespace: str = "default", **data: str) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": namespace},
        "data": data or {"key": "value"},
    }


def run(test: Callable[[World], Awaitable[None]]) -> None:
    """Run `test` in a world of its own, on virtual time."""

    async def main() -> None:
        async with world() as made:
            await test(made)

    testing.run(main())


@asynccontextmanager
async def world() -> AsyncIterator[World]:
    audit: list[AuditRecord] = []
    clock, chance = testing.VirtualClock(), testing.chance()
    plane = ControlPlane(clock=clock, chance=chance, audit=audit.append)
    await plane.start()
    client = Client(SERVER, MemoryTransport({SERVER: plane.handle}), chance=chance)
    try:
        yield World(plane, client, Cluster(client=client, clock=clock), audit)
    finally:
        await client.close()
        await plane.stop()
