"""Bad input: the error names object, file and line; the last good state stays; nothing is half done."""

import json

from tests.flows.flow import config_map, flow, kustomization
from tests.flows.world import World

GOOD = {"apps/a.yaml": config_map("a", {"key": "good"})}


async def refused(world: World, files: dict[str, str | bytes | None], reason: str, *texts: str) -> None:
    """Push a bad commit on a good state: it is refused with these texts, the state stays, and a repair converges."""
    await world.reconciled(GOOD, retryInterval="2s")
    before = await world.get("ConfigMap", "a")
    await world.pushed(files)
    obj = await world.condition("Kustomization", "apps", "False", reason, texts[0] if texts else "")
    message = next(c["message"] for c in obj["status"]["conditions"] if c["type"] == "Ready")
    for text in texts:
        assert text in message
    assert await world.get("ConfigMap", "a") == before
    await world.event("Kustomization", "apps", reason, type="Warning")
    revision = await world.pushed(dict.fromkeys(files) | GOOD)
    await world.ready("Kustomization", "apps", revision)


@flow("Bad input: broken YAML")
async def test_broken_yaml_is_refused_with_file_and_line(world: World) -> None:
    text = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: b\n  namespace: '@ns'\ndata:\n  key: [unclosed\n"
    await refused(world, {"apps/b.yaml": text}, "BuildFailed", "b.yaml", "line ")


@flow("Bad input: a missing file")
async def test_a_kustomization_naming_a_missing_file_is_refused_with_both_names(world: World) -> None:
    files = {"apps/kustomization.yaml": kustomization("a.yaml", "nowhere.yaml")}
    await refused(world, files, "BuildFailed", "nowhere.yaml", "kustomization.yaml")


@flow("Bad input: duplicate objects")
async def test_duplicate_objects_are_refused(world: World) -> None:
    files = {"apps/kustomization.yaml": kustomization("a.yaml", "twice.yaml"), "apps/twice.yaml": config_map("a")}
    await refused(world, files, "BuildFailed", "may not add resource with an already registered id")


@flow("Bad input: unknown kinds")
async def test_an_unknown_kind_is_refused_before_anything_is_written(world: World) -> None:
    unknown = {"apiVersion": "example.test/v1", "kind": "Nonsense", "metadata": {"name": "n", "namespace": "@ns"}}
    files = {"apps/b.yaml": json.dumps(unknown), "apps/a.yaml": config_map("a", {"key": "unapplied"})}
    await refused(world, files, "ReconciliationFailed", "Nonsense", "example.test")


@flow("Bad input: missing namespaces")
async def test_a_missing_namespace_is_refused_and_named(world: World) -> None:
    files = {
        "apps/b.yaml": config_map("b", namespace="no-such-namespace"),
        "apps/a.yaml": config_map("a", {"key": "x"}),
    }
    await refused(world, files, "ReconciliationFailed", "no-such-namespace")


@flow("Bad input: every failing object is named")
async def test_a_failed_preflight_names_every_failing_object(world: World) -> None:
    bad = [
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": f"s{i}", "namespace": "@ns"},
            "spec": {"ports": [{"port": -1}]},
        }
        for i in (1, 2)
    ]
    files = {f"apps/s{i}.yaml": json.dumps(obj) for i, obj in enumerate(bad)}
    await refused(world, files, "ReconciliationFailed", "/s1", "/s2")


@flow("Bad input: a path out of the tree")
async def test_a_base_outside_of_the_artifact_is_refused(world: World) -> None:
    await refused(world, {"apps/kustomization.yaml": kustomization("../../../etc")}, "BuildFailed", "../../../etc")


@flow("Bad input: no kind")
async def test_an_object_without_a_kind_is_refused(world: World) -> None:
    await refused(
        world, {"apps/b.yaml": "apiVersion: v1\nmetadata: {name: b, namespace: '@ns'}\n"}, "BuildFailed", "b.yaml"
    )


@flow("Bad input: invalid object")
async def test_an_object_that_the_server_refuses_is_named_with_the_servers_words(world: World) -> None:
    bad = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "Not A Name", "namespace": "@ns"}, "data": {}}
    await refused(world, {"apps/b.yaml": json.dumps(bad)}, "ReconciliationFailed", "Not A Name")


