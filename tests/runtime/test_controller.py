"""Reconcile functions run: once per change, never twice at once, again after failure, and not at all when they are
poison."""

import asyncio
import json
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from fluvial.disk import Root
from fluvial.kube import Client
from fluvial.net import MemoryTransport
from fluvial.runtime import Cache, Change, Controller, DiskInFlight, InFlight, Key, Result, own_changes
from fluvial.runtime.inflight import NoInFlight
from fluvial.telemetry import Logger, Registry
from fluvial.testing import VirtualClock, run
from tests.runtime.miniapi import API, MiniApi

Reconcile = Callable[[Key], Result]


class World:
    """A controller for ConfigMaps over a small server; `history` has (second, name) of each look."""

    def __init__(self, reconcile: Reconcile, *, took: float = 0.0, in_flight: InFlight | None = None) -> None:
        self.api = MiniApi()
        self.client = Client(API, MemoryTransport({API: self.api.handle}), chance=random.Random(1))
        self.lines: list[str] = []
        self.log = Logger(self.lines.append, clock=VirtualClock(), level="info")
        self.cache = Cache(chance=random.Random(1), log=self.log)
        self.registry = Registry(process=False)
        self.history: list[tuple[float, str]] = []
        self.set_aside: list[tuple[str, int]] = []
        self.refusals = 0

        async def look(key: Key, log: Logger) -> Result:
            self.history.append((round(asyncio.get_running_loop().time(), 3), key.name))
            await asyncio.sleep(took)
            return reconcile(key)

        async def put_aside(key: Key, crashes: int, log: Logger) -> None:
            if self.refusals:
                self.refusals -= 1
                raise OSError("the server is away")
            self.set_aside.append((key.name, crashes))

        self.controller = Controller(
            "configmap",
            "ConfigMap",
            look,
            concurrency=2,
            chance=random.Random(1),
            log=self.log,
            metrics=self.registry,
            in_flight=in_flight or NoInFlight(),
            set_aside=put_aside,
        )

    async def start(self) -> None:
        self.informer = self.cache.informer(self.client, "v1", "ConfigMap")
        self.controller.watch(self.informer)
        await self.informer.wait_synced()
        self.task = asyncio.create_task(self.controller.run())

    async def stop(self) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)
        await self.cache.close()
        await self.client.close()


def done(key: Key) -> Result:
    return Result()


def test_objects_are_looked_at_when_they_appear_and_when_their_generation_changes() -> None:
    async def main() -> list[tuple[float, str]]:
        world = World(done)
        world.api.config_map("a", generation=1)
        await world.start()
        await asyncio.sleep(10)
        world.api.config_map("a", "only the status moved", generation=1)
        await asyncio.sleep(10)
        world.api.config_map("a", generation=2)
        await asyncio.sleep(10)
        world.api.config_map("a", generation=2, annotations={"reconcile.fluxcd.io/requestedAt": "now"})
        await asyncio.sleep(10)
        world.api.delete("configmaps", "ns", "a")
        await asyncio.sleep(10)
        await world.stop()
        return world.history

    assert run(main()) == [(0, "a"), (20, "a"), (30, "a"), (40, "a")]


@pytest.mark.parametrize(
    ("before", "after", "accepted"),
    [
        ({"generation": 1}, {"generation": 2}, True),
        ({"generation": 1, "labels": {"a": "1"}}, {"generation": 1, "labels": {"a": "2"}}, False),
        ({"annotations": {"x": "1"}}, {"annotations": {"x": "2"}}, False),
        ({}, {"annotations": {"reconcile.fluxcd.io/requestedAt": "1"}}, True),
        (
            {"annotations": {"reconcile.fluxcd.io/requestedAt": "1"}},
            {"annotations": {"reconcile.fluxcd.io/requestedAt": "1"}},
            False,
        ),
        ({"annotations": {"reconcile.fluxcd.io/requestedAt": "1"}}, {}, False),
        ({"uid": "1"}, {"uid": "2"}, True),
    ],
)
def test_which_changes_of_its_own_kind_a_controller_follows(
    before: dict[str, object], after: dict[str, object], accepted: bool
) -> None:
    assert own_changes(Change("MODIFIED", {"metadata": after}, {"metadata": before})) is accepted


