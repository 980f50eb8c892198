"""`build kustomization` and `diff kustomization` against upstream's goldens."""

import pytest

from fluvial.apply import Owner, make_plan
from fluvial.objects import Ref
from fluvial.yamldoc import load_all

BUILD = "build kustomization podinfo --path build-kustomization/"
RECURSIVE = "--recursive --local-sources GitRepository/default/podinfo=build-kustomization"
FILE = "--kustomization-file build-kustomization/podinfo-kustomization.yaml"

BUILDS = [
    ("podinfo", "podinfo-result"),
    ("podinfo --in-memory-build=true", "podinfo-result"),
    ("delete-service", "podinfo-without-service-result"),
    ("var-substitution", "podinfo-with-var-substitution-result"),
    ("ignore --ignore-paths !configmap.yaml,!secret.yaml", "podinfo-with-ignore-result"),
    (f"podinfo-with-my-app {RECURSIVE}", "podinfo-with-my-app-result"),
]


@pytest.mark.parametrize(("flags", "golden"), BUILDS)
def test_local_files_are_built_as_the_controller_would(on_cluster, vectors, flags, golden):
    async def body(cli):
        await set_up(cli)
        ran = await cli.run(f"{BUILD}{flags}", "-n", "flux-system")
        assert ran.both == vectors(f"build-kustomization/{golden}.yaml", fluxns="flux-system")
        assert ran.code == 0

    on_cluster(body)


@pytest.mark.parametrize(("flags", "golden"), [BUILDS[0], *BUILDS[2:4], BUILDS[5]])
@pytest.mark.parametrize("dry_run", ["", "--dry-run"])
def test_a_build_from_a_file_needs_no_cluster_in_a_dry_run(on_cluster, vectors, tmp_path, flags, golden, dry_run):
    async def body(cli):
        await set_up(cli)
        file = tmp_path / "ks.yaml"
        file.write_text(vectors("build-kustomization/podinfo-kustomization.yaml", fluxns="flux-system"))
        command = f"{BUILD}{flags} --kustomization-file {file} {dry_run}"
        if dry_run:
            cli.plane = None
        ran = await cli.run(*command.split(), "-n", "flux-system")
        assert ran.both == vectors(f"build-kustomization/{golden}.yaml", fluxns="flux-system")

    on_cluster(body)


@pytest.mark.parametrize(
    ("command", "message", "code"),
    [
        ("build kustomization", "kustomization name is required", 1),
        ("build kustomization podinfo", 'invalid resource path ""', 1),
        ("build ks podinfo --path nowhere", 'invalid resource path "nowhere"', 1),
        ("build ks podinfo --path tree --dry-run", "dry-run mode requires a kustomization file", 1),
        ("build ks podinfo --path tree --kustomization-file ./wrong/", 'invalid kustomization file "./wrong/"', 1),
        ("diff kustomization podinfo", 'invalid resource path ""', 2),
        (
            "diff ks podinfo --path build-kustomization/podinfo",
            'failed to get kustomization object: kustomizations.kustomize.toolkit.fluxcd.io "podinfo" not found',
            2,
        ),
        (
            "diff ks podinfo --path build-kustomization/podinfo --ignore-not-found",
            "kustomization file is required when assuming new kustomizations",
            2,
        ),
    ],
)
def test_what_cannot_be_built_is_said_in_fluxs_words(on_cluster, command, message, code):
    async def body(cli):
        ran = await cli.run(*command.split())
        assert (ran.both, ran.code) == (f"✗ {message}\n", code)

    on_cluster(body)


def test_bases_beside_the_folder_are_found(on_cluster, tmp_path):
    async def body(cli):
        (tmp_path / "apps").mkdir()
        (tmp_path / "base").mkdir()
        (tmp_path / "apps" / "kustomization.yaml").write_text("resources:\n- ../base\n")
        (tmp_path / "base" / "kustomization.yaml").write_text("resources:\n- one.yaml\n")
        (tmp_path / "base" / "one.yaml").write_text("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: one\n")
        (tmp_path / "ks.yaml").write_text(
            "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata:\n  name: apps\nspec: {}\n"
        )
        cli.here = tmp_path
        ran = await cli.run("build ks apps --path ./apps --kustomization-file ks.yaml --dry-run -n web")
        assert "  name: one\n" in ran.out
        assert ran.code == 0

    on_cluster(body)


DIFFS = [
    ("", "diff-new-kustomization"),
    ("deployment", "diff-with-deployment"),
    ("service", "diff-with-drifted-service"),
    ("secret", "diff-with-drifted-secret"),
    ("key-sops-secret", "diff-with-drifted-key-sops-secret"),
    ("value-sops-secret", "diff-with-drifted-value-sops-secret"),
    ("dockerconfigjson-sops-secret", "diff-with-dockerconfigjson-sops-secret"),
    ("stringdata-sops-secret", "diff-with-drifted-stringdata-sops-secret"),
]
CHANGED = "⚠️ identified at least one change, exiting with non-zero exit code\n"


