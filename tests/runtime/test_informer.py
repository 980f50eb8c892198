"""The local copy stays true whatever happens to the watch."""

import asyncio
import random
from collections.abc import Callable

import pytest

from fluvial.kube import Client, Expired
from fluvial.net import Fault, MemoryTransport, Request, ServerRequest, ServerResponse
from fluvial.runtime import Cache, Change, Informer, Key, drop_managed_fields, keep_metadata
from fluvial.telemetry import silent_logger
from fluvial.testing import VirtualClock, run
from tests.runtime.miniapi import API, MiniApi, status


class World:
    """One server, one client, one cache."""

    def __init__(self, seed: int = 0) -> None:
        self.api = MiniApi()
        self.fault: Callable[[Request], Fault | None] = lambda request: None
        self.transport = MemoryTransport({API: self.api.handle}, faults=lambda request: self.fault(request))
        self.client = Client(API, self.transport, chance=random.Random(seed))
        self.cache = Cache(chance=random.Random(seed), log=silent_logger(VirtualClock()))
        self.told: list[str] = []

    def informer(self, **options: object) -> Informer:
        informer = self.cache.informer(self.client, "v1", "ConfigMap", **options)  # type: ignore[arg-type]
        informer.subscribe(self.note, replay=False)
        return informer

    def note(self, change: Change) -> None:
        self.told.append(f"{change.type} {change.key.name}{' initial' if change.initial else ''}")

    def watches(self) -> list[ServerRequest]:
        return [request for request in self.api.requests if "watch=true" in request.query]

    def lists(self) -> list[ServerRequest]:
        asked = [request for request in self.api.requests if request.path.endswith("/configmaps")]
        return [request for request in asked if "watch=true" not in request.query and request.method == "GET"]

    def is_true(self, informer: Informer) -> bool:
        """Whether the copy equals the server."""
        return list(informer.list()) == [obj for key, obj in sorted(self.api.objects.items()) if key[0] == "configmaps"]

    async def close(self) -> None:
        await self.cache.close()
        await self.client.close()


@pytest.mark.parametrize("streams", [True, False])
def test_the_copy_follows_the_server(streams: bool) -> None:
    async def main() -> None:
        world = World()
        world.api.streams_initial_events = streams
        world.api.config_map("a")
        world.api.config_map("b")
        informer = world.informer()
        assert not informer.synced
        await informer.wait_synced()
        assert informer.is_live == streams or not informer.connected
        await asyncio.sleep(1)
        assert informer.is_live
        world.api.config_map("c")
        world.api.config_map("a", "changed")
        world.api.delete("configmaps", "ns", "b")
        await asyncio.sleep(1)
        assert world.told == ["ADDED a initial", "ADDED b initial", "ADDED c", "MODIFIED a", "DELETED b"]
        assert world.is_true(informer)
        found = informer.get("ns", "a")
        assert found is not None
        assert found["data"] == {"value": "changed"}
        assert informer.get("ns", "b") is None
        assert len(world.watches()) == (1 if streams else 2)
        await world.close()

    run(main())


def test_a_list_of_many_pages_is_whole() -> None:
    async def main() -> None:
        world = World()
        world.api.streams_initial_events = False
        for number in range(1234):
            world.api.config_map(f"m{number:04}")
        informer = world.informer()
        await informer.wait_synced()
        assert len(informer) == 1234
        assert len(world.lists()) == 3
        await world.close()

    run(main())


def test_a_cut_watch_is_resumed_from_the_last_version_without_a_list() -> None:
    async def main() -> None:
        world = World()
        informer = world.informer()
        await informer.wait_synced()
        for number in range(20):
            world.api.config_map("a", str(number))
            await asyncio.sleep(1)
            assert world.transport.cut() == 1
            await asyncio.sleep(0)
            world.api.config_map("b", str(number))
            await asyncio.sleep(30)
            assert informer.is_live
        assert world.is_true(informer)
        assert informer.epoch == 1
        assert not world.lists()
        assert len(world.told) == 40
        await world.close()

    run(main())


def test_disconnected_is_visible_and_absence_then_means_nothing() -> None:
    async def main() -> None:
        world = World()
        informer = world.informer()
        states: list[tuple[bool, bool]] = []
        informer.subscribe_state(lambda: states.append((informer.synced, informer.connected)))
        await informer.wait_synced()
        world.fault = lambda request: Fault(refuse=True)
        world.transport.cut()
        await asyncio.sleep(5)
        assert informer.synced
        assert not informer.is_live
        assert informer.error is not None
        world.api.config_map("made-meanwhile")
        await asyncio.sleep(100)
        world.fault = lambda request: None
        await asyncio.sleep(40)
        assert informer.is_live
        assert informer.error is None
        assert informer.get("ns", "made-meanwhile") is not None
        assert (True, False) in states
        assert states[-1] == (True, True)
        await world.close()

    run(main())