def test_a_result_can_ask_for_another_look() -> None:
    async def main() -> list[tuple[float, str]]:
        world = World(lambda key: Result(requeue_after=60))
        world.api.config_map("a")
        await world.start()
        await asyncio.sleep(150)
        await world.stop()
        return world.history

    assert run(main()) == [(0, "a"), (60, "a"), (120, "a")]


def test_a_failure_is_logged_counted_and_tried_again_with_backoff() -> None:
    def fail_thrice(key: Key) -> Result:
        if len(world.history) <= 3:
            raise OSError("no route")
        return Result()

    async def main() -> None:
        nonlocal world
        world = World(fail_thrice)
        world.api.config_map("a")
        await world.start()
        await asyncio.sleep(60)
        assert [second for second, _ in world.history] == [0, 0.75, 2.25, 5.25]
        errors = [json.loads(line) for line in world.lines if '"Reconciler error"' in line]
        assert len(errors) == 3
        assert list(errors[0]) == [
            "level",
            "ts",
            "msg",
            "controller",
            "controllerGroup",
            "controllerKind",
            "ConfigMap",
            "namespace",
            "name",
            "reconcileID",
            "error",
        ]
        assert errors[0]["ConfigMap"] == {"name": "a", "namespace": "ns"}
        assert errors[0]["error"] == "no route"
        assert len({error["reconcileID"] for error in errors}) == 3
        text = (await world.registry.render()).decode()
        assert 'controller_runtime_reconcile_total{controller="configmap",result="error"} 3' in text
        assert 'controller_runtime_reconcile_total{controller="configmap",result="success"} 1' in text
        assert 'controller_runtime_reconcile_errors_total{controller="configmap"} 3' in text
        assert 'workqueue_retries_total{controller="configmap",name="configmap"} 3' in text
        assert 'controller_runtime_active_workers{controller="configmap"} 0' in text
        await world.stop()

    world: World
    run(main())


def test_one_object_is_never_looked_at_twice_at_once_and_two_objects_are() -> None:
    async def main() -> list[tuple[float, str]]:
        world = World(done, took=10)
        for name in "abc":
            world.api.config_map(name, generation=1)
        await world.start()
        await asyncio.sleep(5)
        world.api.config_map("a", generation=2)
        await asyncio.sleep(60)
        await world.stop()
        return world.history

    assert run(main()) == [(0, "a"), (0, "b"), (10, "a"), (10, "c")]


def test_stopping_cancels_a_look_and_blames_nobody() -> None:
    async def main() -> None:
        world = World(done, took=1000)
        world.api.config_map("a")
        await world.start()
        await asyncio.sleep(1)
        assert world.controller.statistics()["active"] == 1
        await world.stop()
        assert not [line for line in world.lines if '"level":"error"' in line]

    run(main())


def crash_while_running(folder: Path, names: list[str], reconciling: list[str]) -> None:
    """Leave the file behind that a process killed while `reconciling` would have."""
    with Root(str(folder)) as root:
        memory = DiskInFlight(root)
        for name in names:
            if name not in reconciling:
                memory.begin(f"configmap/ns/{name}")
                memory.end(f"configmap/ns/{name}")
        for name in reconciling:
            memory.begin(f"configmap/ns/{name}")


def test_an_object_in_flight_at_three_crashes_in_a_row_is_set_aside_and_the_others_go_on(tmp_path: Path) -> None:
    async def main() -> None:
        for _ in range(3):
            crash_while_running(tmp_path, ["good"], ["poison"])
        with Root(str(tmp_path)) as root:
            world = World(done, in_flight=DiskInFlight(root))
            world.api.config_map("poison", generation=1)
            world.api.config_map("good", generation=1)
            await world.start()
            await asyncio.sleep(10)
            assert world.set_aside == [("poison", 3)]
            assert world.history == [(0, "good")]
            world.api.config_map("poison", generation=2)
            await asyncio.sleep(10)
            assert world.history == [(0, "good"), (10, "poison")]
            await world.stop()

    run(main())


