"""Kill -9 at a chosen write: the controllers' lines to the world, and what must hold whenever they were cut.

A killed process sends nothing more, whatever its tasks still try; the server finishes what had reached it.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from fluvial.api.inventory import read_inventory
from fluvial.net import ConnectFailed, ReplyLost, Request, Response, Transport
from fluvial.objects import Object, Ref, labels
from tests.flows.servers import API
from tests.flows.world import KUSTOMIZE_API, World

NAME_LABEL, NAMESPACE_LABEL = "kustomize.toolkit.fluxcd.io/name", "kustomize.toolkit.fluxcd.io/namespace"
DOWN = 1.0  # seconds until the killed process is started again


class Mode(Enum):
    """What happens at the chosen write."""

    BEFORE = "killed before the write reaches the server"
    AFTER = "killed after the server acted"
    LOST = "the reply is lost, the process lives"


@dataclass(slots=True)
class Life:
    """One process, from its start until it is killed."""

    dead: bool = False


@dataclass
class Crash:
    """The controllers' writes are counted, and at number `at` (from 0) the mode happens; once.

    Args:
        at: None = never.
        writes: what was written until then, as "METHOD path".
    """

    at: int | None = None
    mode: Mode = Mode.BEFORE
    writes: list[str] = field(default_factory=list)
    struck: bool = False
    killed: asyncio.Event = field(default_factory=asyncio.Event)
    life: Life = field(default_factory=Life)

    def line(self, transport: Transport) -> "Line":
        """Return a line of the process that is being started."""
        return Line(self, self.life, transport)

    def strikes(self, request: Request) -> bool:
        """Count a request of a living process, and tell whether it is the chosen one."""
        if not is_write(request):
            return False
        self.writes.append(f"{request.method} {request.url.removeprefix(API).partition('?')[0]}")
        if self.struck or self.at is None or len(self.writes) <= self.at:
            return False
        self.struck = True
        return True

    def kill(self) -> None:
        """End the process as kill -9 does."""
        self.life.dead = True
        self.killed.set()

    async def supervise(self, world: World, look: Callable[[World], Any]) -> None:
        """Start the process again when it was killed; `look` sees the cluster as the killed one left it."""
        await self.killed.wait()
        await world.engine.stop()
        await look(world)
        await asyncio.sleep(DOWN)
        self.life = Life()
        await world.engine.start()


class Line:
    """A transport of one process, dead when the process is."""

    def __init__(self, crash: Crash, life: Life, inner: Transport) -> None:
        self._crash, self._life, self._inner = crash, life, inner

    async def send(self, request: Request) -> Response:
        if self._life.dead:
            raise ConnectFailed("this process was killed")
        if not self._crash.strikes(request):
            return await self._alive(await self._inner.send(request))
        if self._crash.mode is not Mode.BEFORE:
            (await self._inner.send(request)).close()
        if self._crash.mode is Mode.LOST:
            raise ReplyLost("the connection was closed before the reply")
        self._crash.kill()
        return await self._alive(None)

    async def _alive(self, reply: Response | None) -> Response:
        """Return a reply to a living process; a dead one takes no further step until its tasks are ended."""
        if reply is None or self._life.dead:
            await asyncio.Event().wait()
        assert reply is not None
        return reply

    async def close(self) -> None:
        await self._inner.close()


def is_write(request: Request) -> bool:
    """Whether a request of a controller may leave a change in the cluster."""
    return request.url.startswith(API) and request.method not in ("GET", "HEAD") and "dryRun=" not in request.url


# -- what holds at any moment


async def nothing_untracked(world: World) -> None:
    """Each object that carries a Kustomization's labels is named by its inventory."""
    for obj in await owned(world):
        named = await inventory(world, labels(obj)[NAME_LABEL])
        assert Ref.of(obj) in named, f"{Ref.of(obj)} is in no inventory: {named}"


async def owned(world: World, *, namespaces: tuple[str, ...] = ("", "made")) -> list[Object]:
    """The live ConfigMaps and Namespaces that carry owner labels."""
    found: list[Object] = []
    for namespace in namespaces:
        found += (await world.client.list("v1", "ConfigMap", namespace or world.namespace)).items
    found += (await world.client.list("v1", "Namespace")).items
    return [obj for obj in found if labels(obj).get(NAMESPACE_LABEL) == world.namespace]


async def inventory(world: World, name: str) -> tuple[Ref, ...]:
    """What a Kustomization names."""
    obj = await world.client.get(KUSTOMIZE_API, "Kustomization", world.namespace, name)
    return read_inventory(obj or {})
