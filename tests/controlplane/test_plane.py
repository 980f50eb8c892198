"""Access, audit, faults, restarts, and that a seed decides everything."""

from __future__ import annotations

import asyncio
import json
import random
from pathlib import Path
from typing import Any

import pytest

from fluvial.api import crds
from fluvial.controlplane import Access, AuditRecord, ControlPlane, ServerFault, SqliteStore
from fluvial.net import Http1Transport, MemoryTransport, NetError, ReplyLost, Request, make_client_tls
from fluvial.runtime import SystemClock
from fluvial.testing import VirtualClock, chance, run
from fluvial.wire import status

CONFIGMAPS = "/api/v1/namespaces/default/configmaps"


def test_only_the_token_gets_in() -> None:
    async def main() -> None:
        clock = SystemClock()
        plane = ControlPlane(clock=clock, chance=random.Random(1))
        await plane.start()
        access = Access.make(now=clock.now())
        server = await plane.serve_tls(access)
        transport = Http1Transport(tls=make_client_tls(ca=access.ca))
        try:
            codes = {}
            for name, headers in {
                "nothing": {},
                "wrong": {"authorization": "Bearer wrong"},
                "right": {"authorization": f"Bearer {access.token}"},
            }.items():
                reply = await transport.send(Request("GET", f"{server.url}/api/v1/namespaces", headers))
                await reply.read()
                codes[name] = reply.status
            assert codes == {"nothing": 401, "wrong": 401, "right": 200}
            user = access.kubeconfig(server.url)["users"][0]["user"]
            assert user == {"token": access.token}
            assert access.token not in repr(access)
        finally:
            await transport.close()
            await server.close()
            await plane.stop()

    asyncio.run(main())


def test_each_request_leaves_one_record(drive: Any) -> None:
    async def scenario(api: Any) -> None:
        await api.post(CONFIGMAPS, {"metadata": {"name": "a"}}, user_agent="me/1")
        await api.apply(
            f"{CONFIGMAPS}/a", {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}}, query="&dryRun=All"
        )
        await api.get(f"{CONFIGMAPS}/nope", impersonate_user="jane")
        await api.get("/version")
        create, apply, get, version = api.audit
        assert create == AuditRecord(
            verb="create",
            path=CONFIGMAPS,
            resource="configmaps",
            namespace="default",
            user="system:admin",
            user_agent="me/1",
            status=201,
            writes=True,
        )
        assert (apply.verb, apply.dry_run, apply.writes, apply.status) == ("patch", True, False, 200)
        assert (get.user, get.impersonator, get.status) == ("jane", "system:admin", 404)
        assert (version.verb, version.path, version.resource) == ("get", "/version", "")

    drive(scenario)


def test_a_fault_strikes_before_the_write_or_after_it() -> None:
    async def main() -> None:
        faults: list[ServerFault] = [
            ServerFault(answer=status.too_many_requests("slow down"), retry_after=3),
            ServerFault(lose_reply=True),
            ServerFault(delay=5),
        ]
        plane = ControlPlane(
            clock=VirtualClock(), chance=chance(), faults=lambda record: faults.pop(0) if faults else None
        )
        await plane.start()
        transport = MemoryTransport({"https://api": plane.handle})

        async def create(name: str) -> Any:
            body = json.dumps({"metadata": {"name": name}}).encode()
            return await transport.send(Request("POST", f"https://api{CONFIGMAPS}", {}, body))

        refused = await create("a")
        assert (refused.status, refused.headers["retry-after"]) == (429, "3")
        with pytest.raises(ReplyLost):
            await create("b")
        began = asyncio.get_running_loop().time()
        assert (await create("c")).status == 201
        assert asyncio.get_running_loop().time() - began == 5
        listed = await transport.send(Request("GET", f"https://api{CONFIGMAPS}"))
        names = [item["metadata"]["name"] for item in json.loads(await listed.read())["items"]]
        assert names == ["b", "c"]  # the reply to b was lost, the write was not
        await transport.close()
        await plane.stop()

    run(main())


