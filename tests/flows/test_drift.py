"""Edits by hand: which are corrected at once, which wait, which are left."""

import json
from typing import Any

from fluvial.objects import Object, dig, labels
from tests.flows.flow import config_map, flow
from tests.flows.world import World

AT_ONCE = 3.0  # seconds; the design says well under one, a shared machine may need more
SERVICE = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "web", "namespace": "@ns"},
    "spec": {"selector": {"app": "web"}, "ports": [{"name": "http", "port": 80, "targetPort": 8080}]},
}
DEPLOYMENT: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web", "namespace": "@ns"},
    "spec": {
        "replicas": 1,
        "selector": {"matchLabels": {"app": "web"}},
        "template": {
            "metadata": {"labels": {"app": "web"}},
            "spec": {"containers": [{"name": "web", "image": "example.test/web:1"}]},
        },
    },
}


async def becomes(world: World, what: str, kind: str, name: str, matches: Any, api_version: str = "v1") -> Object:
    """Wait until a live object matches, which must be at once."""

    async def look() -> Object | None:
        obj = await world.get(kind, name, api_version=api_version)
        return obj if obj is not None and matches(obj) else None

    found: Object = await world.until(what, look, timeout=AT_ONCE)
    return found


@flow("Drift: changed field")
async def test_a_field_changed_by_kubectl_is_corrected_at_once(world: World) -> None:
    await world.reconciled({"apps/cm.yaml": config_map("a", {"key": "value"})})
    await world.edit("ConfigMap", "a", {"data": {"key": "drifted"}})
    await becomes(world, "the field is back", "ConfigMap", "a", lambda o: o["data"] == {"key": "value"})
    await world.event("Kustomization", "apps", "Progressing", f"ConfigMap/{world.namespace}/a configured")


@flow("Drift: changed field")
async def test_the_first_change_by_another_manager_is_corrected_at_once(world: World) -> None:
    await world.reconciled({"apps/cm.yaml": config_map("a", {"key": "value"})})
    await world.edit("ConfigMap", "a", {"data": {"key": "drifted"}}, by="some-operator")
    await becomes(world, "the field is back", "ConfigMap", "a", lambda o: o["data"] == {"key": "value"})


@flow("Drift: changed field")
async def test_a_manager_that_insists_is_left_until_the_interval_with_a_warning(world: World) -> None:
    await world.reconciled({"apps/cm.yaml": config_map("a", {"key": "value"})})
    await world.edit("ConfigMap", "a", {"data": {"key": "drifted"}}, by="some-operator")
    await becomes(world, "the field is back", "ConfigMap", "a", lambda o: o["data"] == {"key": "value"})
    await world.edit("ConfigMap", "a", {"data": {"key": "drifted again"}}, by="some-operator")
    event = await world.event("Kustomization", "apps", "Progressing", "some-operator", type="Warning")
    assert "data.key" in event[2]
    await world.settled()
    live = await world.get("ConfigMap", "a")
    assert live is not None
    assert live["data"] == {"key": "drifted again"}


@flow("Drift: added field")
async def test_a_field_added_by_kubectl_edit_is_removed_at_once(world: World) -> None:
    await world.reconciled({"apps/cm.yaml": config_map("a", {"key": "value"})})
    await world.edit("ConfigMap", "a", {"data": {"extra": "x"}})
    await becomes(world, "the field is gone", "ConfigMap", "a", lambda o: o["data"] == {"key": "value"})


@flow("Drift: added field")
async def test_a_field_added_by_another_manager_is_left(world: World) -> None:
    await world.reconciled({"apps/cm.yaml": config_map("a", {"key": "value"})})
    await world.edit("ConfigMap", "a", {"data": {"extra": "x"}}, by="some-operator")
    await world.settled()
    live = await world.get("ConfigMap", "a")
    assert live is not None
    assert live["data"] == {"key": "value", "extra": "x"}


@flow("Drift: removed field")
async def test_a_removed_field_comes_back_at_once(world: World) -> None:
    await world.reconciled({"apps/cm.yaml": config_map("a", {"key": "value", "other": "too"})})
    await world.edit("ConfigMap", "a", {"data": {"other": None}})
    await becomes(world, "the field is back", "ConfigMap", "a", lambda o: o["data"] == {"key": "value", "other": "too"})


@flow("Drift: added list item")
async def test_a_list_item_added_by_kubectl_is_removed_at_once(world: World) -> None:
    await world.reconciled({"apps/svc.yaml": json.dumps(SERVICE)})
    ports = [{"name": "http", "port": 80, "targetPort": 8080}, {"name": "extra", "port": 81}]
    await world.edit("Service", "web", {"spec": {"ports": ports}})
    await becomes(world, "the port is gone", "Service", "web", lambda o: len(o["spec"]["ports"]) == 1)


@flow("Drift: changed field")
async def test_a_changed_key_of_a_list_is_changed_back_at_once(world: World) -> None:
    """The server calls what an apply would make a duplicate, until the added item is ours to remove."""
    await world.reconciled({"apps/svc.yaml": json.dumps(SERVICE)})
    await world.edit("Service", "web", {"spec": {"ports": [{"name": "http", "port": 8080, "targetPort": 8080}]}})
    await becomes(
        world, "the port is back", "Service", "web", lambda o: [p["port"] for p in o["spec"]["ports"]] == [80]
    )


