"""Runs of the controller: what is written, and above all what is not."""

import asyncio
from collections.abc import Callable

import pytest

from fluvial.controllers.kustomize import Settings
from fluvial.objects import Ref, dig
from fluvial.runtime import WorkerDied
from fluvial.yamldoc import dump
from tests.controllers_kustomize.world import KUSTOMIZE_API, NAMESPACE, World, condition, config_map, run

CONFIG = Ref("", "v1", "ConfigMap", "default", "a")


def test_a_first_run_costs_ten_requests_and_ends_ready() -> None:
    async def test(world: World) -> None:
        await world.source()
        await world.commit({"a.yaml": config_map("a"), "b.yaml": config_map("b")}, "main@sha1:1")
        await world.kustomization()
        obj = await world.ready()
        assert condition(obj, "Ready") == ("True", "ReconciliationSucceeded", "Applied revision: main@sha1:1")
        assert condition(obj, "Reconciling") == ("", "", "")
        status = obj["status"]
        assert [entry["id"] for entry in status["inventory"]["entries"]] == [
            "default_a__ConfigMap",
            "default_b__ConfigMap",
        ]
        assert status["lastAppliedRevision"] == status["lastAttemptedRevision"] == "main@sha1:1"
        assert status["history"][0]["lastReconciledStatus"] == "ReconciliationSucceeded"
        await asyncio.sleep(1)
        assert world.requests() == [
            "patch kustomizations",
            "patch kustomizations/status",
            *["dry-run patch configmaps"] * 2,
            "patch kustomizations/status",
            *["patch configmaps"] * 2,
            "patch kustomizations/status",
            *["event"] * 2,
        ]
        assert await world.events() == [
            ("Progressing", "ConfigMap/default/a created\nConfigMap/default/b created"),
            ("ReconciliationSucceeded", "Reconciliation finished in 10ms, next run in 10m0s"),
        ]

    run(test)


def test_an_hour_of_nothing_happening_costs_nothing() -> None:
    async def test(world: World) -> None:
        await world.source()
        await world.commit({"a.yaml": config_map("a")}, "main@sha1:1")
        await world.kustomization(interval="1m", wait=True)
        await world.ready()
        await asyncio.sleep(5)
        world.requests()
        await asyncio.sleep(3000)
        assert world.requests() == []

    run(test)


def test_every_object_is_compared_once_an_hour() -> None:
    async def test(world: World) -> None:
        await world.source()
        await world.commit({"a.yaml": config_map("a"), "b.yaml": config_map("b")}, "main@sha1:1")
        await world.kustomization(interval="1m")
        await world.ready()
        await asyncio.sleep(5)
        world.requests()
        await asyncio.sleep(3600 * 2.5)
        asked = world.requests()
        assert asked.count("dry-run patch configmaps") == 4
        assert "patch configmaps" not in asked
        assert condition(await world.ks(), "Ready")[0] == "True"

    run(test)


def test_a_revision_with_an_equal_build_costs_one_status_patch_and_one_event() -> None:
    async def test(world: World) -> None:
        await world.source()
        files = {"apps/a.yaml": config_map("a"), "README": "one"}
        await world.commit(files, "main@sha1:1")
        await world.kustomization(path="./apps")
        await world.ready()
        await asyncio.sleep(5)
        world.requests()
        await world.commit({**files, "README": "two"}, "main@sha1:2")
        await world.ready(revision="main@sha1:2")
        await asyncio.sleep(5)
        assert world.requests() == ["patch kustomizations/status", "event"]

    run(test)


def test_a_handled_request_costs_one_status_patch() -> None:
    async def test(world: World) -> None:
        await world.source()
        await world.commit({"a.yaml": config_map("a")}, "main@sha1:1")
        await world.kustomization()
        await world.ready()
        await asyncio.sleep(5)
        world.requests()
        await world.request(value="please")
        await asyncio.sleep(5)
        assert dig(await world.ks(), "status", "lastHandledReconcileAt") == "please"
        assert world.requests() == ["patch kustomizations/status"]

    run(test)


def test_a_full_request_compares_every_object() -> None:
    async def test(world: World) -> None:
        await world.source()
        await world.commit({"a.yaml": config_map("a"), "b.yaml": config_map("b")}, "main@sha1:1")
        await world.kustomization()
        await world.ready()
        await asyncio.sleep(5)
        world.requests()
        await world.request(value="please", **{"kustomize.fluvial.dev/fullAt": "please"})
        await asyncio.sleep(5)
        asked = world.requests()
        assert asked.count("dry-run patch configmaps") == 2
        assert "patch configmaps" not in asked

    run(test)


