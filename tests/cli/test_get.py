"""`get` against upstream's goldens, and what we added to it."""

import json

import pytest

GET_GOLDENS = [
    ("objects", "", "get"),
    ("objects", "-l sharding.fluxcd.io/key=shard1", "get_label_one"),
    ("objects", "-l|sharding.fluxcd.io/key notin (shard1, shard2)", "get_label_two"),
    ("status_objects", "--status-selector Ready=True", "get_status_ready_true"),
    ("status_objects", "--status-selector ready=false", "get_status_ready_false"),
    ("status_objects", "--status-selector Ready!=True", "get_status_ready_not_true"),
]


def words(text: str) -> list[str]:
    return text.split("|") if "|" in text else text.split()


@pytest.mark.parametrize(("objects", "flags", "golden"), GET_GOLDENS)
def test_sources_are_listed_as_flux_lists_them(on_cluster, vectors, objects, flags, golden):
    async def body(cli):
        await cli.load(f"get/{objects}.yaml", fluxns="flux-system")
        ran = await cli.run("get", "sources", "git", *words(flags), "-n", "flux-system")
        assert ran.both == vectors(f"get/{golden}.golden")
        assert ran.code == 0

    on_cluster(body)


def test_the_golden_of_get_kustomization_holds(on_cluster, vectors):
    async def body(cli):
        revision = "6.3.5@sha1:67e2c98a60dc92283531412a9e604dd4bae005a9"
        await cli.create([namespace("flux"), kustomization("tkfg", "flux", revision)])
        ran = await cli.run("get", "kustomization", "tkfg", "-n=flux")
        assert ran.both == vectors("kustomization/get_kustomization_from_git.golden")

    on_cluster(body)


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("get kustomization nothing", "Kustomization object 'nothing' not found in \"apps\" namespace"),
        ("get helmrelease", 'no HelmRelease objects found in "apps" namespace'),
        ("get helmrelease -A", "no HelmRelease objects found in any namespace"),
        ("get artifact generators", 'no ArtifactGenerator objects found in "apps" namespace'),
        (
            "get sources git --status-selector Ready",
            "expected status selector in type=status or type!=status format, but found: Ready",
        ),
        ("get all --watch", "expected a single resource type, but found all"),
    ],
)
def test_what_is_not_there_or_not_understood_is_said_in_fluxs_words(on_cluster, command, message):
    async def body(cli):
        ran = await cli.run(*command.split(), "-n", "apps")
        assert (ran.both, ran.code) == (f"✗ {message}\n", 1)

    on_cluster(body)


def test_get_all_prints_one_table_a_kind_and_passes_over_what_is_empty(on_cluster):
    async def body(cli):
        await cli.load("get/objects.yaml", fluxns="flux-system")
        await cli.load("get/kustomization_only.yaml", fluxns="other")
        ran = await cli.run("get", "all", "-A")
        heads = [line.split("\t")[1].strip() for line in ran.out.splitlines() if line.startswith("NAMESPACE")]
        assert heads == ["NAME", "NAME"]
        assert "gitrepository/podinfo-shard1" in ran.out
        assert "kustomization/podinfo" in ran.out
        assert ran.out.endswith("\t\n\n")
        filtered = await cli.run("get", "all", "--status-selector", "foo=bar", "-n", "flux-system")
        assert (filtered.both, filtered.code) == ("", 0)

    on_cluster(body)


@pytest.mark.parametrize("command", ["get alerts", "get alert-providers", "get all"])
def test_kinds_without_conditions_are_always_ready(on_cluster, command):
    async def body(cli):
        await cli.load("get/notification_objects.yaml", fluxns="flux-system")
        plain = await cli.run(*command.split())
        filtered = await cli.run(*command.split(), "--status-selector", "Ready=True")
        assert plain.out
        assert filtered.out == plain.out

    on_cluster(body)


def test_objects_come_as_json_yaml_and_names_too(on_cluster):
    async def body(cli):
        await cli.load("get/objects.yaml", fluxns="flux-system")
        names = await cli.run("get", "sources", "git", "-o", "name")
        assert names.out.splitlines()[0] == "gitrepository.source.toolkit.fluxcd.io/podinfo"
        many = json.loads((await cli.run("get", "sources", "git", "-o=json")).out)
        assert (many["kind"], len(many["items"])) == ("List", 3)
        one = json.loads((await cli.run("get", "sources", "git", "podinfo", "-ojson")).out)
        assert one["metadata"]["name"] == "podinfo"
        assert "managedFields" not in one["metadata"]
        everything = json.loads((await cli.run("get", "all", "-o", "json")).out)
        assert len(everything["items"]) == 3
        wide = await cli.run("get", "sources", "git", "-o", "wide", "--no-header")
        assert wide.out.splitlines()[0].split("\t")[-4:-1] == ["0s", "1", ""]

    on_cluster(body)


def test_the_source_of_a_kustomization_is_shown_on_demand(on_cluster):
    async def body(cli):
        await cli.create([namespace("apps"), kustomization("web", "apps", "main@sha1:" + "a" * 40)])
        ran = await cli.run("get", "ks", "--show-source", "-n", "apps")
        assert ran.out.splitlines()[1].split("\t")[1].strip() == "GitRepository/apps/web"

    on_cluster(body)


def test_wide_shows_the_path_of_a_kustomization_and_plain_does_not(on_cluster):
    async def body(cli):
        web = kustomization("web", "apps", "main@sha1:" + "a" * 40)
        web["spec"]["path"] = "./apps/web"
        await cli.create([namespace("apps"), web])
        wide = [
            [cell.strip() for cell in line.split("\t")]
            for line in (await cli.run("get", "kustomizations", "-o", "wide", "-n", "apps")).out.splitlines()
        ]
        assert wide[0][-4:] == ["PATH", "AGE", "GENERATION", "OBSERVED"]
        assert wide[1][wide[0].index("PATH")] == "./apps/web"
        plain = await cli.run("get", "kustomizations", "-n", "apps")
        assert "PATH" not in plain.out

    on_cluster(body)


def namespace(name):
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def kustomization(name, space, revision):
    ready = {
        "type": "Ready",
        "status": "True",
        "reason": "ReconciliationSucceeded",
        "message": f"Applied revision: {revision}",
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    }
    return {
        "apiVersion": "kustomize.toolkit.fluxcd.io/v1",
        "kind": "Kustomization",
        "metadata": {"name": name, "namespace": space},
        "spec": {"interval": "5m", "prune": True, "sourceRef": {"kind": "GitRepository", "name": name}},
        "status": {"lastAppliedRevision": revision, "conditions": [ready]},
    }
