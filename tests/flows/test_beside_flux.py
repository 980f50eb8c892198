"""A live Kustomization that Flux applied is taken over, and handed back, without a write to its managed objects."""

import json
from typing import Any

from fluvial.objects import Object, Ref, dig
from tests.flows.flow import config_map, flow
from tests.flows.world import KUSTOMIZE_API, World

FLUX, FLUX_STATUS = "kustomize-controller", "gotk-kustomize-controller"
THEN = "2026-01-01T00:00:00Z"
SERVICE: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "web", "namespace": "@ns"},
    "spec": {"selector": {"app": "web"}, "ports": [{"name": "http", "port": 80, "targetPort": 8080}]},
}
FILES = {"apps/cm.yaml": config_map("a", {"key": "value"}), "apps/svc.yaml": json.dumps(SERVICE)}


async def flux_applies(world: World) -> list[Object]:
    """Apply the objects as Flux sends them: with its labels, and as its manager."""
    labels = {
        "kustomize.toolkit.fluxcd.io/name": "apps",
        "kustomize.toolkit.fluxcd.io/namespace": world.namespace,
    }
    applied = []
    for text in FILES.values():
        obj = json.loads(text.replace("@ns", world.namespace))
        obj["metadata"] |= {"labels": labels}
        applied.append((await world.client.apply(obj, field_manager=FLUX, force=True)).object)
    return applied


async def flux_reports(world: World, revision: str) -> None:
    """Leave finalizer and status as Flux does after a run that went well."""
    ref = Ref("kustomize.toolkit.fluxcd.io", "v1", "Kustomization", world.namespace, "apps")
    finalizer = {"metadata": {"finalizers": ["finalizers.fluxcd.io"]}}
    obj = await world.client.patch(ref, finalizer, kind="merge", field_manager=FLUX_STATUS)
    generation = obj["metadata"]["generation"]
    ready = {
        "type": "Ready",
        "status": "True",
        "reason": "ReconciliationSucceeded",
        "message": f"Applied revision: {revision}",
        "lastTransitionTime": THEN,
        "observedGeneration": generation,
    }
    snapshot = {
        "digest": "sha256:" + "1" * 64,
        "firstReconciled": THEN,
        "lastReconciled": THEN,
        "lastReconciledDuration": "52.7ms",
        "lastReconciledStatus": "ReconciliationSucceeded",
        "totalReconciliations": 12,
        "metadata": {"revision": revision},
    }
    entries = [
        {"id": f"{world.namespace}_a__ConfigMap", "v": "v1"},
        {"id": f"{world.namespace}_web__Service", "v": "v1"},
    ]
    status = {
        "conditions": [ready],
        "history": [snapshot],
        "inventory": {"entries": entries},
        "lastAppliedRevision": revision,
        "lastAttemptedRevision": revision,
        "observedGeneration": generation,
    }
    await world.client.patch(ref, {"status": status}, kind="merge", subresource="status", field_manager=FLUX_STATUS)


async def versions(world: World) -> list[str]:
    found = [await world.get("ConfigMap", "a"), await world.get("Service", "web")]
    return [dig(obj or {}, "metadata", "resourceVersion", default="gone") for obj in found]


@flow("Beside Flux")
async def test_a_kustomization_of_flux_is_taken_over_and_handed_back_without_a_write_to_its_objects(
    world: World,
) -> None:
    revision = world.commit(FILES)
    await world.source()
    await world.ready("GitRepository", "fleet", revision)
    await world.engine.stop()
    await world.kustomization()
    await flux_applies(world)
    await flux_reports(world, revision)
    before = await versions(world)

    await world.engine.start()
    await world.request("Kustomization", "apps", "taken over")

    async def handled() -> Object | None:
        obj = await world.get("Kustomization", "apps")
        return obj if dig(obj or {}, "status", "lastHandledReconcileAt") == "taken over" else None

    await world.until("the request is handled", handled)
    await world.ready("Kustomization", "apps", revision)
    await world.settled()
    assert await versions(world) == before

    await world.engine.stop()
    obj = await world.client.get(KUSTOMIZE_API, "Kustomization", world.namespace, "apps")
    assert obj is not None
    assert [entry["id"] for entry in obj["status"]["inventory"]["entries"]] == [
        f"{world.namespace}_a__ConfigMap",
        f"{world.namespace}_web__Service",
    ]
    assert obj["metadata"]["finalizers"] == ["finalizers.fluxcd.io"]
    for applied in await flux_applies(world):
        managers = [entry["manager"] for entry in applied["metadata"]["managedFields"]]
        assert managers == [FLUX]
    assert await versions(world) == before


@flow("Beside Flux")
async def test_a_kustomization_of_flux_goes_on_from_where_flux_left_it(world: World) -> None:
    revision = world.commit(FILES)
    await world.source()
    await world.ready("GitRepository", "fleet", revision)
    await world.engine.stop()
    await world.kustomization()
    await flux_applies(world)
    await flux_reports(world, revision)
    service = (await versions(world))[1]

    await world.engine.start()
    second = await world.pushed({"apps/cm.yaml": config_map("a", {"key": "new"})})
    await world.ready("Kustomization", "apps", second)
    live = await world.get("ConfigMap", "a")
    assert live is not None
    assert live["data"] == {"key": "new"}
    assert (await versions(world))[1] == service
    third = await world.pushed({"apps/cm.yaml": None})
    await world.ready("Kustomization", "apps", third)
    await world.gone("ConfigMap", "a")
