"""From an artifact to applied objects: Kustomization."""

import json

from fluvial.objects import annotations, dig, get_condition, labels
from tests.flows.flow import config_map, flow, kustomization
from tests.flows.world import KUSTOMIZE_API, World


@flow("4.4 Apply", "4.3 status.inventory", "4.6 Owner labels")
async def test_a_commit_reaches_the_cluster(world: World) -> None:
    revision = await world.reconciled({"apps/cm.yaml": config_map("a", {"key": "value"})})
    live = await world.get("ConfigMap", "a")
    assert live is not None
    assert live["data"] == {"key": "value"}
    assert labels(live)["kustomize.toolkit.fluxcd.io/name"] == "apps"
    assert labels(live)["kustomize.toolkit.fluxcd.io/namespace"] == world.namespace
    managers = {(entry["manager"], entry["operation"]) for entry in live["metadata"]["managedFields"]}
    assert managers == {("kustomize-controller", "Apply")}
    status = (await world.ready("Kustomization", "apps", revision))["status"]
    assert status["inventory"]["entries"] == [{"id": f"{world.namespace}_a__ConfigMap", "v": "v1"}]
    assert status["lastAttemptedRevision"] == revision
    ready = get_condition({"status": status}, "Ready")
    assert ready is not None
    assert (ready["reason"], ready["message"]) == ("ReconciliationSucceeded", f"Applied revision: {revision}")
    await world.event("Kustomization", "apps", "Progressing", f"ConfigMap/{world.namespace}/a created")
    await world.event("Kustomization", "apps", "ReconciliationSucceeded", "Reconciliation finished in ")


@flow("4.4 Source events")
async def test_the_next_commit_follows_without_a_request(world: World) -> None:
    await world.reconciled({"apps/cm.yaml": config_map("a", {"key": "one"})})
    revision = await world.pushed({"apps/cm.yaml": config_map("a", {"key": "two"})})
    await world.ready("Kustomization", "apps", revision)
    live = await world.get("ConfigMap", "a")
    assert live is not None
    assert live["data"] == {"key": "two"}
    await world.event("Kustomization", "apps", "Progressing", f"ConfigMap/{world.namespace}/a configured")


@flow("4.3 status.history")
async def test_history_counts_equal_builds_and_keeps_the_newest_first(world: World) -> None:
    await world.reconciled({"apps/cm.yaml": config_map("a", {"key": "one"})})
    revision = await world.pushed({"apps/cm.yaml": config_map("a", {"key": "two"})})
    obj = await world.ready("Kustomization", "apps", revision)
    history = obj["status"]["history"]
    assert len(history) == 2
    assert history[0]["lastReconciledStatus"] == "ReconciliationSucceeded"
    assert history[0]["metadata"]["revision"] == revision
    assert history[0]["digest"] != history[1]["digest"]
    assert history[0]["totalReconciliations"] >= 1


@flow("4.4 Source missing")
async def test_a_missing_source_is_told_and_found_when_it_appears(world: World) -> None:
    revision = world.commit({"apps/cm.yaml": config_map("a")})
    await world.kustomization(retryInterval="5s")
    await world.condition("Kustomization", "apps", "False", "ArtifactFailed", "fleet")
    await world.source()
    await world.ready("Kustomization", "apps", revision)


@flow("4.4 Source without artifact")
async def test_a_source_without_an_artifact_is_waited_for(world: World) -> None:
    world.commit({"apps/cm.yaml": config_map("a")})
    await world.source(ref={"branch": "later"})
    await world.kustomization()
    await world.condition(
        "Kustomization", "apps", "False", "ArtifactFailed", "Source artifact not found, retrying in 30s"
    )
    revision = world.commit({"apps/cm.yaml": config_map("a")}, branch="later")
    await world.request("GitRepository", "fleet", "now")
    await world.ready("Kustomization", "apps", revision)


@flow("4.4 Path missing", "4.3 ArtifactFailed")
async def test_a_path_that_is_not_in_the_artifact_is_told(world: World) -> None:
    world.commit({"apps/cm.yaml": config_map("a")})
    await world.source()
    await world.kustomization(path="./nowhere")
    await world.condition("Kustomization", "apps", "False", "ArtifactFailed", "kustomization path not found")


@flow("4.7 Generated file")
async def test_a_kustomization_file_is_generated_where_there_is_none(world: World) -> None:
    files = {
        "apps/a.yaml": config_map("a"),
        "apps/sub/b.yml": config_map("b"),
        "apps/own/kustomization.yaml": kustomization("c.yaml", namePrefix="own-"),
        "apps/own/c.yaml": config_map("c"),
        "apps/README.md": "no manifest",
    }
    await world.reconciled(files)
    for name in ("a", "b", "own-c"):
        assert await world.get("ConfigMap", name) is not None


