"""Tells what happened: as Kubernetes Events, and to notification-controller when its address is given.

Recording never waits: events go into two bounded queues, and one task for each sends them in order. What does not fit,
or cannot be delivered, is counted and logged. Source of the behaviour: fluxcd/pkg runtime/events and client-go
tools/record.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from typing import Literal

import msgspec

from fluvial.api import Event
from fluvial.api.event import SEVERITY_TRACE, event_metadata
from fluvial.gotext import rfc3339
from fluvial.kube import ApiError, Client, KubeError, Unreachable
from fluvial.net import NetError, Request, Transport
from fluvial.objects import Object, Ref
from fluvial.runtime.correlation import Correlator, Sighting
from fluvial.stdx import NO_METRICS, Clock, Metrics, Redactor
from fluvial.telemetry import Logger

QUEUE_BOUND = 1000  # events; client-go's recorder drops beyond the same number
_POST_TIMEOUT = 5.0  # seconds for one attempt
_POST_WAITS = (1.0, 2.0, 4.0, 8.0)  # seconds between attempts; retryablehttp's defaults, four retries
_API_WAITS = (1.0, 5.0, 10.0, 10.0, 10.0)  # seconds between attempts while the API server does not answer

Severity = Literal["info", "error", "trace"]


class EventRecorder:
    """Records events about objects in the name of one controller."""

    def __init__(
        self,
        client: Client,
        controller: str,
        *,
        instance: str,
        clock: Clock,
        log: Logger,
        metrics: Metrics = NO_METRICS,
        redactor: Redactor | None = None,
        address: str = "",
        transport: Transport | None = None,
    ) -> None:
        """
        Args:
            controller: reporting controller ("kustomize-controller").
            instance: reporting instance, the host name.
            address: URL to post to (`--events-addr`), or "" to post nothing.
            transport: carries the posts; needed with `address`.
        """
        if address and transport is None:
            raise ValueError("posting events needs a transport")
        self._client = client
        self._controller = controller
        self._instance = instance
        self._clock = clock
        self._log = log
        self._redactor = redactor or Redactor()
        self._address = address
        self._transport = transport
        self._correlator = Correlator(controller, clock)
        self._kube = _Sink("kubernetes", self._write_kubernetes, metrics, log)
        self._post = _Sink("events-addr", self._write_post, metrics, log)

    def record(
        self,
        obj: Object,
        severity: Severity,
        reason: str,
        message: str,
        metadata: Mapping[str, str] | None = None,
    ) -> None:
        """Tell that something happened to `obj`; returns at once.

        Args:
            obj: with apiVersion, kind and metadata; its uid and resourceVersion go into the reference.
            severity: "trace" becomes a Normal Kubernetes Event and is never posted.
            reason: one CamelCase word.
            message: secrets known to the redactor are removed, the posted text is cut to 39000 bytes.
            metadata: keys without a group are put under the group of `obj`.
        """
        ref = Ref.of(obj)
        details = event_metadata(obj, ref.group, metadata or {})
        event = Event(
            involved=_reference(obj),
            severity=severity,
            timestamp=rfc3339(self._clock.now()),
            message=self._redactor.clean(message),
            reason=reason,
            metadata={key: self._redactor.clean(value) for key, value in details.items()},
            reporting_controller=self._controller,
            reporting_instance=self._instance,
        )
        if self._log.enabled("trace"):
            self._log.trace(event.message, reason=reason, annotations=dict(event.metadata), object=str(ref))
        self._kube.put(event)
        if self._address and severity != SEVERITY_TRACE and ref.namespace:
            self._post.put(event)

    async def run(self) -> None:
        """Send until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._kube.run(), name="events to kubernetes")
            group.create_task(self._post.run(), name="events to the events address")

    async def flush(self, seconds: float) -> None:
        """Wait up to `seconds` until everything is sent, as before the process ends. `run` must still run."""
        try:
            async with asyncio.timeout(seconds):
                await self._kube.emptied()
                await self._post.emptied()
        except TimeoutError:
            self._log.error("events were still unsent at the end", kubernetes=len(self._kube), posts=len(self._post))

    def statistics(self) -> Mapping[str, int]:
        """Return how many events wait, by sink."""
        return {"kubernetes": len(self._kube), "events-addr": len(self._post)}

    async def _write_kubernetes(self, event: Event) -> bool:
        sighting = self._correlator.observe(event)
        if sighting is None:
            return True  # this source speaks too much about this object
        for wait in (*_API_WAITS, None):
            try:
                self._correlator.stored(sighting, await self._send(sighting))
                return True
            except Unreachable as error:
                if wait is None:
                    self._log.error("Unable to write event (retry limit exceeded!)", error=error)
                    return False
                await asyncio.sleep(wait)
            except ApiError as error:
                if error.is_already_exists:
                    return True
                self._log.error("Server rejected event (will not retry!)", error=error, reason=event.reason)
                return False
            except KubeError as error:
                self._log.error("Unable to write event", error=error, reason=event.reason)
                return False
        return False

    async def _send(self, sighting: Sighting) -> Object:
        if sighting.patch is not None:
            try:
                return await self._client.patch(Ref.of(sighting.event), sighting.patch, kind="strategic")
            except ApiError as error:
                if not error.is_not_found:
                    raise
        return await self._client.create(sighting.event)

    async def _write_post(self, event: Event) -> bool:
        assert self._transport is not None
        request = Request(
            "POST",
            self._address,
            {"Content-Type": "application/json"},
            msgspec.json.encode(event.payload()),
            timeout=_POST_TIMEOUT,
        )
        for wait in (*_POST_WAITS, None):
            problem = await self._post_once(request)
            if problem is None:
                return True
            if wait is None:
                self._log.error("unable to record event", error=problem, reason=event.reason)
                return False
            await asyncio.sleep(wait)
        return False

    async def _post_once(self, request: Request) -> str | None:
        """Return None when the event is delivered or need not be repeated, else what went wrong."""
        assert self._transport is not None
        try:
            async with await self._transport.send(request) as response:
                await response.read(1 << 20)
                # 429 is notification-controller's word for "I have that one already"; other 4xx would only fail again.
                if response.status < 500 or response.status == 501:
                    return None
                return f"the events address answered {response.status}"
        except NetError as error:
            return str(error)


