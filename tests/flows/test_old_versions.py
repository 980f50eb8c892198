"""Old API versions work as they are written, beside v1."""

from fluvial.objects import dig
from tests.flows.flow import config_map, flow, kustomization
from tests.flows.world import World


@flow("Old API versions")
async def test_a_v1beta1_git_repository_without_ref_follows_master_and_honours_ignore(world: World) -> None:
    files = {
        "deploy/kustomization.yaml": kustomization("cm.yaml"),
        "deploy/cm.yaml": config_map("a"),
        "deploy/notes.md": "no manifest",
        "deploy/deep/notes.txt": "no manifest",
        "charts/broken.yaml": "not: [yaml",
    }
    revision = world.commit(files, branch="master")
    ignore = (
        "## exclude all\n/*\n## include deploy dir\n!/deploy\n"
        "## exclude file extensions from deploy dir\n/deploy/**/*.md\n/deploy/**/*.txt\n"
    )
    spec = {"interval": "5m", "url": world.git_url, "ignore": ignore}
    await world.apply("source.toolkit.fluxcd.io/v1beta1", "GitRepository", "podinfo", spec)
    obj = await world.ready("GitRepository", "podinfo", revision)
    assert obj["apiVersion"] == "source.toolkit.fluxcd.io/v1"
    source = {"kind": "GitRepository", "name": "podinfo"}
    await world.kustomization(path="./", sourceRef=source)
    await world.ready("Kustomization", "apps", revision)
    assert await world.get("ConfigMap", "a") is not None


@flow("Old API versions")
async def test_a_v1beta1_kustomization_with_old_patches_works(world: World) -> None:
    world.commit({"apps/cm.yaml": config_map("a", {"key": "value"})})
    await world.source()
    spec = {
        "interval": "5m",
        "path": "./apps",
        "prune": True,
        "sourceRef": {"kind": "GitRepository", "name": "fleet"},
        "validation": "client",
        "patchesStrategicMerge": [
            {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": {"name": "a", "namespace": world.namespace},
                "data": {"merged": "yes"},
            }
        ],
        "patchesJson6902": [
            {
                "patch": [{"op": "add", "path": "/data/added", "value": "yes"}],
                "target": {"version": "v1", "kind": "ConfigMap", "name": "a"},
            }
        ],
    }
    await world.apply("kustomize.toolkit.fluxcd.io/v1beta1", "Kustomization", "old", spec)
    await world.ready("Kustomization", "old")
    live = await world.get("ConfigMap", "a")
    assert live is not None
    assert live["data"] == {"key": "value", "merged": "yes", "added": "yes"}
    back = await world.client.get("kustomize.toolkit.fluxcd.io/v1beta1", "Kustomization", world.namespace, "old")
    assert dig(back or {}, "spec", "validation") == "client"
