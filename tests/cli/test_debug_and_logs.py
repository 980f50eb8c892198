"""`debug kustomization`, `logs`, `check`, `version`, `stats`, `envsubst`, `events` on a cluster without controllers."""

import asyncio
import json

import pytest

from fluvial.cli.logs import LogFilter, format_line


@pytest.mark.parametrize(
    ("command", "golden"),
    [
        ("test --show-status --show-vars=false", "status.golden.yaml"),
        ("test --show-vars --show-status=false", "vars.golden.env"),
        ("test-from --show-vars", "vars-from.golden.env"),
        ("test-with-history --show-history", "history.golden.yaml"),
        ("test --show-history", "history-empty.golden.yaml"),
    ],
)
def test_a_kustomization_is_taken_apart_as_flux_does(on_cluster, vectors, command, golden):
    async def body(cli):
        await cli.load("debug_kustomization/objects.yaml", fluxns="flux-system")
        ran = await cli.run("debug", "ks", *command.split())
        assert ran.both == vectors(f"debug_kustomization/{golden}")

    on_cluster(body)


def test_debug_shows_one_thing_at_a_time(offline):
    ran = asyncio.run(offline.run("debug", "ks", "test", "--show-status", "--show-vars"))
    assert ran.both == "✗ exactly one of --show-status, --show-vars, or --show-history must be set\n"


LINES = [
    '{"level":"info","ts":"2022-08-02T12:55:34.419Z","msg":"no changes","controllerKind":"GitRepository",'
    '"name":"podinfo","namespace":"default"}',
    '{"level":"error","ts":"2022-08-02T12:56:04.679Z","msg":"failed","error":"no","controllerKind":"GitRepository",'
    '"name":"flux-system","namespace":"flux-system"}',
    '{"level":"error","ts":"2022-08-02T12:56:34.961Z","msg":"failed","reconciler kind":"Kustomization",'
    '"name":"podinfo","namespace":"flux-system"}',
    '{"level":"info","ts":"2022-08-02T12:57:00.000Z","msg":"starting manager"}',
    "not json",
]
FORMATTED = [
    "2022-08-02T12:55:34.419Z info GitRepository/podinfo.default - no changes \n",
    "2022-08-02T12:56:04.679Z error GitRepository/flux-system.flux-system - failed no\n",
    "2022-08-02T12:56:34.961Z error Kustomization/podinfo.flux-system - failed \n",
    "2022-08-02T12:57:00.000Z info  - starting manager \n",
]


@pytest.mark.parametrize(
    ("wanted", "shown"),
    [
        ({}, [0, 1, 2, 3]),
        ({"namespace": "default"}, [0]),
        ({"kind": "kustomization"}, [2]),
        ({"level": "error"}, [1, 2]),
        ({"level": "error", "kind": "Kustomization", "name": "podinfo", "namespace": "flux-system"}, [2]),
    ],
)
def test_log_lines_are_filtered_and_shortened(wanted, shown):
    chosen = LogFilter(**{"level": "", "kind": "", "name": "", "namespace": "", **wanted})
    assert "".join(format_line(line, chosen) for line in LINES) == "".join(FORMATTED[index] for index in shown)


def line(level, time, kind_key, kind, name, namespace):
    """A line as upstream's test has it; zap wrote "reconciler kind" before it wrote "controllerKind"."""
    message = "no changes since last reconcilation: observed revision"
    fields = {"level": level, "ts": f"2022-08-02T12:{time}Z", "msg": message, kind_key: kind}
    return json.dumps({**fields, "name": name, "namespace": namespace}) + "\n"


OLD, NEW = "reconciler kind", "controllerKind"
UPSTREAM_LOGS = "".join(
    [
        line("info", "55:34.419", NEW, "GitRepository", "podinfo", "default"),
        line("error", "56:04.679", NEW, "GitRepository", "flux-system", "flux-system"),
        line("error", "56:34.961", OLD, "Kustomization", "flux-system", "flux-system"),
        line("info", "56:34.961", OLD, "Kustomization", "podinfo", "default"),
        line("info", "56:34.961", OLD, "GitRepository", "podinfo", "default"),
        line("error", "56:34.961", OLD, "Kustomization", "podinfo", "flux-system"),
    ]
)


@pytest.mark.parametrize(
    ("flags", "golden"),
    [
        ("-A", "all-logs"),
        ("-n default", "namespace"),
        ("--kind Kustomization", "kind"),
        ("--level=error -A", "log-level"),
        ("--level error --kind Kustomization --name podinfo", "multiple-filters"),
    ],
)
def test_the_goldens_of_logs_hold(on_cluster, vectors, flags, golden):
    async def body(cli):
        await cli.create([{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "flux-system"}}])
        await cli.create([deployment(), pod()])
        cli.logs = UPSTREAM_LOGS
        ran = await cli.run("logs", *flags.split())
        assert ran.out == vectors(f"logs/{golden}.txt")

    on_cluster(body)


