"""What leaves the repository leaves the cluster, and nothing else does."""

import json

from fluvial.objects import labels
from tests.flows.flow import config_map, flow, kustomization
from tests.flows.world import KUSTOMIZE_API, World


@flow("4.4 Prune")
async def test_an_object_that_left_the_repository_is_pruned(world: World) -> None:
    await world.reconciled({"apps/a.yaml": config_map("a"), "apps/b.yaml": config_map("b")})
    revision = await world.pushed({"apps/b.yaml": None})
    obj = await world.ready("Kustomization", "apps", revision)
    await world.gone("ConfigMap", "b")
    assert [e["id"] for e in obj["status"]["inventory"]["entries"]] == [f"{world.namespace}_a__ConfigMap"]
    await world.event("Kustomization", "apps", "Progressing", f"ConfigMap/{world.namespace}/b deleted")


@flow("4.4 prune=false")
async def test_without_prune_an_object_stays_and_is_forgotten(world: World) -> None:
    await world.reconciled({"apps/a.yaml": config_map("a"), "apps/b.yaml": config_map("b")}, prune=False)
    revision = await world.pushed({"apps/b.yaml": None})
    obj = await world.ready("Kustomization", "apps", revision)
    assert len(obj["status"]["inventory"]["entries"]) == 1
    assert await world.get("ConfigMap", "b") is not None


@flow("1.3 prune: disabled")
async def test_a_live_object_that_forbids_pruning_survives(world: World) -> None:
    await world.reconciled({"apps/a.yaml": config_map("a"), "apps/b.yaml": config_map("b")})
    mark = {"metadata": {"annotations": {"kustomize.toolkit.fluxcd.io/prune": "disabled"}}}
    await world.edit("ConfigMap", "b", mark, by="somebody")
    revision = await world.pushed({"apps/b.yaml": None})
    await world.ready("Kustomization", "apps", revision)
    assert await world.get("ConfigMap", "b") is not None


@flow("2.15 Delete")
async def test_an_object_that_changed_hands_is_not_pruned(world: World) -> None:
    await world.reconciled({"apps/a.yaml": config_map("a"), "apps/b.yaml": config_map("b")})
    await world.kustomization(suspend=True)
    await world.edit("ConfigMap", "b", {"metadata": {"labels": {"kustomize.toolkit.fluxcd.io/name": "others"}}}, by="x")
    revision = world.commit({"apps/b.yaml": None})
    await world.request("GitRepository", "fleet", "x")
    await world.ready("GitRepository", "fleet", revision)
    await world.edit("Kustomization", "apps", {"spec": {"suspend": None}}, by="person")
    await world.ready("Kustomization", "apps", revision)
    assert await world.get("ConfigMap", "b") is not None


@flow("4.4 Prune")
async def test_a_move_between_kustomizations_deletes_nothing(world: World) -> None:
    await world.reconciled(
        {"apps/a.yaml": config_map("a"), "apps/b.yaml": config_map("b"), "infra/c.yaml": config_map("c")}
    )
    await world.kustomization("infra", path="./infra")
    await world.ready("Kustomization", "infra")
    before = await world.get("ConfigMap", "b")
    assert before is not None
    revision = await world.pushed({"apps/b.yaml": None, "infra/b.yaml": config_map("b")})
    await world.ready("Kustomization", "apps", revision)
    await world.ready("Kustomization", "infra", revision)
    after = await world.get("ConfigMap", "b")
    assert after is not None
    assert after["metadata"]["uid"] == before["metadata"]["uid"]
    assert labels(after)["kustomize.toolkit.fluxcd.io/name"] == "infra"


@flow("5.4 Empty build")
async def test_an_empty_build_prunes_nothing_without_consent(world: World) -> None:
    await world.reconciled({"apps/a.yaml": config_map("a"), "other/x.yaml": config_map("x")})
    await world.pushed({"apps/a.yaml": None, "apps/kustomization.yaml": kustomization()})
    await world.condition("Kustomization", "apps", "False", "PruneFailed", "1")
    assert await world.get("ConfigMap", "a") is not None
    consent = {"metadata": {"annotations": {"kustomize.fluvial.dev/allow-prune": "true"}}}
    await world.edit("Kustomization", "apps", consent, by="person")
    await world.request("Kustomization", "apps", "go")
    await world.gone("ConfigMap", "a")
    await world.ready("Kustomization", "apps")


