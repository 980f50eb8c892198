"""What a running command holds: the world outside, the global flags, the client."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, TextIO, TypeAlias

from fluvial.cli.errors import Failure
from fluvial.cli.globals import Cluster, Globals
from fluvial.cli.say import Say

if TYPE_CHECKING:
    from fluvial.kube import Client
    from fluvial.stdx import Clock

Connect: TypeAlias = "Callable[[Cluster, Mapping[str, str]], Awaitable[Client]]"


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """Everything outside the process that a command may touch, so that a test can bring its own.

    Args:
        program: the name that the user called: `fluvial`, or `flux` through the alias.
        connect: makes a client of an API server; the command closes it.
        here: relative paths of flags start here.
    """

    program: str
    environ: Mapping[str, str]
    out: TextIO
    err: TextIO
    inp: TextIO
    clock: "Clock"
    connect: Connect
    here: Path


@dataclass(slots=True)
class Session:
    """One run of one command."""

    world: World
    globals: Globals
    deadline: float | None = None  # when `--timeout` ends the command, on the running loop's clock
    _client: "Client | None" = field(default=None)

    @property
    def say(self) -> Say:
        return Say(self.world.err)

    @property
    def namespace(self) -> str:
        return self.globals.namespace

    def print(self, text: str, end: str = "\n") -> None:
        """Write data to standard output."""
        self.world.out.write(text + end)
        self.world.out.flush()

    async def client(self) -> "Client":
        """Return the client of the chosen API server, made at the first call."""
        if self._client is None:
            self._client = await self.world.connect(self.globals.cluster, self.world.environ)
        return self._client

    async def close(self) -> None:
        """Close the client, if there is one."""
        if self._client is not None:
            client, self._client = self._client, None
            await client.close()

    def within(self, namespace: str) -> "Session":
        """Return this session with another namespace; the client is shared."""
        return Session(self.world, replace(self.globals, namespace=namespace), self.deadline, self._client)

    def path(self, text: str) -> Path:
        """Return a path from a flag, made absolute from where the command was called."""
        return self.world.here / Path(text).expanduser()

    def confirm(self, question: str, *, refusal: str = "aborting") -> None:
        """Ask a yes/no question on standard error.

        Raises:
            Failure: anything but yes, with `refusal` as its text.
        """
        self.world.err.write(f"{question}? [y/N] ")
        self.world.err.flush()
        if self.world.inp.readline().strip().lower() not in ("y", "yes"):
            raise Failure(refusal)
