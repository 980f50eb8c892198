"""Crashes: at every write of the main job, in three ways, the controllers converge without a hand.

The write sequence is recorded from an undisturbed run; since two runs of one seed are the same to the byte, write
number k of a disturbed run is the same write. Only on the embedded server: a real one does not run on virtual time.
"""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from fluvial.net import Request, Response, Transport
from fluvial.objects import Ref
from fluvial.stdx import sha256
from tests.flows.crash import Crash, Mode, inventory, nothing_untracked, owned
from tests.flows.flow import config_map
from tests.flows.servers import play_embedded
from tests.flows.world import World

PARTS = 4  # tests that the kill points are dealt to, so that two cores share them
FOREIGN = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "foreign"}, "data": {"key": "theirs"}}
MADE = '{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "made"}}'
FIRST = {
    "apps/ns.yaml": MADE,
    "apps/inside.yaml": config_map("inside", namespace="made"),
    "apps/a.yaml": config_map("a", {"key": "one"}),
}
SECOND = {"apps/a.yaml": config_map("a", {"key": "two"}), "apps/inside.yaml": None}


async def main_job(world: World) -> None:
    """First apply, a commit that changes one object and removes one, drift, deletion of the Kustomization."""
    await world.put(FOREIGN)
    first = await world.reconciled(FIRST)
    assert await names(world) == {"Namespace/made", "ConfigMap/made/inside", "ConfigMap/flow/a"}
    second = await world.pushed(SECOND)
    await world.ready("Kustomization", "apps", second)
    assert first != second
    assert await names(world) == {"Namespace/made", "ConfigMap/flow/a"}
    assert {str(ref) for ref in await inventory(world, "apps")} == await names(world)
    await world.edit("ConfigMap", "a", {"data": {"key": "drifted"}})
    await world.until("the edit is corrected", lambda: key_is(world, "two"))
    await world.delete("Kustomization", "apps")
    await world.gone("Kustomization", "apps")
    await world.until("everything is gone", lambda: none_owned(world))
    foreign = await world.get("ConfigMap", "foreign")
    assert foreign is not None
    assert foreign["data"] == {"key": "theirs"}


async def names(world: World) -> set[str]:
    return {str(Ref.of(obj)) for obj in await owned(world)}


async def none_owned(world: World) -> bool:
    return not await owned(world)


async def key_is(world: World, value: str) -> bool:
    live = await world.get("ConfigMap", "a")
    return live is not None and live["data"] == {"key": value}


@pytest.fixture
def storage(tmp_path: Path) -> Callable[[], Path]:
    """A function that makes a new storage folder."""
    numbers = iter(range(10_000))

    def make() -> Path:
        folder = tmp_path / f"artifacts-{next(numbers)}"
        folder.mkdir(mode=0o700)
        return folder

    return make


class Overheard:
    """A transport that writes down what the controllers send."""

    def __init__(self, lines: list[str], inner: Transport) -> None:
        self._lines, self._inner = lines, inner

    async def send(self, request: Request) -> Response:
        assert isinstance(request.body, bytes)
        self._lines.append(f"sent {request.method} {request.url} {sha256(request.body)}")
        return await self._inner.send(request)

    async def close(self) -> None:
        await self._inner.close()


def audited(storage: Path, seed: int) -> str:
    """Play the main job; return what was sent, with digests of the bodies, and how the API server answered."""
    lines: list[str] = []
    play_embedded(
        main_job,
        {},
        storage,
        seed=seed,
        audit=lambda record: lines.append(repr(record)),
        line=lambda transport: Overheard(lines, transport),
    )
    return "\n".join(lines)


def test_two_runs_of_one_seed_send_the_same_requests(storage: Callable[[], Path]) -> None:
    assert audited(storage(), 7) == audited(storage(), 7)


def test_another_seed_converges_too(storage: Callable[[], Path]) -> None:
    assert audited(storage(), 8) != audited(storage(), 7)


def recorded(storage: Path) -> list[str]:
    crash = Crash()
    play_embedded(main_job, {}, storage, line=crash.line)
    return crash.writes


def disturbed(storage: Path, at: int, mode: Mode) -> None:
    crash = Crash(at, mode)

    async def flow(world: World) -> None:
        watching = asyncio.create_task(crash.supervise(world, nothing_untracked), name="supervisor")
        try:
            await main_job(world)
            if crash.killed.is_set():
                await watching
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
        assert crash.struck

    play_embedded(flow, {}, storage, line=crash.line)


@pytest.mark.parametrize("part", range(PARTS))
def test_a_crash_at_any_write_heals_without_a_hand(part: int, storage: Callable[[], Path]) -> None:
    writes = recorded(storage())
    points = [(at, mode) for at in range(len(writes)) for mode in Mode]
    failed: list[str] = []
    for at, mode in points[part::PARTS]:
        try:
            disturbed(storage(), at, mode)
        except BaseException as error:
            failed.append(f"write {at}, {writes[at]}, {mode.value}: {error!r}")
    assert not failed, "\n".join(failed)
