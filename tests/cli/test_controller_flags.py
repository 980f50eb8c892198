"""Every flag of the controllers: it becomes a setting, or a value other than the default ends the start."""

import asyncio

import click
import pytest

from fluvial.cli.controller_flags import (
    UNBUILT,
    kustomize_flags,
    process_flags,
    read_process,
    read_settings,
    source_flags,
)
from fluvial.cli.errors import UsageFailure
from fluvial.controllers import kustomize, source

SETTINGS = {"source": source.Settings, "kustomize": kustomize.Settings}
FLAGS = {"source": source_flags, "kustomize": kustomize_flags}
OURS = {"drift", "prune-guard"}

# Flux's own flags, from `--help` of source-controller 1.9 and kustomize-controller 1.9.
SHARED = [
    "concurrent",
    "events-addr",
    "feature-gates",
    "health-addr",
    "interval-jitter-percentage",
    "kube-api-burst",
    "kube-api-qps",
    "enable-leader-election",
    "leader-election-lease-duration",
    "leader-election-release-on-cancel",
    "leader-election-renew-deadline",
    "leader-election-retry-period",
    "log-encoding",
    "log-level",
    "max-retry-delay",
    "metrics-addr",
    "min-retry-delay",
    "requeue-dependency",
    "token-cache-max-duration",
    "token-cache-max-size",
    "watch-all-namespaces",
    "watch-configs-label-selector",
    "watch-label-selector",
    "default-service-account",
]
UPSTREAM = {
    "source": set(SHARED)
    | {
        "artifact-digest-algo",
        "artifact-retention-records",
        "artifact-retention-ttl",
        "helm-cache-max-size",
        "helm-cache-purge-interval",
        "helm-cache-ttl",
        "helm-chart-file-max-size",
        "helm-chart-max-size",
        "helm-index-max-size",
        "ssh-hostkey-algos",
        "ssh-kex-algos",
        "storage-addr",
        "storage-adv-addr",
        "storage-path",
    },
    "kustomize": set(SHARED)
    | {
        "concurrent-ssa",
        "custom-apply-stage-kinds",
        "default-decryption-service-account",
        "default-kubeconfig-service-account",
        "http-retry",
        "insecure-kubeconfig-exec",
        "insecure-kubeconfig-tls",
        "no-cross-namespace-refs",
        "no-remote-bases",
        "override-manager",
        "sops-age-secret",
        "sops-vault-configmap",
    },
}

# A value other than the default for each flag; what is not here takes a text of its own type.
OTHER = {
    "feature-gates": "ObjectLevelWorkloadIdentity=true",
    "artifact-digest-algo": "sha512",
    "helm-cache-ttl": "1h",
    "helm-cache-purge-interval": "1h",
    "drift": "interval",
    "prune-guard": "off",
    "log-level": "debug",
    "log-encoding": "console",
    "metrics-addr": ":9999",
    "health-addr": ":9999",
    "custom-apply-stage-kinds": "apps/Deployment",
}


def other_value(flag):
    if flag.flag_name in OTHER:
        return OTHER[flag.flag_name]
    if flag.bare:
        return "false" if flag.default else "true"
    return {"duration": "17s", "int": "17", "strings": "one,two"}.get(flag.go_type, "something")


def parse(controller, *words):
    """Return settings and process as the command line makes them."""
    from fluvial.cli.controller import command

    leaf = command.child(controller)
    ctx = click.Context(leaf, info_name=controller)
    leaf.parse_args(ctx, list(words))
    given = {str(flag.name): ctx.params[str(flag.name)] for flag in leaf.params}
    environ = {"RUNTIME_NAMESPACE": "flux-system"}
    return (
        SETTINGS[controller](**read_settings(controller, given, environ)),
        read_process(given, environ, source=controller == "source"),
    )


@pytest.mark.parametrize("controller", ["source", "kustomize"])
def test_every_flag_of_flux_is_there_and_no_other(controller):
    ours = {flag.flag_name for flag in [*FLAGS[controller](), *process_flags()]} - OURS
    # kube-api-qps and kube-api-burst are flags of every command.
    assert ours | {"kube-api-qps", "kube-api-burst"} == UPSTREAM[controller]
    assert len(UPSTREAM[controller]) == {"source": 38, "kustomize": 36}[controller]


@pytest.mark.parametrize("controller", ["source", "kustomize"])
def test_the_defaults_are_fluxs(controller):
    settings, process = parse(controller)
    assert settings == SETTINGS[controller]()
    assert settings.problems() == []
    assert (process.metrics_addr, process.health_addr, process.events_addr) == (":8080", ":9440", "")
    assert (process.leader_election_lease_duration, process.enable_leader_election) == (35.0, False)


def every_flag():
    for controller in ("source", "kustomize"):
        for flag in [*FLAGS[controller](), *process_flags()]:
            yield pytest.param(controller, flag, id=f"{controller}-{flag.flag_name}")


@pytest.mark.parametrize(("controller", "flag"), list(every_flag()))
def test_a_flag_has_an_effect_or_is_refused(controller, flag):
    words = f"--{flag.flag_name}={other_value(flag)}"
    if flag.name in UNBUILT[controller]:
        with pytest.raises(UsageFailure, match=f"^--{flag.flag_name} is not supported yet$"):
            parse(controller, words)
        return
    defaults, process = parse(controller)
    settings, changed = parse(controller, words)
    problems = [problem for problem in settings.problems() if flag.flag_name in problem]
    has_effect = settings != defaults or changed != process
    assert has_effect, "the flag is neither kept nor refused"
    if problems:
        assert "not supported" in problems[0]


@pytest.mark.parametrize(
    ("controller", "words", "message"),
    [
        ("source", "--helm-index-max-size=1", "--helm-index-max-size is not supported yet"),
        ("source", "--feature-gates=Nothing=true", "unknown feature gate Nothing"),
        ("source", "--log-level=loud", 'invalid argument "loud" for "--log-level" flag: must be one of trace, debug'),
        ("kustomize", "--token-cache-max-size=1", "--token-cache-max-size is not supported yet"),
        ("kustomize", "--sops-age-secret=keys", "--sops-age-secret is not supported yet"),
        ("kustomize", "--feature-gates=ExternalArtifact", "missing bool value for ExternalArtifact"),
        ("kustomize", "--watch-all-namespaces=false", "--watch-all-namespaces=false needs the environment variable"),
        (
            "kustomize",
            "--interval-jitter-percentage=100",
            "--interval-jitter-percentage must be at least 0 and below 100",
        ),
    ],
)
def test_the_start_ends_with_a_clear_error(offline, controller, words, message):
    ran = asyncio.run(offline.run("controller", controller, *words.split()))
    assert ran.code == 1
    assert message in ran.err


def test_source_controller_reads_its_environment():
    leaf_flags = {str(flag.name): "" for flag in source_flags()} | {"watch_all_namespaces": True, "feature_gates": ""}
    environ = {"STORAGE_PATH": "/x", "STORAGE_ADDRESS": ":1", "STORAGE_ADV_ADDR": "host", "METRICS_ADDR": ":2"}
    settings = read_settings("source", leaf_flags, environ)
    assert (settings["storage_path"], settings["storage_addr"], settings["storage_adv_addr"]) == ("/x", ":1", "host")
    process = dict.fromkeys((flag.name for flag in process_flags()), "")
    assert read_process(process, {**environ, "EVENTS_ADDR": "http://e"}, source=True).events_addr == "http://e"
    assert read_process(process, environ, source=False).metrics_addr == ":8080"