@flow("4.7 Overlay fields")
async def test_the_overlay_fields_of_the_spec_are_applied(world: World) -> None:
    patch = json.dumps([{"op": "add", "path": "/data/patched", "value": "yes"}])
    await world.reconciled(
        {"apps/kustomization.yaml": kustomization("cm.yaml"), "apps/cm.yaml": config_map("a")},
        targetNamespace=world.namespace,
        namePrefix="pre-",
        nameSuffix="-post",
        patches=[{"patch": patch, "target": {"kind": "ConfigMap", "name": "a"}}],
        commonMetadata={"labels": {"team": "blue"}, "annotations": {"note": "hi"}},
    )
    live = await world.get("ConfigMap", "pre-a-post")
    assert live is not None
    assert live["data"]["patched"] == "yes"
    assert labels(live)["team"] == "blue"
    assert annotations(live)["note"] == "hi"


@flow("4.7 generators")
async def test_generated_config_maps_get_the_hash_of_their_content(world: World) -> None:
    generator = [{"name": "settings", "literals": ["colour=blue"]}]
    first = await world.reconciled(
        {"apps/kustomization.yaml": kustomization(configMapGenerator=generator, namespace="@ns")}
    )
    entries = (await world.ready("Kustomization", "apps", first))["status"]["inventory"]["entries"]
    name = entries[0]["id"].split("_")[1]
    assert name.startswith("settings-")
    generator[0]["literals"] = ["colour=green"]
    second = await world.pushed(
        {"apps/kustomization.yaml": kustomization(configMapGenerator=generator, namespace="@ns")}
    )
    obj = await world.ready("Kustomization", "apps", second)
    assert obj["status"]["inventory"]["entries"] != entries
    await world.gone("ConfigMap", name)


@flow("4.6 ssa", "1.3 IfNotPresent")
async def test_an_object_marked_if_not_present_is_created_and_then_left(world: World) -> None:
    mark = {"kustomize.toolkit.fluxcd.io/ssa": "IfNotPresent"}
    await world.reconciled({"apps/cm.yaml": config_map("a", {"key": "one"}, annotations=mark)})
    revision = await world.pushed({"apps/cm.yaml": config_map("a", {"key": "two"}, annotations=mark)})
    await world.ready("Kustomization", "apps", revision)
    live = await world.get("ConfigMap", "a")
    assert live is not None
    assert live["data"] == {"key": "one"}


@flow("1.3 Ignore")
async def test_an_object_marked_ignore_is_not_applied(world: World) -> None:
    mark = {"kustomize.toolkit.fluxcd.io/ssa": "ignore"}
    await world.reconciled({"apps/cm.yaml": config_map("a", annotations=mark), "apps/b.yaml": config_map("b")})
    assert await world.get("ConfigMap", "a") is None
    assert await world.get("ConfigMap", "b") is not None


@flow("1.3 Merge")
async def test_an_object_marked_merge_keeps_the_fields_of_others(world: World) -> None:
    mark = {"kustomize.toolkit.fluxcd.io/ssa": "Merge"}
    await world.reconciled({"apps/cm.yaml": config_map("a", {"key": "ours"}, annotations=mark)})
    await world.edit("ConfigMap", "a", {"data": {"theirs": "kept"}})
    revision = await world.pushed({"apps/cm.yaml": config_map("a", {"key": "new"}, annotations=mark)})
    await world.ready("Kustomization", "apps", revision)
    live = await world.get("ConfigMap", "a")
    assert live is not None
    assert live["data"] == {"key": "new", "theirs": "kept"}


@flow("1.3 reconcile: disabled")
async def test_an_object_whose_reconciliation_is_disabled_in_the_cluster_is_left(world: World) -> None:
    await world.reconciled({"apps/cm.yaml": config_map("a", {"key": "one"})})
    mark = {"metadata": {"annotations": {"kustomize.toolkit.fluxcd.io/reconcile": "disabled"}}, "data": {"key": "mine"}}
    await world.edit("ConfigMap", "a", mark, by="somebody")
    revision = await world.pushed({"apps/cm.yaml": config_map("a", {"key": "two"})})
    await world.ready("Kustomization", "apps", revision)
    live = await world.get("ConfigMap", "a")
    assert live is not None
    assert live["data"] == {"key": "mine"}


@flow("4.6 Taken-over managers", "2.15 Ownership migration")
async def test_fields_set_by_kubectl_become_ours_and_foreign_fields_stay(world: World) -> None:
    last = {"kubectl.kubernetes.io/last-applied-configuration": "{}"}
    made = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "a", "namespace": world.namespace, "annotations": last},
    }
    await world.client.create({**made, "data": {"stale": "x"}}, field_manager="kubectl-client-side-apply")
    await world.edit("ConfigMap", "a", {"data": {"theirs": "kept"}}, by="somebody")
    await world.reconciled({"apps/cm.yaml": config_map("a", {"key": "value"})})
    live = await world.get("ConfigMap", "a")
    assert live is not None
    assert live["data"] == {"key": "value", "theirs": "kept"}
    assert "kubectl.kubernetes.io/last-applied-configuration" not in annotations(live)


