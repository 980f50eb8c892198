"""A cluster in memory and a command line that talks to it, without sockets."""

import asyncio
import io
import random
import shlex
from collections.abc import Callable, Coroutine, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import pytest

from fluvial.api import crds
from fluvial.cli import World, dispatch
from fluvial.cli.connect import connect
from fluvial.cli.globals import Cluster
from fluvial.controlplane import ControlPlane, Settings, Simulation
from fluvial.kube import Client
from fluvial.net import MemoryTransport, ServerRequest, ServerResponse
from fluvial.objects import Object
from fluvial.yamldoc import load_all

VECTORS = Path(__file__).parent.parent / "vectors" / "flux2-cli"
SERVER = "https://api.fluvial.local"
T = TypeVar("T")


class FixedClock:
    """A clock that stands still."""

    def __init__(self, now: datetime) -> None:
        self._now = now

    def now(self) -> datetime:
        return self._now


NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)


@dataclass(frozen=True)
class Ran:
    """What a command did: its exit code, and what it wrote, apart and together in the order of writing."""

    code: int
    out: str
    err: str
    both: str


class _Tee(io.StringIO):
    def __init__(self, both: io.StringIO) -> None:
        super().__init__()
        self._both = both

    def write(self, text: str) -> int:
        self._both.write(text)
        return super().write(text)


@dataclass
class Cli:
    """The command line of a test."""

    plane: ControlPlane | None = None
    environ: dict[str, str] = field(default_factory=dict)
    here: Path = VECTORS
    program: str = "fluvial"
    logs: str = ""  # what a kubelet would answer for any pod; empty = there is none

    def client(self) -> Client:
        assert self.plane is not None
        transport = MemoryTransport({SERVER: self._answer})
        return Client(SERVER, transport, chance=random.Random(1))

    async def _connect(self, cluster: Cluster, environ: Mapping[str, str]) -> Client:
        return await connect(cluster, environ) if self.plane is None and environ else self.client()

    async def _answer(self, request: ServerRequest) -> ServerResponse:
        assert self.plane is not None
        if self.logs and request.path.endswith("/log"):
            return ServerResponse(200, {"content-type": "text/plain"}, self.logs.encode())
        return await self.plane.handle(request)

    async def run(self, *words: str, answer: str = "") -> Ran:
        """Run one command; the first of `words` may be a whole command line. `answer` is its standard input."""
        words = (*shlex.split(words[0]), *words[1:])
        both = io.StringIO()
        out, err = _Tee(both), _Tee(both)
        world = World(
            program=self.program,
            environ=self.environ,
            out=out,
            err=err,
            inp=io.StringIO(answer),
            clock=FixedClock(NOW),
            connect=self._connect,
            here=self.here,
        )
        result = dispatch(words, world)
        code = result if isinstance(result, int) else await result.work
        return Ran(code, out.getvalue(), err.getvalue(), both.getvalue())

    async def create(self, objects: Iterable[Object]) -> None:
        """Create objects, and give those that have a status their status."""
        client = await self._connect(Cluster(), self.environ)
        for obj in objects:
            if obj["kind"] == "Namespace" and await client.get("v1", "Namespace", "", obj["metadata"]["name"]):
                continue
            made = await client.create(obj)
            if "status" in obj and obj["kind"] != "Namespace":
                await client.update({**made, "status": obj["status"]}, subresource="status")
        await client.close()

    async def load(self, name: str, **values: str) -> None:
        """Create the objects of a vector file, with its placeholders filled in; namespaces that it lacks too."""
        objects = [document.value for document in load_all(fill(vector(name), **values)) if document.value]
        await self.create(namespaces_of(objects))
        await self.create(obj for obj in objects if obj["kind"] != "Namespace")


def namespaces_of(objects: list[Object]) -> list[Object]:
    """Return the namespaces that `objects` need, besides those that every cluster has."""
    names = {obj["metadata"]["name"] for obj in objects if obj["kind"] == "Namespace"}
    names |= {obj["metadata"].get("namespace", "default") for obj in objects if obj["kind"] != "Namespace"}
    wanted = sorted(names - {"default", "kube-system"})
    return [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}} for name in wanted]


def vector(name: str) -> str:
    """Return the text of a vector file."""
    return (VECTORS / name).read_text()


def fill(text: str, **values: str) -> str:
    """Fill Go template placeholders such as `{{ .ns }}`."""
    for key, value in values.items():
        text = text.replace(f"{{{{ .{key} }}}}", value)
    # Go's test fills this one too, with nothing.
    return text.replace("{{range .Updated.Images}}{{println .}}{{end}}", "")


@asynccontextmanager
async def cluster(*, flux: bool = True, workloads: bool = False) -> Any:
    """Yield a command line with a cluster; `flux` gives it the Flux kinds."""
    simulation = Simulation(workloads=workloads)
    plane = ControlPlane(clock=FixedClock(NOW), chance=random.Random(7), settings=Settings(simulation=simulation))
    await plane.start()
    cli = Cli(plane)
    try:
        if flux:
            await cli.create(crds())
        yield cli
    finally:
        await plane.stop()


@pytest.fixture
def on_cluster() -> Callable[[Callable[[Cli], Coroutine[Any, Any, T]]], T]:
    """Run a coroutine function with a command line whose cluster has the Flux kinds."""

    def run(body: Callable[[Cli], Coroutine[Any, Any, T]]) -> T:
        async def main() -> T:
            async with cluster() as cli:
                return await body(cli)

        return asyncio.run(main())

    return run


@pytest.fixture
def vectors() -> Callable[..., str]:
    """Read a vector file, with placeholders filled in."""

    def read(name: str, **values: str) -> str:
        return fill(vector(name), **values)

    return read


@pytest.fixture
def offline() -> Cli:
    """A command line without a cluster."""
    return Cli()
