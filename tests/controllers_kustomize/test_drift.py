"""Drift: the table as rows, and edits of every kind on a live cluster."""

import asyncio
from typing import Any

import pytest

from fluvial.apply import Live, Record, packed, taken_over
from fluvial.controllers.kustomize import Settings
from fluvial.controllers.kustomize.drift import (
    DELETIONS_CORRECTED,
    UNNAMED_CORRECTIONS,
    Answer,
    Context,
    first_difference,
    judge,
)
from fluvial.controllers.kustomize.memory import Overwrite
from fluvial.net import Fault
from fluvial.objects import Object, Ref, dig
from tests.controllers_kustomize.world import World, config_map, run

REF = Ref("", "v1", "ConfigMap", "default", "a")
OURS = {"f:data": {"f:a": {}, "f:b": {}}, "f:metadata": {"f:labels": {"f:l": {}}}}
LOST = {"f:data": {"f:b": {}}, "f:metadata": {"f:labels": {"f:l": {}}}}
DESIRED: Object = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "a", "namespace": "default", "labels": {"l": "1"}},
    "data": {"a": "1", "b": "2"},
}


def entry(manager: str, operation: str = "Update", fields: Any = None, **more: Any) -> Object:
    found = {"manager": manager, "operation": operation, "apiVersion": "v1", "time": "2026-01-01T00:00:00Z"}
    return found | {"fieldsV1": fields or {"f:data": {"f:a": {}}}} | more


