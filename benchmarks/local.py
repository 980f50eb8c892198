"""The embedded API server and the command line, measured as processes."""

import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.api import Api
from benchmarks.cases import Row
from benchmarks.measure import cpu_seconds
from benchmarks.stage import FLUVIAL
from fluvial.yamldoc import load

APPLIES = 2000


def embedded_rows() -> list[Row]:
    """Return start-up, apply rate and command-line figures."""
    with _up() as (api, started, pid):
        rate, per_core = _apply_rate(api, pid)
    return [
        Row("embedded API server and controllers: start to ready, as a process", started, "s", 1),
        Row("embedded API server: SSA of a ConfigMap over HTTP", 1000 / per_core, "ms CPU each", 2),
        Row("embedded API server: SSA of a ConfigMap over HTTP, one connection", 1000 / rate, "ms each"),
        Row("fluvial --help", _help_seconds(), "s", 0.15),
    ]


@contextmanager
def _up() -> Iterator[tuple[Api, float, int]]:
    with tempfile.TemporaryDirectory(prefix="fluvial-bench-") as folder:
        kubeconfig = Path(folder) / "kubeconfig"
        begin = time.monotonic()
        process = subprocess.Popen([FLUVIAL, "up", "--kubeconfig", kubeconfig], stdout=subprocess.DEVNULL)
        try:
            while not kubeconfig.exists():
                if process.poll() is not None:
                    raise RuntimeError("fluvial up ended before it was ready")
                time.sleep(0.005)
            started = time.monotonic() - begin
            config = load(kubeconfig.read_bytes())
            yield (
                Api(config["clusters"][0]["cluster"]["server"], config["users"][0]["user"]["token"]),
                started,
                process.pid,
            )
        finally:
            process.terminate()
            process.wait(30)


def _apply_rate(api: Api, pid: int) -> tuple[float, float]:
    """Return applies per second on one connection, and per CPU second of the server."""
    cpu, begin = cpu_seconds([pid]), time.monotonic()
    for i in range(APPLIES):
        name = f"cm-{i % 500}"
        body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"k": str(i)}}
        path = f"/api/v1/namespaces/default/configmaps/{name}?fieldManager=unit&force=true"
        status, answer = api.send("PATCH", path, body, "application/apply-patch+yaml")
        if status not in (200, 201):
            raise RuntimeError(f"apply failed: {answer}")
    return APPLIES / (time.monotonic() - begin), APPLIES / (cpu_seconds([pid]) - cpu)


def _help_seconds() -> float:
    """Return the best of five whole processes, since the question is what the program needs."""
    runs = []
    for _ in range(5):
        begin = time.monotonic()
        subprocess.run([FLUVIAL, "--help"], check=True, stdout=subprocess.DEVNULL)
        runs.append(time.monotonic() - begin)
    return min(runs)