@flow("Drift: label removed")
async def test_a_removed_owner_label_comes_back_at_once(world: World) -> None:
    await world.reconciled({"apps/cm.yaml": config_map("a")})
    await world.edit("ConfigMap", "a", {"metadata": {"labels": {"kustomize.toolkit.fluxcd.io/name": None}}})
    await becomes(
        world, "the label is back", "ConfigMap", "a", lambda o: labels(o).get("kustomize.toolkit.fluxcd.io/name")
    )


@flow("Drift: managedFields wiped")
async def test_wiped_managed_fields_are_set_again(world: World) -> None:
    await world.reconciled({"apps/cm.yaml": config_map("a")})
    await world.edit("ConfigMap", "a", {"metadata": {"managedFields": [{}]}})

    def ours(obj: Object) -> bool:
        entries = dig(obj, "metadata", "managedFields", default=[])
        return any(e["manager"] == "kustomize-controller" and e["operation"] == "Apply" for e in entries)

    await becomes(world, "our entry is back", "ConfigMap", "a", ours)


@flow("Drift: object deleted")
async def test_a_deleted_object_comes_back_at_once(world: World) -> None:
    await world.reconciled({"apps/cm.yaml": config_map("a")})
    before = await world.get("ConfigMap", "a")
    assert before is not None
    await world.delete("ConfigMap", "a")
    uid = before["metadata"]["uid"]
    await becomes(world, "the object is back", "ConfigMap", "a", lambda o: o["metadata"]["uid"] != uid)


@flow("Drift: object recreated")
async def test_an_object_recreated_by_somebody_is_taken_back(world: World) -> None:
    await world.reconciled({"apps/cm.yaml": config_map("a", {"key": "value"})})
    made = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": world.namespace}}
    await world.delete("ConfigMap", "a")
    await world.client.apply({**made, "data": {"key": "theirs"}}, field_manager="somebody", force=True)
    await becomes(
        world, "ours again", "ConfigMap", "a",
        lambda o: o["data"] == {"key": "value"} and labels(o).get("kustomize.toolkit.fluxcd.io/name") == "apps",
    )  # fmt: skip


@flow("Drift: scale by an autoscaler")
async def test_a_scale_by_an_autoscaler_is_left_until_the_interval(world: World) -> None:
    await world.reconciled({"apps/web.yaml": json.dumps(DEPLOYMENT)})
    path = f"/apis/apps/v1/namespaces/{world.namespace}/deployments/web/scale"
    await world.scale(path, 3)
    await world.settled()
    live = await world.get("Deployment", "web", api_version="apps/v1")
    assert live is not None
    assert live["spec"]["replicas"] == 3


@flow("Drift: two Kustomizations with one object")
async def test_two_kustomizations_with_one_object_do_not_fight_at_speed(world: World) -> None:
    await world.reconciled(
        {"apps/cm.yaml": config_map("a", {"by": "apps"}), "infra/cm.yaml": config_map("a", {"by": "infra"})}
    )
    await world.kustomization("infra", path="./infra")
    await world.ready("Kustomization", "infra")
    await world.settled(1)
    first = await world.get("ConfigMap", "a")
    await world.settled(3)
    second = await world.get("ConfigMap", "a")
    assert first is not None
    assert second is not None
    assert first["metadata"]["resourceVersion"] == second["metadata"]["resourceVersion"]


@flow("1.3 reconcile: disabled")
async def test_drift_of_an_opted_out_object_is_left(world: World) -> None:
    await world.reconciled({"apps/cm.yaml": config_map("a", {"key": "value"})})
    mark = {"metadata": {"annotations": {"kustomize.toolkit.fluxcd.io/reconcile": "disabled"}}, "data": {"key": "mine"}}
    await world.edit("ConfigMap", "a", mark)
    await world.settled()
    live = await world.get("ConfigMap", "a")
    assert live is not None
    assert live["data"] == {"key": "mine"}


@flow("2.2 Suspend")
async def test_drift_under_a_suspended_kustomization_is_left(world: World) -> None:
    await world.reconciled({"apps/cm.yaml": config_map("a", {"key": "value"})})
    await world.kustomization(suspend=True)
    await world.settled(1)
    await world.edit("ConfigMap", "a", {"data": {"key": "drifted"}})
    await world.settled()
    live = await world.get("ConfigMap", "a")
    assert live is not None
    assert live["data"] == {"key": "drifted"}


@flow("--drift=interval", drift="interval")
async def test_with_drift_at_the_interval_an_edit_waits(world: World) -> None:
    await world.reconciled({"apps/cm.yaml": config_map("a", {"key": "value"})})
    await world.edit("ConfigMap", "a", {"data": {"key": "drifted"}})
    await world.settled()
    live = await world.get("ConfigMap", "a")
    assert live is not None
    assert live["data"] == {"key": "drifted"}
    await world.request("Kustomization", "apps", "go")
    await becomes(world, "the field is back", "ConfigMap", "a", lambda o: o["data"] == {"key": "value"})