def live(
    fields: Any,
    *others: Object,
    labels: Any = None,
    uid: str = "u",
    deleting: bool = False,
    override: tuple[str, ...] = (),
    **switch: str,
) -> Live:
    entries = [entry("kustomize-controller", "Apply", fields), *others] if fields is not None else list(others)
    metadata: Object = {
        "name": "a",
        "namespace": "default",
        "uid": uid,
        "resourceVersion": "2",
        "managedFields": entries,
    }
    metadata["labels"] = {"l": "1"} if labels is None else labels
    metadata["annotations"] = {f"kustomize.toolkit.fluxcd.io/{key}": value for key, value in switch.items()}
    if deleting:
        metadata["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    return Live.of({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}, taken_over(override))


RECORD = Record("payload", live(OURS))


def desired(**switch: str) -> Object:
    found = {f"kustomize.toolkit.fluxcd.io/{key}": value for key, value in switch.items()}
    return {**DESIRED, "metadata": {**DESIRED["metadata"], "annotations": found}}


def context(**more: Any) -> Context:
    given: dict[str, Any] = {"active": True, "desired": DESIRED, "claimed": False, "corrected": {}, "now": 1000.0}
    return Context(**(given | more))


BY_OPERATOR = Overwrite(REF, "operator", ".data.a")
BY_MINE = Overwrite(REF, "my-operator", ".data.a")
BY_NOBODY = Overwrite(REF, "", ".data.a")
GONE = Overwrite(REF, "", "")


@pytest.mark.parametrize(
    ("seen", "around", "answer"),
    [
        pytest.param(live(OURS), {}, Answer.NOISE, id="as recorded"),
        pytest.param(live(OURS, entry("status-writer", subresource="status")), {}, Answer.NOISE, id="status written"),
        pytest.param(live(OURS, entry("operator", fields={"f:data": {"f:x": {}}})), {}, Answer.NOISE, id="field added"),
        pytest.param(live(LOST, entry("operator")), {}, Answer.CORRECT, id="first overwrite"),
        pytest.param(live(LOST, entry("operator")), {"active": False}, Answer.IGNORE, id="suspended"),
        pytest.param(live(LOST, entry("operator")), {"desired": None}, Answer.IGNORE, id="not ours"),
        pytest.param(live(LOST, entry("operator")), {"watched": False}, Answer.LEAVE, id="drift=interval"),
        pytest.param(
            live(LOST, entry("operator")), {"corrected": {BY_OPERATOR: (500.0,)}}, Answer.WARN, id="again in 10 minutes"
        ),
        pytest.param(
            live(LOST, entry("operator")), {"corrected": {BY_OPERATOR: (300.0,)}}, Answer.CORRECT, id="again later"
        ),
        pytest.param(
            live(LOST, entry("other")), {"corrected": {BY_OPERATOR: (900.0,)}}, Answer.CORRECT, id="somebody else"
        ),
        pytest.param(live(LOST), {"corrected": {BY_NOBODY: (900.0,)}}, Answer.CORRECT, id="field removed twice"),
        pytest.param(
            live(LOST), {"corrected": {BY_NOBODY: (900.0,) * UNNAMED_CORRECTIONS}}, Answer.WARN, id="removed for ever"
        ),
        pytest.param(live(LOST, entry("kubectl-edit")), {}, Answer.CORRECT, id="kubectl edit"),
        pytest.param(
            live(LOST, entry("kubectl-edit")),
            {"corrected": {Overwrite(REF, "kubectl-edit", ".data.a"): (900.0,)}},
            Answer.CORRECT,
            id="kubectl edit again",
        ),
        pytest.param(
            live(LOST, entry("my-operator"), override=("my-operator",)),
            {"corrected": {BY_MINE: (900.0,)}},
            Answer.CORRECT,
            id="--override-manager again",
        ),
        pytest.param(
            live(LOST, entry("my-operator")), {"corrected": {BY_MINE: (900.0,)}}, Answer.WARN, id="no override, again"
        ),
        pytest.param(
            live(OURS, entry("my-operator", "Apply"), override=("my-operator",)),
            {},
            Answer.CORRECT,
            id="--override-manager appeared",
        ),
        pytest.param(live(OURS, entry("before-first-apply")), {}, Answer.CORRECT, id="taken-over manager appeared"),
        pytest.param(live(LOST, entry("hpa", subresource="scale")), {}, Answer.LEAVE, id="scaled"),
        pytest.param(live(LOST, entry("operator")), {"claimed": True}, Answer.LEAVE, id="another has it"),
        pytest.param(live(None), {}, Answer.CORRECT, id="managedFields wiped"),
        pytest.param(live(OURS, labels={}), {}, Answer.CORRECT, id="label removed"),
        pytest.param(live(OURS, uid="v"), {}, Answer.CORRECT, id="recreated"),
        pytest.param(None, {}, Answer.CORRECT, id="gone"),
        pytest.param(None, {"corrected": {GONE: (900.0,) * DELETIONS_CORRECTED}}, Answer.WARN, id="deleted for ever"),
        pytest.param(None, {"desired": desired(ssa="IfNotPresent")}, Answer.LEAVE, id="created once, gone"),
        pytest.param(
            live(LOST, entry("x")), {"desired": desired(ssa="IfNotPresent")}, Answer.IGNORE, id="created once"
        ),
        pytest.param(live(LOST, entry("x")), {"desired": desired(ssa="Ignore")}, Answer.IGNORE, id="ignored"),
        pytest.param(live(LOST, entry("x"), reconcile="disabled"), {}, Answer.IGNORE, id="disabled on the object"),
        pytest.param(live(LOST, entry("x"), deleting=True), {}, Answer.IGNORE, id="on its way out"),
    ],
)
def test_the_table(seen: Live | None, around: dict[str, Any], answer: Answer) -> None:
    assert judge(RECORD, seen, context(**around)).answer is answer


def test_an_object_without_a_record_is_not_judged() -> None:
    assert judge(None, live(LOST), context()).answer is Answer.IGNORE


def test_an_overwrite_names_manager_and_field() -> None:
    assert judge(RECORD, live(LOST, entry("operator")), context()).overwrite == BY_OPERATOR


@pytest.mark.parametrize(
    ("before", "now", "path"),
    [
        (OURS, OURS, ""),
        (OURS, LOST, ".data.a"),
        (OURS, {}, ".data.a"),
        (
            {"f:spec": {'k:{"name":"a"}': {"f:image": {}}}},
            {"f:spec": {'k:{"name":"a"}': {}}},
            '.spec[{"name":"a"}].image',
        ),
        (OURS, None, ".data.a"),
        (None, OURS, ""),
    ],
)
def test_the_first_field_that_was_lost_is_named(before: Any, now: Any, path: str) -> None:
    assert first_difference(before, now) == path


def test_records_are_small() -> None:
    assert len(packed(OURS)) < 100


# -- on a live cluster


async def begin(world: World, **spec: Any) -> None:
    await world.source()
    await world.commit({"a.yaml": config_map("a", one="1", two="2"), "b.yaml": config_map("b")}, "main@sha1:1")
    await world.kustomization(**spec)
    await world.ready()
    await asyncio.sleep(30)
    world.requests()


async def data(world: World) -> Any:
    found = await world.get("ConfigMap", "a")
    return None if found is None else found.get("data")


def is_back(world: World) -> Any:
    async def look() -> bool:
        return bool(await data(world) == {"one": "1", "two": "2"})

    return look


@pytest.mark.parametrize("by", ["kubectl-edit", "kubectl-patch", "operator"])
def test_a_changed_field_is_corrected_within_a_second(by: str) -> None:
    async def test(world: World) -> None:
        await begin(world)
        await world.edit(REF, {"data": {"one": "changed"}}, by=by)
        await world.until(is_back(world), timeout=1)
        await asyncio.sleep(5)
        asked = world.requests()
        assert asked.count("dry-run patch configmaps") == 1
        assert ("Progressing", "ConfigMap/default/a configured") in await world.events()
        await asyncio.sleep(60)
        assert world.requests() == []  # no echo

    run(test)


def test_a_field_that_kubectl_added_goes_and_one_of_an_operator_stays() -> None:
    async def test(world: World) -> None:
        await begin(world)
        await world.edit(REF, {"data": {"kept": "yes"}}, by="operator")
        await asyncio.sleep(5)
        assert world.requests() == []
        await world.edit(REF, {"data": {"extra": "x"}}, by="kubectl-edit")
        await asyncio.sleep(2)
        assert await data(world) == {"one": "1", "two": "2", "kept": "yes"}

    run(test)


def test_a_removed_field_comes_back() -> None:
    async def test(world: World) -> None:
        await begin(world)
        for _ in range(2):
            await world.edit(REF, {"data": {"one": None}})
            await world.until(is_back(world), timeout=1)
            await asyncio.sleep(2)

    run(test)


def test_a_removed_owner_label_comes_back() -> None:
    async def test(world: World) -> None:
        await begin(world)
        await world.edit(REF, {"metadata": {"labels": {"kustomize.toolkit.fluxcd.io/name": None}}})
        await asyncio.sleep(2)
        found = await world.get("ConfigMap", "a")
        assert dig(found or {}, "metadata", "labels", "kustomize.toolkit.fluxcd.io/name") == "apps"

    run(test)


def test_wiped_managed_fields_are_written_again() -> None:
    async def test(world: World) -> None:
        await begin(world)
        await world.edit(REF, {"metadata": {"managedFields": [{}]}})
        await asyncio.sleep(2)
        found = await world.get("ConfigMap", "a")
        managers = {each["manager"] for each in dig(found or {}, "metadata", "managedFields")}
        assert "kustomize-controller" in managers

    run(test)


def test_a_deleted_object_comes_back_and_so_does_one_that_another_made_anew() -> None:
    async def test(world: World) -> None:
        await begin(world)
        await world.client.delete(REF)
        await world.until(is_back(world), timeout=1)
        await asyncio.sleep(2)
        await world.client.delete(REF)
        other = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "default"}}
        await world.client.apply({**other, "data": {"one": "theirs"}}, field_manager="other")
        await world.until(is_back(world), timeout=1)

    run(test)


