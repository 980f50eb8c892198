"""Waiting for health: by watch, without a worker, ended by a newer revision."""

import asyncio
from typing import Any

from fluvial.controllers.kustomize import Settings
from fluvial.kube import NotServed
from fluvial.objects import Ref, dig
from tests.controllers_kustomize.world import World, condition, config_map, run

DEPLOYMENT = """apiVersion: apps/v1
kind: Deployment
metadata: {name: %s, namespace: default}
spec:
  replicas: 1
  selector: {matchLabels: {app: %s}}
  template:
    metadata: {labels: {app: %s}}
    spec: {containers: [{name: main, image: "app:%s"}]}
"""

# A kind whose health the test itself decides.
THING_CRD = """apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: things.example.com}
spec:
  group: example.com
  names: {kind: Thing, plural: things, singular: thing, listKind: ThingList}
  scope: Namespaced
  versions:
  - name: v1
    served: true
    storage: true
    subresources: {status: {}}
    schema:
      openAPIV3Schema:
        type: object
        x-kubernetes-preserve-unknown-fields: true
        properties:
          status: {type: object, default: {observedGeneration: -1}, x-kubernetes-preserve-unknown-fields: true}
"""
THING = """apiVersion: example.com/v1
kind: Thing
metadata: {name: t, namespace: default}
spec: {version: "%s"}
"""


def deployment(name: str = "web", tag: str = "1") -> str:
    return DEPLOYMENT % (name, name, name, tag)


async def set_status(world: World, ready: str, *, stalled: bool = False) -> None:
    found = await world.client.get("example.com/v1", "Thing", "default", "t")
    conditions = [{"type": "Ready", "status": ready, "reason": "Test", "message": ""}]
    if stalled:
        conditions.append({"type": "Stalled", "status": "True", "reason": "Test", "message": "for ever"})
    await world.client.patch(
        Ref("example.com", "v1", "Thing", "default", "t"),
        {"status": {"conditions": conditions, "observedGeneration": dig(found or {}, "metadata", "generation")}},
        kind="merge",
        subresource="status",
    )


async def thing(world: World, version: str, revision: str, **spec: Any) -> None:
    await world.source()
    await world.commit({"crd.yaml": THING_CRD, "t.yaml": THING % version}, revision)
    await world.kustomization(**({"wait": True, "timeout": "2m", "retryInterval": "1m"} | spec))


def test_objects_without_status_are_healthy_at_once_and_cost_no_patch() -> None:
    async def test(world: World) -> None:
        await world.source()
        await world.commit({"a.yaml": config_map("a")}, "r@1")
        await world.kustomization(wait=True)
        obj = await world.ready(timeout=1)
        assert condition(obj, "Healthy") == ("True", "Succeeded", "Health check passed in 0s")
        await asyncio.sleep(1)
        assert world.requests().count("patch kustomizations/status") == 3

    run(test)


def test_a_deployment_is_waited_for_until_its_pods_run() -> None:
    async def test(world: World) -> None:
        await world.source()
        await world.commit({"web.yaml": deployment()}, "r@1")
        await world.kustomization(wait=True)
        obj = await world.ready(timeout=30)
        assert condition(obj, "Healthy")[:2] == ("True", "Succeeded")
        assert any(message.startswith("Health check passed in ") for _, message in await world.events())

    run(test)


def test_while_it_waits_status_says_so_and_no_worker_is_held() -> None:
    async def test(world: World) -> None:
        await thing(world, "1", "r@1")
        await asyncio.sleep(5)
        obj = await world.ks()
        text = "Running health checks for revision r@1 with a timeout of 2m0s"
        assert condition(obj, "Ready") == ("Unknown", "Progressing", "Reconciliation in progress")
        assert condition(obj, "Reconciling") == ("True", "Progressing", text)
        assert condition(obj, "Healthy") == ("Unknown", "Progressing", text)
        await world.kustomization("other", path="./nowhere")
        await world.failed("ArtifactFailed", "other", timeout=1)
        world.requests()
        await asyncio.sleep(30)
        assert world.requests() == []  # no polling
        await set_status(world, "True")
        obj = await world.ready(timeout=1)
        assert condition(obj, "Healthy")[0] == "True"

    run(test, Settings(concurrent=1))


def test_health_that_does_not_come_fails_at_the_timeout_and_is_tried_again() -> None:
    async def test(world: World) -> None:
        await thing(world, "1", "r@1")
        await set_status_when_there(world, "False")
        obj = await world.failed("HealthCheckFailed", timeout=130)
        text = condition(obj, "Ready")[2]
        assert text.startswith(
            "health check failed after 2m0s: timeout waiting for: [Thing/default/t status: 'InProgress'"
        )
        assert condition(obj, "Healthy")[:2] == ("False", "HealthCheckFailed")
        assert dig(obj, "status", "lastAppliedRevision") is None
        assert dig(obj, "status", "history")[0]["lastReconciledStatus"] == "HealthCheckFailed"
        await set_status(world, "True")
        await world.ready(timeout=70)

    run(test)


