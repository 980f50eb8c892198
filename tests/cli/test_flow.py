"""Commands that change objects and wait for a controller, against upstream's goldens.

A stand-in plays the controller.
"""

import asyncio
from contextlib import asynccontextmanager, suppress

from fluvial.kube import ApiError

GIT = ("source.toolkit.fluxcd.io/v1", "GitRepository")
KUSTOMIZATION = ("kustomize.toolkit.fluxcd.io/v1", "Kustomization")


@asynccontextmanager
async def controllers(cli, revision, failing=""):
    """Reconcile every source and Kustomization to `revision` as soon as it changes, or fail with a message."""
    tasks = [asyncio.create_task(play(cli, *kind, revision, failing)) for kind in (GIT, KUSTOMIZATION)]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


async def play(cli, api_version, kind, revision, failing):
    client = cli.client()
    async for event in client.watch(api_version, kind):
        obj = event.object
        if event.type not in ("ADDED", "MODIFIED") or obj["spec"].get("suspend"):
            continue
        asked = obj["metadata"].get("annotations", {}).get("reconcile.fluxcd.io/requestedAt", "")
        status = obj.get("status", {})
        generation = obj["metadata"]["generation"]
        if status.get("observedGeneration") == generation and status.get("lastHandledReconcileAt", "") == asked:
            continue
        told = new_status(kind, revision, generation, asked, failing)
        try:
            await client.update({**obj, "status": told}, subresource="status")
        except ApiError as error:
            if not error.is_conflict:  # a newer event is on its way
                raise


def new_status(kind, revision, generation, asked, failing):
    ready = {
        "type": "Ready",
        "status": "False" if failing else "True",
        "reason": "Failed" if failing else "Succeeded",
        "message": failing or f"done: {revision}",
        "lastTransitionTime": "2026-01-01T00:00:00Z",
        "observedGeneration": generation,
    }
    status = {"observedGeneration": generation, "conditions": [ready]}
    if failing:
        ready |= {"type": "Stalled", "status": "True"}
    if asked:
        status["lastHandledReconcileAt"] = asked
    if kind == "Kustomization":
        status["lastAppliedRevision"] = revision
    else:
        artifact = {"revision": revision, "digest": "sha256:" + "a" * 64, "path": "x", "url": "http://x"}
        status["artifact"] = {**artifact, "lastUpdateTime": "2026-01-01T00:00:00Z"}
    return status


FLOW = [
    (
        "create source git tkfg --url=https://github.com/stefanprodan/podinfo --branch=main --tag=6.3.5",
        "create_source_git",
    ),
    (
        "create kustomization tkfg --source=tkfg --path=./deploy/overlays/dev --prune=true --interval=5m "
        "--health-check=Deployment/frontend.dev --health-check=Deployment/backend.dev --health-check-timeout=3m",
        "create_kustomization_from_git",
    ),
    ("reconcile kustomization tkfg --with-source", "reconcile_kustomization_from_git"),
    ("suspend kustomization tkfg", "suspend_kustomization_from_git"),
    ("suspend kustomization tkfg foo tkfg bar", "suspend_kustomization_from_git_multiple_args"),
    ("resume kustomization tkfg foo --wait", "resume_kustomization_from_git_multiple_args_wait"),
    ("resume kustomization tkfg", "resume_kustomization_from_git"),
    ("resume kustomization tkfg tkfg", "resume_kustomization_from_git_multiple_args"),
    ("delete kustomization tkfg --silent", "delete_kustomization_from_git"),
]


def test_a_kustomization_from_its_creation_to_its_deletion(on_cluster, vectors):
    async def body(cli):
        await cli.create([{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "tkfg"}}])
        async with controllers(cli, "6.3.5@sha1:67e2c98a60dc92283531412a9e604dd4bae005a9"):
            for command, golden in FLOW:
                ran = await cli.run(*command.split(), "-n=tkfg")
                assert ran.both == vectors(f"kustomization/{golden}.golden", ns="tkfg"), command
                assert (ran.code, ran.out) == (0, ""), command

    on_cluster(body)


