"""From a commit to an artifact: GitRepository."""

from fluvial.objects import dig, get_condition
from tests.flows.flow import config_map, flow
from tests.flows.world import SOURCE_API, World

FILES = {"apps/cm.yaml": config_map("a")}


@flow("3.1 status.artifact", "3.0 NewArtifact")
async def test_a_commit_becomes_an_artifact(world: World) -> None:
    revision = world.commit(FILES, message="the first commit")
    await world.source()
    obj = await world.ready("GitRepository", "fleet", revision)
    artifact = obj["status"]["artifact"]
    assert artifact["path"] == f"gitrepository/{world.namespace}/fleet/{revision[-40:]}.tar.gz"
    assert artifact["digest"].startswith("sha256:")
    assert artifact["size"] > 0
    ready = get_condition(obj, "Ready")
    assert ready is not None
    assert (ready["reason"], ready["message"]) == ("Succeeded", f"stored artifact for revision '{revision}'")
    stored = get_condition(obj, "ArtifactInStorage")
    assert stored is not None
    assert stored["status"] == "True"
    assert get_condition(obj, "Reconciling") is None
    await world.event("GitRepository", "fleet", "NewArtifact", "stored artifact for commit 'the first commit'")


@flow("2.1 Finalizer")
async def test_a_source_carries_the_finalizer_and_leaves_when_deleted(world: World) -> None:
    world.commit(FILES)
    await world.source()
    obj = await world.ready("GitRepository", "fleet")
    assert obj["metadata"]["finalizers"] == ["finalizers.fluxcd.io"]
    await world.delete("GitRepository", "fleet", api_version=SOURCE_API)
    await world.gone("GitRepository", "fleet")


@flow("2.2 requestedAt")
async def test_a_request_fetches_the_new_commit_and_is_answered(world: World) -> None:
    world.commit(FILES)
    await world.source()
    await world.ready("GitRepository", "fleet")
    revision = world.commit({"apps/cm.yaml": config_map("a", {"key": "new"})})
    await world.request("GitRepository", "fleet", "2026-01-01T00:00:00Z")
    obj = await world.ready("GitRepository", "fleet", revision)
    assert obj["status"]["lastHandledReconcileAt"] == "2026-01-01T00:00:00Z"


@flow("3.1 No-op path")
async def test_a_request_without_a_new_commit_keeps_the_artifact(world: World) -> None:
    revision = world.commit(FILES)
    await world.source()
    before = await world.ready("GitRepository", "fleet", revision)
    await world.request("GitRepository", "fleet", "again")

    async def handled() -> bool:
        obj = await world.get("GitRepository", "fleet")
        return dig(obj or {}, "status", "lastHandledReconcileAt") == "again"

    await world.until("the request is answered", handled)
    after = await world.ready("GitRepository", "fleet", revision)
    assert after["status"]["artifact"] == before["status"]["artifact"]


@flow("2.17 Ref precedence")
async def test_a_tag_is_followed(world: World) -> None:
    revision = world.commit(FILES)
    world.git.tag("v1.0.0", message="a release")
    world.commit({"apps/cm.yaml": config_map("a", {"key": "later"})})
    await world.source(ref={"tag": "v1.0.0", "branch": "main"})
    await world.ready("GitRepository", "fleet", revision.replace("main@", "v1.0.0@"))


@flow("2.17 Semver")
async def test_the_highest_tag_in_a_range_is_followed(world: World) -> None:
    world.commit(FILES)
    world.git.tag("v1.0.0")
    revision = world.commit({"apps/cm.yaml": config_map("a", {"key": "1.2"})})
    world.git.tag("v1.2.0")
    world.commit({"apps/cm.yaml": config_map("a", {"key": "2"})})
    world.git.tag("v2.0.0")
    await world.source(ref={"semver": "1.x"})
    await world.ready("GitRepository", "fleet", revision.replace("main@", "v1.2.0@"))


