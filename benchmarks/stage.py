"""The stage of a benchmark: a real API server with an audit log, a Git server, and one engine as two processes."""

import json
import os
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.api import KUSTOMIZATIONS, NAMESPACE, REPOSITORIES, Api, is_ready, repository
from benchmarks.fleet import Repository
from benchmarks.measure import AuditLog, cpu_seconds, pss_mib
from fluvial.api import crds
from tests.support.realserver import RealServer, free_ports, real_server

REQUESTED = "reconcile.fluxcd.io/requestedAt"
MEMORY_PERIOD = 0.2  # seconds between two looks at the engine's memory


@dataclass(frozen=True, slots=True)
class Engine:
    """The command lines of a source and a kustomize controller; ours or a peer's, with the same flags."""

    name: str
    source: tuple[str, ...]
    kustomize: tuple[str, ...]


FLUVIAL = str(Path(sys.executable).with_name("fluvial"))
OURS = Engine("fluvial", (FLUVIAL, "controller", "source"), (FLUVIAL, "controller", "kustomize"))


@dataclass(slots=True)
class Figures:
    """What one measured stretch cost the engine."""

    seconds: float = 0.0
    cpu: float = 0.0
    requests: Counter[str] = field(default_factory=Counter)

    @property
    def total(self) -> int:
        """All requests together."""
        return self.requests.total()


class Stage:
    """One running engine and the hands to play it with."""

    def __init__(self, server: RealServer, engine: Engine, pids: list[int], folder: Path, git_url: str) -> None:
        self.api = Api(server.url, server.token)
        self.server = server
        self.engine = engine
        self.pids = pids
        self.folder = folder
        self.audit = AuditLog(folder / "audit.log")
        self.peak_memory = 0.0
        self._git_url = git_url

    def repository(self, name: str, files: Mapping[str, str], **spec: object) -> Repository:
        """Serve a repository of `files` and wait until the engine has it."""
        made = Repository(self.folder, name, files)
        self.api.send("POST", REPOSITORIES, repository(name, f"{self._git_url}/{name}.git", **spec))
        self.until(lambda: is_ready(self.api.get(f"{REPOSITORIES}/{name}")))
        return made

    def create(self, obj: dict[str, Any]) -> None:
        """Create a Kustomization."""
        status, answer = self.api.send("POST", KUSTOMIZATIONS, obj)
        if status != 201:
            raise RuntimeError(f"cannot create {obj['metadata']['name']}: {answer}")

    def wait_ready(self, name: str, revision: str = "") -> None:
        """Wait until a Kustomization is Ready at its generation and at `revision`."""
        self.until(lambda: is_ready(self.api.get(f"{KUSTOMIZATIONS}/{name}"), revision), step=0.01)

    def request(self, base: str, name: str) -> str:
        """Ask for a reconcile as `flux reconcile` does; return the value that the status will repeat."""
        value = str(time.time_ns())
        self.api.annotate(f"{base}/{name}", REQUESTED, value)
        return value

    def handled(self, name: str, value: str) -> bool:
        """Tell whether a request on a Kustomization has been handled and it is Ready."""
        obj = self.api.get(f"{KUSTOMIZATIONS}/{name}")
        return obj.get("status", {}).get("lastHandledReconcileAt") == value and is_ready(obj)

    def delete(self, *names: str) -> None:
        """Delete Kustomizations and wait until they are gone."""
        for name in names:
            self.api.send("DELETE", f"{KUSTOMIZATIONS}/{name}")
        gone = set(names)
        self.until(lambda: not gone & {o["metadata"]["name"] for o in self.api.get(KUSTOMIZATIONS)["items"]}, step=0.1)

    def until(self, condition: Callable[[], bool], *, limit: float = 900, step: float = 0.05) -> None:
        """Look again and again until `condition` holds.

        Raises:
            TimeoutError: it did not within `limit` seconds.
        """
        give_up = time.monotonic() + limit
        while not condition():
            if time.monotonic() > give_up:
                raise TimeoutError(f"the engine did not get there within {limit:.0f} s")
            time.sleep(step)

    @contextmanager
    def measured(self) -> Iterator[Figures]:
        """Measure what happens inside: wall time, the engine's CPU, the engine's requests."""
        figures = Figures()
        self.audit.mark()
        cpu, begin = cpu_seconds(self.pids), time.monotonic()
        yield figures
        figures.seconds = time.monotonic() - begin
        figures.cpu = cpu_seconds(self.pids) - cpu
        time.sleep(0.3)  # the audit log is written shortly after the answer
        figures.requests = self.audit.since_mark()

    def unit(self) -> float:
        """Return the seconds of 1,000 sequential server-side applies by one client on this server, now."""
        begin = time.monotonic()
        for i in range(1000):
            body = {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": {"name": f"unit-{i:04d}", "namespace": "default"},
                "data": {"k": str(begin)},
            }
            path = f"/api/v1/namespaces/default/configmaps/unit-{i:04d}?fieldManager=unit&force=true"
            self.api.send("PATCH", path, body, "application/apply-patch+yaml")
        return time.monotonic() - begin

    def watch_memory(self, stop: threading.Event) -> None:
        """Keep the highest memory of the engine's processes until `stop` is set."""
        while not stop.wait(MEMORY_PERIOD):
            self.peak_memory = max(self.peak_memory, pss_mib(self.pids))


