"""The client and the runtime on the embedded API server: it restarts, forgets, throttles, fails, and the copy stays
true."""

import asyncio
import random
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from fluvial.controlplane import AuditRecord, ControlPlane, MemoryStore, ServerFault, SqliteStore
from fluvial.kube import ApiError, Client, NotServed, Unreachable
from fluvial.net import MemoryTransport, ServerRequest, ServerResponse
from fluvial.objects import Object, Ref
from fluvial.runtime import Cache, Controller, Informer, Key, Result
from fluvial.telemetry import Logger, silent_logger
from fluvial.testing import VirtualClock, chance, run
from fluvial.wire import status

API = "https://api.fluvial.local"


def config_map(name: str, value: str = "") -> Object:
    metadata = {"name": name, "namespace": "default"}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"value": value}}


class World:
    """The control plane and a client; `plane` may be replaced, as by a restart."""

    def __init__(self, store: MemoryStore | None = None) -> None:
        self.audit: list[AuditRecord] = []
        self.plane = self.new_plane(store)
        self.transport = MemoryTransport({API: self.handle})
        self.client = Client(API, self.transport, chance=chance())
        self.log = silent_logger(VirtualClock())
        self.cache = Cache(chance=chance(), log=self.log)

    def new_plane(self, store: MemoryStore | None = None) -> ControlPlane:
        return ControlPlane(clock=VirtualClock(), chance=chance(), store=store, audit=self.audit.append)

    async def handle(self, request: ServerRequest) -> ServerResponse:
        return await self.plane.handle(request)

    async def start(self) -> Informer:
        await self.plane.start()
        informer = self.cache.informer(self.client, "v1", "ConfigMap", "default")
        await informer.wait_synced()
        return informer

    async def is_true(self, informer: Informer) -> bool:
        found = await self.client.list("v1", "ConfigMap", "default")
        return list(informer.list()) == found.items

    async def stop(self) -> None:
        await self.cache.close()
        await self.client.close()
        await self.plane.stop()


def test_the_copy_is_true_through_cuts_compaction_and_faults() -> None:
    async def main(seed: int) -> list[AuditRecord]:
        world = World()
        informer = await world.start()
        weather = random.Random(seed)
        bad = status.make_status(500, "InternalError", "boom")
        busy = status.make_status(429, "TooManyRequests", "slow down")

        def faults(record: AuditRecord) -> ServerFault | None:
            if weather.random() < 0.75:
                return None
            return weather.choice(
                [
                    ServerFault(answer=bad),
                    ServerFault(answer=busy, retry_after=1),
                    ServerFault(cut_watches=True),
                    ServerFault(compact=True, cut_watches=True),
                    ServerFault(delay=3),
                    ServerFault(lose_reply=True),
                ]
            )

        for number in range(200):
            world.plane.faults = faults
            name = f"m{weather.randrange(15)}"
            with suppress(ApiError, Unreachable):
                if weather.random() < 0.3:
                    await world.client.delete(Ref.of(config_map(name)))
                else:
                    await world.client.apply(config_map(name, str(number)), field_manager="test", force=True)
            await asyncio.sleep(weather.uniform(0, 5))
        world.plane.faults = None
        await asyncio.sleep(60)
        assert informer.is_live
        assert await world.is_true(informer)
        await world.stop()
        return world.audit

    for seed in range(3):
        first = run(main(seed), seed)
        assert first == run(main(seed), seed)
        assert len(first) > 200


def test_a_server_that_restarts_with_its_data_is_followed(tmp_path: Path) -> None:
    path = str(tmp_path / "store.db")

    async def main() -> None:
        world = World(SqliteStore(path))
        informer = await world.start()
        changes: list[str] = []
        informer.subscribe(lambda change: changes.append(f"{change.type} {change.key.name}"), replay=False)
        await world.client.apply(config_map("kept"), field_manager="test")
        await world.client.apply(config_map("removed"), field_manager="test")
        await asyncio.sleep(1)
        await world.plane.stop()
        world.plane = world.new_plane(SqliteStore(path))
        await world.plane.start()
        other = Client(API, world.transport, chance=chance())
        await other.delete(Ref.of(config_map("removed")))
        await other.apply(config_map("added"), field_manager="test")
        await asyncio.sleep(60)
        assert informer.is_live
        assert await world.is_true(informer)
        assert changes[:2] == ["ADDED kept", "ADDED removed"]
        assert sorted(changes[2:]) == ["ADDED added", "DELETED removed"]
        await world.stop()

    run(main())


