"""Manifests of an installation, and what `install` and `uninstall` do on a cluster."""

import asyncio
import random
from datetime import UTC, datetime

import pytest

from fluvial.api import crds
from fluvial.controlplane import ControlPlane, Settings, Simulation
from fluvial.install import COMPONENTS, InstallError, Options, apply, cluster_info, render, render_text
from fluvial.install.applying import remove_components, remove_crds, remove_finalizers, remove_namespace
from fluvial.kube import Client
from fluvial.net import MemoryTransport
from fluvial.objects import Ref
from fluvial.yamldoc import load_all

OPTIONS = Options(version="v0.1.0", image="registry.example.com/fluvial:v0.1.0")
NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)


class Still:
    def now(self):
        return NOW


def deployment(name, options=OPTIONS):
    return next(obj for obj in render(options) if (obj["kind"], obj["metadata"]["name"]) == ("Deployment", name))


def container(name, options=OPTIONS):
    return deployment(name, options)["spec"]["template"]["spec"]["containers"][0]


def test_arguments_stand_where_patches_address_them():
    assert container("source-controller")["args"] == [
        "--events-addr=",
        "--watch-all-namespaces=true",
        "--log-level=info",
        "--log-encoding=json",
        "--enable-leader-election",
        "--storage-path=/data",
        "--storage-adv-addr=source-controller.$(RUNTIME_NAMESPACE).svc.cluster.local.",
    ]
    assert container("kustomize-controller")["args"] == [
        "--events-addr=",
        "--watch-all-namespaces=true",
        "--log-level=info",
        "--log-encoding=json",
        "--enable-leader-election",
    ]


@pytest.mark.parametrize("name", COMPONENTS)
def test_arguments_are_flags_that_the_controller_takes(name):
    from fluvial.cli.controller import command

    leaf = command.child(name.removesuffix("-controller"))
    known = {flag.flag_name for flag in leaf.params}
    given = {argument.removeprefix("--").partition("=")[0] for argument in container(name)["args"]}
    assert given <= known
    assert container(name)["command"] == ["fluvial", "controller", name.removesuffix("-controller")]