def test_one_of_many_changed_is_the_only_one_that_is_sent() -> None:
    async def test(world: World) -> None:
        await world.source()
        files = {f"{number}.yaml": config_map(f"c{number}") for number in range(50)}
        await world.commit(files, "main@sha1:1")
        await world.kustomization()
        await world.ready()
        await asyncio.sleep(5)
        world.requests()
        await world.commit({**files, "7.yaml": config_map("c7", key="new")}, "main@sha1:2")
        await world.ready(revision="main@sha1:2")
        await asyncio.sleep(5)
        asked = world.requests()
        assert asked.count("dry-run patch configmaps") == asked.count("patch configmaps") == 1
        assert len(asked) <= 15
        assert ("Progressing", "ConfigMap/default/c7 configured") in await world.events()

    run(test)


def test_a_changed_interval_is_observed_and_nothing_is_applied() -> None:
    async def test(world: World) -> None:
        await world.source()
        await world.commit({"a.yaml": config_map("a")}, "main@sha1:1")
        await world.kustomization()
        await world.ready()
        await asyncio.sleep(5)
        world.requests()
        await world.kustomization(interval="5m")
        await world.ready()
        await asyncio.sleep(5)
        asked = world.requests()
        assert not [each for each in asked if "configmaps" in each]
        assert asked.count("patch kustomizations/status") == 1

    run(test)


def test_a_suspended_object_is_left_alone_and_goes_on_when_resumed() -> None:
    async def test(world: World) -> None:
        await world.source()
        await world.commit({"a.yaml": config_map("a")}, "main@sha1:1")
        await world.kustomization()
        await world.ready()
        await world.kustomization(suspend=True)
        await asyncio.sleep(1)
        await world.commit({"a.yaml": config_map("a", key="new")}, "main@sha1:2")
        await world.client.delete(CONFIG)
        await asyncio.sleep(1200)
        assert await world.get("ConfigMap", "a") is None
        await world.kustomization(suspend=False)
        await world.ready(revision="main@sha1:2")
        found = await world.get("ConfigMap", "a")
        assert found is not None
        assert found["data"] == {"key": "new"}

    run(test)


def test_what_is_not_built_stalls_before_anything_is_fetched_and_the_last_state_stays() -> None:
    async def test(world: World) -> None:
        await world.source()
        await world.commit({"a.yaml": config_map("a")}, "main@sha1:1")
        await world.kustomization()
        await world.ready()
        await world.kustomization(decryption={"provider": "sops"})
        obj = await world.failed("Unsupported")
        assert condition(obj, "Stalled") == ("True", "Unsupported", "spec.decryption is not supported yet")
        await world.commit({}, "main@sha1:2")
        await asyncio.sleep(1200)
        assert await world.get("ConfigMap", "a") is not None
        await world.commit({"a.yaml": config_map("a", key="new")}, "main@sha1:3")
        await world.kustomization()
        obj = await world.ready(revision="main@sha1:3")
        assert condition(obj, "Stalled")[0] == ""

    run(test)


def test_an_interval_that_nobody_can_read_stalls_this_object_alone() -> None:
    async def test(world: World) -> None:
        await world.source()
        await world.commit({"a.yaml": config_map("a")}, "main@sha1:1")
        await world.kustomization("bad", interval="99999999h")
        await world.kustomization()
        await world.ready()
        bad = await world.failed("InvalidSpec", "bad")
        assert "spec.interval" in condition(bad, "Stalled")[2]

    run(test)


def test_cross_namespace_sources_are_refused_where_they_are_locked() -> None:
    async def test(world: World) -> None:
        await world.source()
        await world.commit({"a.yaml": config_map("a")}, "main@sha1:1")
        await world.kustomization(sourceRef={"kind": "GitRepository", "name": "fleet", "namespace": "other"})
        obj = await world.failed("AccessDenied")
        text = "can't access 'GitRepository/other/fleet', cross-namespace references have been blocked"
        assert condition(obj, "Stalled") == ("True", "AccessDenied", text)

    run(test, Settings(no_cross_namespace_refs=True))


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        (Settings(sops_age_secret="x"), "--sops-age-secret is not supported yet"),
        (Settings(feature_gates={"Nonsense": True}), "unknown feature gate Nonsense"),
        (Settings(feature_gates={"CacheSecretsAndConfigMaps": True}), "CacheSecretsAndConfigMaps=true"),
        (Settings(interval_jitter_percentage=100), "--interval-jitter-percentage"),
    ],
)
def test_a_flag_that_is_not_built_ends_the_start(settings: Settings, problem: str) -> None:
    assert problem in settings.problems()[0]
    assert Settings().problems() == []


