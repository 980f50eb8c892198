"""Health checks, dependencies, and what waits for what."""

import json
from typing import Any

from fluvial.objects import get_condition
from tests.flows.flow import config_map, flow
from tests.flows.test_drift import DEPLOYMENT
from tests.flows.world import World

# Pods become ready by the server of the flow: its workload simulation, or the stand-in beside the real server.


@flow("4.4 Health", "4.3 Healthy")
async def test_wait_makes_ready_follow_the_workload(world: World) -> None:
    revision = await world.reconciled({"apps/web.yaml": json.dumps(DEPLOYMENT)}, wait=True)
    obj = await world.ready("Kustomization", "apps", revision)
    healthy = get_condition(obj, "Healthy")
    assert healthy is not None
    assert (healthy["status"], healthy["reason"]) == ("True", "Succeeded")
    assert "Health check passed in " in healthy["message"]
    live = await world.get("Deployment", "web", api_version="apps/v1")
    assert live is not None
    assert live["status"]["availableReplicas"] == 1


@flow("4.3 HealthCheckFailed", "2.14 Errors")
async def test_a_check_that_does_not_pass_in_time_is_told_with_the_object(world: World) -> None:
    world.commit({"apps/cm.yaml": config_map("a")})
    await world.source()
    checks = [{"apiVersion": "v1", "kind": "ConfigMap", "name": "never", "namespace": world.namespace}]
    await world.kustomization(healthChecks=checks, timeout="3s")
    message = f"timeout waiting for: [ConfigMap/{world.namespace}/never status: 'NotFound']"
    obj = await world.condition("Kustomization", "apps", "False", "HealthCheckFailed", message)
    healthy = get_condition(obj, "Healthy")
    assert healthy is not None
    assert healthy["status"] == "False"
    assert await world.get("ConfigMap", "a") is not None
    await world.event("Kustomization", "apps", "HealthCheckFailed", type="Warning")


@flow("4.4 Health")
async def test_a_check_on_a_foreign_object_passes_when_it_appears(world: World) -> None:
    world.commit({"apps/cm.yaml": config_map("a")})
    await world.source()
    checks = [{"apiVersion": "v1", "kind": "ConfigMap", "name": "later", "namespace": world.namespace}]
    await world.kustomization(healthChecks=checks, timeout="30s")
    await world.condition("Kustomization", "apps", "Unknown", "Progressing", type="Healthy")
    await world.put(json.loads(config_map("later")))
    await world.ready("Kustomization", "apps", timeout=5)


@flow("4.10 CancelHealthCheckOnNewRevision")
async def test_a_newer_revision_cancels_the_wait(world: World) -> None:
    world.commit({"apps/cm.yaml": config_map("a", {"key": "one"})})
    await world.source()
    checks = [{"apiVersion": "v1", "kind": "ConfigMap", "name": "never", "namespace": world.namespace}]
    await world.kustomization(healthChecks=checks, timeout="60s")
    await world.condition("Kustomization", "apps", "Unknown", "Progressing", type="Healthy")
    await world.pushed({"apps/cm.yaml": config_map("a", {"key": "two"})})

    async def applied() -> bool:
        live = await world.get("ConfigMap", "a")
        return live is not None and live["data"] == {"key": "two"}

    await world.until("the newer revision is applied", applied, timeout=10)


@flow("4.4 dependsOn")
async def test_a_dependency_is_waited_for_and_the_next_level_starts_at_once(world: World) -> None:
    world.commit({"apps/cm.yaml": config_map("a"), "infra/cm.yaml": config_map("b")})
    await world.source()
    await world.kustomization("apps", dependsOn=[{"name": "infra"}])
    await world.condition("Kustomization", "apps", "False", "DependencyNotReady", "infra")
    assert await world.get("ConfigMap", "a") is None
    await world.kustomization("infra", path="./infra")
    await world.ready("Kustomization", "infra")
    await world.ready("Kustomization", "apps", timeout=3)


@flow("4.4 dependsOn")
async def test_a_dependency_that_is_not_ready_holds_its_dependents(world: World) -> None:
    world.commit({"apps/cm.yaml": config_map("a"), "infra/cm.yaml": config_map("b")})
    await world.source()
    checks = [{"apiVersion": "v1", "kind": "ConfigMap", "name": "later", "namespace": world.namespace}]
    await world.kustomization("infra", path="./infra", healthChecks=checks, timeout="2s", retryInterval="2s")
    await world.kustomization("apps", dependsOn=[{"name": "infra"}])
    await world.condition("Kustomization", "infra", "False", "HealthCheckFailed")
    await world.condition("Kustomization", "apps", "False", "DependencyNotReady", f"{world.namespace}/infra")
    await world.event("Kustomization", "apps", "DependencyNotReady", "Dependencies do not meet ready condition")
    await world.put(json.loads(config_map("later")))
    await world.ready("Kustomization", "apps")


@flow("4.4 dependsOn: same source")
async def test_a_dependent_of_the_same_source_applies_after_its_dependency_at_each_commit(world: World) -> None:
    world.commit({"apps/cm.yaml": config_map("a", {"v": "1"}), "infra/cm.yaml": config_map("b", {"v": "1"})})
    await world.source()
    await world.kustomization("infra", path="./infra")
    await world.kustomization("apps", dependsOn=[{"name": "infra"}])
    await world.ready("Kustomization", "apps")
    files = {"apps/cm.yaml": config_map("a", {"v": "2"}), "infra/cm.yaml": config_map("b", {"v": "2"})}
    revision = await world.pushed(files)
    await world.ready("Kustomization", "apps", revision)
    first, second = await world.get("ConfigMap", "b"), await world.get("ConfigMap", "a")
    assert first is not None
    assert second is not None
    assert int(first["metadata"]["resourceVersion"]) < int(second["metadata"]["resourceVersion"])


@flow("4.4 Retry")
async def test_a_failure_is_tried_again_after_the_retry_interval(world: World) -> None:
    world.commit({"apps/cm.yaml": config_map("a", namespace=f"{world.namespace}-later")})
    await world.source()
    await world.kustomization(retryInterval="2s")
    await world.condition("Kustomization", "apps", "False", "ReconciliationFailed", "not found")
    namespace: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": f"{world.namespace}-later"},
    }
    await world.client.apply(namespace, field_manager="person", force=True)
    await world.ready("Kustomization", "apps", timeout=15)
