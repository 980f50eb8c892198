"""Crashes at every write, restarts, and taking over from Flux: what must survive is in the cluster."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pytest

from fluvial.controlplane import AuditRecord, ServerFault
from fluvial.objects import Ref, dig
from fluvial.wire import status
from tests.controllers_kustomize.world import KUSTOMIZE_API, NAMESPACE, World, condition, config_map, run

REVISION_ONE = {"a.yaml": config_map("a"), "b.yaml": config_map("b")}
REVISION_TWO = {"a.yaml": config_map("a", key="new"), "c.yaml": config_map("c")}


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


def _ref(name: str) -> Ref:
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


# -- crashes at every write


@dataclass(frozen=True)
class Scenario:
    """What is done to a prepared world, what is waited for, and how many writes the controller needs for it."""

    name: str
    prepare: Callable[[World], Awaitable[None]]
    act: Callable[[World], Awaitable[None]]
    done: Callable[[World], Awaitable[None]]
    writes: int


async def with_source(world: World) -> None:
    await world.source()
    await world.commit(REVISION_ONE, "r@1")


async def applied(world: World) -> None:
    await with_source(world)
    await world.kustomization(retryInterval="1m", interval="5m")
    await world.ready()
    await asyncio.sleep(30)


async def create(world: World) -> None:
    await world.kustomization(retryInterval="1m", interval="5m")


async def change(world: World) -> None:
    await world.commit(REVISION_TWO, "r@2")


async def remove(world: World) -> None:
    await world.client.delete(Ref("kustomize.toolkit.fluxcd.io", "v1", "Kustomization", NAMESPACE, "apps"))


async def at_one(world: World) -> None:
    await world.ready(revision="r@1", timeout=400)


async def at_two(world: World) -> None:
    await world.ready(revision="r@2", timeout=400)


async def gone(world: World) -> None:
    async def look() -> bool:
        return await world.client.get(KUSTOMIZE_API, "Kustomization", NAMESPACE, "apps") is None

    await world.until(look, timeout=400)


SCENARIOS = [
    Scenario("first apply", with_source, create, at_one, 6),  # finalizer, progress, write-ahead, apply twice, status
    Scenario("change and prune", applied, change, at_two, 6),  # progress, write-ahead, apply twice, delete, status
    Scenario("removal", applied, remove, gone, 3),  # delete twice, finalizer
]


def writes(world: World) -> list[AuditRecord]:
    return [
        record
        for record in world.audit
        if record.user_agent == "fluvial" and record.writes and record.resource != "events"
    ]


async def state(world: World) -> Any:
    found = (await world.client.list("v1", "ConfigMap", "default", labels="kustomize.toolkit.fluxcd.io/name")).items
    maps = {each["metadata"]["name"]: each["data"] for each in found}
    owner = await world.client.get(KUSTOMIZE_API, "Kustomization", NAMESPACE, "apps")
    entries = dig(owner or {}, "status", "inventory", "entries", default=[])
    return maps, [entry["id"].split("_")[1] for entry in entries]


@pytest.fixture(scope="module")
def references() -> dict[str, Any]:
    """What each scenario ends with when nobody crashes."""
    found: dict[str, Any] = {}
    for scenario in SCENARIOS:

        async def test(world: World, scenario: Scenario = scenario) -> None:
            await scenario.prepare(world)
            world.audit.clear()
            await scenario.act(world)
            await scenario.done(world)
            assert len(writes(world)) == scenario.writes, scenario.name
            found[scenario.name] = await state(world)

        run(test)
    return found


def test_the_reference_runs_are_what_they_should_be(references: dict[str, Any]) -> None:
    assert references == {
        "first apply": ({"a": {"key": "value"}, "b": {"key": "value"}}, ["a", "b"]),
        "change and prune": ({"a": {"key": "new"}, "c": {"key": "value"}}, ["a", "c"]),
        "removal": ({}, []),
    }


@pytest.mark.parametrize("when", ["before", "after", "reply lost"])
@pytest.mark.parametrize(
    ("scenario", "number"),
    [
        pytest.param(each, number, id=f"{each.name} {number}")
        for each in SCENARIOS
        for number in range(1, each.writes + 1)
    ],
)
def test_a_crash_at_any_write_leaves_nothing_behind(
    scenario: Scenario, number: int, when: str, references: dict[str, Any]
) -> None:
    async def test(world: World) -> None:
        await scenario.prepare(world)
        world.audit.clear()
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
        await scenario.act(world)
        await world.until(_is_set(crashed))
        if when != "reply lost":
            await world.stop()
            world.plane.faults = None
            if scenario.name != "removal":
                # Whatever was applied is in the inventory already: nothing is tracked by memory alone.
                maps, inventory = await state(world)
                assert set(maps) <= set(inventory)
            world.start()
        await scenario.done(world)
        await asyncio.sleep(1)
        assert await state(world) == references[scenario.name]
        deleted = [record.name for record in world.audit if record.verb == "delete" and record.writes]
        assert len(deleted) == len(set(deleted))

    run(test)


def _is_set(event: asyncio.Event) -> Any:
    async def look() -> bool:
        return event.is_set()

    return look


# -- a server that stumbles


@pytest.mark.parametrize("seed", range(8))
def test_a_server_that_stumbles_for_a_minute_costs_nothing_but_time(seed: int, references: dict[str, Any]) -> None:
    async def test(world: World) -> None:
        await applied(world)
        world.audit.clear()
        chance = random.Random(seed)
        end = asyncio.get_running_loop().time() + 60

        def stumble(record: AuditRecord) -> ServerFault | None:
            if record.user_agent != "fluvial" or asyncio.get_running_loop().time() > end or chance.random() > 0.3:
                return None
            return chance.choice(
                [
                    ServerFault(answer=status.service_unavailable("starting")),
                    ServerFault(answer=status.internal_error("etcd is away")),
                    ServerFault(answer=status.too_many_requests("later"), retry_after=1),
                    ServerFault(lose_reply=True),
                    ServerFault(cut_watches=True),
                    ServerFault(compact=True, cut_watches=True),
                    ServerFault(delay=3),
                ]
            )

        world.plane.faults = stumble
        await change(world)
        await at_two(world)
        await asyncio.sleep(120)
        assert await state(world) == references["change and prune"]
        deleted = [record.name for record in world.audit if record.verb == "delete" and record.writes]
        assert deleted == ["b"]

    run(test, seed=seed)


def test_two_runs_of_one_seed_write_the_same_log() -> None:
    logs: list[list[str]] = []

    async def test(world: World) -> None:
        await applied(world)
        await change(world)
        await at_two(world)
        await asyncio.sleep(10)
        logs.append([*map(str, world.audit), *world.lines])

    run(test, seed=7)
    run(test, seed=7)
    assert logs[0] == logs[1]


class Crashed:
    """An in-flight memory of a process that died three times over one object."""

    limit = 3

    def __init__(self, name: str) -> None:
        self.counts = {name: 3}

    def crashes(self, name: str) -> int:
        return self.counts.get(name, 0)

    def begin(self, name: str) -> None:
        pass

    def end(self, name: str) -> None:
        pass

    def forgive(self, name: str) -> None:
        self.counts.pop(name, None)


def test_an_object_that_brought_the_process_down_three_times_is_set_aside_until_it_changes() -> None:
    async def test(world: World) -> None:
        await world.stop()
        await with_source(world)
        await world.kustomization("poison")
        await world.kustomization()
        world.start(Crashed(f"kustomization/{NAMESPACE}/poison"))
        await world.ready()
        obj = await world.failed("Quarantined", "poison")
        assert condition(obj, "Stalled")[:2] == ("True", "Quarantined")
        await asyncio.sleep(1200)
        assert condition(await world.ks("poison"), "Stalled")[0] == "True"
        await world.kustomization("poison", path="./changed")
        await world.failed("ArtifactFailed", "poison")

    run(test)
