"""A server on a socket goes away and comes back; who watches it notices, and misses nothing."""

import asyncio
import random

from fluvial.controlplane import ControlPlane
from fluvial.kube import Client
from fluvial.net import Http1Transport, serve
from fluvial.runtime import Cache, SystemClock
from fluvial.telemetry import silent_logger


def config_map(name: str) -> dict[str, object]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "default"}}


def test_a_watch_over_a_socket_is_taken_up_again() -> None:
    async def main() -> None:
        chance = random.Random(1)
        plane = ControlPlane(clock=SystemClock(), chance=chance)
        await plane.start()
        server = await serve(plane.handle)
        client = Client(server.url, Http1Transport(), chance=chance)
        async with Cache(chance=chance, log=silent_logger(SystemClock())) as cache, asyncio.timeout(20):
            informer = cache.informer(client, "v1", "ConfigMap", "default")
            await informer.wait_synced()
            await client.apply(config_map("before"), field_manager="test")
            await server.close()
            while informer.connected:  # noqa: ASYNC110 - the state is what is tested
                await asyncio.sleep(0.01)
            server = await serve(plane.handle, port=server.port)
            await client.apply(config_map("after"), field_manager="test")
            while informer.get("default", "after") is None:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            assert informer.is_live
            assert informer.epoch == 1
        await client.close()
        await server.close()
        await plane.stop()

    asyncio.run(main())
