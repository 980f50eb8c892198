"""One process starts its parts in order and ends them in order."""

import asyncio
import random
from collections.abc import Callable

import pytest

from fluvial.kube import Client
from fluvial.net import Fault, Http1Transport, MemoryTransport, Request
from fluvial.objects import Object
from fluvial.runtime import (
    Address,
    Cache,
    Controller,
    EventRecorder,
    Key,
    LeaderElector,
    LeadershipLost,
    Manager,
    Result,
    SystemClock,
)
from fluvial.telemetry import Logger, Registry
from fluvial.testing import VirtualClock, run
from tests.runtime.miniapi import API, EVENTS, LEASES, MiniApi


class World:
    """A manager with one controller for ConfigMaps that records each look and takes `took` seconds for it."""

    def __init__(self, api: MiniApi, *, identity: str = "one", elects: bool = True, took: float = 0.0) -> None:
        clock = VirtualClock()
        self.api = api
        self.fault: Callable[[Request], Fault | None] = lambda request: None
        self.client = Client(
            API, MemoryTransport({API: api.handle}, faults=lambda request: self.fault(request)), chance=random.Random(1)
        )
        self.lines: list[str] = []
        log = Logger(self.lines.append, clock=clock)
        self.cache = Cache(chance=random.Random(1), log=log)
        self.looks: list[tuple[float, str]] = []
        self.ended: list[str] = []
        self.recorder = EventRecorder(self.client, "test-controller", instance=identity, clock=clock, log=log)
        elector = LeaderElector(
            self.client,
            namespace="flux-system",
            name="lease",
            identity=identity,
            clock=clock,
            chance=random.Random(1),
            log=log,
        )
        self.manager = Manager(cache=self.cache, log=log, elector=elector if elects else None, recorder=self.recorder)
        controller = Controller("configmap", "ConfigMap", self.look, chance=random.Random(1), log=log)
        self.manager.add(controller)
        self.controller = controller
        self.took = took

    async def look(self, key: Key, log: Logger) -> Result:
        self.looks.append((asyncio.get_running_loop().time(), key.name))
        self.recorder.record(
            {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": key.name, "namespace": key.namespace}},
            "info",
            "Looked",
            "text",
        )
        try:
            await asyncio.sleep(self.took)
        finally:
            self.ended.append("look")
        return Result()

    def start(self) -> "asyncio.Task[None]":
        self.controller.watch(self.cache.informer(self.client, "v1", "ConfigMap"))
        return asyncio.create_task(self.manager.run())

    def holder(self) -> str:
        return str(self.api.objects[LEASES, "flux-system", "lease"]["spec"]["holderIdentity"])


def test_nothing_is_looked_at_before_the_lease_is_ours_and_the_caches_are_whole() -> None:
    async def main() -> None:
        api = MiniApi()
        api.config_map("a")
        first, second = World(api), World(api, identity="two")
        running = first.start()
        await asyncio.sleep(1)
        waiting = second.start()
        await asyncio.sleep(100)
        assert first.looks == [(0, "a")]
        assert second.looks == []
        assert first.manager.started.is_set()
        first.manager.stop()
        await running
        await asyncio.sleep(12)
        assert [name for _, name in second.looks] == ["a"]
        second.manager.stop()
        await waiting
        await first.client.close()
        await second.client.close()

    run(main())


def test_the_end_is_orderly_looks_are_cancelled_events_sent_the_lease_given_back() -> None:
    async def main() -> None:
        api = MiniApi()
        api.config_map("a")
        world = World(api, took=300)
        running = world.start()
        await asyncio.sleep(10)
        world.manager.stop()
        await running
        assert asyncio.get_running_loop().time() < 11
        assert world.ended == ["look"]
        assert world.holder() == ""
        assert [key for key in api.objects if key[0] == EVENTS]
        assert not world.cache.informers
        assert not [line for line in world.lines if '"level":"error"' in line]
        await world.client.close()

    run(main())


def test_cancelling_is_as_orderly_as_stopping() -> None:
    async def main() -> None:
        api = MiniApi()
        world = World(api)
        running = world.start()
        await asyncio.sleep(10)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        assert world.holder() == ""
        await world.client.close()

    run(main())


def test_stopping_while_we_wait_for_the_lease_ends_at_once() -> None:
    async def main() -> None:
        api = MiniApi()
        first, second = World(api), World(api, identity="two")
        tasks = [first.start()]
        await asyncio.sleep(1)
        tasks.append(second.start())
        await asyncio.sleep(5)
        second.manager.stop()
        await tasks[1]
        assert asyncio.get_running_loop().time() < 7
        assert first.holder() == "one"
        first.manager.stop()
        await tasks[0]
        await first.client.close()
        await second.client.close()

    run(main())


def test_a_lost_lease_ends_the_process_with_an_error_and_nothing_runs_on() -> None:
    async def main() -> None:
        api = MiniApi()
        api.config_map("a")
        world = World(api, took=1000)
        running = world.start()
        await asyncio.sleep(10)
        world.fault = lambda request: Fault(refuse=True)
        with pytest.raises(LeadershipLost):
            await running
        assert asyncio.get_running_loop().time() < 10 + 30 + 6
        assert world.ended == ["look"]
        assert world.holder() == "one"
        await world.client.close()

    run(main())


def test_a_service_that_fails_ends_the_process_with_its_error() -> None:
    async def main() -> None:
        world = World(MiniApi(), elects=False)
        events: list[str] = []

        async def breaks() -> None:
            await asyncio.sleep(20)
            raise OSError("disk full")

        async def lasts() -> None:
            try:
                await asyncio.sleep(1000)
            finally:
                events.append("ended")

        world.manager.add_service("breaks", breaks, leader_only=True)
        world.manager.add_service("lasts", lasts)
        with pytest.raises(OSError, match="disk full"):
            await world.start()
        assert events == ["ended"]
        await world.client.close()

    run(main())


def test_a_watch_that_fails_by_a_mistake_ends_the_process() -> None:
    def mistaken(obj: Object) -> Object:
        raise ZeroDivisionError

    async def main() -> None:
        api = MiniApi()
        world = World(api, elects=False)
        running = world.start()
        await asyncio.sleep(5)
        world.cache.informer(world.client, "v1", "ConfigMap", transform=mistaken)
        api.config_map("a")
        with pytest.raises(ZeroDivisionError):
            await running
        assert [line for line in world.lines if '"watch failed"' in line]
        await world.client.close()

    run(main())


def test_a_service_that_is_finished_is_no_failure() -> None:
    async def main() -> None:
        world = World(MiniApi(), elects=False)

        async def short() -> None:
            await asyncio.sleep(1)

        world.manager.add_service("short", short)
        world.manager.add_service("short too", short, leader_only=True)
        running = world.start()
        await asyncio.sleep(100)
        assert not running.done()
        world.manager.stop()
        await running
        await world.client.close()

    run(main())


def test_services_of_the_leader_start_with_the_lease() -> None:
    async def main() -> None:
        api = MiniApi()
        first, second = World(api), World(api, identity="two")
        started: list[str] = []

        async def serve() -> None:
            started.append("serving")
            await asyncio.sleep(10000)

        second.manager.add_service("artifacts", serve, leader_only=True)
        one = first.start()
        await asyncio.sleep(1)
        two = second.start()
        await asyncio.sleep(100)
        assert not started
        first.manager.stop()
        await one
        await asyncio.sleep(20)
        assert started == ["serving"]
        second.manager.stop()
        await two
        await first.client.close()
        await second.client.close()

    run(main())


@pytest.mark.parametrize(
    ("text", "address"),
    [
        (":8080", ("", 8080, ("*",))),
        ("0.0.0.0:9440", ("0.0.0.0", 9440, ("*",))),
        ("127.0.0.1:0", ("127.0.0.1", 0, None)),
        ("[::1]:80", ("::1", 80, None)),
        ("localhost:1", ("localhost", 1, None)),
        ("0", ("127.0.0.1", None, None)),
        ("", ("127.0.0.1", None, None)),
    ],
)
def test_listen_addresses_in_gos_form(text: str, address: tuple[str, int | None, object]) -> None:
    found = Address.parse(text)
    assert (found.host, found.port, found.hosts) == address


@pytest.mark.parametrize("text", ["8080", "localhost", "a:b"])
def test_no_address(text: str) -> None:
    with pytest.raises(ValueError, match="host:port"):
        Address.parse(text)


def test_health_readiness_and_metrics_are_served() -> None:
    async def main() -> None:
        log = Logger(lambda line: None, clock=SystemClock())
        problem = ""
        manager = Manager(
            cache=Cache(chance=random.Random(1), log=log),
            log=log,
            registry=Registry(),
            metrics_address=Address.parse("127.0.0.1:0"),
            health_address=Address.parse("127.0.0.1:0"),
        )
        manager.add_ready_check("artifacts", lambda: problem)
        running = asyncio.create_task(manager.run())
        await manager.started.wait()
        transport = Http1Transport()

        async def ask(url: str) -> tuple[int, bytes]:
            response = await transport.send(Request("GET", url))
            return response.status, await response.read()

        assert await ask(manager.health_url + "/healthz") == (200, b"ok")
        assert await ask(manager.health_url + "/readyz") == (200, b"ok")
        problem = "not yet"
        code, text = await ask(manager.health_url + "/readyz")
        assert code == 500
        assert b"[-]artifacts failed" in text
        assert (await ask(manager.health_url + "/healthz"))[0] == 200
        assert (await ask(manager.health_url + "/metrics"))[0] == 404
        code, text = await ask(manager.metrics_url + "/metrics")
        assert code == 200
        assert b"process_cpu_seconds_total" in text
        await transport.close()
        manager.stop()
        await running
        assert manager.health_url == ""

    asyncio.run(main())