async def set_status_when_there(world: World, ready: str) -> None:
    async def there() -> bool:
        try:
            return await world.client.get("example.com/v1", "Thing", "default", "t") is not None
        except NotServed:
            return False  # its definition is on its way

    await world.until(there)
    await set_status(world, ready)


def test_a_stalled_object_fails_early() -> None:
    async def test(world: World) -> None:
        await thing(world, "1", "r@1")
        await asyncio.sleep(3)
        await set_status(world, "False", stalled=True)
        obj = await world.failed("HealthCheckFailed", timeout=2)
        assert "failed early due to stalled resources: [Thing/default/t status: 'Failed'" in condition(obj, "Ready")[2]

    run(test)


def test_a_newer_revision_ends_the_wait() -> None:
    async def test(world: World) -> None:
        await thing(world, "1", "r@1")
        await asyncio.sleep(5)
        await world.commit({"crd.yaml": THING_CRD, "t.yaml": THING % "2"}, "r@2")
        await asyncio.sleep(2)
        found = await world.client.get("example.com/v1", "Thing", "default", "t")
        assert dig(found or {}, "spec", "version") == "2"
        await set_status(world, "True")
        await world.ready(revision="r@2", timeout=2)
        told = [message for reason, message in await world.events() if reason == "HealthCheckCanceled"]
        cause = "GitRepository/flux-system/fleet"
        assert told == [f"Health checks canceled due to new reconciliation triggered by {cause}"]

    run(test)


def test_explicit_checks_wait_for_objects_of_others() -> None:
    async def test(world: World) -> None:
        await world.source()
        await world.commit({"a.yaml": config_map("a")}, "r@1")
        checks = [{"kind": "ConfigMap", "apiVersion": "v1", "name": "theirs", "namespace": "default"}]
        await world.kustomization(healthChecks=checks, timeout="1m", retryInterval="1m")
        obj = await world.failed("HealthCheckFailed", timeout=70)
        assert "ConfigMap/default/theirs status: 'NotFound'" in condition(obj, "Ready")[2]
        await world.client.create(
            {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "theirs", "namespace": "default"}}
        )
        await world.ready(timeout=70)

    run(test)


def test_skipped_objects_are_not_waited_for() -> None:
    async def test(world: World) -> None:
        await world.source()
        skipped = (THING % "1").replace("default}", "default, annotations: {kustomize.toolkit.fluxcd.io/ssa: Ignore}}")
        await world.commit({"crd.yaml": THING_CRD, "t.yaml": skipped}, "r@1")
        await world.kustomization(wait=True, timeout="1m")
        await world.ready(timeout=30)

    run(test)


def test_an_hour_beside_a_running_deployment_costs_nothing() -> None:
    async def test(world: World) -> None:
        await world.source()
        await world.commit({"web.yaml": deployment()}, "r@1")
        await world.kustomization(wait=True, interval="1m")
        await world.ready(timeout=30)
        await asyncio.sleep(130)
        world.requests()
        await asyncio.sleep(1800)
        assert world.requests() == []

    run(test)


def test_the_end_of_the_controller_ends_the_wait() -> None:
    async def test(world: World) -> None:
        await thing(world, "1", "r@1")
        await asyncio.sleep(5)
        await world.stop()
        world.start()
        await asyncio.sleep(5)
        await set_status(world, "True")
        await world.ready(timeout=5)

    run(test)


def test_drift_during_a_wait_is_corrected_and_the_wait_goes_on() -> None:
    async def test(world: World) -> None:
        await world.source()
        files = {"crd.yaml": THING_CRD, "t.yaml": THING % "1", "a.yaml": config_map("a")}
        await world.commit(files, "r@1")
        await world.kustomization(wait=True, timeout="2m")
        await asyncio.sleep(5)
        ref = Ref("", "v1", "ConfigMap", "default", "a")
        await world.edit(ref, {"data": {"key": "drifted"}})
        await asyncio.sleep(2)
        found = await world.get("ConfigMap", "a")
        assert found is not None
        assert found["data"] == {"key": "value"}
        assert condition(await world.ks(), "Ready")[0] == "Unknown"
        await set_status(world, "True")
        await world.ready(timeout=2)

    run(test)


def test_a_changed_variable_during_a_wait_starts_another_run() -> None:
    async def test(world: World) -> None:
        metadata = {"name": "vars", "namespace": "flux-system", "labels": {"reconcile.fluxcd.io/watch": "Enabled"}}
        variables = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}
        await world.put({**variables, "data": {"version": "1"}})
        post_build = {"substituteFrom": [{"kind": "ConfigMap", "name": "vars"}]}
        await thing(world, "${version}", "r@1", postBuild=post_build)
        await asyncio.sleep(5)
        await world.put({**variables, "data": {"version": "2"}})
        await asyncio.sleep(2)
        found = await world.client.get("example.com/v1", "Thing", "default", "t")
        assert dig(found or {}, "spec", "version") == 2  # substituted text is read as YAML again

    run(test)
