"""`export` of every kind against upstream's goldens."""

import base64

import pytest

EXPORTS = [
    ("alert-provider slack", "provider"),
    ("alert flux-system", "alert"),
    ("image policy flux-system", "image-policy"),
    ("image repository flux-system", "image-repo"),
    ("image update flux-system", "image-update"),
    ("source external flux-system", "external-artifact"),
    ("source git flux-system", "git-repo"),
    ("source helm flux-system", "helm-repo"),
    ("source chart flux-system", "helm-chart"),
    ("receiver flux-system", "receiver"),
    ("helmrelease flux-system", "helm-release"),
    ("source bucket flux-system", "bucket"),
    ("kustomization flux-system", "ks"),
]


@pytest.mark.parametrize(("command", "golden"), EXPORTS)
def test_an_exported_object_is_what_its_author_would_write(on_cluster, vectors, command, golden):
    async def body(cli):
        await cli.load("export/objects.yaml", fluxns="flux-system")
        ran = await cli.run("export", *command.split(), "-n=flux-system")
        assert ran.both == vectors(f"export/{golden}.yaml", fluxns="flux-system")
        assert ran.code == 0

    on_cluster(body)


def test_what_is_missing_is_named_as_the_api_server_names_it(on_cluster):
    async def body(cli):
        one = await cli.run("export", "source", "git", "nothing")
        assert one.both == '✗ gitrepositories.source.toolkit.fluxcd.io "nothing" not found\n'
        all_ = await cli.run("export", "source", "git", "--all", "-n", "apps")
        assert all_.both == "✗ no objects found in apps namespace\n"
        none = await cli.run("export", "source", "git")
        assert none.both == "✗ name is required\n"

    on_cluster(body)


def test_credentials_come_along_on_demand(on_cluster):
    async def body(cli):
        await cli.load("export/objects.yaml", fluxns="flux-system")
        metadata = {"name": "flux-system", "namespace": "flux-system"}
        data = {"password": base64.b64encode(b"secret").decode()}
        await cli.create([{"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data}])
        ran = await cli.run("export", "source", "git", "flux-system", "--with-credentials")
        assert ran.out.endswith(
            "---\napiVersion: v1\ndata:\n  password: c2VjcmV0\nkind: Secret\nmetadata:\n  name: flux-system\n"
            "  namespace: flux-system\ntype: Opaque\n"
        )
        plain = await cli.run("export", "source", "git", "flux-system")
        assert "Secret\n" not in plain.out

    on_cluster(body)