def test_the_golden_of_a_created_source_holds(on_cluster, vectors):
    async def body(cli):
        await cli.create([{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "flux-system"}}])
        async with controllers(cli, "v1"):
            ran = await cli.run("create source git podinfo --url=https://example.com/repo --branch=main")
            assert ran.both == vectors("create_source_git/success.golden")
            again = await cli.run("create source git podinfo --url=https://example.com/repo --branch=two")
            assert "✔ GitRepository source updated\n" in again.both
        found = await cli.client().get(*GIT, "flux-system", "podinfo")
        assert found["spec"]["ref"] == {"branch": "two"}

    on_cluster(body)


def test_credentials_become_a_secret_that_the_source_names(on_cluster):
    async def body(cli):
        await cli.create([{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "flux-system"}}])
        async with controllers(cli, "v1"):
            ran = await cli.run("create source git podinfo --url=https://example.com/r --branch=main -u me -p hidden")
        assert "► applying secret with repository credentials\n✔ authentication configured\n" in ran.err
        assert "hidden" not in ran.both
        client = cli.client()
        secret = await client.get("v1", "Secret", "flux-system", "podinfo")
        assert secret["data"] == {"username": "bWU=", "password": "aGlkZGVu"}
        assert (await client.get(*GIT, "flux-system", "podinfo"))["spec"]["secretRef"] == {"name": "podinfo"}

    on_cluster(body)


def test_a_reconciliation_that_fails_for_good_ends_with_its_message(on_cluster):
    async def body(cli):
        await cli.load("get/objects.yaml", fluxns="flux-system")
        async with controllers(cli, "v1", failing="the repository is gone"):
            ran = await cli.run("reconcile source git podinfo")
        assert ran.code == 1
        assert ran.err.endswith("✗ the repository is gone\n")

    on_cluster(body)


def test_a_suspended_object_is_not_reconciled(on_cluster):
    async def body(cli):
        await cli.load("get/objects.yaml", fluxns="flux-system")
        await cli.run("suspend", "source", "git", "podinfo")
        ran = await cli.run("reconcile", "source", "git", "podinfo")
        assert (ran.both, ran.code) == ("✗ resource is suspended\n", 1)

    on_cluster(body)


def test_full_asks_for_a_compare_of_everything(on_cluster):
    async def body(cli):
        await cli.create([{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "apps"}}])
        async with controllers(cli, "v1"):
            await cli.run("create ks apps --source=fleet -n apps")
            ran = await cli.run("reconcile ks apps --full -n apps")
        assert ran.code == 0
        marks = (await cli.client().get(*KUSTOMIZATION, "apps", "apps"))["metadata"]["annotations"]
        assert marks["kustomize.fluvial.dev/fullAt"] == marks["reconcile.fluxcd.io/requestedAt"]

    on_cluster(body)


def test_the_timeout_of_the_command_ends_the_wait(on_cluster):
    async def body(cli):
        await cli.load("get/objects.yaml", fluxns="flux-system")
        ran = await cli.run("reconcile source git podinfo --timeout=100ms")
        assert ran.err.endswith("✗ context deadline exceeded\n")
        assert ran.code == 1

    on_cluster(body)


def test_a_deletion_is_asked_about_first(on_cluster):
    async def body(cli):
        await cli.load("get/objects.yaml", fluxns="flux-system")
        no = await cli.run("delete", "source", "git", "podinfo", answer="n\n")
        assert (no.code, no.err) == (1, "Are you sure you want to delete this source git? [y/N] ✗ aborting\n")
        yes = await cli.run("delete", "source", "git", "podinfo", answer="y\n")
        assert yes.code == 0
        assert await cli.client().get(*GIT, "flux-system", "podinfo") is None

    on_cluster(body)