@contextmanager
def stage(peers: Path, engine: Engine, folder: Path, *flags: str) -> Iterator[Stage]:
    """Start everything in `folder` (a tmpfs, best), yield the stage, stop everything by its own handle."""
    (folder / "git").mkdir(parents=True)
    with real_server(peers, audit_log=folder / "audit.log") as server, _git_server(folder / "git") as git_url:
        api = Api(server.url, server.token)
        _install(api)
        with _controllers(engine, server, folder, flags) as pids:
            made = Stage(server, engine, pids, folder, git_url)
            stop = threading.Event()
            watcher = threading.Thread(target=made.watch_memory, args=(stop,), name="memory")
            watcher.start()
            try:
                yield made
            finally:
                stop.set()
                watcher.join()


def _install(api: Api) -> None:
    api.send("POST", "/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
    for crd in crds():
        status, answer = api.send("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", crd)
        if status not in (201, 409):
            raise RuntimeError(f"cannot install {crd['metadata']['name']}: {json.dumps(answer)[:500]}")
    for path in (KUSTOMIZATIONS, REPOSITORIES):
        while api.send("GET", path)[0] != 200:
            time.sleep(0.1)


@contextmanager
def _git_server(root: Path) -> Iterator[str]:
    process = subprocess.Popen([sys.executable, "-m", "benchmarks.gitserve", root], stdout=subprocess.PIPE)
    assert process.stdout is not None
    try:
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()


@contextmanager
def _controllers(engine: Engine, server: RealServer, folder: Path, flags: tuple[str, ...]) -> Iterator[list[int]]:
    environment = os.environ | {
        "KUBECONFIG": str(server.kubeconfig),
        "RUNTIME_NAMESPACE": NAMESPACE,
        "TMPDIR": str(folder),
        "HOSTNAME": "bench",
    }
    storage, *others = [f"127.0.0.1:{port}" for port in free_ports(5)]
    metrics, health, kustomize_metrics, kustomize_health = others
    # Flux's controllers find no namespace for their lease outside of a cluster, so neither engine elects a leader here.
    commands = {
        "source": (*engine.source, f"--storage-path={folder / 'data'}", f"--storage-addr={storage}",
                   f"--storage-adv-addr={storage}", f"--metrics-addr={metrics}", f"--health-addr={health}"),
        "kustomize": (*engine.kustomize, f"--metrics-addr={kustomize_metrics}", f"--health-addr={kustomize_health}",
                      *flags),
    }  # fmt: skip
    (folder / "data").mkdir()
    processes = []
    for name, command in commands.items():
        with (folder / f"{engine.name}-{name}.log").open("wb") as log:
            processes.append(subprocess.Popen(command, env=environment, stdout=log, stderr=log))
    try:
        yield [process.pid for process in processes]
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait(60)
