"""Ten broken fleets: `why` names the root, not the symptom."""

import asyncio
import random
from datetime import UTC, datetime

import pytest

from fluvial.insight import Answer, Ask, Known, Stage, diagnose, why
from fluvial.insight.answers import PodsOf, WarningsOf
from fluvial.objects import Ref

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
KS, SOURCE = "kustomize.toolkit.fluxcd.io", "source.toolkit.fluxcd.io"
REVISION = "main@sha1:" + "a" * 40


def ref(kind, name, namespace="fleet"):
    group = {
        "Kustomization": KS,
        "GitRepository": SOURCE,
        "Deployment": "apps",
        "HelmRelease": "helm.toolkit.fluxcd.io",
    }
    version = "v2" if kind == "HelmRelease" else "v1"
    return Ref(group.get(kind, ""), version, kind, namespace, name)


def obj(kind, name, spec=None, *, status=None, labels=None, age=3600):
    named = ref(kind, name)
    created = datetime.fromtimestamp(NOW.timestamp() - age, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    metadata = {"name": name, "namespace": "fleet", "generation": 1, "creationTimestamp": created}
    if labels:
        metadata["labels"] = labels
    made = {"apiVersion": named.api_version, "kind": kind, "metadata": metadata, "spec": spec or {}}
    return {**made, "status": status} if status is not None else made


def condition(type_, status, reason="", message=""):
    return {
        "type": type_,
        "status": status,
        "reason": reason,
        "message": message,
        "observedGeneration": 1,
        "lastTransitionTime": "2026-03-01T11:00:00Z",
    }


def source(name="repo", *, ready="True", reason="Succeeded", message="stored", artifact=True, **spec):
    status = {"observedGeneration": 1, "conditions": [condition("Ready", ready, reason, message)]}
    if artifact:
        status["artifact"] = {"revision": REVISION}
    return obj("GitRepository", name, {"url": "https://git.example.com/repo", **spec}, status=status)


def kustomization(name, *, ready="True", reason="ReconciliationSucceeded", message="Applied", entries=(), **spec):
    status = {
        "observedGeneration": 1,
        "lastAppliedRevision": REVISION if ready == "True" else "",
        "lastAttemptedRevision": REVISION,
        "conditions": [condition("Ready", ready, reason, message)],
        "inventory": {"entries": [{"id": one, "v": "v1"} for one in entries]},
    }
    given = {"sourceRef": {"kind": "GitRepository", "name": "repo"}, "path": "./apps", **spec}
    return obj("Kustomization", name, given, status=status)


def waiting_for(*names):
    return {"dependsOn": [{"name": name} for name in names]}


def blocked(name, *needs):
    message = f"dependency 'fleet/{needs[0]}' is not ready"
    return kustomization(name, ready="False", reason="DependencyNotReady", message=message, **waiting_for(*needs))


def answer(target, *objects, pods=(), warnings=()):
    """Diagnose with these objects and no others in the cluster."""
    facts = {Ref.of(one): one for one in objects}
    while True:
        step = diagnose(target, Known(facts), NOW)
        if isinstance(step, Answer):
            return step
        for question in step.questions:
            facts[question] = list(pods) if isinstance(question, PodsOf) else None
            if isinstance(question, WarningsOf):
                facts[question] = list(warnings)


APPS = ref("Kustomization", "apps")

OLD_POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "db-0", "namespace": "fleet", "labels": {"app": "db"}},
    "status": {
        "phase": "Pending",
        "containerStatuses": [
            {
                "name": "db",
                "ready": False,
                "state": {"waiting": {"reason": "ImagePullBackOff", "message": 'Back-off pulling image "db:nope"'}},
            }
        ],
    },
}
DEPLOYMENT = obj(
    "Deployment",
    "db",
    {"replicas": 1, "selector": {"matchLabels": {"app": "db"}}},
    status={"observedGeneration": 1, "replicas": 1, "updatedReplicas": 1},
)


def test_1_a_source_that_cannot_log_in_is_the_cause_through_two_dependencies():
    found = answer(
        APPS,
        blocked("apps", "middle"),
        blocked("middle", "base"),
        kustomization("base", ready="False", reason="ArtifactFailed", message="Source artifact not found"),
        source(ready="False", reason="AuthenticationFailed", message="authentication required", artifact=False),
    )
    assert found.stage is Stage.SOURCE
    assert [str(step.ref) for step in found.path] == [
        "Kustomization/fleet/apps",
        "Kustomization/fleet/middle",
        "Kustomization/fleet/base",
        "GitRepository/fleet/repo",
    ]
    assert [step.relation for step in found.path] == ["", "depends on", "depends on", "reads from"]
    assert "AuthenticationFailed: authentication required" in found.text
    assert found.next == "fluvial reconcile source git repo -n fleet"


