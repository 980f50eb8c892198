"""`install`, `uninstall` and `alias install` as a person meets them."""

import asyncio
import subprocess

import pytest

from fluvial.api import crds


def test_an_export_needs_no_cluster(offline):
    ran = asyncio.run(offline.run("install --export --registry=registry.example.com/platform -n gitops"))
    assert ran.code == 0
    assert "        image: registry.example.com/platform/fluvial:v0.1.0\n" in ran.out
    assert "  namespace: gitops\n" in ran.out


def test_an_installation_says_what_it_leaves_out_and_whose_image_it_needs(on_cluster):
    async def body(cli):
        await take_crds_away(cli)
        ran = await cli.run("install --timeout=2s")
        assert "⚠️ not part of this version, and not installed: helm-controller, notification-controller" in ran.err
        assert "⚠️ no image is published: the nodes must have fluvial:v0.1.0" in ran.err
        assert "Deployment/flux-system/source-controller created\n" in ran.out
        # This cluster runs no workloads, so that the rollout cannot end well.
        assert ran.err.endswith("✗ source-controller: deployment not ready\n✗ install failed\n")
        assert ran.code == 1
        there = await cli.run("check --timeout=1s")
        assert "✔ distribution: flux-v0.1.0\n✔ bootstrapped: false\n" in there.err
        assert "► fluvial:v0.1.0\n" in there.err

    on_cluster(body)


async def take_crds_away(cli):
    client = cli.client()
    for crd in (await client.list("apiextensions.k8s.io/v1", "CustomResourceDefinition")).items:
        from fluvial.objects import Ref

        await client.delete(Ref.of(crd))


@pytest.mark.parametrize(
    ("labels", "question"),
    [
        ({"app.kubernetes.io/version": "v2.9.4"}, "Flux v2.9.4 is installed on this cluster!\nAre you sure"),
        (
            {"app.kubernetes.io/version": "v2.9.4", "app.kubernetes.io/managed-by": "Helm"},
            "Flux v2.9.4 has been installed on this cluster with Helm!\n"
            "Are you sure you want to override the Helm installation? [y/N] ",
        ),
    ],
)
def test_a_flux_that_is_there_is_named_before_anything_is_replaced(on_cluster, labels, question):
    async def body(cli):
        await label_crd(cli, labels)
        ran = await cli.run("install --image=fluvial:mine", answer="\n")
        assert question in ran.err
        assert ran.err.endswith("✗ installation cancelled\n")
        assert (ran.code, ran.out) == (1, "")

    on_cluster(body)


def test_a_bootstrapped_cluster_is_left_alone(on_cluster):
    async def body(cli):
        owner = "kustomize.toolkit.fluxcd.io"
        await label_crd(
            cli, {"app.kubernetes.io/version": "v2.9.4", f"{owner}/name": "x", f"{owner}/namespace": "flux-system"}
        )
        ran = await cli.run("install --force")
        assert "✗ this cluster has already been bootstrapped with Flux v2.9.4!" in ran.err
        assert ran.code == 1

    on_cluster(body)


async def label_crd(cli, labels):
    name = "gitrepositories.source.toolkit.fluxcd.io"
    crd = next(crd for crd in crds() if crd["metadata"]["name"] == name)
    await cli.client().apply({**crd, "metadata": {"name": name, "labels": labels}}, field_manager="test", force=True)


def test_an_uninstall_asks_and_tells(on_cluster):
    async def body(cli):
        await cli.load("get/objects.yaml", fluxns="flux-system")
        no = await cli.run("uninstall", answer="no\n")
        assert no.err.endswith("✗ aborting\n")
        rehearsal = await cli.run("uninstall --dry-run")
        assert "✔ Namespace/flux-system deleted (dry run)\n" in rehearsal.err
        assert await cli.client().get("v1", "Namespace", "", "flux-system") is not None
        yes = await cli.run("uninstall --silent --keep-namespace")
        assert yes.err.endswith("✔ uninstall finished\n")
        assert yes.code == 0

    on_cluster(body)


def test_the_alias_runs_this_program(offline, tmp_path):
    offline.environ["PATH"] = str(tmp_path)
    ran = asyncio.run(offline.run("alias", "install", str(tmp_path)))
    assert ran.err == f"✔ {tmp_path}/flux runs fluvial\n"
    done = subprocess.run([tmp_path / "flux", "version", "--client"], capture_output=True, text=True, check=True)
    assert done.stdout == "flux: v0.1.0\n"
    helped = subprocess.run([tmp_path / "flux", "get", "--help"], capture_output=True, text=True, check=True)
    assert "\n  flux get [command]\n" in helped.stdout
    again = asyncio.run(offline.run("alias", "install", str(tmp_path)))
    assert again.code == 0


def test_the_alias_shadows_no_other_flux_silently(offline, tmp_path):
    elsewhere = tmp_path / "bin"
    elsewhere.mkdir()
    theirs = elsewhere / "flux"
    theirs.write_text("#!/bin/sh\n")
    theirs.chmod(0o755)
    offline.environ["PATH"] = str(elsewhere)
    ran = asyncio.run(offline.run("alias", "install", str(tmp_path)))
    assert ran.code == 1
    assert f"a flux command is installed at {theirs}" in ran.err
    assert not (tmp_path / "flux").exists()
    forced = asyncio.run(offline.run("alias", "install", "--force", str(tmp_path)))
    assert f"⚠️ {theirs} is still there" in forced.err
    over = asyncio.run(offline.run("alias", "install", "--force", str(elsewhere)))
    assert (over.code, theirs.read_text()) == (1, "#!/bin/sh\n")