@pytest.mark.parametrize("streams", [True, False])
def test_after_410_the_deletions_that_were_missed_are_told(streams: bool) -> None:
    async def main() -> None:
        world = World()
        world.api.streams_initial_events = streams
        for name in ("kept", "gone", "changed", "reborn"):
            world.api.config_map(name)
        informer = world.informer()
        await informer.wait_synced()
        await asyncio.sleep(1)
        world.told.clear()
        world.fault = lambda request: Fault(refuse=True)
        world.transport.cut()
        await asyncio.sleep(1)
        world.api.delete("configmaps", "ns", "gone")
        world.api.delete("configmaps", "ns", "reborn")
        world.api.config_map("reborn")
        world.api.config_map("changed", "x")
        world.api.config_map("new")
        world.api.compact()
        world.api.config_map("kept-too")
        world.fault = lambda request: None
        await asyncio.sleep(60)
        assert world.told == [
            "DELETED gone",
            "DELETED reborn",
            "MODIFIED changed initial",
            "ADDED kept-too initial",
            "ADDED new initial",
            "ADDED reborn initial",
        ]
        assert world.is_true(informer)
        assert informer.epoch == 2
        await world.close()

    run(main())


def test_410_in_the_middle_of_a_stream_begins_anew() -> None:
    async def main() -> None:
        world = World()
        world.api.config_map("a")
        informer = world.informer()
        await informer.wait_synced()
        gone = b'{"type":"ERROR","object":{"kind":"Status","code":410,"reason":"Expired","message":"too old"}}\n'

        def once(request: ServerRequest) -> ServerResponse | None:
            if "watch=true" in request.query:
                world.api.override = lambda request: None
                return ServerResponse(200, {}, gone)
            return None

        world.api.override = once
        world.transport.cut()
        world.api.config_map("b")
        await asyncio.sleep(10)
        assert informer.epoch == 2
        assert world.is_true(informer)
        assert informer.is_live
        await world.close()

    run(main())


@pytest.mark.parametrize(
    "answer",
    [
        status(500, "InternalError", "boom"),
        status(429, "TooManyRequests", "slow down", retry_after=1),
        status(403, "Forbidden", "no"),
        status(401, "Unauthorized", "who are you"),
        ServerResponse(502, {"content-type": "text/html"}, b"<html>bad gateway</html>"),
        ServerResponse(200, {}, b"this is no watch frame\n"),
        ServerResponse(200, {}, b'{"type":"ADDED","object":{"half'),
        ServerResponse(404, {"content-type": "text/plain"}, b"404 page not found"),
    ],
)
def test_every_failure_is_waited_out_gently_and_loses_nothing(answer: ServerResponse) -> None:
    async def main() -> None:
        world = World()
        world.api.config_map("a")
        informer = world.informer()
        await informer.wait_synced()
        world.api.override = lambda request: answer if "/configmaps" in request.path else None
        world.transport.cut()
        world.api.config_map("b")
        before = len(world.api.requests)
        await asyncio.sleep(300)
        asked = len(world.api.requests) - before
        assert asked < 60
        assert informer.get("ns", "a") is not None
        assert not informer.connected
        world.api.override = lambda request: None
        await asyncio.sleep(60)
        assert informer.is_live
        assert world.is_true(informer)
        assert [entry for entry in world.told if entry.startswith("DELETED")] == []
        await world.close()

    run(main())


def test_a_server_that_ends_every_watch_at_once_is_not_hammered() -> None:
    async def main() -> int:
        world = World()
        informer = world.informer()
        await informer.wait_synced()
        world.api.override = lambda request: ServerResponse(200, {}, b"") if "watch=true" in request.query else None
        world.transport.cut()
        before = len(world.api.requests)
        await asyncio.sleep(600)
        asked = len(world.api.requests) - before
        await world.close()
        return asked

    assert run(main()) < 60


def test_a_watch_that_falls_silent_is_given_up_in_its_time() -> None:
    async def main() -> None:
        world = World()
        informer = world.informer()
        await informer.wait_synced()
        world.api.override = lambda request: ServerResponse(200, {}, never()) if "watch=true" in request.query else None
        world.transport.cut()
        await asyncio.sleep(60)
        assert informer.connected
        world.api.override = lambda request: None
        world.api.config_map("late")
        await asyncio.sleep(700)
        assert informer.get("ns", "late") is not None
        await world.close()

    async def never():  # type: ignore[no-untyped-def]
        await asyncio.sleep(1e9)
        yield b""

    run(main(), limit=1e10)


def test_the_end_of_a_watch_is_spread_by_chance_between_five_and_ten_minutes() -> None:
    async def main(seed: int) -> list[float]:
        world = World(seed)
        world.informer()
        await asyncio.sleep(6000)
        await world.close()
        found = [request.query for request in world.watches()]
        return [float(query.split("timeoutSeconds=")[1].split("&")[0]) for query in found]

    times = run(main(1))
    assert all(300 <= seconds <= 600 for seconds in times)
    assert len(set(times)) > 5
    assert times == run(main(1))
    assert times != run(main(2))


