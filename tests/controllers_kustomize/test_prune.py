"""Prune, the inventory, and the end of a Kustomization."""

import asyncio
from typing import Any

import pytest

from fluvial.api import Kustomization
from fluvial.controllers.kustomize import Settings
from fluvial.controllers.kustomize.decide import prune_problem
from fluvial.controlplane import AuditRecord, ServerFault
from fluvial.objects import Ref, dig
from fluvial.wire import status
from tests.controllers_kustomize.world import NAMESPACE, World, condition, config_map, run

KS = Ref("kustomize.toolkit.fluxcd.io", "v1", "Kustomization", NAMESPACE, "apps")


def ref(name: str) -> Ref:
    return Ref("", "v1", "ConfigMap", "default", name)


def ids(obj: Any) -> list[str]:
    return [entry["id"].split("_")[1] for entry in dig(obj, "status", "inventory", "entries", default=[])]


async def begin(world: World, *names: str, **spec: Any) -> None:
    await world.source()
    await world.commit({f"{name}.yaml": config_map(name) for name in names}, "main@sha1:1")
    await world.kustomization(**spec)
    await world.ready()
    await asyncio.sleep(5)
    world.requests()


def test_what_leaves_the_manifests_leaves_the_cluster() -> None:
    async def test(world: World) -> None:
        await begin(world, "a", "b")
        await world.commit({"a.yaml": config_map("a")}, "main@sha1:2")
        obj = await world.ready(revision="main@sha1:2")
        assert ids(obj) == ["a"]
        assert await world.get("ConfigMap", "b") is None
        await asyncio.sleep(5)
        assert world.requests() == [
            "patch kustomizations/status",
            "get configmaps",
            "delete configmaps",
            "patch kustomizations/status",
            *["event"] * 2,
        ]
        assert ("Progressing", "ConfigMap/default/b deleted") in await world.events()

    run(test)


def test_without_prune_stale_objects_fall_out_of_the_inventory_for_good() -> None:
    async def test(world: World) -> None:
        await begin(world, "a", "b", prune=False)
        await world.commit({"a.yaml": config_map("a")}, "main@sha1:2")
        obj = await world.ready(revision="main@sha1:2")
        assert ids(obj) == ["a"]
        await world.kustomization(prune=True)
        await world.ready()
        assert await world.get("ConfigMap", "b") is not None

    run(test)


def test_an_object_that_could_not_be_deleted_stays_in_the_inventory_until_it_is() -> None:
    async def test(world: World) -> None:
        await begin(world, "a", "b", retryInterval="1m")

        def protect(record: AuditRecord) -> ServerFault | None:
            if record.verb == "delete" and record.name == "b":
                return ServerFault(answer=status.forbidden("configmaps", "b", "protected"))
            return None

        world.plane.faults = protect
        await world.commit({"a.yaml": config_map("a")}, "main@sha1:2")
        obj = await world.failed("PruneFailed")
        assert condition(obj, "Ready")[2].startswith("delete failed, errors: ConfigMap/default/b delete failed: ")
        assert ids(obj) == ["a", "b"]
        world.plane.faults = None
        obj = await world.ready(revision="main@sha1:2", timeout=70)
        assert ids(obj) == ["a"]
        assert await world.get("ConfigMap", "b") is None

    run(test)


def test_an_object_moved_to_another_kustomization_is_never_deleted() -> None:
    async def test(world: World) -> None:
        await world.source()
        await world.commit(
            {"x/a.yaml": config_map("a"), "x/b.yaml": config_map("b"), "y/c.yaml": config_map("c")}, "r@1"
        )
        await world.kustomization("first", path="./x")
        await world.kustomization("second", path="./y")
        await world.ready("first")
        await world.ready("second")
        before = await world.get("ConfigMap", "a")
        files = {"x/b.yaml": config_map("b"), "y/c.yaml": config_map("c"), "y/a.yaml": config_map("a")}
        await world.commit(files, "r@2")
        await world.ready("first", revision="r@2")
        await world.ready("second", revision="r@2")
        await asyncio.sleep(60)
        after = await world.get("ConfigMap", "a")
        assert before is not None
        assert after is not None
        assert after["metadata"]["uid"] == before["metadata"]["uid"]
        assert ids(await world.ks("first")) == ["b"]
        assert ids(await world.ks("second")) == ["a", "c"]

    run(test)