def test_a_server_that_restarts_empty_is_not_mistaken_for_the_old_one() -> None:
    async def main() -> None:
        world = World()
        informer = await world.start()
        for number in range(50):
            await world.client.apply(config_map(f"m{number}"), field_manager="test")
        await world.plane.stop()
        world.plane = world.new_plane()
        await world.plane.start()
        await asyncio.sleep(120)
        assert await world.is_true(informer)
        assert informer.get("default", "m1") is None
        await world.stop()

    run(main())


def test_a_custom_kind_is_usable_once_its_definition_is_established() -> None:
    crd: Object = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "widgets.x.io"},
        "spec": {
            "group": "x.io",
            "scope": "Namespaced",
            "names": {"plural": "widgets", "kind": "Widget"},
            "versions": [
                {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": {"type": "object"}}}
            ],
        },
    }
    widget = {"apiVersion": "x.io/v1", "kind": "Widget", "metadata": {"name": "w", "namespace": "default"}}

    async def main() -> None:
        world = World()
        await world.start()
        with pytest.raises(NotServed):
            await world.client.apply(widget, field_manager="test")
        await world.client.apply(crd, field_manager="test")
        await asyncio.sleep(1)
        assert (await world.client.apply(widget, field_manager="test")).created
        informer = world.cache.informer(world.client, "x.io/v1", "Widget")
        await informer.wait_synced()
        assert len(informer) == 1
        await world.client.delete(Ref.of(crd))
        await asyncio.sleep(30)
        with pytest.raises(NotServed):
            await world.client.get("x.io/v1", "Widget", "default", "w")
        assert not informer.is_live
        await world.stop()

    run(main())


def test_server_side_apply_tells_conflicts_and_dry_runs_change_nothing() -> None:
    async def main() -> None:
        world = World()
        await world.start()
        assert (await world.client.apply(config_map("a", "1"), field_manager="one", dry_run=True)).created
        assert await world.client.get("v1", "ConfigMap", "default", "a") is None
        assert (await world.client.apply(config_map("a", "1"), field_manager="one")).created
        assert not (await world.client.apply(config_map("a", "1"), field_manager="one")).created
        with pytest.raises(ApiError) as caught:
            await world.client.apply(config_map("a", "2"), field_manager="two")
        assert caught.value.is_conflict
        assert caught.value.causes[0]["field"] == ".data.value"
        await world.client.apply(config_map("a", "2"), field_manager="two", force=True)
        await world.stop()

    run(main())


def test_a_whole_day_of_reconciles_is_the_same_twice() -> None:
    async def main() -> tuple[list[str], list[str]]:
        world = World()
        lines: list[str] = []
        log = Logger(lines.append, clock=VirtualClock())
        informer = await world.start()

        async def reconcile(key: Key, log: Logger) -> Result:
            found = informer.get(*key)
            if found is None:
                return Result()
            await asyncio.sleep(chance().uniform(0, 2))
            if chance().random() < 0.2:
                raise OSError("a failure by chance")
            patch: dict[str, Any] = {"data": {"seen": VirtualClock().now().isoformat()}}
            await world.client.patch(Ref.of(found), patch, kind="merge")
            log.info("looked", value=found["data"].get("value", ""))
            return Result(requeue_after=chance().uniform(1000, 5000))

        controller = Controller("configmap", "ConfigMap", reconcile, chance=chance(), log=log)
        controller.watch(informer, when=lambda change: change.type != "MODIFIED")
        task = asyncio.create_task(controller.run())
        for number in range(8):
            await world.client.apply(config_map(f"m{number}"), field_manager="test")
            await asyncio.sleep(chance().uniform(0, 600))
            if chance().random() < 0.3:
                world.plane.cut_watches()
        await asyncio.sleep(86400)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await world.stop()
        return lines, [f"{record.verb} {record.path} {record.status}" for record in world.audit]

    first, second = run(main(), 5), run(main(), 5)
    assert first == second
    assert len(first[0]) > 200
    assert run(main(), 6) != first