def test_informers_are_shared_by_what_they_watch_and_for_whom() -> None:
    async def main() -> None:
        world = World()
        first = world.cache.informer(world.client, "v1", "ConfigMap")
        assert world.cache.informer(world.client, "v1", "ConfigMap") is first
        assert world.cache.informer(world.client, "v1", "ConfigMap", "ns") is not first
        assert world.cache.informer(world.client, "v1", "ConfigMap", metadata_only=True) is not first
        assert world.cache.informer(world.client, "v1", "ConfigMap", transform=keep_metadata) is not first
        tenant = world.client.impersonate("system:serviceaccount:ns:tenant")
        assert world.cache.informer(tenant, "v1", "ConfigMap") is not first
        assert len(world.cache.informers) == 5
        await world.cache.wait_synced()
        world.cache.release(first)
        assert first in world.cache.informers
        world.cache.release(first)
        assert first not in world.cache.informers
        await asyncio.sleep(1)
        assert not first.connected
        await world.close()

    run(main())


def test_transforms_keep_memory_small() -> None:
    async def main() -> None:
        world = World()
        world.api.config_map("a", managedFields=[{"manager": "m"}])
        slim = world.informer(transform=drop_managed_fields)
        bare = world.informer(transform=keep_metadata)
        await world.cache.wait_synced()
        found, meta = slim.get("ns", "a"), bare.get("ns", "a")
        assert found is not None
        assert meta is not None
        assert "managedFields" not in found["metadata"]
        assert "data" in found
        assert sorted(meta) == ["apiVersion", "kind", "metadata"]
        await world.close()

    run(main())


def test_an_index_follows_changes() -> None:
    async def main() -> None:
        world = World()
        informer = world.informer()
        informer.add_index("value", values_of)
        world.api.config_map("a", "x")
        world.api.config_map("b", "x")
        await asyncio.sleep(1)
        assert [obj["metadata"]["name"] for obj in informer.by_index("value", "x")] == ["a", "b"]
        world.api.config_map("a", "y")
        world.api.delete("configmaps", "ns", "b")
        await asyncio.sleep(1)
        assert informer.by_index("value", "x") == []
        assert len(informer.by_index("value", "y")) == 1
        await world.close()

    run(main())


def values_of(obj: dict[str, dict[str, str]]) -> list[str]:
    return [obj["data"]["value"]]


def test_lists_can_be_narrowed() -> None:
    async def main() -> None:
        world = World()
        world.api.config_map("a", labels={"app": "x"})
        world.api.config_map("b", labels={"app": "y"})
        informer = world.informer()
        await informer.wait_synced()
        assert [obj["metadata"]["name"] for obj in informer.list(labels="app in (y,z)")] == ["b"]
        assert informer.list("elsewhere") == []
        await world.close()

    run(main())


def test_who_subscribes_late_is_told_of_what_is_there_and_one_who_fails_hurts_nobody() -> None:
    async def main() -> None:
        world = World()
        world.api.config_map("a")
        informer = world.informer()
        await informer.wait_synced()
        seen: list[Key] = []

        def failing(change: Change) -> None:
            raise ZeroDivisionError

        informer.subscribe(failing)
        stop = informer.subscribe(lambda change: seen.append(change.key))
        world.api.config_map("b")
        await asyncio.sleep(1)
        stop()
        world.api.config_map("c")
        await asyncio.sleep(1)
        assert seen == [Key("ns", "a"), Key("ns", "b")]
        assert world.is_true(informer)
        await world.close()

    run(main())


def test_the_same_seed_asks_the_same_questions_at_the_same_time() -> None:
    async def main(seed: int) -> list[tuple[str, str, str]]:
        world = World(seed)
        weather = random.Random(seed)
        world.fault = lambda request: (
            weather.choice([Fault(refuse=True), Fault(lose_reply=True), Fault(cut_after=2)])
            if weather.random() < 0.3
            else None
        )
        log: list[tuple[str, str, str]] = []

        def note(request: ServerRequest) -> ServerResponse | None:
            log.append((VirtualClock().now().isoformat(), request.path, request.query))
            return None

        world.api.override = note
        informer = world.informer()
        for number in range(300):
            await asyncio.sleep(weather.uniform(0, 20))
            world.api.config_map(f"m{weather.randrange(20)}", str(number))
            if weather.random() < 0.2:
                names = sorted(world.api.objects)
                world.api.delete(*weather.choice(names))
            if weather.random() < 0.1:
                world.api.compact()
            if weather.random() < 0.1:
                world.transport.cut()
        world.fault = lambda request: None
        await asyncio.sleep(60)
        assert informer.is_live
        assert world.is_true(informer)
        await world.close()
        return log

    for seed in range(5):
        assert run(main(seed)) == run(main(seed))


def test_expired_is_its_own_kind_of_error_for_whoever_watches_by_hand() -> None:
    async def main() -> None:
        world = World()
        world.api.config_map("a")
        world.api.compact()
        world.api.config_map("b")
        with pytest.raises(Expired):
            await world.client.open_watch("v1", "ConfigMap", resource_version="1")
        await world.close()

    run(main())