@flow("5.4 Half of the objects")
async def test_a_wrong_path_does_not_empty_the_cluster(world: World) -> None:
    files: dict[str, str | bytes | None] = {f"apps/cm{i}.yaml": config_map(f"cm{i}") for i in range(12)}
    await world.reconciled(files | {"wrong/one.yaml": config_map("one")})
    await world.kustomization(path="./wrong")
    await world.condition("Kustomization", "apps", "False", "PruneFailed", "12")
    for i in range(12):
        assert await world.get("ConfigMap", f"cm{i}") is not None
    await world.kustomization(path="./apps")
    await world.ready("Kustomization", "apps")


@flow("4.4 Prune", "2.13 Discovery")
async def test_a_kind_that_is_no_longer_served_does_not_hold_the_rest_up(world: World) -> None:
    group = f"gone.{world.namespace}.example.test"
    await world.client.apply(definition(group), field_manager="person", force=True)
    await world.until("the kind is served", lambda: served(world, group))
    widget = {"apiVersion": f"{group}/v1", "kind": "Widget", "metadata": {"name": "w", "namespace": "@ns"}}
    await world.reconciled({"apps/a.yaml": config_map("a"), "apps/w.yaml": json.dumps(widget)})
    await world.delete("CustomResourceDefinition", f"widgets.{group}", api_version="apiextensions.k8s.io/v1")

    async def dropped() -> bool:
        return not await served(world, group)

    await world.until("the kind is gone", dropped)
    revision = await world.pushed({"apps/w.yaml": None})
    obj = await world.ready("Kustomization", "apps", revision)
    assert len(obj["status"]["inventory"]["entries"]) == 1


def definition(group: str) -> dict[str, object]:
    """A CRD of a kind that takes anything."""
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"widgets.{group}"},
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {"kind": "Widget", "plural": "widgets", "singular": "widget", "listKind": "WidgetList"},
            "versions": [{"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}],
        },
    }


async def served(world: World, group: str) -> bool:
    """Tell whether the API server serves the group now."""
    found = await world.client.resources(refresh=True)
    return any(resource.group == group for resource in found)


# -- deletion of the Kustomization itself


@flow("4.5 MirrorPrune")
async def test_deleting_a_kustomization_that_prunes_deletes_its_objects(world: World) -> None:
    await world.reconciled({"apps/a.yaml": config_map("a")})
    await world.delete("Kustomization", "apps", api_version=KUSTOMIZE_API)
    await world.gone("Kustomization", "apps")
    await world.gone("ConfigMap", "a")


@flow("4.5 MirrorPrune")
async def test_deleting_a_kustomization_that_does_not_prune_leaves_its_objects(world: World) -> None:
    await world.reconciled({"apps/a.yaml": config_map("a")}, prune=False)
    await world.delete("Kustomization", "apps", api_version=KUSTOMIZE_API)
    await world.gone("Kustomization", "apps")
    assert await world.get("ConfigMap", "a") is not None


@flow("4.5 Delete")
async def test_deletion_policy_delete_deletes_though_it_does_not_prune(world: World) -> None:
    await world.reconciled({"apps/a.yaml": config_map("a")}, prune=False, deletionPolicy="Delete")
    await world.delete("Kustomization", "apps", api_version=KUSTOMIZE_API)
    await world.gone("Kustomization", "apps")
    await world.gone("ConfigMap", "a")


@flow("4.5 Orphan")
async def test_deletion_policy_orphan_leaves_everything(world: World) -> None:
    await world.reconciled({"apps/a.yaml": config_map("a")}, deletionPolicy="Orphan")
    await world.delete("Kustomization", "apps", api_version=KUSTOMIZE_API)
    await world.gone("Kustomization", "apps")
    assert await world.get("ConfigMap", "a") is not None


@flow("4.5 WaitForTermination")
async def test_deletion_policy_wait_for_termination_waits_for_finalizers(world: World) -> None:
    await world.reconciled({"apps/a.yaml": config_map("a")}, deletionPolicy="WaitForTermination", timeout="30s")
    await world.edit("ConfigMap", "a", {"metadata": {"finalizers": ["example.test/hold"]}}, by="somebody")
    await world.delete("Kustomization", "apps", api_version=KUSTOMIZE_API)
    await world.settled(3)
    assert await world.get("Kustomization", "apps") is not None
    await world.edit("ConfigMap", "a", {"metadata": {"finalizers": None}}, by="somebody")
    await world.gone("Kustomization", "apps")


@flow("4.5 Suspended")
async def test_deleting_a_suspended_kustomization_leaves_its_objects(world: World) -> None:
    await world.reconciled({"apps/a.yaml": config_map("a")})
    await world.kustomization(suspend=True)
    await world.settled(0.5)
    await world.delete("Kustomization", "apps", api_version=KUSTOMIZE_API)
    await world.gone("Kustomization", "apps")
    assert await world.get("ConfigMap", "a") is not None
