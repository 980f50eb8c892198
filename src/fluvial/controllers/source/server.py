"""The artifact server of the leader, and what is proved before it opens."""

import asyncio

from fluvial.artifacts import artifact_handler
from fluvial.controllers.source.observe import Stored, check_storage, read_object
from fluvial.controllers.source.report import Draft
from fluvial.controllers.source.settings import Settings
from fluvial.controllers.source.world import World
from fluvial.controllers.source.writer import Replaced, write_status
from fluvial.kube import KubeError
from fluvial.net import serve
from fluvial.runtime import Address


class ArtifactServer:
    """Serves the storage while we lead.

    Attributes:
        open: set when artifacts can be fetched; no source is reconciled before.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self.open = asyncio.Event()
        self.handler = artifact_handler(world.store.root)

    async def run(self) -> None:
        """Take back every Ready whose artifact is gone, then serve until cancelled."""
        world, settings = self._world, self._world.settings
        await world.repositories.wait_synced()
        await prove(world)
        address = Address.parse(settings.storage_addr)
        if address.port is None:
            self.open.set()
            return
        server = await serve(self.handler, address.host, address.port, hosts=address.hosts)
        try:
            world.store.advertise(advertised(settings, world.deps.host_name, server.port))
            self.open.set()
            await asyncio.get_running_loop().create_future()
        finally:
            self.open.clear()
            await server.close()


async def prove(world: World) -> None:
    """Take `status.artifact` and Ready from every source whose archive is not in storage.

    After a restart without a volume that is all of them, and their consumers must not wait for the first fetches.
    """
    for obj in world.repositories.list():
        seen = read_object(obj)
        if seen.source is None or seen.deleted or seen.source.suspend:
            continue
        if check_storage(world.store, seen.source).stored in (Stored.NONE, Stored.INTACT):
            continue
        draft = Draft(obj, world.deps.clock.now())
        draft.begin()
        draft.without_artifact(disappeared=True)
        try:
            await write_status(world, obj, draft.obj)
        except (KubeError, Replaced) as error:
            world.deps.log.error("cannot take back the artifact of a source", error=error, object=str(seen.source.ref))


def advertised(settings: Settings, host_name: str, port: int) -> str:
    """Return the host that artifact URLs name (fluxcd/pkg `artifact/config` `GetAdvertisedAddress`).

    Args:
        port: that is really listened on.
    """
    if settings.storage_adv_addr:
        return settings.storage_adv_addr
    host = Address.parse(settings.storage_addr).host
    if host in ("", "localhost"):
        return f"localhost:{port}"
    if host == "0.0.0.0":
        return f"{host_name}:{port}"
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