def test_2_a_missing_secret_is_the_cause_not_the_failing_source():
    found = answer(
        APPS,
        kustomization("apps", ready="False", reason="ArtifactFailed", message="Source artifact not found"),
        source(
            ready="False",
            reason="AuthenticationFailed",
            message="failed to get secret",
            artifact=False,
            secretRef={"name": "deploy-key"},
        ),
    )
    assert (found.stage, str(found.root)) == (Stage.SOURCE, "Secret/fleet/deploy-key")
    assert "needs the Secret fleet/deploy-key, which does not exist" in found.text


def test_3_a_source_that_is_not_there():
    found = answer(APPS, kustomization("apps", ready="False", reason="ArtifactFailed", message="not found"))
    assert (found.stage, str(found.root)) == (Stage.SOURCE, "GitRepository/fleet/repo")
    assert found.text == "the source GitRepository/fleet/repo does not exist"


def test_4_an_artifact_that_cannot_be_fetched():
    message = "failed to download artifact: connection refused"
    found = answer(APPS, kustomization("apps", ready="False", reason="ArtifactFailed", message=message), source())
    assert (found.stage, found.root) == (Stage.ARTIFACT, APPS)
    assert message in found.text
    assert found.next == "fluvial reconcile kustomization apps -n fleet --with-source"


def test_5_a_broken_build_two_dependencies_away():
    message = "kustomize build failed: apps/web.yaml:7: mapping values are not allowed here"
    found = answer(
        APPS,
        blocked("apps", "middle"),
        blocked("middle", "base"),
        kustomization("base", ready="False", reason="BuildFailed", message=message),
        source(),
    )
    assert (found.stage, str(found.root)) == (Stage.BUILD, "Kustomization/fleet/base")
    assert message in found.text
    assert found.next.startswith("fluvial build kustomization base -n fleet --path ./apps")
    assert any(f"attempted {REVISION}" in line for line in found.evidence)


def test_6_objects_that_the_server_refuses():
    message = 'Deployment/fleet/web dry-run failed (Invalid): spec.replicas: Invalid value: "many"'
    found = answer(APPS, kustomization("apps", ready="False", reason="ReconciliationFailed", message=message), source())
    assert (found.stage, found.root) == (Stage.APPLY, APPS)
    assert message in found.text
    assert found.next.startswith("fluvial diff kustomization apps")


def test_7_a_prune_that_is_held_back():
    message = "build has no objects, 12 would be pruned"
    found = answer(APPS, kustomization("apps", ready="False", reason="PruneFailed", message=message), source())
    assert found.stage is Stage.PRUNE
    assert found.next == "fluvial tree kustomization apps -n fleet"


def test_8_an_image_that_cannot_be_pulled_below_a_child_and_a_dependency():
    failed = {"ready": "False", "reason": "HealthCheckFailed", "message": "timeout waiting for: [...]"}
    found = answer(
        APPS,
        blocked("apps", "root"),
        kustomization("root", entries=["fleet_child_kustomize.toolkit.fluxcd.io_Kustomization"], **failed),
        kustomization("child", entries=["fleet_settings__ConfigMap", "fleet_db_apps_Deployment"], **failed),
        source(),
        DEPLOYMENT,
        obj("ConfigMap", "settings"),
        pods=[OLD_POD],
        warnings=['Warning Failed: Failed to pull image "db:nope"'],
    )
    assert found.stage is Stage.HEALTH
    assert [str(step.ref).split("/")[-1] for step in found.path] == ["apps", "root", "child", "db", "db-0"]
    assert 'ImagePullBackOff: Back-off pulling image "db:nope"' in found.text
    assert found.evidence[-1] == 'Warning Failed: Failed to pull image "db:nope"'
    assert found.next == "kubectl -n fleet describe pod db-0"


def test_9_someone_suspended_a_dependency():
    found = answer(
        APPS,
        blocked("apps", "base"),
        kustomization("base", ready="False", reason="BuildFailed", suspend=True),
        source(),
    )
    assert (found.stage, str(found.root)) == (Stage.SUSPENDED, "Kustomization/fleet/base")
    assert found.next == "fluvial resume kustomization base -n fleet"


def test_10_no_controller_has_ever_looked():
    silent = obj("Kustomization", "apps", {"sourceRef": {"kind": "GitRepository", "name": "repo"}})
    found = answer(APPS, silent, source())
    assert (found.stage, found.next) == (Stage.CONTROLLER, "fluvial check")
    assert "kustomize-controller is not running" in found.text


def test_dependencies_in_a_circle_are_named():
    found = answer(APPS, blocked("apps", "base"), blocked("base", "apps"), source())
    assert found.stage is Stage.SPEC
    assert "depends on itself" in found.text


def test_a_dependency_that_does_not_exist():
    found = answer(APPS, blocked("apps", "gone"), source())
    assert found.text == "Kustomization/fleet/apps depends on Kustomization/fleet/gone, which does not exist"


