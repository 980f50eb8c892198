"""`create source git` and `create kustomization`: manifests and errors; what they do on a cluster is in test_flow."""

import asyncio

import pytest

GIT = "create source git podinfo --namespace=flux-system --interval=1m0s --export"
EXPORTS = [
    ("--url=https://github.com/stefanprodan/podinfo --branch=test", "branch"),
    ("--url=https://github.com/stefanprodan/podinfo --tag=test", "tag"),
    ("--url=https://github.com/stefanprodan/podinfo --tag-semver=v1.01", "semver"),
    ("--url=https://github.com/stefanprodan/podinfo --commit=c88a2f41", "commit"),
    ("--url=https://github.com/stefanprodan/podinfo --ref-name=refs/heads/main", "refname"),
    ("--url=https://github.com/stefanprodan/podinfo --branch=main --commit=c88a2f41", "branch-commit"),
    ("--url=https://dev.azure.com/foo/bar/_git/podinfo --provider=azure --branch=test", "provider-azure"),
    ("--url=https://github.com/stefanprodan/podinfo --provider=generic --branch=test", "provider-generic"),
    (
        "--url=https://github.com/stefanprodan/podinfo --provider=github --branch=test --secret-ref=appinfo",
        "provider-github",
    ),
]


def run(cli, command):
    return asyncio.run(cli.run(*command.split()))


@pytest.mark.parametrize(("command", "golden"), EXPORTS)
def test_a_git_source_is_exported_as_flux_exports_it(offline, vectors, command, golden):
    ran = run(offline, f"{GIT} {command}")
    assert ran.both == vectors(f"create_source_git/source-git-{golden}.yaml")


def test_the_export_golden_of_create_source_git_holds(offline, vectors):
    ran = run(
        offline,
        "create source git podinfo --url=https://github.com/stefanprodan/podinfo --branch=master "
        "--ignore-paths .cosign,non-existent-dir/ --sparse-checkout-paths .cosign,non-existent-dir/ "
        "-n default --interval 1m --export --timeout=5s",
    )
    assert ran.both == vectors("create_source_git/export.golden")


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("create source git", "name is required"),
        (
            "create source git x --url=https://a/b --branch=main",
            "name 'x' is invalid, it should adhere to standard defined in RFC 1123, the name can only contain "
            "alphanumeric characters or '-'",
        ),
        ("create source git podinfo", "url is required"),
        (
            "create source git podinfo --url=git://a/b",
            "git URL scheme 'git' not supported, can be: ssh, http and https",
        ),
        (
            "create source git podinfo --url=https://a/b",
            "a Git ref is required, use one of the following: --branch, --tag, --commit, --ref-name or --tag-semver",
        ),
        (
            "create source git podinfo --url=ssh://a/b --branch=main --ca-file=x",
            "specifying a CA file is not supported for Git over SSH",
        ),
        (
            "create source git podinfo --url=https://a/b --branch=m --provider dummy",
            'invalid argument "dummy" for "--provider" flag: source Git provider \'dummy\' is not supported, must be '
            "one of: generic|github|aws|azure",
        ),
        (
            "create source git podinfo --url=ssh://git@a/b --branch=main",
            "making SSH keys and a Secret for them is not supported yet: make the Secret (keys identity, identity.pub, "
            "known_hosts) and name it with --secret-ref",
        ),
        (
            "create source git podinfo --url=https://a/b --branch=m --label=a",
            "invalid label format 'a', must be key=value",
        ),
        ("create kustomization apps", "source is required"),
        (
            "create kustomization apps --source=HelmRepository/x",
            'invalid argument "HelmRepository/x" for "--source" flag: source kind \'HelmRepository\' is not supported, '
            "must be one of: OCIRepository, GitRepository, Bucket",
        ),
        (
            "create ks apps --source=x --health-check=Job/a.b --export",
            "invalid health check kind 'Job' can be HelmRelease, Deployment, DaemonSet or StatefulSet",
        ),
        (
            "create ks apps --source=x --interval=soon",
            'invalid argument "soon" for "--interval" flag: time: invalid duration "soon"',
        ),
    ],
)
def test_what_makes_no_object_is_refused_in_fluxs_words(offline, command, message):
    ran = run(offline, command)
    assert ran.both.splitlines()[-1] == f"✗ {message}"
    assert ran.code == 1


def test_a_kustomization_carries_every_flag(offline):
    ran = run(
        offline,
        "create kustomization apps --source=OCIRepository/fleet.infra --path=./deploy/../apps --prune --wait "
        "--health-check-timeout=3m --depends-on=infra,other/certs --service-account=deployer --interval=10m "
        "--decryption-provider=sops --decryption-secret=keys --target-namespace=web --retry-interval=30s "
        "--kubeconfig-secret-ref=remote --label=team=web --export -n apps",
    )
    assert (
        ran.out
        == """\
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata:
  labels:
    team: web
  name: apps
  namespace: apps
spec:
  decryption:
    provider: sops
    secretRef:
      name: keys
  dependsOn:
  - name: infra
  - name: certs
    namespace: other
  interval: 10m0s
  kubeConfig:
    secretRef:
      name: remote
  path: ./apps
  prune: true
  retryInterval: 30s
  serviceAccountName: deployer
  sourceRef:
    kind: OCIRepository
    name: fleet
    namespace: infra
  targetNamespace: web
  timeout: 3m0s
  wait: true
"""
    )


def test_health_checks_name_their_objects(offline):
    ran = run(
        offline,
        "create ks apps --source=fleet --health-check=Deployment/web.apps --health-check=HelmRelease/db.apps --export",
    )
    assert "  - kind: Deployment\n    name: web\n    namespace: apps\n" in ran.out
    assert "  - apiVersion: helm.toolkit.fluxcd.io/v2\n    kind: HelmRelease\n" in ran.out
    assert "  timeout: 2m0s\n" in ran.out