def test_a_missing_source_and_one_without_artifact_are_waited_for() -> None:
    async def test(world: World) -> None:
        await world.kustomization(retryInterval="1m")
        obj = await world.failed("ArtifactFailed")
        assert condition(obj, "Ready")[2] == 'gitrepositories.source.toolkit.fluxcd.io "fleet" not found'
        await world.source()
        await world.until(lambda: _says(world, "Source artifact not found, retrying in 30s"))
        await world.commit({"a.yaml": config_map("a")}, "main@sha1:1")
        await world.ready(timeout=1)
        assert [reason for reason, _ in await world.events()][:1] == ["Progressing"]

    run(test)


async def _says(world: World, text: str) -> bool:
    return condition(await world.ks(), "Ready")[2] == text


def test_an_artifact_that_is_away_is_not_ready_yet_and_a_wrong_one_fails() -> None:
    async def test(world: World) -> None:
        await world.source()
        await world.commit({"a.yaml": config_map("a")}, "main@sha1:1")
        kept = dict(world.files)
        world.files.clear()
        await world.kustomization()
        text = "Source is not ready, artifact not found, retrying in 30s"
        await world.until(lambda: _says(world, text))
        world.files.update({path: data + b"x" for path, data in kept.items()})
        await world.until(lambda: _differs(world))
        world.files.update(kept)
        await world.ready(timeout=700)

    run(test)


async def _differs(world: World) -> bool:
    return "digest" in condition(await world.ks(), "Ready")[2]


def test_a_path_that_is_not_there_fails_and_keeps_what_was() -> None:
    async def test(world: World) -> None:
        await world.source()
        await world.commit({"a.yaml": config_map("a")}, "main@sha1:1")
        await world.kustomization()
        await world.ready()
        await world.kustomization(path="./nowhere", retryInterval="2m")
        obj = await world.failed("ArtifactFailed")
        assert condition(obj, "Ready")[2].startswith("kustomization path not found: ")
        assert condition(obj, "Reconciling")[1] == "ProgressingWithRetry"
        assert await world.get("ConfigMap", "a") is not None

    run(test)


def test_broken_manifests_keep_the_last_state_and_converge_when_mended() -> None:
    async def test(world: World) -> None:
        await world.source()
        await world.commit({"a.yaml": config_map("a")}, "main@sha1:1")
        await world.kustomization(retryInterval="1m")
        await world.ready()
        await world.commit({"a.yaml": "kind: [ConfigMap\n"}, "main@sha1:2")
        obj = await world.failed("BuildFailed")
        assert dig(obj, "status", "lastAppliedRevision") == "main@sha1:1"
        assert dig(obj, "status", "lastAttemptedRevision") == "main@sha1:2"
        assert await world.get("ConfigMap", "a") is not None
        await world.commit({"a.yaml": config_map("a", key="new")}, "main@sha1:3")
        await world.ready(revision="main@sha1:3", timeout=1)

    run(test)


def test_a_refused_object_changes_neither_cluster_nor_inventory() -> None:
    async def test(world: World) -> None:
        await world.source()
        await world.commit({"a.yaml": config_map("a")}, "main@sha1:1")
        await world.kustomization(retryInterval="1m")
        await world.ready()
        lost = config_map("lost", namespace="nowhere")
        await world.commit({"b.yaml": config_map("b"), "lost.yaml": lost}, "main@sha1:2")
        obj = await world.failed("ReconciliationFailed")
        assert 'ConfigMap/nowhere/lost not found: namespaces "nowhere" not found' in condition(obj, "Ready")[2]
        assert [entry["id"] for entry in obj["status"]["inventory"]["entries"]] == ["default_a__ConfigMap"]
        assert await world.get("ConfigMap", "b") is None
        assert await world.get("ConfigMap", "a") is not None
        assert obj["status"]["history"][0]["lastReconciledStatus"] == "ReconciliationFailed"
        await world.client.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "nowhere"}})
        await world.ready(revision="main@sha1:2", timeout=70)
        assert await world.get("ConfigMap", "a") is None

    run(test)