@flow("Bad input: SOPS")
async def test_an_encrypted_secret_without_decryption_is_refused(world: World) -> None:
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "s", "namespace": "@ns"},
        "data": {"key": "ENC[AES256_GCM,data:abc,type:str]"},
        "sops": {"mac": "ENC[AES256_GCM,data:abc]", "version": "3.9.0"},
    }
    await refused(world, {"apps/s.yaml": json.dumps(secret)}, "ReconciliationFailed", "SOPS encrypted")


@flow("Bad input: not built")
async def test_a_kustomize_field_that_is_not_built_is_refused_by_name(world: World) -> None:
    chart = [{"name": "x", "repo": "https://example.test"}]
    files = {"apps/kustomization.yaml": kustomization("a.yaml", helmCharts=chart)}
    await refused(world, files, "BuildFailed", "must specify --enable-helm", "apps/kustomization.yaml")


@flow("Bad input: a vanished repository")
async def test_a_repository_that_vanishes_leaves_the_last_good_state(world: World) -> None:
    await world.reconciled(GOOD)
    await world.source(url=world.git_url + "-vanished")
    await world.condition("GitRepository", "fleet", "False", "GitOperationFailed")
    obj = await world.get("GitRepository", "fleet")
    assert obj is not None
    assert obj["status"]["artifact"]["revision"]
    assert await world.get("ConfigMap", "a") is not None
    await world.source()
    await world.ready("GitRepository", "fleet")


@flow("Bad input: a damaged artifact")
async def test_an_artifact_whose_bytes_do_not_match_is_not_built(world: World) -> None:
    world.commit(GOOD)
    await world.source()
    obj = await world.ready("GitRepository", "fleet")
    world.engine.damage(obj["status"]["artifact"]["path"], b"not what was stored")
    await world.kustomization(retryInterval="2s")
    await world.condition("Kustomization", "apps", "False", "ArtifactFailed")
    assert await world.get("ConfigMap", "a") is None
    await world.request("GitRepository", "fleet", "repair")
    await world.ready("Kustomization", "apps")


@flow("Bad input: a wiped status")
async def test_a_wiped_status_neither_prunes_nor_loses_anything(world: World) -> None:
    await world.reconciled(GOOD)
    path = f"/apis/kustomize.toolkit.fluxcd.io/v1/namespaces/{world.namespace}/kustomizations/apps/status"
    await world.wipe_status(path)
    await world.request("Kustomization", "apps", "look")
    obj = await world.ready("Kustomization", "apps")
    assert len(obj["status"]["inventory"]["entries"]) == 1
    assert await world.get("ConfigMap", "a") is not None


@flow("5.2 Write-ahead inventory")
async def test_an_object_applied_before_a_failure_is_in_the_inventory(world: World) -> None:
    later = f"{world.namespace}-late"
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": later}}
    bad = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "s", "namespace": later},
        "spec": {"ports": [{"port": -1}]},
    }
    world.commit({"apps/ns.yaml": json.dumps(namespace), "apps/s.yaml": json.dumps(bad)})
    await world.source()
    await world.kustomization()
    obj = await world.condition("Kustomization", "apps", "False", "ReconciliationFailed")
    ids = [entry["id"] for entry in obj["status"]["inventory"]["entries"]]
    assert f"_{later}__Namespace" in ids


@flow("Restart")
async def test_restarted_controllers_go_on_where_they_were(world: World) -> None:
    revision = await world.reconciled(GOOD)
    before = await world.get("ConfigMap", "a")
    await world.engine.stop()
    await world.engine.start()
    revision = await world.pushed({"apps/b.yaml": config_map("b")})
    await world.ready("Kustomization", "apps", revision)
    assert await world.get("ConfigMap", "a") == before


@flow("Restart")
async def test_drift_while_the_controllers_were_down_is_corrected(world: World) -> None:
    await world.reconciled(GOOD)
    await world.engine.stop()
    await world.edit("ConfigMap", "a", {"data": {"key": "drifted"}})
    await world.engine.start()

    async def corrected() -> bool:
        live = await world.get("ConfigMap", "a")
        return live is not None and live["data"] == {"key": "good"}

    await world.until("the field is back", corrected, timeout=20)
