"""The cases of docs/benchmarks.md: each plays one situation on a stage and returns its rows."""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from benchmarks.api import KUSTOMIZATIONS, MERGE, REPOSITORIES, kustomization
from benchmarks.fleet import Repository, config_maps, large_fleet, small_fleet
from benchmarks.measure import pss_mib
from benchmarks.podready import PodsBecomeReady
from benchmarks.stage import Figures, Stage

PUSHES = 7
DEPLOYMENT = """apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  namespace: default
spec:
  replicas: 2
  selector: {{matchLabels: {{app: web}}}}
  template:
    metadata: {{labels: {{app: web}}, annotations: {{run: "{run}"}}}}
    spec:
      containers: [{{name: web, image: example.test/web:1}}]
"""


@dataclass(slots=True)
class Row:
    """One measure of one run.

    `value` is in `unit`: seconds, units (of 1,000 applies), requests, MiB or CPU seconds. `bar` is the most that the
    issue allows, in the same unit, or None where the row is only shown.
    """

    measure: str
    value: float
    unit: str
    bar: float | None = None
    detail: dict[str, Any] = field(default_factory=dict)

    @property
    def holds(self) -> bool:
        """Tell whether the bar is kept."""
        return self.bar is None or self.value <= self.bar


def push_small(stage: Stage) -> list[Row]:
    """Push to Ready of ten ConfigMaps with `wait`, small repository, source annotated after the push."""
    fleet = stage.repository("small", small_fleet())
    return [_pushes(stage, fleet, "small", "push → Ready, 10 ConfigMaps, small repository", 0.3)]


def push_large(stage: Stage) -> list[Row]:
    """The same in a repository of more than 2,124 files."""
    fleet = stage.repository("large", large_fleet())
    return [_pushes(stage, fleet, "large", "push → Ready, 10 ConfigMaps, repository of 2,124 files", 0.6)]


def push_deployment(stage: Stage) -> list[Row]:
    """Push to Ready of a rolling Deployment with `wait`: what the engine adds after the workload is available."""
    fleet = stage.repository("deploy", {"app/deployment.yaml": DEPLOYMENT.format(run=0)})
    with PodsBecomeReady(stage.server.url, stage.server.token, "default"):
        stage.create(kustomization("deploy", "./app", "deploy"))
        stage.wait_ready("deploy")
        added = []
        for run in range(1, 4):
            revision = fleet.push({"app/deployment.yaml": DEPLOYMENT.format(run=run)})
            stage.request(REPOSITORIES, "deploy")
            stage.until(lambda run=run: _rolled_out(stage, run), step=0.005)
            available = time.monotonic()
            stage.wait_ready("deploy", revision)
            added.append(time.monotonic() - available)
        stage.delete("deploy")
    name = "push → Ready, rolling Deployment, after the workload is available"
    return [Row(name, statistics.median(added), "s", 0.3, {"runs": _rounded(added)})]


def one_of_thousand(stage: Stage) -> list[Row]:
    """One Kustomization of 1,000 ConfigMaps: first apply, again, one changed."""
    fleet = stage.repository("thousand", large_fleet())
    unit = stage.unit()
    name = "1,000 ConfigMaps"
    with stage.measured() as first:
        stage.create(kustomization("b1000", "./big/b1000", "thousand"))
        stage.wait_ready("b1000")
    rows = [
        Row(f"{name}: first apply", first.seconds / unit, "units", 1.9, _detail(first, unit)),
        Row(f"{name}: first apply", first.total, "requests", 2050),
    ]
    again = []
    for _ in range(3):
        with stage.measured() as figures:
            value = stage.request(KUSTOMIZATIONS, "b1000")
            stage.until(lambda value=value: stage.handled("b1000", value), step=0.005)
        again.append(figures)
    rows += [
        Row(f"{name}: again, nothing changed", statistics.median(f.seconds for f in again), "s", 0.15),
        Row(f"{name}: again, nothing changed", max(f.total for f in again), "requests", 5, _detail(again[0], unit)),
    ]
    with stage.measured() as changed:
        text = config_maps("b1000", 50).replace("value of b1000-00000 number 0", f"changed {time.time()}")
        revision = fleet.push({"big/b1000/cm-00000.yaml": text})
        stage.request(REPOSITORIES, "thousand")
        stage.wait_ready("b1000", revision)
    rows += [
        Row(f"{name}: one changed, from push", changed.seconds / unit, "units", 0.5, _detail(changed, unit)),
        Row(f"{name}: one changed, from push", changed.total, "requests", 15),
    ]
    stage.delete("b1000")
    return rows


