"""What happened is told: to Kubernetes without flooding it, to the events address without waiting for it."""

import asyncio
import random
from collections.abc import Sequence

import msgspec
import pytest

from fluvial.kube import Client
from fluvial.net import Fault, MemoryTransport, Request, ServerRequest, ServerResponse
from fluvial.runtime import EventRecorder
from fluvial.stdx import Redactor
from fluvial.telemetry import Logger, Registry
from fluvial.testing import VirtualClock, run
from tests.runtime.miniapi import API, EVENTS, MiniApi, status

NOTIFY = "http://notification-controller.flux-system.svc.cluster.local."
OBJECT = {
    "apiVersion": "kustomize.toolkit.fluxcd.io/v1",
    "kind": "Kustomization",
    "metadata": {
        "name": "apps",
        "namespace": "ns",
        "uid": "u-1",
        "resourceVersion": "7",
        "annotations": {"event.toolkit.fluxcd.io/env": "prod", "other": "x"},
    },
}


class World:
    """A recorder between a small API server and a notification controller that answers `answers`, then 202."""

    def __init__(self, answers: Sequence[int] = ()) -> None:
        self.api = MiniApi()
        self.posts: list[tuple[float, dict[str, object]]] = []
        self.answers = list(answers)
        self.fault: dict[str, Fault | None] = {"api": None, "notify": None}
        self.transport = MemoryTransport({API: self.api.handle, NOTIFY: self.notify}, faults=self.weather)
        self.client = Client(API, self.transport, chance=random.Random(1))
        self.lines: list[str] = []
        self.registry = Registry(process=False)
        self.redactor = Redactor()
        self.recorder = EventRecorder(
            self.client,
            "kustomize-controller",
            instance="host",
            clock=VirtualClock(),
            log=Logger(self.lines.append, clock=VirtualClock()),
            metrics=self.registry,
            redactor=self.redactor,
            address=NOTIFY + "/",
            transport=self.transport,
        )
        self.task = asyncio.create_task(self.recorder.run())

    def weather(self, request: Request) -> Fault | None:
        return self.fault["api" if request.url.startswith(API) else "notify"]

    async def notify(self, request: ServerRequest) -> ServerResponse:
        self.posts.append((asyncio.get_running_loop().time(), msgspec.json.decode(request.body)))
        return ServerResponse(self.answers.pop(0) if self.answers else 202)

    def events(self) -> list[dict[str, object]]:
        return [obj for key, obj in self.api.objects.items() if key[0] == EVENTS]

    async def stop(self) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)
        await self.client.close()


def test_an_event_becomes_a_kubernetes_event_and_a_post() -> None:
    async def main() -> None:
        world = World()
        world.redactor.add("hunter2")
        world.recorder.record(OBJECT, "info", "ReconciliationSucceeded", "done, hunter2", {"revision": "main@sha1:1"})
        await world.recorder.flush(5)
        (event,) = world.events()
        metadata = {"kustomize.toolkit.fluxcd.io/revision": "main@sha1:1", "event.toolkit.fluxcd.io/env": "prod"}
        involved = {
            "kind": "Kustomization",
            "namespace": "ns",
            "name": "apps",
            "uid": "u-1",
            "apiVersion": "kustomize.toolkit.fluxcd.io/v1",
            "resourceVersion": "7",
        }
        assert event["involvedObject"] == involved
        assert event["metadata"]["annotations"] == metadata  # type: ignore[index]
        assert event["metadata"]["name"].startswith("apps.")  # type: ignore[index]
        assert (event["type"], event["reason"], event["message"]) == ("Normal", "ReconciliationSucceeded", "done, ***")
        assert event["source"] == {"component": "kustomize-controller"}
        assert world.posts[0][1] == {
            "involvedObject": involved,
            "severity": "info",
            "timestamp": "2026-01-01T00:00:00Z",
            "message": "done, ***",
            "reason": "ReconciliationSucceeded",
            "metadata": metadata,
            "reportingController": "kustomize-controller",
            "reportingInstance": "host",
        }
        await world.stop()

    run(main())


@pytest.mark.parametrize(
    ("severity", "kind", "posted"), [("info", "Normal", True), ("error", "Warning", True), ("trace", "Normal", False)]
)
def test_severities(severity: str, kind: str, posted: bool) -> None:
    async def main() -> None:
        world = World()
        world.recorder.record(OBJECT, severity, "Reason", "text")  # type: ignore[arg-type]
        await world.recorder.flush(5)
        assert world.events()[0]["type"] == kind
        assert bool(world.posts) == posted
        await world.stop()

    run(main())


def test_the_same_event_again_is_counted_in_place() -> None:
    async def main() -> None:
        world = World()
        for _ in range(5):
            world.recorder.record(OBJECT, "error", "BuildFailed", "bad yaml")
            await asyncio.sleep(10)
        (event,) = world.events()
        assert event["count"] == 5
        assert event["firstTimestamp"] == "2026-01-01T00:00:00Z"
        assert event["lastTimestamp"] == "2026-01-01T00:00:40Z"
        await world.stop()

    run(main())


