"""dependsOn: the next level starts when its dependency is ready, not at the next half minute."""

import asyncio

from fluvial.controllers.kustomize.watches import in_dependency_order
from fluvial.objects import Object
from tests.controllers_kustomize.world import World, condition, config_map, run


async def level(world: World, name: str, *depends_on: str, **spec: object) -> None:
    await world.kustomization(name, path=f"./{name}", dependsOn=[{"name": each} for each in depends_on], **spec)


FILES = {f"{name}/{name}.yaml": config_map(name) for name in ("one", "two", "three", "four")}


def test_levels_start_one_after_another_within_a_blink() -> None:
    async def test(world: World) -> None:
        await world.source()
        for name, before in (("four", ["three"]), ("three", ["two"]), ("two", ["one"])):
            await level(world, name, *before)
        await world.commit(FILES, "r@1")
        await asyncio.sleep(1)
        obj = await world.ks("two")
        text = "dependency 'flux-system/one' not found: kustomizations.kustomize.toolkit.fluxcd.io \"one\" not found"
        assert condition(obj, "Ready") == ("False", "DependencyNotReady", text)
        assert condition(await world.ks("three"), "Ready")[2] == "dependency 'flux-system/two' is not ready"
        told = [("DependencyNotReady", "Dependencies do not meet ready condition, retrying in 30s")]
        assert (await world.events("two"))[:1] == told
        await level(world, "one")
        await world.ready("four", timeout=0.8)

    run(test)


def test_a_new_revision_goes_through_the_levels_in_order() -> None:
    async def test(world: World) -> None:
        await world.source()
        await world.commit(FILES, "r@1")
        await level(world, "two", "one")
        await level(world, "one")
        await world.ready("two")
        await asyncio.sleep(5)
        world.audit.clear()
        await world.commit({path: text.replace("value", "new") for path, text in FILES.items()}, "r@2")
        await world.ready("two", revision="r@2", timeout=1)
        applied = [r.name for r in world.audit if r.resource == "configmaps" and r.verb == "patch" and not r.dry_run]
        assert applied == ["one", "two"]

    run(test)


def test_a_failing_dependency_holds_its_dependents() -> None:
    async def test(world: World) -> None:
        await world.source()
        await world.commit(FILES, "r@1")
        await level(world, "one")
        await level(world, "two", "one")
        await world.ready("two")
        broken = {**FILES, "one/one.yaml": "kind: [", "two/two.yaml": config_map("two", key="new")}
        await world.commit(broken, "r@2")
        await world.failed("BuildFailed", "one")
        obj = await world.failed("DependencyNotReady", "two")
        assert condition(obj, "Ready")[2] == "dependency 'flux-system/one' is not ready"
        await asyncio.sleep(5)
        world.requests()
        await asyncio.sleep(300)
        assert world.requests() == []  # the cause was told once

    run(test)


def item(name: str, *depends_on: str) -> Object:
    metadata = {"name": name, "namespace": "ns"}
    return {"metadata": metadata, "spec": {"dependsOn": [{"name": each} for each in depends_on]}}


def test_the_order_of_dependencies() -> None:
    order, circle = in_dependency_order([item("c", "b"), item("b", "a"), item("a", "outside")])
    assert [key.name for key in order] == ["a", "b", "c"]
    assert circle == ""


def test_a_circle_is_told_and_everybody_is_looked_at_all_the_same() -> None:
    order, circle = in_dependency_order([item("a", "b"), item("b", "a"), item("c")])
    assert sorted(key.name for key in order) == ["a", "b", "c"]
    assert circle == "circular dependency detected: ns/a -> ns/b -> ns/a"


def test_a_long_chain_is_no_problem() -> None:
    chain = [item(f"k{number}", f"k{number + 1}") for number in range(5000)]
    order, circle = in_dependency_order(chain)
    assert order[0].name == "k4999"
    assert circle == ""
