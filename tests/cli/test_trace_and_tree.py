"""`trace` and `tree` against upstream's goldens."""

import base64
import gzip
import json

import pytest

from fluvial.gotext import parse_rfc3339


def go_time(text):
    local = parse_rfc3339(text).astimezone()
    return local.strftime("%Y-%m-%d %H:%M:%S %z ") + local.tzname()


TIMES = {
    "helmReleaseLastReconcile": go_time("2021-07-16T15:42:20Z"),
    "helmChartLastReconcile": go_time("2021-07-16T15:32:09Z"),
    "helmRepositoryLastReconcile": go_time("2021-07-11T00:25:46Z"),
    "kustomizationLastReconcile": go_time("2021-08-01T04:52:56Z"),
    "gitRepositoryLastReconcile": go_time("2021-07-20T00:48:16Z"),
    "ociRepositoryLastReconcile": go_time("2021-07-20T00:48:16Z"),
}
DEPLOYMENT = "trace podinfo --kind deployment --api-version=apps/v1"
RELEASE = "trace podinfo --kind HelmRelease --api-version=helm.toolkit.fluxcd.io/v2"


@pytest.mark.parametrize(
    ("command", "name"),
    [
        (DEPLOYMENT, "deployment"),
        (RELEASE, "helmrelease"),
        (RELEASE, "helmrelease-oci"),
        (DEPLOYMENT, "deployment-hr-ocirepo"),
    ],
)
def test_an_object_is_traced_to_its_source(on_cluster, vectors, command, name):
    async def body(cli):
        names = {"ns": "podinfo", "fluxns": "flux-system"}
        await cli.load(f"trace/{name}.yaml", **names)
        ran = await cli.run(*command.split(), "-n=podinfo")
        assert ran.both == vectors(f"trace/{name}.golden", **names, **TIMES)
        assert ran.code == 0

    on_cluster(body)


@pytest.mark.parametrize("command", ["trace", "trace deployment", "trace a/b c"])
def test_a_trace_needs_a_kind_and_a_name(offline, command):
    import asyncio

    ran = asyncio.run(offline.run(*command.split()))
    assert ran.both == "✗ either `<resource>/<name>` or `<resource> <name>` is required as an argument\n"
    assert ran.code == 1


def test_what_flux_does_not_manage_is_said_and_is_no_error(on_cluster):
    async def body(cli):
        await cli.create([config("default", "mine")])
        ran = await cli.run("trace", "configmap/mine", "-n", "default")
        assert ran.err == "failed to trace ConfigMap/mine in namespace default: object not managed by Flux\n"
        assert ran.code == 0

    on_cluster(body)


def test_an_owner_chain_is_followed_to_the_labels(on_cluster):
    async def body(cli):
        await cli.load("trace/deployment.yaml", ns="podinfo", fluxns="flux-system")
        owner = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "podinfo"}
        deployment = await cli.client().get("apps/v1", "Deployment", "podinfo", "podinfo")
        child = config("podinfo", "child")
        child["metadata"]["ownerReferences"] = [{**owner, "uid": deployment["metadata"]["uid"]}]
        await cli.create([child])
        ran = await cli.run("trace", "cm/child", "-n", "podinfo")
        assert "HelmRelease:    podinfo\n" in ran.out

    on_cluster(body)


@pytest.mark.parametrize(
    ("command", "golden"),
    [
        ("tree kustomization flux-system", "tree"),
        ("tree ks flux-system --compact", "tree-compact"),
        ("tree kustomization empty", "tree-empty"),
    ],
)
def test_a_tree_is_drawn_as_flux_draws_it(on_cluster, vectors, command, golden):
    async def body(cli):
        await cli.load("tree/kustomizations.yaml", fluxns="flux-system")
        ran = await cli.run(*command.split(), "-n=flux-system")
        assert ran.both == vectors(f"tree/{golden}.golden", fluxns="flux-system")

    on_cluster(body)


def test_a_tree_is_data_too(on_cluster):
    async def body(cli):
        await cli.load("tree/kustomizations.yaml", fluxns="flux-system")
        tree = json.loads((await cli.run("tree", "ks", "flux-system", "-o", "json")).out)
        assert tree["resource"]["GroupKind"] == {"Group": "kustomize.toolkit.fluxcd.io", "Kind": "Kustomization"}
        assert tree["resources"][0]["resource"]["Name"] == "flux-system"

    on_cluster(body)


def test_a_helm_release_shows_what_its_newest_release_holds(on_cluster):
    async def body(cli):
        await cli.load("trace/deployment.yaml", ns="podinfo", fluxns="flux-system")
        client = cli.client()
        api = "helm.toolkit.fluxcd.io/v2"
        release = await client.get(api, "HelmRelease", "podinfo", "podinfo")
        history = [{"name": "podinfo", "namespace": "podinfo", "version": 3, "chartName": "podinfo"}]
        history[0] |= {"chartVersion": "6.3.5", "configDigest": "sha256:1", "digest": "sha256:2", "status": "deployed"}
        history[0] |= {"firstDeployed": "2026-01-01T00:00:00Z", "lastDeployed": "2026-01-01T00:00:00Z"}
        status = {**release["status"], "storageNamespace": "podinfo", "history": history}
        await client.update({**release, "status": status}, subresource="status")
        manifest = "---\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: inner\n"
        stored = base64.b64encode(gzip.compress(json.dumps({"name": "podinfo", "manifest": manifest}).encode()))
        secret = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "sh.helm.release.v1.podinfo.v3", "namespace": "podinfo"},
            "data": {"release": base64.b64encode(stored).decode()},
        }
        await cli.create([secret])
        ks = await client.get("kustomize.toolkit.fluxcd.io/v1", "Kustomization", "flux-system", "infrastructure")
        entry = {"id": "podinfo_podinfo_helm.toolkit.fluxcd.io_HelmRelease", "v": "v2"}
        await client.update({**ks, "status": {**ks["status"], "inventory": {"entries": [entry]}}}, subresource="status")
        ran = await cli.run("tree", "ks", "infrastructure")
        assert ran.out == (
            "Kustomization/flux-system/infrastructure\n└── HelmRelease/podinfo/podinfo\n"
            "    └── ConfigMap/podinfo/inner\n\n"
        )

    on_cluster(body)


def config(namespace, name):
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": namespace}}
