"""Request budgets. Seconds are never asserted here: counts are."""

import asyncio

from tests.controllers_kustomize.world import World, config_map, run

FILES = {f"{number:04}.yaml": config_map(f"c{number:04}") for number in range(1000)}


async def thousand(world: World) -> None:
    await world.source()
    await world.commit(FILES, "r@1")
    await world.kustomization(timeout="5m")
    await world.ready(timeout=600)
    await asyncio.sleep(60)


def asked_by_controller(world: World) -> int:
    """All requests but watches, lists and discovery included."""
    found = [record for record in world.audit if record.user_agent == "fluvial" and record.verb != "watch"]
    world.audit.clear()
    return len(found)


def test_a_thousand_objects() -> None:
    async def test(world: World) -> None:
        world.audit.clear()
        await thousand(world)
        assert asked_by_controller(world) <= 2050
        await world.request()
        await asyncio.sleep(30)
        assert asked_by_controller(world) <= 5
        await world.commit({**FILES, "0007.yaml": config_map("c0007", key="new")}, "r@2")
        await world.ready(revision="r@2")
        await asyncio.sleep(30)
        assert asked_by_controller(world) <= 15

    run(test)


def test_a_thousand_objects_that_kubectl_made() -> None:
    async def test(world: World) -> None:
        for number in range(1000):
            obj = {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": {"name": f"c{number:04}", "namespace": "default"},
            }
            await world.client.create({**obj, "data": {"key": "value"}}, field_manager="kubectl-client-side-apply")
        world.audit.clear()
        await thousand(world)
        assert asked_by_controller(world) <= 3100

    run(test)


def test_a_hundred_kustomizations_of_two_objects() -> None:
    async def test(world: World) -> None:
        await world.source()
        files = {f"{n}/{each}.yaml": config_map(f"{each}{n}") for n in range(100) for each in ("a", "b")}
        await world.commit(files, "r@1")
        world.audit.clear()
        for number in range(100):
            await world.kustomization(f"k{number}", path=f"./{number}")
        for number in range(100):
            await world.ready(f"k{number}")
        await asyncio.sleep(30)
        assert asked_by_controller(world) <= 1100
        await asyncio.sleep(1200)
        assert asked_by_controller(world) == 0

    run(test)
