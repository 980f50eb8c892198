"""kubectl against the embedded server prints what it prints against kube-apiserver (tests/vectors/kubectl/run.py)."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import random
from pathlib import Path
from typing import Any

import pytest

from fluvial.controlplane import Access, ControlPlane, Settings, Simulation
from fluvial.runtime import SystemClock

VECTORS = Path(__file__).parents[1] / "vectors/kubectl"

# With the flows of `make test-kube`, which has built kubectl; the fast suite needs no peers.
pytestmark = [pytest.mark.peers, pytest.mark.kube]

# Differences that stay: the command, and why.
KNOWN: dict[str, str] = {
    "logs lonely": "a Pod without a node has no logs there; here nothing ever has, and we say so",
    "exec lonely -- ls": "as logs",
}


def _runner() -> Any:
    spec = importlib.util.spec_from_file_location("kubectl_vectors", VECTORS / "run.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


async def _serve_and_run(kubectl: Path, folder: Path) -> list[dict[str, Any]]:
    clock = SystemClock()
    settings = Settings(simulation=Simulation(enabled=False))
    plane = ControlPlane(clock=clock, chance=random.Random(7), settings=settings)
    await plane.start()
    access = Access.make(now=clock.now())
    server = await plane.serve_tls(access)
    try:
        kubeconfig = folder / "kubeconfig"
        kubeconfig.write_text(json.dumps(access.kubeconfig(server.url)))
        results: list[dict[str, Any]] = await asyncio.to_thread(_runner().run, kubectl, kubeconfig)
        return results
    finally:
        await server.close()
        await plane.stop()


def test_kubectl_prints_what_it_prints_against_the_real_server(peers: Path, tmp_path: Path) -> None:
    recorded = json.loads((VECTORS / "commands.json").read_text())
    found = asyncio.run(_serve_and_run(peers / "kubectl", tmp_path))
    assert [r["run"] for r in recorded] == [r["run"] for r in found], "commands.yaml was changed: record again"
    differences = []
    for there, here in zip(recorded, found, strict=True):
        # What has no effect here is warned of; a real server has nothing to warn of.
        kept = [line for line in here["err"].splitlines() if not line.startswith("Warning: this control plane")]
        here["err"] = "\n".join(kept)
        if there == here or there["run"] in KNOWN:
            continue
        for part in ("code", "out", "err"):
            if there[part] != here[part]:
                differences.append(f"$ kubectl {there['run']}: {part}\n{_compared(there[part], here[part])}")
    assert not differences, "\n".join(differences)
    logs = next(r for r in found if r["run"] == "logs lonely")
    assert "no kubelet here" in logs["err"]


def _compared(there: Any, here: Any) -> str:
    """Return the lines that differ."""
    if not isinstance(there, str):
        return f"  real: {there}\n  ours: {here}"
    real, ours = there.splitlines(), here.splitlines()
    lines = [f"  real: {line}" for line in real if line not in ours]
    lines += [f"  ours: {line}" for line in ours if line not in real]
    return "\n".join(lines or ["  the same lines in another order"])