def drift(stage: Stage) -> list[Row]:
    """Ten hand edits on one Kustomization of 1,000 ConfigMaps; an engine without drift by watch never ends this."""
    stage.repository("drift", large_fleet())
    stage.create(kustomization("b1000", "./big/b1000", "drift"))
    stage.wait_ready("b1000")
    rows = _drift(stage)
    stage.delete("b1000")
    return rows


def thousand_from_kubectl(stage: Stage) -> list[Row]:
    """The same 1,000 made before by a client-side `kubectl apply`, each with a field of somebody else."""
    stage.repository("kubectl", large_fleet())
    for i in range(1000):
        body = _client_side(f"b1000-{i:05d}")
        stage.api.send("POST", "/api/v1/namespaces/default/configmaps?fieldManager=kubectl-client-side-apply", body)
        path = f"/api/v1/namespaces/default/configmaps/b1000-{i:05d}?fieldManager=somebody"
        stage.api.send("PATCH", path, {"data": {"theirs": "kept"}}, MERGE)
    with stage.measured() as taken:
        stage.create(kustomization("b1000", "./big/b1000", "kubectl"))
        stage.wait_ready("b1000")
    items = stage.api.get("/api/v1/namespaces/default/configmaps?limit=5000")["items"]
    lost = sum(item["metadata"]["name"].startswith("b1000-") and "theirs" not in item["data"] for item in items)
    stage.delete("b1000")
    return [
        Row("1,000 made by kubectl apply before", taken.total, "requests", 3100, _detail(taken, 1)),
        Row("1,000 made by kubectl apply before", lost, "foreign fields lost", 0),
    ]


def fleet_small(stage: Stage) -> list[Row]:
    """100 Kustomizations of two ConfigMaps created at once, small repository."""
    stage.repository("fleet", small_fleet())
    return _fleet(stage, "fleet", "100 Kustomizations at once, small repository", 4)


def fleet_large(stage: Stage) -> list[Row]:
    """100 Kustomizations of two ConfigMaps created at once, repository of 2,124 files."""
    stage.repository("fleetlarge", large_fleet())
    return _fleet(stage, "fleetlarge", "100 Kustomizations at once, repository of 2,124 files", 5)


def still_fleet(stage: Stage, minutes: float = 20) -> list[Row]:
    """100 Kustomizations and their GitRepository at `interval: 1m`, left alone."""
    stage.repository("still", small_fleet(), interval="1m")
    names = [f"a{i:04d}" for i in range(100)]
    for name in names:
        stage.create(kustomization(name, f"./apps/{name}", "still", interval="1m"))
    for name in names:
        stage.wait_ready(name)
    time.sleep(5)
    with stage.measured() as still:
        time.sleep(minutes * 60)
    writes = {k: n for k, n in still.requests.items() if k.split()[0] in ("create", "update", "patch", "delete")}
    reads = {k: n for k, n in still.requests.items() if k.split()[0] in ("get", "list")}
    stage.delete(*names)
    detail = {"minutes": minutes, "watches": still.requests.total() - sum(writes.values()) - sum(reads.values())}
    return [
        Row("still fleet", sum(writes.values()), "writes", 0, detail | writes),
        Row("still fleet", sum(reads.values()), "reads beyond watches and leases", 0, reads),
        Row("still fleet", still.cpu / (minutes * 60), "CPU s per s"),
    ]


def memory(stage: Stage, reconciles: int = 1000) -> list[Row]:
    """The peak of everything played so far, and growth over many reconciles."""
    stage.repository("memory", small_fleet())
    stage.create(kustomization("b10", "./big/b10", "memory"))
    stage.wait_ready("b10")
    before = 0.0
    for i in range(reconciles):
        value = stage.request(KUSTOMIZATIONS, "b10")
        stage.until(lambda value=value: stage.handled("b10", value), step=0.005)
        if i == reconciles // 10:
            before = _pss(stage)
    growth = _pss(stage) - before
    stage.delete("b10")
    return [
        Row("memory of both controllers, peak", stage.peak_memory, "MiB", 300),
        Row(f"memory, growth over {reconciles:,} reconciles", growth, "MiB", 10),
    ]