@flow("2.17 Ref name")
async def test_a_full_reference_name_is_followed(world: World) -> None:
    revision = world.commit(FILES)
    await world.source(ref={"name": "refs/heads/main"})
    await world.ready("GitRepository", "fleet", revision.replace("main@", "refs/heads/main@"))


@flow("2.17 Commit")
async def test_a_commit_is_pinned(world: World) -> None:
    revision = world.commit(FILES)
    world.commit({"apps/cm.yaml": config_map("a", {"key": "later"})})
    await world.source(ref={"branch": "main", "commit": revision[-40:]})
    await world.ready("GitRepository", "fleet", revision)


@flow("3.0 GitOperationFailed")
async def test_a_missing_branch_is_told_and_found_when_it_appears(world: World) -> None:
    world.commit(FILES)
    await world.source(ref={"branch": "nowhere"})
    await world.condition("GitRepository", "fleet", "False", "GitOperationFailed", "nowhere")
    await world.event("GitRepository", "fleet", "GitOperationFailed", type="Warning")
    revision = world.commit(FILES, branch="nowhere")
    await world.ready("GitRepository", "fleet", revision)


@flow("3.0 AuthenticationFailed")
async def test_a_missing_secret_is_told(world: World) -> None:
    world.commit(FILES)
    await world.source(secretRef={"name": "nobody"})
    await world.condition("GitRepository", "fleet", "False", "AuthenticationFailed", "nobody")


@flow("2.2 Suspend")
async def test_a_suspended_source_keeps_its_artifact_and_fetches_nothing(world: World) -> None:
    revision = world.commit(FILES)
    await world.source()
    await world.ready("GitRepository", "fleet", revision)
    await world.source(suspend=True)
    world.commit({"apps/cm.yaml": config_map("a", {"key": "unseen"})})
    await world.request("GitRepository", "fleet", "suspended")
    await world.settled()
    obj = await world.get("GitRepository", "fleet")
    assert dig(obj or {}, "status", "artifact", "revision") == revision


@flow("2.8 .sourceignore", "3.1 observedIgnore")
async def test_ignore_rules_shape_the_artifact(world: World) -> None:
    world.commit(
        {"apps/cm.yaml": config_map("a"), "apps/other.yaml": config_map("b"), "docs/x.yaml": "not: [kubernetes"}
    )
    await world.source(ignore="/*\n!/apps\n/apps/other.yaml\n")
    obj = await world.ready("GitRepository", "fleet")
    assert obj["status"]["observedIgnore"] == "/*\n!/apps\n/apps/other.yaml\n"
    await world.kustomization(path="./")
    await world.ready("Kustomization", "apps")
    assert await world.get("ConfigMap", "a") is not None
    assert await world.get("ConfigMap", "b") is None


@flow("Refused for now")
async def test_a_field_that_is_not_built_is_refused_and_the_last_artifact_stays(world: World) -> None:
    revision = world.commit(FILES)
    await world.source()
    await world.ready("GitRepository", "fleet", revision)
    await world.source(recurseSubmodules=True)
    await world.condition("GitRepository", "fleet", "False", message="spec.recurseSubmodules is not supported yet")
    obj = await world.condition("GitRepository", "fleet", "True", type="Stalled")
    assert obj["status"]["artifact"]["revision"] == revision


@flow("2.7 Integrity")
async def test_an_artifact_that_vanished_from_storage_is_made_again(world: World) -> None:
    revision = world.commit(FILES)
    await world.source()
    obj = await world.ready("GitRepository", "fleet", revision)
    world.engine.damage(obj["status"]["artifact"]["path"])
    await world.request("GitRepository", "fleet", "look")

    async def handled() -> bool:
        seen = await world.get("GitRepository", "fleet")
        return dig(seen or {}, "status", "lastHandledReconcileAt") == "look"

    await world.until("the request is answered", handled)
    await world.ready("GitRepository", "fleet", revision)
    await world.kustomization()
    await world.ready("Kustomization", "apps", revision)