def test_over_a_socket_a_lost_reply_is_a_broken_connection() -> None:
    async def main() -> None:
        clock = SystemClock()
        plane = ControlPlane(clock=clock, chance=random.Random(1), faults=lambda record: ServerFault(lose_reply=True))
        await plane.start()
        access = Access.make(now=clock.now())
        server = await plane.serve_tls(access)
        transport = Http1Transport(tls=make_client_tls(ca=access.ca))
        headers = {"authorization": f"Bearer {access.token}", "content-type": "application/json"}
        try:
            with pytest.raises(NetError):
                await transport.send(
                    Request("POST", f"{server.url}{CONFIGMAPS}", headers, b'{"metadata":{"name":"a"}}')
                )
            assert plane.core.store.get("configmaps", "default/a") is not None
        finally:
            await transport.close()
            await server.close()
            await plane.stop()

    asyncio.run(main())


DEPLOYMENT = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web"},
    "spec": {
        "replicas": 3,
        "selector": {"matchLabels": {"app": "web"}},
        "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "c", "image": "x"}]}},
    },
}


def _history(seed: int) -> list[bytes]:
    frames: list[bytes] = []

    async def main() -> None:
        plane = ControlPlane(clock=VirtualClock(), chance=chance())
        plane.core.store.listeners.append(lambda event: frames.append(event.frame()))
        await plane.start()
        transport = MemoryTransport({"https://api": plane.handle})
        for image in ("x", "y"):
            body = json.dumps(DEPLOYMENT).replace('"image": "x"', f'"image": "{image}"').encode()
            url = "https://api/apis/apps/v1/namespaces/default/deployments/web?fieldManager=m&force=true"
            await transport.send(Request("PATCH", url, {"content-type": "application/apply-patch+yaml"}, body))
            await asyncio.sleep(5)
        await transport.close()
        await plane.stop()

    run(main(), seed)
    return frames


def test_a_seed_decides_every_byte_that_is_written() -> None:
    first, second, other = _history(1), _history(1), _history(2)
    assert len(first) > 40
    assert first == second
    assert first != other


def test_a_restart_takes_up_what_was_under_way(tmp_path: Path) -> None:
    path = str(tmp_path / "state.db")

    async def life(first: bool) -> Any:
        plane = ControlPlane(clock=VirtualClock(), chance=chance(), store=SqliteStore(path))
        await plane.start()
        transport = MemoryTransport({"https://api": plane.handle})
        url = "https://api/apis/apps/v1/namespaces/default/deployments/web"
        if first:
            body = json.dumps(DEPLOYMENT).encode()
            headers = {"content-type": "application/apply-patch+yaml"}
            await transport.send(Request("PATCH", f"{url}?fieldManager=m", headers, body))
            await asyncio.sleep(0.01)
        else:
            await asyncio.sleep(2)
        found = json.loads(await (await transport.send(Request("GET", url))).read())
        await transport.close()
        await plane.stop()
        return found

    assert "availableReplicas" not in run(life(True))["status"]
    assert run(life(False))["status"]["availableReplicas"] == 3


def test_a_defined_kind_is_served_from_the_first_request_after_a_restart(tmp_path: Path) -> None:
    path = str(tmp_path / "state.db")
    base = "https://api/apis/apiextensions.k8s.io/v1/customresourcedefinitions"

    async def life(crd: dict[str, Any] | None) -> int:
        plane = ControlPlane(clock=VirtualClock(), chance=chance(), store=SqliteStore(path))
        await plane.start()
        transport = MemoryTransport({"https://api": plane.handle})
        if crd is not None:
            await transport.send(Request("POST", base, {"content-type": "application/json"}, json.dumps(crd).encode()))
        reply = await transport.send(Request("GET", "https://api/apis/source.toolkit.fluxcd.io/v1/gitrepositories"))
        await transport.close()
        await plane.stop()
        return reply.status

    definition = next(crd for crd in crds() if crd["spec"]["names"]["kind"] == "GitRepository")
    assert run(life(definition)) == 404
    assert run(life(None)) == 200


def test_an_idle_control_plane_does_nothing(drive: Any) -> None:
    async def scenario(api: Any) -> None:
        await api.apply("/apis/apps/v1/namespaces/default/deployments/web", DEPLOYMENT)
        await asyncio.sleep(1000)
        revision = api.plane.core.store.revision
        await asyncio.sleep(86400)
        assert api.plane.core.store.revision == revision

    drive(scenario)
