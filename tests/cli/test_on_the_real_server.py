"""Upstream's goldens once more, against a real kube-apiserver: what two sides of ours agree on could be wrong twice."""

import asyncio

import pytest

from fluvial.api import crds
from fluvial.cli.connect import connect
from fluvial.cli.globals import Cluster
from fluvial.objects import Ref
from fluvial.yamldoc import load_all
from tests.cli.conftest import Cli, fill, vector
from tests.cli.test_build_and_diff import CHANGED, DIFFS
from tests.cli.test_export import EXPORTS
from tests.cli.test_get import GET_GOLDENS, words
from tests.cli.test_trace_and_tree import DEPLOYMENT, RELEASE, TIMES

pytestmark = pytest.mark.kube


@pytest.fixture
def on_real_server(real_api):
    """Run a coroutine function with a command line whose cluster is a real API server that has the Flux kinds."""
    environ = {"KUBECONFIG": str(real_api.kubeconfig), "HOME": str(real_api.folder)}

    def run(body):
        async def main():
            client = await connect(Cluster(), environ)
            for crd in crds():
                await client.apply(crd, field_manager="test", force=True)
            for _ in range(100):
                try:
                    await client.resource("image.toolkit.fluxcd.io/v1", "ImagePolicy", fresh=True)
                    break
                except Exception:
                    await asyncio.sleep(0.1)
            try:
                await body(Cli(environ=dict(environ)), client)
            finally:
                await client.close()

        asyncio.run(main())

    return run


def test_lists_and_exports_are_the_same(on_real_server):
    async def body(cli, client):
        await cli.load("get/objects.yaml", fluxns="real-get")
        await cli.load("get/status_objects.yaml", fluxns="real-status")
        for objects, flags, golden in GET_GOLDENS:
            namespace = {"objects": "real-get", "status_objects": "real-status"}[objects]
            ran = await cli.run("get", "sources", "git", *words(flags), "-n", namespace)
            assert ran.both == vector(f"get/{golden}.golden"), golden
        await cli.load("export/objects.yaml", fluxns="real-export")
        for command, golden in EXPORTS:
            ran = await cli.run("export", *command.split(), "-n=real-export")
            assert ran.both == fill(vector(f"export/{golden}.yaml"), fluxns="real-export"), golden

    on_real_server(body)


def test_trees_traces_and_statuses_are_the_same(on_real_server):
    async def body(cli, client):
        await cli.load("tree/kustomizations.yaml", fluxns="real-tree")
        ran = await cli.run("tree ks flux-system -n real-tree")
        assert ran.both == fill(vector("tree/tree.golden"), fluxns="real-tree")
        pairs = [(DEPLOYMENT, "deployment"), (RELEASE, "helmrelease"), (RELEASE, "helmrelease-oci")]
        for index, (command, name) in enumerate(pairs):
            names = {"ns": f"real-trace-{index}", "fluxns": f"real-trace-flux-{index}"}
            await cli.load(f"trace/{name}.yaml", **names)
            ran = await cli.run(*command.split(), "-n", names["ns"])
            assert ran.both == fill(vector(f"trace/{name}.golden"), **names, **TIMES), name
        await cli.load("debug_kustomization/objects.yaml", fluxns="real-debug")
        for flag, golden in (("--show-status", "status.golden.yaml"), ("--show-vars", "vars.golden.env")):
            ran = await cli.run(f"debug ks test {flag} -n real-debug")
            assert ran.both == vector(f"debug_kustomization/{golden}")

    on_real_server(body)


def test_differences_are_the_same(on_real_server):
    async def body(cli, client):
        for index, (objects, golden) in enumerate(DIFFS):
            namespace = f"real-diff-{index}"
            for name in ("podinfo-source", "podinfo-kustomization"):
                await cli.load(f"build-kustomization/{name}.yaml", fluxns=namespace)
            text = fill(vector(f"diff-kustomization/{objects}.yaml"), fluxns=namespace) if objects else ""
            applied = [document.value for document in load_all(text) if document.value]
            from tests.cli.test_build_and_diff import final

            for obj in final(applied):
                await client.apply(obj, field_manager="kustomize-controller", force=True)
            ran = await cli.run(f"diff ks podinfo --path build-kustomization/podinfo -n {namespace}")
            for obj in applied:
                await client.delete(Ref.of(obj))
            assert ran.out == vector(f"diff-kustomization/{golden}.golden"), golden
            assert (ran.err, ran.code) == (CHANGED, 1), golden

    on_real_server(body)


def test_prerequisites_and_an_installation(on_real_server):
    async def body(cli, client):
        pre = await cli.run("check --pre")
        assert pre.err.endswith("✔ prerequisites checks passed\n")
        ran = await cli.run("install --force --timeout=3s -n real-install")
        assert "Deployment/real-install/source-controller created\n" in ran.out
        again = await cli.run("install --force --timeout=3s -n real-install")
        assert {line.split(" ")[1] for line in again.out.splitlines()} <= {"unchanged", "configured"}
        assert "ClusterRole/crd-controller-real-install unchanged\n" in again.out
        info = await cli.run("check --timeout=3s -n real-install")
        assert "✔ distribution: flux-v0.1.0\n" in info.err
        gone = await cli.run("uninstall --dry-run -n real-install")
        assert "✔ Deployment/real-install/kustomize-controller deleted (dry run)\n" in gone.err

    on_real_server(body)