def test_a_manager_that_insists_is_left_until_the_interval_with_one_warning() -> None:
    async def test(world: World) -> None:
        await begin(world, interval="5m")
        await world.edit(REF, {"data": {"one": "mine"}}, by="operator")
        await world.until(is_back(world), timeout=1)
        await asyncio.sleep(5)
        for value in ("again", "and again"):
            await world.edit(REF, {"data": {"one": value}}, by="operator")
            await asyncio.sleep(5)
        assert (await data(world))["one"] == "and again"
        warnings = [message for _, message in await world.events() if "keeps changing" in message]
        text = "the field manager operator keeps changing .data.one of ConfigMap/default/a"
        assert warnings == [f"{text}; it is left until the next interval"]
        await world.until(is_back(world), timeout=330)

    run(test)


def test_a_manager_to_be_overridden_is_corrected_however_often_it_writes() -> None:
    async def test(world: World) -> None:
        await begin(world)
        for value in ("mine", "again", "and again"):
            await world.edit(REF, {"data": {"one": value}}, by="my-operator")
            await world.until(is_back(world), timeout=1)
            await asyncio.sleep(5)
        assert [message for _, message in await world.events() if "keeps changing" in message] == []

    run(test, Settings(override_managers=("my-operator",)))


def test_with_drift_at_the_interval_nothing_is_corrected_before() -> None:
    async def test(world: World) -> None:
        await begin(world, interval="5m")
        await world.edit(REF, {"data": {"one": "changed"}}, by="operator")
        await asyncio.sleep(60)
        assert (await data(world))["one"] == "changed"
        await world.until(is_back(world), timeout=330)

    run(test, Settings(drift="interval"))