def test_an_empty_build_over_a_full_inventory_waits_for_consent() -> None:
    async def test(world: World) -> None:
        await begin(world, "a", "b", retryInterval="1m")
        await world.commit({"README": "nothing"}, "main@sha1:2")
        obj = await world.failed("PruneFailed")
        assert "would delete all 2 of the inventory" in condition(obj, "Ready")[2]
        assert ids(obj) == ["a", "b"]
        await asyncio.sleep(600)
        assert await world.get("ConfigMap", "a") is not None
        await world.edit(KS, {"metadata": {"annotations": {"kustomize.fluvial.dev/allow-prune": "true"}}})
        obj = await world.ready(revision="main@sha1:2", timeout=70)
        assert ids(obj) == []
        assert await world.get("ConfigMap", "a") is None

    run(test)


def test_the_guard_can_be_switched_off() -> None:
    async def test(world: World) -> None:
        await begin(world, "a")
        await world.commit({"README": "nothing"}, "main@sha1:2")
        await world.ready(revision="main@sha1:2")
        assert await world.get("ConfigMap", "a") is None

    run(test, Settings(prune_guard="off"))


def test_a_path_to_a_much_smaller_folder_waits_for_consent_also_after_a_restart() -> None:
    async def test(world: World) -> None:
        await world.source()
        files = {f"all/{number}.yaml": config_map(f"c{number}") for number in range(12)}
        await world.commit({**files, "few/0.yaml": config_map("c0")}, "main@sha1:1")
        await world.kustomization(path="./all", retryInterval="1m")
        await world.ready()
        await world.kustomization(path="./few", retryInterval="1m")
        obj = await world.failed("PruneFailed")
        assert "sourceRef or path changed" in condition(obj, "Ready")[2]
        await world.stop()
        world.start()
        await asyncio.sleep(300)
        assert await world.get("ConfigMap", "c7") is not None
        assert condition(await world.ks(), "Ready")[:2] == ("False", "PruneFailed")

    run(test)


@pytest.mark.parametrize(
    ("built", "inventory", "stale", "changed", "consent", "guarded"),
    [
        (0, 1, 1, False, False, True),
        (0, 0, 0, False, False, False),
        (0, 1, 1, False, True, False),
        (4, 10, 6, True, False, True),
        (4, 10, 6, False, False, False),
        (5, 10, 5, True, False, False),
        (1, 9, 8, True, False, False),
        (4, 10, 6, True, True, False),
    ],
)
def test_the_prune_guard(built: int, inventory: int, stale: int, changed: bool, consent: bool, guarded: bool) -> None:
    annotations = {"kustomize.fluvial.dev/allow-prune": "true"} if consent else {}
    refs = [ref(f"c{number}") for number in range(inventory)]
    problem = prune_problem(
        {"metadata": {"annotations": annotations}},
        built=built,
        inventory=refs,
        stale=refs[:stale],
        origin_changed=changed,
    )
    assert bool(problem) is guarded


def test_a_lost_inventory_is_adopted_and_what_is_not_rendered_is_reported_and_left() -> None:
    async def test(world: World) -> None:
        await begin(world, "a", "b")
        await world.stop()
        found = await world.ks()
        found["status"] = {}
        await world.client.update(found, subresource="status")
        await world.commit({"a.yaml": config_map("a")}, "main@sha1:2")
        world.start()
        obj = await world.ready(revision="main@sha1:2")
        assert ids(obj) == ["a"]
        await asyncio.sleep(5)
        assert await world.get("ConfigMap", "b") is not None
        assert any("ConfigMap/default/b" in message and "left" in message for _, message in await world.events())

    run(test)


# -- deletion


@pytest.mark.parametrize(
    ("spec", "deleted"),
    [
        ({}, True),
        ({"prune": False}, False),
        ({"prune": False, "deletionPolicy": "Delete"}, True),
        ({"deletionPolicy": "Orphan"}, False),
        ({"deletionPolicy": "WaitForTermination"}, True),
    ],
)
def test_the_deletion_policy_decides_what_goes_with_the_kustomization(spec: Any, deleted: bool) -> None:
    async def test(world: World) -> None:
        await begin(world, "a", **spec)
        await world.client.delete(KS)
        await world.until(lambda: _is_gone(world))
        assert (await world.get("ConfigMap", "a") is None) is deleted

    run(test)


