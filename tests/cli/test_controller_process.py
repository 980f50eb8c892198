"""The controllers as processes of their own: started, healthy, measured, told to stop."""

import asyncio
import json
import random
import signal
import sys
import urllib.request
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from fluvial.api import crds
from fluvial.controlplane import Access, ControlPlane, Settings, Simulation
from fluvial.kube import Client
from fluvial.net import MemoryTransport
from fluvial.runtime import SystemClock

PROGRAM = [sys.executable, "-c", "import sys; from fluvial.cli import main; sys.exit(main())"]


@asynccontextmanager
async def served(folder: Path):
    """A cluster on a socket; yields its kubeconfig and a client of it."""
    clock = SystemClock()
    plane = ControlPlane(
        clock=clock, chance=random.Random(5), settings=Settings(simulation=Simulation(workloads=False))
    )
    await plane.start()
    access = Access.make(now=clock.now())
    server = await plane.serve_tls(access)
    config = folder / "kubeconfig"
    config.write_text(json.dumps(access.kubeconfig(server.url)))
    address = "https://api.fluvial.local"
    client = Client(address, MemoryTransport({address: plane.handle}), chance=random.Random(6))
    try:
        for crd in crds():
            await client.create(crd)
        await client.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "flux-system"}})
        yield config, client
    finally:
        await client.close()
        await server.close()
        await plane.stop()


def free_ports(count):
    import socket

    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def get(url):
    with urllib.request.urlopen(url, timeout=5) as reply:
        return reply.status, reply.read().decode()


async def until_answers(url, process):
    for _ in range(200):
        if process.returncode is not None:
            raise AssertionError((await process.stderr.read()).decode())
        try:
            return await asyncio.to_thread(get, url)
        except OSError:
            await asyncio.sleep(0.05)
    raise AssertionError(f"{url} never answered")


@pytest.mark.parametrize("controller", ["source", "kustomize"])
def test_a_controller_runs_until_it_is_told_to_stop(tmp_path, controller):
    async def body():
        health, metrics, storage = free_ports(3)
        flags = [
            f"--health-addr=127.0.0.1:{health}",
            f"--metrics-addr=127.0.0.1:{metrics}",
            "--enable-leader-election",
        ]
        if controller == "source":
            flags += [f"--storage-path={tmp_path / 'data'}", f"--storage-addr=127.0.0.1:{storage}"]
            (tmp_path / "data").mkdir()
        async with served(tmp_path) as (config, client):
            environ = {"RUNTIME_NAMESPACE": "flux-system", "HOSTNAME": "here", "HOME": str(tmp_path)}
            environ |= {"TMPDIR": str(tmp_path), "PATH": "/usr/bin:/bin", "PYTHONPATH": ":".join(sys.path)}
            process = await asyncio.create_subprocess_exec(
                *PROGRAM,
                "controller",
                controller,
                f"--kubeconfig={config}",
                *flags,
                env=environ,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
            )
            try:
                for path in ("healthz", "readyz"):
                    assert await until_answers(f"http://127.0.0.1:{health}/{path}", process) == (200, "ok")
                name = f"{controller}-controller-leader-election"
                await until_holder(client, name, "here_")
                _, text = await until_answers(f"http://127.0.0.1:{metrics}/metrics", process)
                assert "process_" in text
                process.send_signal(signal.SIGTERM)
                out, err = await asyncio.wait_for(process.communicate(), 20)
            except BaseException:
                if process.returncode is None:
                    process.kill()
                    await process.communicate()
                raise
            assert (process.returncode, out) == (0, b""), err.decode()
            lines = [json.loads(line) for line in err.decode().splitlines()]
            assert {line["msg"] for line in lines} >= {"starting manager", "manager stopped"}
            assert all({"level", "ts", "msg"} <= line.keys() for line in lines)
            lease = await client.get("coordination.k8s.io/v1", "Lease", "flux-system", name)
            assert not lease["spec"].get("holderIdentity")

    asyncio.run(body())


async def until_holder(client, name, prefix):
    for _ in range(200):
        lease = await client.get("coordination.k8s.io/v1", "Lease", "flux-system", name)
        if lease is not None and str(lease["spec"].get("holderIdentity") or "").startswith(prefix):
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"nobody took the lease {name}")


def test_a_cluster_that_cannot_be_found_ends_the_start(tmp_path):
    async def body():
        process = await asyncio.create_subprocess_exec(
            *PROGRAM,
            "controller",
            "kustomize",
            env={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin", "PYTHONPATH": ":".join(sys.path)},
            stderr=asyncio.subprocess.PIPE,
        )
        _, err = await process.communicate()
        assert process.returncode == 1
        assert err.decode().startswith("✗ kubernetes configuration load failed: no kubeconfig found at ")

    asyncio.run(body())
