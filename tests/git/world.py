"""A repository, a server and a client in one process, without sockets."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

from fluvial.api import GitReference, git_credentials
from fluvial.git import Fetched, Limits, MemoryRepository, Remote, Snapshot, connect, fetch, git_handler, resolve
from fluvial.net import MemoryTransport, ServerRequest, ServerResponse

URL = "https://git.test/fleet.git"
START = datetime(2026, 1, 1, tzinfo=UTC)


class TickingClock:
    """Each look is a minute later, so that commits have an order."""

    def __init__(self) -> None:
        self._minutes = 0

    def now(self) -> datetime:
        self._minutes += 1
        return START + timedelta(minutes=self._minutes)


def repository() -> MemoryRepository:
    return MemoryRepository(TickingClock())


class Host:
    """`https://git.test`, with what it was asked."""

    def __init__(
        self, git: MemoryRepository, *, protocol: int = 2, allow: Callable[[ServerRequest], bool] | None = None
    ) -> None:
        self.repositories = {"fleet": git}
        self.requests: list[ServerRequest] = []
        self._handler = git_handler(self.repositories, allow=allow, newest_protocol=protocol)
        self.web = MemoryTransport({"https://git.test": self._answer})

    async def _answer(self, request: ServerRequest) -> ServerResponse:
        self.requests.append(request)
        return await self._handler(request)

    @asynccontextmanager
    async def open(self, url: str = URL, secret: dict[str, bytes] | None = None) -> AsyncIterator[Remote]:
        async with connect(url, git_credentials(url, secret), web=self.web) as remote:
            yield remote

    async def get(self, *, known: Snapshot | None = None, limits: Limits | None = None, **reference: str) -> Fetched:
        """Resolve and fetch in one conversation."""
        async with self.open() as remote:
            found = await resolve(remote, GitReference(**reference))
            return await fetch(remote, found, known=known, limits=limits)
