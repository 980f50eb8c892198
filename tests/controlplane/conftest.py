"""A control plane without sockets, on virtual time."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import msgspec
import pytest

from fluvial.controlplane import AuditRecord, ControlPlane, MemoryStore, Settings, Simulation
from fluvial.net import ServerRequest
from fluvial.testing import VirtualClock, chance, run

APPLY = "application/apply-patch+yaml"
MERGE = "application/merge-patch+json"


class Reply:
    """An answer: its code, and its body parsed."""

    def __init__(self, code: int, headers: dict[str, str], raw: bytes | AsyncIterator[bytes]) -> None:
        self.code = code
        self.headers = headers
        self.raw = raw

    @property
    def json(self) -> Any:
        assert isinstance(self.raw, bytes)
        return msgspec.json.decode(self.raw)

    @property
    def message(self) -> str:
        text: str = self.json["message"]
        return text

    @property
    def events(self) -> AsyncIterator[Any]:
        return _events(self.raw)


async def _events(stream: Any) -> AsyncIterator[Any]:
    async for chunk in stream:
        for line in chunk.splitlines():
            yield msgspec.json.decode(line)


class Api:
    """Speaks to a control plane as a client does."""

    def __init__(self, plane: ControlPlane, audit: list[AuditRecord]) -> None:
        self.plane = plane
        self.audit = audit

    async def send(self, method: str, target: str, body: Any = None, **headers: str) -> Reply:
        path, _, query = target.partition("?")
        named = {key.replace("_", "-"): value for key, value in headers.items()}
        raw = body if isinstance(body, bytes) else b"" if body is None else msgspec.json.encode(body)
        answer = await self.plane.handle(ServerRequest(method, path, query, named, raw))
        return Reply(answer.status, dict(answer.headers), answer.body)

    async def get(self, target: str, **headers: str) -> Reply:
        return await self.send("GET", target, **headers)

    async def post(self, target: str, body: Any, **headers: str) -> Reply:
        return await self.send("POST", target, body, **headers)

    async def put(self, target: str, body: Any, **headers: str) -> Reply:
        return await self.send("PUT", target, body, **headers)

    async def delete(self, target: str, body: Any = None) -> Reply:
        return await self.send("DELETE", target, body)

    async def patch(self, target: str, body: Any, kind: str = MERGE) -> Reply:
        return await self.send("PATCH", target, body, content_type=kind)

    async def apply(self, target: str, body: Any, manager: str = "test", query: str = "") -> Reply:
        return await self.patch(f"{target}?fieldManager={manager}{query}", body, APPLY)


Scenario = Callable[[Api], Awaitable[None]]
Drive = Callable[..., None]


@pytest.fixture
def drive() -> Drive:
    """Return a function that runs a scenario against a fresh control plane on virtual time."""

    def driven(scenario: Scenario, *, store: MemoryStore | None = None, **simulation: Any) -> None:
        async def main() -> None:
            audit: list[AuditRecord] = []
            settings = Settings(simulation=Simulation(**simulation))
            plane = ControlPlane(
                clock=VirtualClock(), chance=chance(), store=store, settings=settings, audit=audit.append
            )
            await plane.start()
            try:
                await scenario(Api(plane, audit))
            finally:
                await plane.stop()

        run(main())

    return driven