class _Sink:
    """A bounded queue and the loop that empties it."""

    def __init__(self, name: str, write: Callable[[Event], Awaitable[bool]], metrics: Metrics, log: Logger) -> None:
        self._name = {"sink": name}
        self._write = write
        self._metrics = metrics
        self._log = log
        self._waiting: deque[Event] = deque()
        self._wake = asyncio.Event()
        self._empty = asyncio.Event()
        self._empty.set()

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, event: Event) -> None:
        if len(self._waiting) >= QUEUE_BOUND:
            self._metrics.inc("fluvial_events_dropped_total", self._name)
            self._log.error("Unable to record event: too many queued events, dropped event", reason=event.reason)
            return
        self._waiting.append(event)
        self._empty.clear()
        self._wake.set()
        self._metrics.set("fluvial_events_queued", self._name, len(self._waiting))

    async def run(self) -> None:
        while True:
            while self._waiting:
                event = self._waiting[0]
                if not await self._write(event):
                    self._metrics.inc("fluvial_events_dropped_total", self._name)
                self._waiting.popleft()
                self._metrics.set("fluvial_events_queued", self._name, len(self._waiting))
            self._empty.set()
            self._wake.clear()
            await self._wake.wait()

    async def emptied(self) -> None:
        await self._empty.wait()


def _reference(obj: Object) -> dict[str, str]:
    """Return the ObjectReference of `obj`."""
    ref = Ref.of(obj)
    metadata = obj.get("metadata") or {}
    found = {
        "kind": ref.kind,
        "namespace": ref.namespace,
        "name": ref.name,
        "uid": str(metadata.get("uid") or ""),
        "apiVersion": ref.api_version,
        "resourceVersion": str(metadata.get("resourceVersion") or ""),
    }
    return {key: value for key, value in found.items() if value}
