"""Crashes at every write, restarts, and taking over from Flux: what must survive is in the cluster."""

import asyncio
from typing import Any

import pytest

from fluvial.controlplane import AuditRecord, ServerFault
from fluvial.objects import dig
from tests.controllers_kustomize.world import World, config_map, run

REVISION_ONE = {"a.yaml": config_map("a"), "b.yaml": config_map("b")}
REVISION_TWO = {"a.yaml": config_map("a", key="new"), "c.yaml": config_map("c")}


async def state(world: World) -> Any:
    found = (await world.client.list("v1", "ConfigMap", "default", labels="kustomize.toolkit.fluxcd.io/name")).items
    maps = {each["metadata"]["name"]: each["data"] for each in found}
    entries = dig(await world.ks(), "status", "inventory", "entries", default=[])
    return maps, [entry["id"].split("_")[1] for entry in entries]


def test_a_restart_with_nothing_to_do_sends_nothing() -> None:
    async def test(world: World) -> None:
        await world.source()
        await world.commit(REVISION_ONE, "r@1")
        await world.kustomization()
        await world.ready()
        await asyncio.sleep(60)
        await world.stop()
        world.requests()
        world.start()
        await asyncio.sleep(60)
        assert world.requests() == []

    run(test)


def test_a_restart_finds_what_was_overwritten_meanwhile() -> None:
    async def test(world: World) -> None:
        await world.source()
        await world.commit(REVISION_ONE, "r@1")
        await world.kustomization()
        await world.ready()
        await asyncio.sleep(60)
        await world.stop()
        found = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "default"}}
        await world.client.apply({**found, "data": {"key": "theirs"}}, field_manager="operator", force=True)
        await world.client.delete(_ref("b"))
        world.start()
        await asyncio.sleep(10)
        assert (await state(world))[0] == {"a": {"key": "value"}, "b": {"key": "value"}}

    run(test)


def _ref(name: str) -> Any:
    from fluvial.objects import Ref

    return Ref("", "v1", "ConfigMap", "default", name)


def test_a_status_that_flux_wrote_is_taken_over_without_a_write_to_managed_objects() -> None:
    """Flux's own entry has fields that only Go's types write, such as an empty strategy."""

    async def test(world: World) -> None:
        await world.source()
        await world.commit(REVISION_ONE, "r@1")
        await world.kustomization()
        await world.ready()
        await world.stop()
        labels = {
            "kustomize.toolkit.fluxcd.io/name": "apps",
            "kustomize.toolkit.fluxcd.io/namespace": "flux-system",
        }
        for name in ("a", "b"):
            metadata = {"name": name, "namespace": "default", "labels": labels, "creationTimestamp": None}
            theirs = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"key": "value"}}
            await world.client.apply(theirs, field_manager="kustomize-controller", force=True)
        found = await world.ks()
        found["status"]["history"][0]["digest"] = "sha256:" + "0" * 64  # another writer's YAML
        await world.client.update(found, subresource="status")
        await asyncio.sleep(60)
        before = (await state(world), await world.get("ConfigMap", "a"))
        world.requests()
        world.start()
        await asyncio.sleep(1300)
        written = [record for record in world.audit if record.resource == "configmaps" and record.writes]
        assert written == []
        assert (await state(world), await world.get("ConfigMap", "a")) == before

    run(test)


async def prepare(world: World) -> None:
    await world.source()
    await world.commit(REVISION_ONE, "r@1")
    await world.kustomization(retryInterval="1m", interval="5m")
    await world.ready()
    await asyncio.sleep(30)
    world.audit.clear()


def writes(world: World) -> list[AuditRecord]:
    return [
        record
        for record in world.audit
        if record.user_agent == "fluvial" and record.writes and record.resource != "events"
    ]


def reference() -> tuple[Any, int]:
    """What a run without crashes ends with, and how many writes it takes."""
    result: list[Any] = []

    async def test(world: World) -> None:
        await prepare(world)
        await world.commit(REVISION_TWO, "r@2")
        await world.ready(revision="r@2")
        result.extend([await state(world), len(writes(world))])

    run(test)
    return result[0], result[1]


EXPECTED, WRITES = reference()


def test_the_reference_run_is_what_it_should_be() -> None:
    assert EXPECTED == ({"a": {"key": "new"}, "c": {"key": "value"}}, ["a", "c"])
    assert WRITES == 6  # progress, write-ahead, apply twice, delete, status


@pytest.mark.parametrize("when", ["before", "after", "reply lost"])
@pytest.mark.parametrize("number", range(1, WRITES + 1))
def test_a_crash_at_any_write_leaves_nothing_behind(number: int, when: str) -> None:
    async def test(world: World) -> None:
        await prepare(world)
        crashed = asyncio.Event()
        seen = 0

        def strike(record: AuditRecord) -> ServerFault | None:
            nonlocal seen
            mine = record.user_agent == "fluvial" and record.verb not in ("get", "list", "watch")
            if not mine or record.dry_run or record.resource == "events" or crashed.is_set():
                return None
            seen += 1
            if seen != number:
                return None
            crashed.set()
            if when == "before":
                return ServerFault(delay=1e6)
            return ServerFault(lose_reply=True) if when == "reply lost" else ServerFault(reply_delay=1e6)

        world.plane.faults = strike
        await world.commit(REVISION_TWO, "r@2")
        await world.until(_is_set(crashed))
        if when != "reply lost":
            await world.stop()
            world.plane.faults = None
            # Whatever was applied is in the inventory already: nothing is tracked by memory alone.
            maps, inventory = await state(world)
            assert set(maps) <= set(inventory)
            world.start()
        await world.ready(revision="r@2", timeout=400)
        await asyncio.sleep(1)
        assert await state(world) == EXPECTED
        deletions = [record for record in world.audit if record.verb == "delete" and record.writes]
        assert len(deletions) == 1

    run(test)


def _is_set(event: asyncio.Event) -> Any:
    async def look() -> bool:
        return event.is_set()

    return look


def test_two_runs_of_one_seed_write_the_same_log() -> None:
    logs: list[list[str]] = []

    async def test(world: World) -> None:
        await prepare(world)
        await world.commit(REVISION_TWO, "r@2")
        await world.ready(revision="r@2")
        await asyncio.sleep(10)
        logs.append([*map(str, world.audit), *world.lines])

    run(test, seed=7)
    run(test, seed=7)
    assert logs[0] == logs[1]
