"""The client and the runtime on a real kube-apiserver."""

import asyncio
import random
from collections.abc import Awaitable, Callable

import pytest

from fluvial.kube import ApiError, Client, Kubeconfig, NotServed
from fluvial.objects import Object, Ref
from fluvial.runtime import Cache, EventRecorder, LeaderElector, SystemClock, drop_managed_fields, lease_name
from fluvial.telemetry import silent_logger
from tests.support.realserver import RealServer

pytestmark = pytest.mark.kube
CLOCK = SystemClock()
LOG = silent_logger(CLOCK)


def config_map(name: str, **data: str) -> Object:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "default"}, "data": data}


def on(server: RealServer, use: Callable[[Client], Awaitable[None]]) -> None:
    async def main() -> None:
        config = Kubeconfig.load([str(server.kubeconfig)]).cluster(clock=CLOCK)
        client = await config.connect(user_agent="fluvial-test", chance=random.Random())
        try:
            async with asyncio.timeout(60):
                await use(client)
        finally:
            await client.close()

    asyncio.run(main())


def test_reads_writes_and_refusals(real_api: RealServer) -> None:
    async def use(client: Client) -> None:
        assert (await client.version())["gitVersion"].startswith("v1.")
        assert (await client.resource("apps/v1", "Deployment")).plural == "deployments"
        assert len(await client.resources()) > 50
        with pytest.raises(NotServed):
            await client.resource("x.io/v1", "Widget")
        assert await client.get("v1", "ConfigMap", "default", "net-a") is None
        assert (await client.apply(config_map("net-a", x="1"), field_manager="one", dry_run=True)).created
        assert (await client.apply(config_map("net-a", x="1"), field_manager="one")).created
        assert not (await client.apply(config_map("net-a", x="1"), field_manager="one")).created
        with pytest.raises(ApiError) as caught:
            await client.apply(config_map("net-a", x="2"), field_manager="two")
        assert caught.value.is_conflict
        assert caught.value.causes[0]["field"] == ".data.x"
        with pytest.raises(ApiError) as caught:
            await client.create(config_map("net-a"))
        assert caught.value.is_already_exists
        patched = await client.patch(Ref.of(config_map("net-a")), {"data": {"y": "1"}}, kind="merge")
        with pytest.raises(ApiError) as caught:
            await client.delete(Ref.of(patched), uid="00000000-0000-0000-0000-000000000000")
        assert caught.value.is_conflict
        meta = await client.get("v1", "ConfigMap", "default", "net-a", metadata_only=True)
        assert meta is not None
        assert sorted(meta) == ["apiVersion", "kind", "metadata"]
        assert meta["kind"] == "ConfigMap"
        with pytest.raises(ApiError) as caught:
            await client.impersonate("system:serviceaccount:default:nobody").list("v1", "Secret")
        assert caught.value.is_forbidden
        await client.delete(Ref.of(patched), uid=patched["metadata"]["uid"])
        await client.delete(Ref.of(patched))
        assert b"swagger" in await client.raw("GET", "/openapi/v2")

    on(real_api, use)


def test_pages_are_put_together(real_api: RealServer) -> None:
    async def use(client: Client) -> None:
        for number in range(25):
            await client.apply(config_map(f"page-{number}"), field_manager="test")
        paged = await client.list("v1", "ConfigMap", "default", limit=10)
        whole = await client.list("v1", "ConfigMap", "default", limit=0)
        assert [obj["metadata"]["name"] for obj in paged.items] == [obj["metadata"]["name"] for obj in whole.items]

    on(real_api, use)


@pytest.mark.parametrize("streams", [True, False])
def test_an_informer_follows_changes(real_api: RealServer, streams: bool) -> None:
    async def use(client: Client) -> None:
        async with Cache(chance=random.Random(), log=LOG) as cache:
            informer = cache.informer(client, "v1", "ConfigMap", "default", transform=drop_managed_fields)
            informer._can_stream = streams
            await informer.wait_synced()
            changes: asyncio.Queue[str] = asyncio.Queue()
            informer.subscribe(lambda change: changes.put_nowait(f"{change.type} {change.key.name}"), replay=False)
            while not informer.is_live:  # noqa: ASYNC110 - a list is synced a moment before its watch is open
                await asyncio.sleep(0.01)
            name = f"watched-{streams}".lower()
            created = (await client.apply(config_map(name), field_manager="test")).object
            await client.apply(config_map(name, x="1"), field_manager="test")
            await client.delete(Ref.of(created))
            expected = [f"ADDED {name}", f"MODIFIED {name}", f"DELETED {name}"]
            assert [await changes.get() for _ in range(3)] == expected
            assert informer.get("default", name) is None

    on(real_api, use)


def test_a_lease_is_taken_renewed_and_given_back(real_api: RealServer) -> None:
    async def use(client: Client) -> None:
        name = lease_name("test-controller", "shard")

        def elector(identity: str) -> LeaderElector:
            return LeaderElector(
                client,
                namespace="default",
                name=name,
                identity=identity,
                clock=CLOCK,
                chance=random.Random(),
                log=LOG,
            )

        one, two = elector("one"), elector("two")
        await one.acquire()
        one.check()
        assert not await two._try()
        await one.release()
        assert await two._try()
        found = await client.get("coordination.k8s.io/v1", "Lease", "default", name)
        assert found is not None
        assert found["spec"]["holderIdentity"] == "two"
        assert found["spec"]["leaseTransitions"] == 1

    on(real_api, use)


def test_events_are_recorded_and_counted(real_api: RealServer) -> None:
    async def use(client: Client) -> None:
        obj = (await client.apply(config_map("told"), field_manager="test")).object
        recorder = EventRecorder(client, "test-controller", instance="host", clock=CLOCK, log=LOG)
        task = asyncio.create_task(recorder.run())
        for _ in range(3):
            recorder.record(obj, "error", "Failed", "the same")
        recorder.record(obj, "info", "Done", "another", {"example.org/key": "value"})
        await recorder.flush(10)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        fields = "involvedObject.name=told"
        events = {
            event["reason"]: event for event in (await client.list("v1", "Event", "default", fields=fields)).items
        }
        assert events["Failed"]["count"] == 3
        assert events["Failed"]["type"] == "Warning"
        assert events["Done"]["metadata"]["annotations"] == {"example.org/key": "value"}
        assert events["Done"]["reportingComponent"] == "test-controller"

    on(real_api, use)