def test_a_stalled_object_says_why_and_that_it_will_stay():
    stalled = kustomization("apps", ready="False", reason="Unsupported", message="spec.decryption is not supported yet")
    stalled["status"]["conditions"].append(
        condition("Stalled", "True", "Unsupported", "spec.decryption is not supported yet")
    )
    found = answer(APPS, stalled, source())
    assert (found.stage, found.next) == (Stage.SPEC, "fluvial export kustomization apps -n fleet")
    assert "spec.decryption is not supported yet" in found.text


def test_an_object_leads_to_the_kustomization_that_applied_it():
    owned = {f"{KS}/name": "apps", f"{KS}/namespace": "fleet"}
    config = obj("ConfigMap", "settings", labels=owned)
    broken = kustomization("apps", ready="False", reason="BuildFailed", message="no such file")
    found = answer(ref("ConfigMap", "settings"), config, broken, source())
    assert [step.relation for step in found.path] == ["", "managed by"]
    assert found.stage is Stage.BUILD


def test_a_healthy_fleet_has_no_cause():
    found = answer(APPS, kustomization("apps"), source())
    assert found.stage is Stage.FINE
    assert found.text == "nothing is wrong with Kustomization/fleet/apps: Applied"


def test_a_ready_kustomization_may_lag_behind_its_source():
    behind = kustomization("apps")
    behind["status"]["lastAppliedRevision"] = "main@sha1:" + "b" * 40
    found = answer(APPS, behind, source())
    assert found.stage is Stage.WORKING
    assert found.next == "fluvial reconcile kustomization apps -n fleet"


def test_a_source_that_fails_later_is_the_cause_behind_a_ready_kustomization():
    found = answer(APPS, kustomization("apps"), source(ready="False", reason="GitOperationFailed", message="no route"))
    assert (found.stage, str(found.root)) == (Stage.SOURCE, "GitRepository/fleet/repo")


def test_what_does_not_exist_is_said_first():
    assert answer(APPS).text == "Kustomization/fleet/apps does not exist"


def test_an_unmanaged_healthy_object_is_not_our_business():
    found = answer(ref("ConfigMap", "mine"), obj("ConfigMap", "mine"))
    assert found.text == "ConfigMap/fleet/mine is not managed by Flux"


@pytest.mark.parametrize("state", ["True", "False"])
def test_a_helm_release_points_at_its_own_failure_or_its_source(state):
    release = obj(
        "HelmRelease",
        "db",
        {"chartRef": {"kind": "OCIRepository", "name": "db"}},
        status={"conditions": [condition("Ready", "False", "UpgradeFailed", "timed out")]},
    )
    chart = obj(
        "OCIRepository", "db", status={"conditions": [condition("Ready", state, "OCIArtifactPullFailed", "denied")]}
    )
    chart["apiVersion"] = f"{SOURCE}/v1"
    found = answer(ref("HelmRelease", "db"), release, chart)
    assert found.stage is (Stage.HEALTH if state == "True" else Stage.SOURCE)


def test_the_reader_brings_what_the_diagnosis_asks_for():
    """On a cluster: the same answer, read as it is needed."""
    from fluvial.api import crds
    from fluvial.controlplane import ControlPlane, Settings, Simulation
    from fluvial.kube import Client
    from fluvial.net import MemoryTransport

    class Still:
        def now(self):
            return NOW

    async def body():
        settings = Settings(simulation=Simulation(workloads=False))
        plane = ControlPlane(clock=Still(), chance=random.Random(1), settings=settings)
        await plane.start()
        server = "https://api.fluvial.local"
        client = Client(server, MemoryTransport({server: plane.handle}), chance=random.Random(2))
        await client.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "fleet"}})
        for crd in crds():
            if crd["spec"]["group"] in (KS, SOURCE):
                await client.create(crd)
        for one in (
            blocked("apps", "base"),
            kustomization("base", ready="False", reason="BuildFailed", message="no such file"),
            source(),
        ):
            one["spec"].setdefault("interval", "5m")
            if one["kind"] == "Kustomization":
                one["spec"]["prune"] = True
            made = await client.create(one)
            status = one["status"]
            if "artifact" in status:
                status["artifact"] |= {"path": "x", "url": "http://x", "digest": "sha256:" + "a" * 64}
                status["artifact"]["lastUpdateTime"] = "2026-03-01T11:00:00Z"
            await client.update({**made, "status": status}, subresource="status")
        try:
            return await why(client, APPS, NOW)
        finally:
            await client.close()
            await plane.stop()

    found = asyncio.run(body())
    assert (found.stage, str(found.root)) == (Stage.BUILD, "Kustomization/fleet/base")


def test_a_diagnosis_asks_for_one_thing_after_the_other():
    step = diagnose(APPS, Known({}), NOW)
    assert step == Ask((APPS,))