def _pushes(stage: Stage, fleet: Repository, source: str, measure: str, bar: float) -> Row:
    stage.create(kustomization("b10", "./big/b10", source))
    stage.wait_ready("b10")
    runs = []
    for i in range(PUSHES):
        text = config_maps("b10", 10).replace("value of b10-00000 number 0", f"run {i} {time.time()}")
        revision = fleet.push({"big/b10/cm.yaml": text})
        begin = time.monotonic()
        stage.request(REPOSITORIES, source)
        stage.wait_ready("b10", revision)
        runs.append(time.monotonic() - begin)
    stage.delete("b10")
    return Row(measure, statistics.median(runs), "s", bar, {"runs": _rounded(runs)})


def _fleet(stage: Stage, source: str, measure: str, bar: float) -> list[Row]:
    names = [f"a{i:04d}" for i in range(100)]
    with stage.measured() as figures:
        for name in names:
            stage.create(kustomization(name, f"./apps/{name}", source))
        for name in names:
            stage.wait_ready(name)
    stage.delete(*names)
    return [
        Row(measure, figures.seconds, "s", bar, _detail(figures, 1)),
        Row(measure, figures.cpu, "CPU s", 4),
        Row(measure, figures.total / len(names), "requests each", 11),
    ]


def _drift(stage: Stage) -> list[Row]:
    corrections = []
    for i in range(10):
        path = f"/api/v1/namespaces/default/configmaps/b1000-{i * 97:05d}"
        stage.api.send("PATCH", path + "?fieldManager=kubectl-edit", {"data": {"key1": "drifted"}}, MERGE)
        begin = time.monotonic()
        stage.until(lambda path=path: stage.api.get(path)["data"]["key1"] != "drifted", step=0.002)
        corrections.append(time.monotonic() - begin)
        time.sleep(0.3)
    measure = "drift corrected, 1,000 managed objects"
    return [
        Row(measure + ", p50", statistics.median(corrections), "s", 0.15, {"runs": _rounded(corrections)}),
        Row(measure + ", slowest of ten", max(corrections), "s", 1),
    ]


def _rolled_out(stage: Stage, run: int) -> bool:
    obj = stage.api.get("/apis/apps/v1/namespaces/default/deployments/web")
    status, wanted = obj.get("status", {}), obj["spec"]["replicas"]
    return (
        obj["spec"]["template"]["metadata"]["annotations"]["run"] == str(run)
        and status.get("observedGeneration") == obj["metadata"]["generation"]
        and status.get("updatedReplicas") == status.get("availableReplicas") == status.get("replicas") == wanted
    )


def _client_side(name: str) -> dict[str, Any]:
    data = {f"key{k}": f"value of {name} number {k}" for k in range(3)}
    last = '{"apiVersion":"v1","kind":"ConfigMap"}'
    annotations = {"kubectl.kubernetes.io/last-applied-configuration": last}
    metadata = {"name": name, "namespace": "default", "annotations": annotations}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def _detail(figures: Figures, unit: float) -> dict[str, Any]:
    return {
        "seconds": round(figures.seconds, 3),
        "unit_seconds": round(unit, 3),
        "cpu": round(figures.cpu, 2),
        "requests": dict(figures.requests.most_common(8)),
    }


def _pss(stage: Stage) -> float:
    return pss_mib(stage.pids)


def _rounded(values: list[float]) -> list[float]:
    return [round(value, 3) for value in values]


CASES: dict[str, Callable[[Stage], list[Row]]] = {
    "push-small": push_small,
    "push-deployment": push_deployment,
    "push-large": push_large,
    "thousand": one_of_thousand,
    "drift": drift,
    "kubectl": thousand_from_kubectl,
    "fleet-small": fleet_small,
    "fleet-large": fleet_large,
    "memory": memory,
    "still": still_fleet,
}