def test_a_failure_is_retried_at_the_retry_interval_exactly() -> None:
    async def test(world: World) -> None:
        await world.source()
        await world.commit({"a.yaml": config_map("a", namespace="nowhere")}, "main@sha1:1")
        await world.kustomization(retryInterval="2m")
        await world.failed("ReconciliationFailed")
        world.requests()
        await asyncio.sleep(1201)
        assert world.requests().count("dry-run patch configmaps") == 10

    run(test)


def test_variables_come_from_the_cluster_and_from_the_spec() -> None:
    async def test(world: World) -> None:
        await world.source()
        await world.commit({"a.yaml": config_map("a", site="${site}", size="${size}")}, "main@sha1:1")
        variables = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "vars", "namespace": NAMESPACE}}
        sources = [{"kind": "ConfigMap", "name": "vars"}, {"kind": "Secret", "name": "none", "optional": True}]
        await world.kustomization(
            postBuild={"substituteFrom": sources, "substitute": {"size": "big"}}, retryInterval="1m", interval="5m"
        )
        obj = await world.failed("BuildFailed")
        assert 'configmaps "vars" not found' in condition(obj, "Ready")[2]
        await world.put({**variables, "data": {"site": "north"}})
        await world.ready(timeout=70)
        found = await world.get("ConfigMap", "a")
        assert found is not None
        assert found["data"] == {"site": "north", "size": "big"}
        await world.put({**variables, "data": {"site": "south"}})
        await world.until(lambda: _has(world, "south"), timeout=400)

    run(test)


async def _has(world: World, site: str) -> bool:
    found = await world.get("ConfigMap", "a")
    return found is not None and found["data"]["site"] == site


def test_a_labelled_config_map_is_followed_at_once() -> None:
    async def test(world: World) -> None:
        await world.source()
        await world.commit({"a.yaml": config_map("a", site="${site}")}, "main@sha1:1")
        metadata = {"name": "vars", "namespace": NAMESPACE, "labels": {"reconcile.fluxcd.io/watch": "Enabled"}}
        variables = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}
        await world.put({**variables, "data": {"site": "north"}})
        await world.kustomization(postBuild={"substituteFrom": [{"kind": "ConfigMap", "name": "vars"}]})
        await world.ready()
        await world.put({**variables, "data": {"site": "south"}})
        await world.until(lambda: _has(world, "south"), timeout=1)

    run(test)


def test_every_request_for_an_object_with_a_service_account_is_made_as_that_account() -> None:
    async def test(world: World) -> None:
        await world.source()
        await world.commit({"a.yaml": config_map("a")}, "main@sha1:1")
        await world.kustomization(serviceAccountName="tenant")
        await world.ready()
        account = f"system:serviceaccount:{NAMESPACE}:tenant"
        made = [record for record in world.audit if record.resource == "configmaps" and record.verb == "patch"]
        assert {record.user for record in made} == {account}
        status = [record for record in world.audit if record.resource == "kustomizations" and record.verb == "patch"]
        assert {record.user for record in status if record.user_agent == "fluvial"} == {"system:admin"}

    run(test)


def test_an_hour_beside_variables_and_foreign_checks_costs_nothing() -> None:
    async def test(world: World) -> None:
        await world.source()
        await world.commit({"a.yaml": config_map("a", site="${site}")}, "main@sha1:1")
        variables = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "vars", "namespace": NAMESPACE}}
        await world.put({**variables, "stringData": {"site": "north"}})
        post_build = {"substituteFrom": [{"kind": "Secret", "name": "vars"}]}
        checks = [{"apiVersion": "v1", "kind": "Secret", "name": "vars"}]
        await world.kustomization(postBuild=post_build, healthChecks=checks, interval="1m")
        await world.ready()
        await asyncio.sleep(70)
        world.requests()
        await asyncio.sleep(1800)
        assert world.requests() == []
        await world.put({**variables, "stringData": {"site": "south"}})
        await world.until(lambda: _has(world, "south"), timeout=70)

    run(test)


def test_no_value_of_a_secret_is_in_an_error() -> None:
    async def test(world: World) -> None:
        await world.source()
        await world.commit({"a.yaml": config_map("a", site="${site}")}, "main@sha1:1")
        secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "vars", "namespace": NAMESPACE}}
        await world.put({**secret, "stringData": {"site": 'hunter22"\n  other: [hunter22'}})
        await world.kustomization(postBuild={"substituteFrom": [{"kind": "Secret", "name": "vars"}]})
        await world.failed("BuildFailed")
        await asyncio.sleep(1)
        told = [*world.lines, *map(str, await world.events()), str((await world.ks())["status"])]
        assert not [line for line in told if "hunter22" in line]

    run(test)


