"""One flow for each reason that no other file's flows produce; with them all reasons of what is built are covered."""

from fluvial.objects import Object, get_condition
from tests.flows.flow import config_map, flow
from tests.flows.world import World

FILES = {"apps/cm.yaml": config_map("a")}


@flow("3.0 URLInvalid")
async def test_an_url_that_is_none_is_refused_for_good(world: World) -> None:
    world.commit(FILES)
    await world.source(url="http://host:no-port/fleet")
    await world.condition("GitRepository", "fleet", "False", "URLInvalid", "failed to parse url")
    await world.condition("GitRepository", "fleet", "True", "URLInvalid", type="Stalled")
    await world.source()
    await world.ready("GitRepository", "fleet")


@flow("3.0 InvalidProviderConfiguration")
async def test_app_data_without_the_provider_is_told(world: World) -> None:
    world.commit(FILES)
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "app"}, "stringData": {"githubAppID": "1"}}
    await world.put(secret)
    await world.source(secretRef={"name": "app"})
    text = f"secretRef '{world.namespace}/app' has github app data but provider is not set to github"
    await world.condition("GitRepository", "fleet", "False", "InvalidProviderConfiguration", text)
    await world.event("GitRepository", "fleet", "InvalidProviderConfiguration", type="Warning")


@flow("3.0 AuthenticationFailed")
async def test_an_incomplete_secret_is_told_and_its_completion_helps(world: World) -> None:
    world.commit(FILES)
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "login"}}
    await world.put({**secret, "stringData": {"password": "secret"}})
    await world.source(secretRef={"name": "login"})
    await world.condition("GitRepository", "fleet", "False", "AuthenticationFailed", "username")
    await world.put({**secret, "stringData": {"username": "me", "password": "secret"}})
    await world.ready("GitRepository", "fleet")


@flow("3.0 Succeeded (recovery)")
async def test_a_source_that_works_again_says_so(world: World) -> None:
    world.commit(FILES)
    await world.source()
    await world.ready("GitRepository", "fleet")
    await world.source(ref={"branch": "nowhere"})
    await world.condition("GitRepository", "fleet", "False", "GitOperationFailed")
    await world.source()
    await world.ready("GitRepository", "fleet")
    await world.event("GitRepository", "fleet", "Succeeded", "stored artifact for commit", type="Normal")


@flow("3.0 ProgressingWithRetry")
async def test_a_failed_fetch_is_being_retried(world: World) -> None:
    world.commit(FILES)
    await world.source(ref={"branch": "nowhere"})
    await world.condition("GitRepository", "fleet", "True", "ProgressingWithRetry", type="Reconciling")


@flow("3.0 ArtifactVerificationFailed")
async def test_a_damaged_archive_is_told_and_made_again(world: World) -> None:
    revision = world.commit(FILES)
    await world.source()
    obj = await world.ready("GitRepository", "fleet", revision)
    world.engine.damage(obj["status"]["artifact"]["path"], b"not what was stored")
    await world.request("GitRepository", "fleet", "look")
    text = "failed to verify integrity of artifact"
    await world.event("GitRepository", "fleet", "ArtifactVerificationFailed", text, type="Warning")
    again = await world.ready("GitRepository", "fleet", revision)
    assert again["status"]["artifact"]["digest"] == obj["status"]["artifact"]["digest"]


@flow("4.3 AccessDenied", no_cross_namespace_refs=True)
async def test_a_source_of_another_namespace_is_denied(world: World) -> None:
    await world.kustomization(sourceRef={"kind": "GitRepository", "name": "fleet", "namespace": "elsewhere"})
    text = "can't access 'GitRepository/elsewhere/fleet', cross-namespace references have been blocked"
    await world.condition("Kustomization", "apps", "False", "AccessDenied", text)
    await world.condition("Kustomization", "apps", "True", "AccessDenied", type="Stalled")
    await world.event("Kustomization", "apps", "AccessDenied", text, type="Warning")


@flow("4.3 AccessDenied (gate)")
async def test_an_external_artifact_without_its_gate_is_denied(world: World) -> None:
    await world.kustomization(sourceRef={"kind": "ExternalArtifact", "name": "fleet"})
    text = f"can't access 'ExternalArtifact/{world.namespace}/fleet', ExternalArtifact feature gate is disabled"
    await world.condition("Kustomization", "apps", "False", "AccessDenied", text)


async def waiting(world: World) -> Object:
    """A Kustomization that waits for what does not become healthy."""
    world.commit(FILES)
    await world.source()
    checks = [{"apiVersion": "v1", "kind": "ConfigMap", "name": "foreign", "namespace": world.namespace}]
    await world.kustomization(healthChecks=checks, timeout="30m")
    return await world.condition("Kustomization", "apps", "Unknown", "Progressing", type="Healthy")


@flow("4.3 Progressing", "4.3 Reconciling messages")
async def test_while_health_is_awaited_the_conditions_say_so(world: World) -> None:
    obj = await waiting(world)
    ready = get_condition(obj, "Ready") or {}
    assert (ready["status"], ready["reason"]) == ("Unknown", "Progressing")
    assert ready["message"] == "Reconciliation in progress"
    reconciling = get_condition(obj, "Reconciling") or {}
    assert reconciling["message"].startswith("Running health checks for revision main@sha1:")
    assert reconciling["message"].endswith("with a timeout of 30m0s")


@flow("4.3 HealthCheckCanceled")
async def test_a_newer_revision_ends_the_wait_for_health(world: World) -> None:
    await waiting(world)
    await world.pushed({"apps/cm.yaml": config_map("a", {"key": "new"})})
    text = "Health checks canceled due to new reconciliation triggered by GitRepository/"
    await world.event("Kustomization", "apps", "HealthCheckCanceled", text, type="Normal")

    async def applied() -> bool:
        live = await world.get("ConfigMap", "a")
        return live is not None and live["data"] == {"key": "new"}

    await world.until("the newer revision is applied", applied)
    await world.put({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "foreign"}})
    await world.ready("Kustomization", "apps")


@flow("5.5 What is not built is refused")
async def test_a_field_without_effect_yet_stalls_and_the_last_good_state_stays(world: World) -> None:
    await world.reconciled(FILES)
    before = await world.get("ConfigMap", "a")
    await world.kustomization(decryption={"provider": "sops"})
    await world.condition("Kustomization", "apps", "False", message="spec.decryption is not supported yet")
    await world.condition("Kustomization", "apps", "True", type="Stalled")
    assert await world.get("ConfigMap", "a") == before
    await world.client.apply(
        {
            "apiVersion": "source.toolkit.fluxcd.io/v1",
            "kind": "GitRepository",
            "metadata": {"name": "strict", "namespace": world.namespace},
            "spec": {"interval": "1m", "url": world.git_url, "verify": {"secretRef": {"name": "keys"}}},
        },
        field_manager="person",
    )
    await world.condition("GitRepository", "strict", "False", message="spec.verify is not supported yet")