@pytest.mark.parametrize("name", COMPONENTS)
def test_containers_have_no_privilege_and_cannot_write_their_image(name):
    pod = deployment(name)["spec"]["template"]["spec"]
    security = pod["containers"][0]["securityContext"]
    assert security == {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": True,
        "runAsNonRoot": True,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    assert pod["nodeSelector"] == {"kubernetes.io/os": "linux"}
    assert pod["containers"][0]["image"] == OPTIONS.image
    mounted = {mount["mountPath"] for mount in pod["containers"][0]["volumeMounts"]}
    assert "/tmp" in mounted


def test_an_installation_is_recognised_by_fluxs_labels():
    for obj in render(OPTIONS):
        labels = obj["metadata"]["labels"]
        assert labels["app.kubernetes.io/part-of"] == "flux"
        assert labels["app.kubernetes.io/version"] == "v0.1.0"
        assert labels["app.kubernetes.io/instance"] == "flux-system"
        assert "app.kubernetes.io/managed-by" not in labels


def test_options_reach_the_manifests():
    options = Options(
        version="v0.1.0",
        image="x:1",
        namespace="gitops",
        components=("source-controller",),
        watch_all_namespaces=False,
        network_policy=False,
        log_level="debug",
        cluster_domain="corp",
        image_pull_secret="pull",
        toleration_keys=("dedicated",),
    )
    kinds = {obj["kind"] for obj in render(options)}
    assert "NetworkPolicy" not in kinds
    assert [obj["metadata"]["name"] for obj in render(options) if obj["kind"] == "Deployment"] == ["source-controller"]
    args = container("source-controller", options)["args"]
    assert args[1:3] == ["--watch-all-namespaces=false", "--log-level=debug"]
    assert args[6] == "--storage-adv-addr=source-controller.$(RUNTIME_NAMESPACE).svc.corp."
    pod = deployment("source-controller", options)["spec"]["template"]["spec"]
    assert pod["imagePullSecrets"] == [{"name": "pull"}]
    assert pod["tolerations"] == [{"key": "dedicated", "operator": "Exists"}]
    bindings = [obj for obj in render(options) if obj["kind"] == "ClusterRoleBinding"]
    subjects = {binding["metadata"]["name"]: binding["subjects"] for binding in bindings}
    account = {"kind": "ServiceAccount", "name": "source-controller", "namespace": "gitops"}
    assert subjects == {"cluster-reconciler-gitops": [], "crd-controller-gitops": [account]}


def test_what_does_not_exist_cannot_be_installed():
    with pytest.raises(InstallError, match="component helm-controller is not supported yet"):
        Options(version="v0.1.0", image="x:1", components=("helm-controller",))
    with pytest.raises(InstallError, match="component nothing is not available"):
        Options(version="v0.1.0", image="x:1", components=("nothing",))


def test_the_text_is_the_objects():
    text = render_text(OPTIONS)
    assert text.startswith("---\n# This manifest was generated by fluvial. DO NOT EDIT.\n# Flux Version: v0.1.0\n")
    assert [document.value for document in load_all(text) if document.value] == render(OPTIONS)


def on_cluster(body):
    async def main():
        settings = Settings(simulation=Simulation(ready_delay=0.01))
        plane = ControlPlane(clock=Still(), chance=random.Random(3), settings=settings)
        await plane.start()
        server = "https://api.fluvial.local"
        client = Client(server, MemoryTransport({server: plane.handle}), chance=random.Random(4))
        try:
            await body(client)
        finally:
            await client.close()
            await plane.stop()

    asyncio.run(main())


def test_an_installation_is_applied_once_and_then_unchanged():
    async def body(client):
        first = await apply(client, render(OPTIONS), Still())
        assert {outcome.done for outcome in first} == {"created"}
        assert str(first[0]) == "Namespace/flux-system created"
        again = await apply(client, render(OPTIONS), Still())
        assert {outcome.done for outcome in again} == {"unchanged"}
        newer = await apply(client, render(Options(version="v0.2.0", image="x:2")), Still())
        assert {outcome.done for outcome in newer} == {"configured"}
        info = await cluster_info(client)
        assert (info.distribution, info.is_fluvial, info.bootstrapped) == ("flux-v0.2.0", True, False)

    on_cluster(body)


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ({"app.kubernetes.io/version": "v2.9.4", "app.kubernetes.io/part-of": "flux"}, ("flux-v2.9.4", False, False)),
        ({"app.kubernetes.io/version": "v2.9.4", "app.kubernetes.io/managed-by": "Helm"}, ("v2.9.4", True, False)),
        (
            {
                "app.kubernetes.io/version": "v2.9.4",
                "kustomize.toolkit.fluxcd.io/name": "flux-system",
                "kustomize.toolkit.fluxcd.io/namespace": "flux-system",
            },
            ("v2.9.4", False, True),
        ),
    ],
)
def test_a_flux_that_is_there_is_recognised(labels, expected):
    async def body(client):
        assert await cluster_info(client) is None
        crd = next(crd for crd in crds() if crd["metadata"]["name"] == "gitrepositories.source.toolkit.fluxcd.io")
        await client.create({**crd, "metadata": {**crd["metadata"], "labels": labels}})
        info = await cluster_info(client)
        assert (info.distribution, info.is_foreign, info.bootstrapped) == expected
        assert not info.is_fluvial

    on_cluster(body)


def test_an_installation_goes_and_leaves_what_it_applied():
    async def body(client):
        await apply(client, render(OPTIONS), Still())
        source = {
            "apiVersion": "source.toolkit.fluxcd.io/v1",
            "kind": "GitRepository",
            "metadata": {"name": "repo", "namespace": "default", "finalizers": ["finalizers.fluxcd.io"]},
            "spec": {"url": "https://git.example.com/repo", "interval": "1m"},
        }
        config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "app", "namespace": "default"}}
        await client.create(source)
        await client.create(config)
        rehearsal = [str(one) async for one in remove_components(client, "flux-system", dry_run=True)]
        done = [str(one) async for one in remove_components(client, "flux-system", dry_run=False)]
        assert rehearsal == done
        assert "Deployment/flux-system/source-controller deleted" in done
        assert "ClusterRoleBinding/cluster-reconciler-flux-system deleted" in done
        freed = [str(one) async for one in remove_finalizers(client, dry_run=False)]
        assert freed == ["GitRepository/default/repo finalizers deleted"]
        gone = [one.ref.name async for one in remove_crds(client, dry_run=False)]
        assert "kustomizations.kustomize.toolkit.fluxcd.io" in gone
        assert str(await remove_namespace(client, "flux-system", dry_run=False)) == "Namespace/flux-system deleted"
        assert await client.get("v1", "ConfigMap", "default", "app") is not None
        assert Ref.of(config).name == "app"

    on_cluster(body)