def test_no_value_of_a_secret_is_in_what_the_server_says_of_another_kind() -> None:
    async def test(world: World) -> None:
        await world.source()
        service = {"ports": [{"port": 80, "targetPort": "${port}"}], "type": "${type}"}
        text = dump(
            {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "a", "namespace": "default"}, "spec": service}
        )
        await world.commit({"a.yaml": text}, "main@sha1:1")
        secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "vars", "namespace": NAMESPACE}}
        await world.put({**secret, "stringData": {"port": "hunter22_hunter22_hunter22", "type": "hunter23"}})
        await world.kustomization(postBuild={"substituteFrom": [{"kind": "Secret", "name": "vars"}]})
        obj = await world.failed("ReconciliationFailed")
        assert condition(obj, "Ready")[2].startswith("Service/default/a dry-run failed (Invalid): ")
        await world.kustomization(force=True, postBuild={"substituteFrom": [{"kind": "Secret", "name": "vars"}]})
        await asyncio.sleep(700)
        told = [*world.lines, *map(str, await world.events()), str((await world.ks())["status"])]
        assert not [line for line in told if "hunter2" in line]

    run(test)


class DyingWorkers:
    """Workers that the system kills for their appetite."""

    async def run(self, function: Callable[[bytes], bytes], payload: bytes) -> bytes:
        raise WorkerDied("the worker died twice")


def test_a_build_that_kills_its_worker_is_told_in_the_status() -> None:
    async def test(world: World) -> None:
        await world.stop()
        world.start(workers=DyingWorkers())
        await world.source()
        await world.commit({"a.yaml": config_map("a", filler="x" * 40_000)}, "main@sha1:1")
        await world.kustomization()
        obj = await world.failed("BuildFailed")
        assert condition(obj, "Ready")[2] == "the build came to no end: the worker died twice"

    run(test)


def test_an_object_without_a_namespace_is_named_in_fluxs_words() -> None:
    async def test(world: World) -> None:
        await world.source()
        text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"
        await world.commit({"a.yaml": text}, "main@sha1:1")
        await world.kustomization()
        obj = await world.failed("ReconciliationFailed")
        words = "ConfigMap/a namespace not specified: the server could not find the requested resource"
        assert condition(obj, "Ready")[2] == words

    run(test)


class BrokenWorkers:
    """Workers with a bug that nobody foresaw."""

    async def run(self, function: Callable[[bytes], bytes], payload: bytes) -> bytes:
        raise RuntimeError("hunter2 may stand in here")


def test_an_error_that_nobody_foresaw_is_shown_by_its_kind_alone_and_heals() -> None:
    async def test(world: World) -> None:
        await world.stop()
        world.start(workers=BrokenWorkers())
        await world.source()
        await world.commit({"a.yaml": config_map("a", filler="x" * 40_000)}, "main@sha1:1")
        await world.kustomization()
        obj = await world.failed("ReconciliationFailed")
        text = "internal error: RuntimeError, see the controller's log"
        assert condition(obj, "Ready")[2] == text
        await asyncio.sleep(60)
        told = [event for event in await world.events() if event[0] == "ReconciliationFailed"]
        assert told == [("ReconciliationFailed", text)], "told once, though tried again and again"
        assert any("hunter2" in line for line in world.lines), "the log has the whole error"
        await world.stop()
        world.start()
        await world.ready(revision="main@sha1:1")

    run(test)


def test_the_end_of_an_object_that_nobody_can_read_deletes_nothing_and_says_so() -> None:
    async def test(world: World) -> None:
        await world.source()
        await world.commit({"a.yaml": config_map("a")}, "main@sha1:1")
        await world.kustomization()
        await world.ready()
        await world.stop()
        ref = Ref("kustomize.toolkit.fluxcd.io", "v1", "Kustomization", NAMESPACE, "apps")
        broken = {"status": {"inventory": {"entries": [{"id": "no inventory id", "v": "v1"}]}}}
        await world.client.patch(ref, broken, kind="merge", subresource="status", field_manager="somebody")
        await world.client.delete(ref)
        world.start()
        await asyncio.sleep(5)
        assert await world.get("Kustomization", "apps", api_version=KUSTOMIZE_API, namespace=NAMESPACE) is None
        assert await world.get("ConfigMap", "a") is not None
        text = "the object cannot be read, so nothing was deleted: what was applied stays"
        assert ("InvalidSpec", text) in await world.events()

    run(test)