def test_an_object_that_cannot_be_set_aside_yet_stops_no_other_and_is_tried_again(tmp_path: Path) -> None:
    async def main() -> None:
        for _ in range(3):
            crash_while_running(tmp_path, [], ["poison"])
        with Root(str(tmp_path)) as root:
            world = World(done, in_flight=DiskInFlight(root))
            world.refusals = 2
            world.api.config_map("poison", generation=1)
            world.api.config_map("good", generation=1)
            await world.start()
            await asyncio.sleep(10)
            assert not world.task.done()
            assert (world.history, world.set_aside) == ([(0, "good")], [("poison", 3)])
            await world.stop()

    run(main())


def test_a_look_that_meets_a_cancelled_task_ends_no_worker() -> None:
    async def main() -> None:
        def look(key: Key) -> Result:
            if len(world.history) < 3:
                raise asyncio.CancelledError
            return Result()

        world = World(look)
        world.api.config_map("a")
        await world.start()
        await asyncio.sleep(10)
        assert [name for _, name in world.history] == ["a", "a", "a"]
        await world.stop()

    run(main())


def test_a_suspect_that_ends_well_is_no_suspect_any_more(tmp_path: Path) -> None:
    async def main() -> None:
        for _ in range(2):
            crash_while_running(tmp_path, [], ["a"])
        with Root(str(tmp_path)) as root:
            memory = DiskInFlight(root)
            assert memory.crashes("configmap/ns/a") == 2
            world = World(done, in_flight=memory)
            world.api.config_map("a")
            await world.start()
            await asyncio.sleep(1)
            assert world.history == [(0, "a")]
            assert DiskInFlight(root).crashes("configmap/ns/a") == 0
            await world.stop()

    run(main())


def test_suspects_are_looked_at_one_at_a_time_so_that_the_next_crash_tells_them_apart(tmp_path: Path) -> None:
    async def main() -> None:
        crash_while_running(tmp_path, [], ["a", "b"])
        with Root(str(tmp_path)) as root:
            world = World(done, took=10, in_flight=DiskInFlight(root))
            world.api.config_map("a")
            world.api.config_map("b")
            await world.start()
            await asyncio.sleep(60)
            assert world.history == [(0, "a"), (10, "b")]
            await world.stop()

    run(main())


def test_a_suspect_that_waits_keeps_its_count_over_the_next_crash(tmp_path: Path) -> None:
    crash_while_running(tmp_path, [], ["a", "b"])
    crash_while_running(tmp_path, [], ["a"])
    with Root(str(tmp_path)) as root:
        memory = DiskInFlight(root)
        assert memory.crashes("configmap/ns/a") == 2
        assert memory.crashes("configmap/ns/b") == 1


@pytest.mark.parametrize("damage", [b"\xff\xfe\x00", b"=x y\n", b"{}", b"+ configmap/ns/a", b"=3", b"\n\n +\n"])
def test_a_damaged_record_of_crashes_never_keeps_the_controller_from_starting(tmp_path: Path, damage: bytes) -> None:
    (tmp_path / "in-flight.journal").write_bytes(damage)
    with Root(str(tmp_path)) as root:
        assert DiskInFlight(root).crashes("configmap/ns/a") == 0


def test_the_record_of_crashes_stays_small(tmp_path: Path) -> None:
    crash_while_running(tmp_path, [], ["suspect"])
    with Root(str(tmp_path)) as root:
        memory = DiskInFlight(root)
        memory.begin("configmap/ns/long")
        for number in range(12_000):
            memory.begin(f"configmap/ns/{number}")
            memory.end(f"configmap/ns/{number}")
        assert (tmp_path / "in-flight.journal").stat().st_size < 500_000
        again = DiskInFlight(root)
        assert again.crashes("configmap/ns/suspect") == 1
        assert again.crashes("configmap/ns/long") == 1
        assert again.crashes("configmap/ns/5") == 0