async def _is_gone(world: World) -> bool:
    return await world.client.get(KS.api_version, KS.kind, NAMESPACE, KS.name) is None


def test_a_suspended_kustomization_leaves_everything_behind() -> None:
    async def test(world: World) -> None:
        await begin(world, "a")
        await world.kustomization(suspend=True)
        await world.client.delete(KS)
        await world.until(lambda: _is_gone(world))
        assert await world.get("ConfigMap", "a") is not None

    run(test)


def test_objects_of_others_survive_the_end() -> None:
    async def test(world: World) -> None:
        await begin(world, "a", "b")
        labels = {"kustomize.toolkit.fluxcd.io/name": "other"}
        await world.kustomization("other", suspend=True)
        await world.stop()
        await world.edit(ref("a"), {"metadata": {"labels": labels}})
        await world.client.delete(KS)
        world.start()
        await world.until(lambda: _is_gone(world))
        assert await world.get("ConfigMap", "a") is not None
        assert await world.get("ConfigMap", "b") is None

    run(test)


def test_what_was_applied_to_another_cluster_is_not_deleted_in_this_one() -> None:
    async def test(world: World) -> None:
        await begin(world, "a")
        await world.kustomization(kubeConfig={"secretRef": {"name": "remote"}})
        await world.failed("Unsupported")
        await world.client.delete(KS)
        await asyncio.sleep(30)
        assert await world.get("ConfigMap", "a") is not None
        assert condition(await world.ks(), "Stalled")[:2] == ("True", "Unsupported")
        told = [message for _, message in await world.events() if "other cluster" in message]
        assert len(told) == 1
        await world.client.patch(KS, {"spec": {"deletionPolicy": "Orphan"}}, kind="merge")
        await world.until(lambda: _is_gone(world))
        assert await world.get("ConfigMap", "a") is not None

    run(test)


def test_two_kustomizations_that_end_together_leave_no_object_to_each_other() -> None:
    async def test(world: World) -> None:
        await begin(world, "a")
        await world.kustomization("other")
        await world.ready("other")
        await world.stop()
        other = Ref(KS.group, KS.version, KS.kind, NAMESPACE, "other")
        await world.client.delete(KS)
        await world.client.delete(other)
        world.start()
        await world.until(lambda: _is_gone(world))
        await asyncio.sleep(5)
        assert await world.get("ConfigMap", "a") is None

    run(test)


def test_a_missing_account_is_told_and_nothing_is_deleted() -> None:
    async def test(world: World) -> None:
        account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "tenant", "namespace": NAMESPACE}}
        await world.put(account)
        await begin(world, "a", serviceAccountName="tenant")
        await world.client.delete(Ref("", "v1", "ServiceAccount", NAMESPACE, "tenant"))
        await world.client.delete(KS)
        await world.until(lambda: _is_gone(world))
        assert await world.get("ConfigMap", "a") is not None
        await asyncio.sleep(5)
        assert "unable to prune objects: \nConfigMap/default/a" in [message for _, message in await world.events()]

    run(test)


def test_an_error_on_reading_the_account_is_no_missing_account() -> None:
    async def test(world: World) -> None:
        account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "tenant", "namespace": NAMESPACE}}
        await world.put(account)
        await begin(world, "a", serviceAccountName="tenant")
        broken = True

        def fail(record: AuditRecord) -> ServerFault | None:
            if broken and record.resource == "serviceaccounts" and record.user_agent == "fluvial":
                return ServerFault(answer=status.internal_error("etcd is away"))
            return None

        world.plane.faults = fail
        await world.client.delete(KS)
        await asyncio.sleep(10)
        assert not await _is_gone(world)
        broken = False
        await world.until(lambda: _is_gone(world))
        assert await world.get("ConfigMap", "a") is None

    run(test)


def test_a_kustomization_of_the_same_name_starts_anew() -> None:
    async def test(world: World) -> None:
        await begin(world, "a")
        before = (await world.ks())["metadata"]["uid"]
        await world.client.delete(KS)
        await world.until(lambda: _is_gone(world))
        await world.kustomization()
        obj = await world.ready()
        assert obj["metadata"]["uid"] != before
        assert await world.get("ConfigMap", "a") is not None
        assert Kustomization.parse(obj).inventory == (ref("a"),)

    run(test)