def test_logs_without_pods_and_without_a_kubelet_say_so(on_cluster):
    async def body(cli):
        none = await cli.run("logs")
        assert none.both == '✗ no Flux pods found in namespace "flux-system"\n'
        await cli.create([{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "flux-system"}}])
        await cli.create([deployment(), pod()])
        ran = await cli.run("logs", "-A")
        assert ran.code == 1
        assert ran.err.startswith("failed getting logs: ")
        assert ran.err.endswith("✗ failed to collect logs from all Flux pods\n")

    on_cluster(body)


def deployment():
    labels = {"app": "source-controller"}
    spec = {
        "selector": {"matchLabels": labels},
        "template": {
            "metadata": {"labels": labels},
            "spec": {"containers": [{"name": "manager", "image": "registry.example.com/fluvial:v0.1.0"}]},
        },
    }
    metadata = {"name": "source-controller", "namespace": "flux-system"}
    metadata["labels"] = {"app.kubernetes.io/part-of": "flux"}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec}


def pod():
    metadata = {"name": "source-1", "namespace": "flux-system", "labels": {"app": "source-controller"}}
    spec = {"containers": [{"name": "manager", "image": "fluvial"}]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def test_prerequisites_are_checked(on_cluster, vectors):
    async def body(cli):
        ran = await cli.run("check", "--pre")
        version = (await cli.client().version())["gitVersion"].removeprefix("v")
        assert ran.both == vectors("check/check_pre.golden", serverVersion=version)
        assert ran.code == 0

    on_cluster(body)


def test_a_cluster_without_controllers_fails_the_check(on_cluster):
    async def body(cli):
        ran = await cli.run("check")
        assert ran.code == 1
        assert "✗ no controllers found in the 'flux-system' namespace with the label selector" in ran.err
        assert ran.err.endswith("✗ check failed\n")

    on_cluster(body)


def test_the_version_of_this_program_and_of_the_controllers(on_cluster):
    async def body(cli):
        client_only = await cli.run("version", "--client")
        assert client_only.out == "flux: v0.1.0\n"
        none = await cli.run("version")
        assert none.both == "✗ no deployments found in flux-system namespace\n"
        await cli.create([{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "flux-system"}}])
        await cli.create([deployment()])
        ran = await cli.run("version", "-o", "json")
        assert json.loads(ran.out) == {"flux": "v0.1.0", "source-controller": "v0.1.0"}
        bad = await cli.run("version", "-o", "xml")
        assert bad.both == "✗ --output must be json or yaml, not xml\n"

    on_cluster(body)


def test_stats_have_a_row_for_each_kind(on_cluster):
    async def body(cli):
        await cli.load("get/status_objects.yaml", fluxns="flux-system")
        ran = await cli.run("stats", "-A")
        rows = [line.split("\t") for line in ran.out.splitlines()]
        assert len(rows) == 14
        assert [cell.strip() for cell in rows[1][:5]] == ["GitRepository", "3", "1", "0", "-"]

    on_cluster(body)


def test_variables_of_the_environment_are_substituted_line_by_line(offline, vectors):
    offline.environ["REPO_NAME"] = "test"
    ran = asyncio.run(offline.run("envsubst", answer=vectors("envsubst/file.yaml")))
    assert ran.both == vectors("envsubst/file.gold")


def test_strict_substitution_names_the_missing_variable(offline):
    ran = asyncio.run(offline.run("envsubst", "--strict", answer="a: ${nothing}\n"))
    assert ran.code == 1
    assert "nothing" in ran.err


def test_events_of_flux_objects_are_listed_with_those_of_their_sources(on_cluster):
    async def body(cli):
        await cli.load("get/kustomization_only.yaml", fluxns="apps")
        await cli.create([event("1", "Kustomization", "podinfo", "Normal", 1), event("2", "Pod", "web", "Normal", 1)])
        await cli.create([event("3", "GitRepository", "podinfo", "Warning", 4)])
        ran = await cli.run("events", "-n", "apps")
        rows = [[cell.strip() for cell in line.split("\t")] for line in ran.out.splitlines()]
        assert rows[1][1:4] == ["Normal", "Why1", "Kustomization/podinfo"]
        assert [row[3] for row in rows[1:]] == ["Kustomization/podinfo", "GitRepository/podinfo"]
        assert rows[2][0] == "10m (x4 over 60m)"
        chosen = await cli.run("events", "--for", "kustomization/podinfo", "--types=warning", "-n", "apps")
        assert [line.split("\t")[2].strip() for line in chosen.out.splitlines()[1:]] == ["Why3"]
        none = await cli.run("events", "-n", "default")
        assert (none.err, none.code) == ("✗ No events found in default namespace.\n", 0)
        wrong = await cli.run("events", "--for", "Pod/x")
        assert wrong.err == "✗ 'Pod' is not a recognized Flux kind\n"
        bad = await cli.run("events", "--types", "Loud")
        assert bad.err == "✗ type 'Loud' not supported. Supported types are Normal, Warning\n"

    on_cluster(body)


def event(number, kind, name, type_, count):
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": f"e{number}", "namespace": "apps"},
        "involvedObject": {"kind": kind, "name": name, "namespace": "apps"},
        "type": type_,
        "reason": f"Why{number}",
        "message": "Because",
        "count": count,
        "firstTimestamp": "2026-03-01T11:00:00Z",
        "lastTimestamp": "2026-03-01T11:50:00Z",
    }