def test_similar_events_are_combined_from_the_tenth_on() -> None:
    async def main() -> None:
        world = World()
        for number in range(14):
            world.recorder.record(OBJECT, "info", "Progressing", f"step {number}")
        await world.recorder.flush(5)
        messages = [event["message"] for event in world.events()]
        assert len(messages) == 10
        assert messages[-1] == "(combined from similar events): step 13"
        assert world.events()[-1]["count"] == 5
        assert len(world.posts) == 14
        await world.stop()

    run(main())


def test_one_object_is_spoken_of_25_times_and_then_once_in_five_minutes() -> None:
    async def main() -> None:
        world = World()
        for number in range(60):
            world.recorder.record(OBJECT, "info", f"Reason{number}", "text")
        await world.recorder.flush(5)
        assert len(world.events()) == 25
        await asyncio.sleep(301)
        for number in range(60, 70):
            world.recorder.record(OBJECT, "info", f"Reason{number}", "text")
        world.recorder.record(OBJECT, "error", "Other", "another type has a budget of its own")
        await world.recorder.flush(5)
        assert len(world.events()) == 27
        await world.stop()

    run(main())


def test_a_counted_event_that_expired_on_the_server_is_made_anew() -> None:
    async def main() -> None:
        world = World()
        world.recorder.record(OBJECT, "info", "Reason", "text")
        await world.recorder.flush(5)
        (key,) = [key for key in world.api.objects if key[0] == EVENTS]
        world.api.delete(*key)
        world.recorder.record(OBJECT, "info", "Reason", "text")
        await world.recorder.flush(5)
        assert world.events()[0]["count"] == 2
        await world.stop()

    run(main())


def test_two_events_of_one_moment_are_two_events() -> None:
    async def main() -> None:
        world = World()
        world.recorder.record(OBJECT, "info", "One", "text")
        world.recorder.record(OBJECT, "info", "Two", "text")
        await world.recorder.flush(5)
        assert len(world.events()) == 2
        await world.stop()

    run(main())


def test_events_wait_for_an_api_server_that_is_away_and_a_refusal_is_not_repeated() -> None:
    async def main() -> None:
        world = World()
        world.fault["api"] = Fault(refuse=True)
        world.recorder.record(OBJECT, "info", "Reason", "text")
        await asyncio.sleep(3)
        world.fault["api"] = None
        await asyncio.sleep(30)
        assert len(world.events()) == 1
        world.api.override = lambda request: status(403, "Forbidden", "no") if request.method == "POST" else None
        world.recorder.record(OBJECT, "info", "Refused", "text")
        await world.recorder.flush(5)
        refused = [request for request in world.api.requests if b"Refused" in request.body]
        assert len(refused) == 1
        assert any("will not retry" in line for line in world.lines)
        await world.stop()

    run(main())


@pytest.mark.parametrize(
    ("answers", "times"),
    [
        ([202], [0]),
        ([429], [0]),
        ([400], [0]),
        ([500, 500, 202], [0, 1, 3]),
        ([503] * 9, [0, 1, 3, 7, 15]),
    ],
)
def test_posts_are_repeated_on_server_errors_only(answers: list[int], times: list[float]) -> None:
    async def main() -> list[float]:
        world = World(answers)
        world.recorder.record(OBJECT, "info", "Reason", "text")
        await asyncio.sleep(100)
        assert ('events_dropped_total{sink="events-addr"} 1' in (await world.registry.render()).decode()) == (
            len(times) == 5
        )
        await world.stop()
        return [second for second, _ in world.posts]

    assert run(main()) == times


def test_a_receiver_that_hangs_delays_nobody_and_costs_five_seconds_an_attempt() -> None:
    async def main() -> None:
        world = World()
        world.fault["notify"] = Fault(delay=1000)
        started = asyncio.get_running_loop().time()
        world.recorder.record(OBJECT, "info", "Reason", "text")
        assert asyncio.get_running_loop().time() == started
        await asyncio.sleep(1)
        assert len(world.events()) == 1
        world.fault["notify"] = None
        await asyncio.sleep(10)
        assert len(world.posts) == 1
        assert world.posts[0][0] == pytest.approx(6)
        await world.stop()

    run(main())


def test_what_cannot_be_sent_is_bounded_counted_and_said() -> None:
    async def main() -> None:
        world = World()
        world.fault["notify"] = Fault(refuse=True)
        for number in range(1500):
            world.recorder.record(
                {**OBJECT, "metadata": {**OBJECT["metadata"], "name": f"n{number}"}}, "info", "R", "t"
            )  # type: ignore[dict-item]
        assert world.recorder.statistics() == {"kubernetes": 1000, "events-addr": 1000}
        text = (await world.registry.render()).decode()
        assert 'fluvial_events_dropped_total{sink="events-addr"} 500' in text
        await asyncio.sleep(0)
        assert any("too many queued events" in line for line in world.lines)
        await world.stop()

    run(main())


def test_the_end_does_not_wait_for_ever() -> None:
    async def main() -> float:
        world = World()
        world.fault["notify"] = Fault(refuse=True)
        world.recorder.record(OBJECT, "info", "Reason", "text")
        await world.recorder.flush(5)
        await world.stop()
        assert any("still unsent" in line for line in world.lines)
        return asyncio.get_running_loop().time()

    assert run(main()) == 5