def test_an_object_that_opted_out_on_the_cluster_is_left_alone() -> None:
    async def test(world: World) -> None:
        await begin(world, interval="1m")
        switch = {"metadata": {"annotations": {"kustomize.toolkit.fluxcd.io/reconcile": "disabled"}}}
        await world.edit(REF, switch, by="operator")
        await world.edit(REF, {"data": {"one": "changed"}}, by="operator")
        await asyncio.sleep(600)
        assert (await data(world))["one"] == "changed"

    run(test)


def test_two_kustomizations_with_one_object_do_not_fight() -> None:
    async def test(world: World) -> None:
        await world.source()
        await world.commit({"x/a.yaml": config_map("a", one="1"), "y/a.yaml": config_map("a", one="2")}, "main@sha1:1")
        await world.kustomization("first", path="./x")
        await world.ready("first")
        await world.kustomization("second", path="./y")
        await world.ready("second")
        await asyncio.sleep(30)
        world.requests()
        await asyncio.sleep(120)
        assert world.requests() == []

    run(test)


def test_an_edit_during_a_broken_watch_is_found_when_it_is_back() -> None:
    async def test(world: World) -> None:
        await begin(world)
        world.plane.cut_watches()
        await world.edit(REF, {"data": {"one": "changed"}}, by="operator")
        world.plane.compact()
        await world.until(is_back(world), timeout=60)

    run(test)


def test_a_doubt_that_comes_up_during_a_full_comparison_is_settled_by_the_next_one() -> None:
    async def test(world: World) -> None:
        await world.source()
        await world.commit({"a.yaml": config_map("a")}, "main@sha1:1")
        await world.kustomization(interval="5m")
        await world.ready()
        await asyncio.sleep(5)
        world.transport.faults = lambda request: Fault(delay=2) if "dryRun" in request.url else None
        await world.request(value="full", **{"kustomize.fluvial.dev/fullAt": "full"})
        await asyncio.sleep(1)
        world.plane.compact()
        world.plane.cut_watches()
        await asyncio.sleep(30)
        world.transport.faults = None
        world.requests()
        await asyncio.sleep(400)
        assert "dry-run patch configmaps" in world.requests(), "the watch began anew: it proves nothing of before"

    run(test)