@flow("4.6 force", "2.15 Immutable errors")
async def test_an_immutable_change_fails_until_force_recreates_the_object(world: World) -> None:
    await world.reconciled({"apps/cm.yaml": json.dumps(immutable("one"))}, retryInterval="3s")
    before = await world.get("ConfigMap", "a")
    assert before is not None
    await world.pushed({"apps/cm.yaml": json.dumps(immutable("two"))})
    await world.condition("Kustomization", "apps", "False", "ReconciliationFailed", "ConfigMap")
    held = await world.get("ConfigMap", "a")
    assert held is not None
    assert held["data"] == {"key": "one"}
    await world.kustomization(retryInterval="3s", force=True)
    await world.ready("Kustomization", "apps")
    after = await world.get("ConfigMap", "a")
    assert after is not None
    assert after["data"] == {"key": "two"}
    assert after["metadata"]["uid"] != before["metadata"]["uid"]


def immutable(value: str) -> dict[str, object]:
    """An immutable ConfigMap."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "a", "namespace": "@ns"},
        "data": {"key": value},
        "immutable": True,
    }


@flow("2.15 Normalisation")
async def test_string_data_of_a_secret_is_folded_into_data(world: World) -> None:
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "s", "namespace": "@ns"},
        "stringData": {"word": "hidden"},
    }
    await world.reconciled({"apps/secret.yaml": json.dumps(secret)})
    live = await world.get("Secret", "s")
    assert live is not None
    assert live["data"] == {"word": "aGlkZGVu"}


@flow("2.15 Stages")
async def test_a_definition_and_its_objects_arrive_in_one_commit(world: World) -> None:
    group = f"{world.namespace}.example.test"
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    crd = {
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
    widget = {
        "apiVersion": f"{group}/v1",
        "kind": "Widget",
        "metadata": {"name": "w", "namespace": "@ns"},
        "spec": {"size": 1},
    }
    await world.reconciled({"apps/a-widget.yaml": json.dumps(widget), "apps/z-crd.yaml": json.dumps(crd)})
    live = await world.get("Widget", "w", api_version=f"{group}/v1")
    assert live is not None
    assert live["spec"] == {"size": 1}


@flow("2.15 Stages")
async def test_a_namespace_and_its_contents_arrive_in_one_commit(world: World) -> None:
    other = f"{world.namespace}-new"
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": other}}
    await world.reconciled({"apps/ns.yaml": json.dumps(namespace), "apps/cm.yaml": config_map("a", namespace=other)})
    assert await world.get("ConfigMap", "a", namespace=other) is not None


@flow("2.2 Suspend")
async def test_a_suspended_kustomization_applies_nothing(world: World) -> None:
    await world.reconciled({"apps/cm.yaml": config_map("a", {"key": "one"})})
    await world.kustomization(suspend=True)
    await world.pushed({"apps/cm.yaml": config_map("a", {"key": "two"})})
    await world.settled()
    live = await world.get("ConfigMap", "a")
    assert live is not None
    assert live["data"] == {"key": "one"}
    revision = world.commit({"apps/cm.yaml": config_map("a", {"key": "three"})})
    await world.request("GitRepository", "fleet", "x")
    await world.kustomization()
    await world.edit("Kustomization", "apps", {"spec": {"suspend": None}}, by="person")
    await world.ready("Kustomization", "apps", revision)


@flow("2.2 requestedAt", "4.3 lastHandledReconcileAt")
async def test_a_request_is_answered_though_nothing_changed(world: World) -> None:
    await world.reconciled({"apps/cm.yaml": config_map("a")})
    await world.request("Kustomization", "apps", "2026-02-02T02:02:02Z")

    async def handled() -> bool:
        obj = await world.get("Kustomization", "apps")
        return dig(obj or {}, "status", "lastHandledReconcileAt") == "2026-02-02T02:02:02Z"

    await world.until("the request is answered", handled)


@flow("Refused for now")
async def test_a_field_that_is_not_built_is_refused_and_the_last_state_stays(world: World) -> None:
    await world.reconciled({"apps/cm.yaml": config_map("a", {"key": "one"})})
    await world.kustomization(decryption={"provider": "sops"})
    await world.condition("Kustomization", "apps", "False", message="spec.decryption is not supported yet")
    await world.condition("Kustomization", "apps", "True", type="Stalled")
    live = await world.get("ConfigMap", "a")
    assert live is not None
    assert live["data"] == {"key": "one"}
    await world.edit("Kustomization", "apps", {"spec": {"decryption": None}}, by="person")
    await world.ready("Kustomization", "apps")


@flow("4.4 Apply")
async def test_two_kustomizations_of_one_source_keep_to_their_own_objects(world: World) -> None:
    revision = world.commit({"apps/cm.yaml": config_map("a"), "infra/cm.yaml": config_map("b")})
    await world.source()
    await world.kustomization("apps")
    await world.kustomization("infra", path="./infra")
    await world.ready("Kustomization", "apps", revision)
    await world.ready("Kustomization", "infra", revision)
    await world.delete("Kustomization", "infra", api_version=KUSTOMIZE_API)
    await world.gone("ConfigMap", "b")
    assert await world.get("ConfigMap", "a") is not None