@pytest.mark.parametrize(("objects", "golden"), DIFFS)
def test_what_would_change_is_reported_as_flux_reports_it(on_cluster, vectors, objects, golden):
    async def body(cli):
        await set_up(cli)
        if objects:
            await apply(cli, vectors(f"diff-kustomization/{objects}.yaml", fluxns="flux-system"))
        ran = await cli.run("diff kustomization podinfo --path build-kustomization/podinfo")
        assert ran.out == vectors(f"diff-kustomization/{golden}.golden")
        assert (ran.err, ran.code) == (CHANGED, 1)

    on_cluster(body)


def test_the_right_kustomization_of_a_file_is_taken(on_cluster, vectors):
    async def body(cli):
        await set_up(cli)
        file = "--kustomization-file diff-kustomization/flux-kustomization-multiobj.yaml"
        ran = await cli.run(f"diff ks podinfo --path build-kustomization/podinfo {file}")
        assert ran.out == vectors("diff-kustomization/diff-new-kustomization.golden")

    on_cluster(body)


def test_a_diff_follows_kustomizations_into_their_own_files(on_cluster, vectors):
    async def body(cli):
        await set_up(cli)
        await apply(cli, vectors("diff-kustomization/my-app.yaml", fluxns="flux-system"))
        ran = await cli.run(f"diff kustomization podinfo --path build-kustomization/podinfo-with-my-app {RECURSIVE}")
        assert ran.out == vectors("diff-kustomization/diff-with-recursive.golden")

    on_cluster(body)


@pytest.mark.parametrize(
    ("name", "file", "before", "golden"),
    [
        ("podinfo", "flux-kustomization-local-only", "", "diff-new-kustomization"),
        ("configmaps", "flux-kustomization-configmaps", "existing-configmap", "diff-taking-ownership"),
        ("new-namespace-only", "flux-kustomization-new-namespace-only", "", "diff-new-namespace-only"),
    ],
)
def test_a_kustomization_that_is_not_deployed_yet_is_compared_on_demand(
    on_cluster, vectors, name, file, before, golden
):
    async def body(cli):
        await cli.create([{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "flux-system"}}])
        if before:
            await apply(cli, vectors(f"diff-kustomization/{before}.yaml"))
        command = f"diff ks {name} --path build-kustomization/{name} --ignore-not-found "
        ran = await cli.run(*command.split(), "--kustomization-file", f"diff-kustomization/{file}.yaml")
        assert ran.out == vectors(f"diff-kustomization/{golden}.golden")
        assert ran.code == 1

    on_cluster(body)


def test_an_object_for_a_namespace_that_is_not_there_cannot_be_compared(on_cluster):
    async def body(cli):
        name = "new-namespace-and-configmap"
        command = f"diff ks {name} --path build-kustomization/{name} --ignore-not-found "
        file = f"--kustomization-file diff-kustomization/flux-kustomization-{name}.yaml"
        ran = await cli.run(*command.split(), *file.split())
        assert ran.err == '✗ ConfigMap/new-ns/app-config not found: namespaces "new-ns" not found\n'
        assert ran.code == 2

    on_cluster(body)


def test_what_left_the_build_would_be_deleted(on_cluster, vectors):
    async def body(cli):
        await set_up(cli)
        client = cli.client()
        api = "kustomize.toolkit.fluxcd.io/v1"
        live = await client.get(api, "Kustomization", "flux-system", "podinfo")
        entries = [{"id": "default_old__ConfigMap", "v": "v1"}, {"id": "default_podinfo_apps_Deployment", "v": "v1"}]
        await client.update({**live, "status": {"inventory": {"entries": entries}}}, subresource="status")
        ran = await cli.run("diff ks podinfo --path build-kustomization/podinfo")
        assert ran.out.endswith("► ConfigMap/default/old deleted\n")
        assert "Deployment/default/podinfo deleted" not in ran.out

    on_cluster(body)


def test_drift_that_flux_would_ignore_is_not_shown_as_a_change(on_cluster, vectors, tmp_path):
    async def body(cli):
        await set_up(cli)
        file = tmp_path / "ks.yaml"
        text = vectors("build-kustomization/podinfo-kustomization.yaml", fluxns="flux-system")
        assert "\nspec:\n" in text
        file.write_text(text.replace("\nspec:\n", "\nspec:\n  ignore:\n  - paths: [/spec/replicas]\n", 1))
        ran = await cli.run(f"diff ks podinfo --path build-kustomization/podinfo --kustomization-file {file}")
        assert (ran.out, ran.code) == ("", 2)
        assert ran.err.startswith("✗ spec.ignore is not supported yet")

    on_cluster(body)


async def set_up(cli):
    for name in ("podinfo-source", "podinfo-kustomization"):
        await cli.load(f"build-kustomization/{name}.yaml", fluxns="flux-system")


async def apply(cli, text):
    """Apply objects as the controller would have, normalised."""
    client = cli.client()
    for obj in final([document.value for document in load_all(text) if document.value]):
        await client.apply(obj, field_manager="kustomize-controller", force=True)


def final(objects):
    """Return objects in the form in which they are applied; those without labels stay without owner."""
    plan = make_plan(objects, Owner("podinfo", "flux-system"))
    ready = {Ref.of(obj): obj for obj in plan.objects}
    for obj in objects:
        if "labels" in obj["metadata"]:
            ready[Ref.of(obj)]["metadata"]["labels"] = obj["metadata"]["labels"]
        else:
            ready[Ref.of(obj)]["metadata"].pop("labels", None)
    return [ready[Ref.of(obj)] for obj in objects]
