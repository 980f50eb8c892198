"""Keeps the events of one source few: counts repeats, combines similar ones, and bounds how often one object is spoken
of.

The three rules, their order and their numbers are client-go's (tools/record events_cache.go): events that differ in
their message only are combined once ten of them came with less than ten minutes between; an event seen before is
counted by a patch; and a source may speak of one object 25 times at once and then once in five minutes. Pure but for
the clock that it is given.
"""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Generic, TypeVar

from fluvial.api import Event
from fluvial.api.event import SEVERITY_ERROR, cut_message
from fluvial.gotext import rfc3339
from fluvial.objects import Object
from fluvial.stdx import Clock

_REMEMBERED = 4096  # records in each of the three memories
_SIMILAR = 10  # messages after which events of one reason are combined
_SIMILAR_SECONDS = 600.0  # a longer silence ends the combining
_BURST = 25  # events about one object at once
_REFILL = 300.0  # seconds for one more


@dataclass(frozen=True, slots=True)
class Sighting:
    """What to write: a whole Event to create, and, where it was seen before, the patch that counts it."""

    event: Object
    patch: Object | None
    key: tuple[str, ...] = field(repr=False)


@dataclass(slots=True)
class _Similar:
    messages: set[str]
    last: datetime


@dataclass(slots=True)
class _Seen:
    count: int
    first: str
    name: str
    version: str


@dataclass(slots=True)
class _Bucket:
    tokens: float
    filled: datetime


class Correlator:
    """The memory of one source."""

    def __init__(self, controller: str, clock: Clock) -> None:
        self._controller = controller
        self._clock = clock
        self._similar: _Memory[_Similar] = _Memory()
        self._seen: _Memory[_Seen] = _Memory()
        self._buckets: _Memory[_Bucket] = _Memory()
        self._last_name = 0  # nanoseconds

    def observe(self, event: Event) -> Sighting | None:
        """Return what to write for `event`, or None when its source has spoken too often of its object."""
        now = self._clock.now()
        combined, key = self._combine(event, now)
        sighting = self._count(combined, key, now)
        return sighting if self._has_token(event, now) else None

    def stored(self, sighting: Sighting, stored: Object) -> None:
        """Note what the server made of it, so that the next repeat patches the right object."""
        seen = self._seen.get(sighting.key)
        if seen is not None:
            metadata = stored.get("metadata") or {}
            seen.name = metadata.get("name") or seen.name
            seen.version = metadata.get("resourceVersion") or ""

    def _combine(self, event: Event, now: datetime) -> tuple[Event, tuple[str, ...]]:
        group = (*_about(event), _type(event), event.reason, "combined")
        record = self._similar.get(group)
        if record is None or (now - record.last).total_seconds() > _SIMILAR_SECONDS:
            record = _Similar(set(), now)
        record.messages.add(event.message)
        record.last = now
        self._similar.put(group, record)
        if len(record.messages) < _SIMILAR:
            return event, (*_about(event), _type(event), event.reason, event.message)
        record.messages.pop()
        return replace(event, message="(combined from similar events): " + event.message, metadata={}), group

    def _count(self, event: Event, key: tuple[str, ...], now: datetime) -> Sighting:
        body = self._body(event, now)
        seen = self._seen.get(key)
        if seen is None:
            self._seen.put(key, _Seen(1, body["firstTimestamp"], body["metadata"]["name"], ""))
            return Sighting(body, None, key)
        seen.count += 1
        self._seen.put(key, seen)
        body["metadata"]["name"] = seen.name
        body["firstTimestamp"] = seen.first
        body["count"] = seen.count
        patch = {key_: body[key_] for key_ in ("count", "lastTimestamp", "message")}
        return Sighting(body, patch, key)

    def _has_token(self, event: Event, now: datetime) -> bool:
        key = (*_about(event), _type(event))
        bucket = self._buckets.get(key) or _Bucket(float(_BURST), now)
        passed = max(0.0, (now - bucket.filled).total_seconds())
        bucket.tokens = min(float(_BURST), bucket.tokens + passed / _REFILL)
        bucket.filled = now
        self._buckets.put(key, bucket)
        if bucket.tokens < 1:
            return False
        bucket.tokens -= 1
        return True

    def _body(self, event: Event, now: datetime) -> Object:
        involved = dict(event.involved)
        # Two events of one moment must not get one name, or the second is lost.
        nanoseconds = int(now.timestamp()) * 1_000_000_000 + now.microsecond * 1000
        self._last_name = nanoseconds = max(nanoseconds, self._last_name + 1)
        metadata: dict[str, Any] = {
            "name": f"{involved.get('name', '')}.{nanoseconds:x}",
            "namespace": involved.get("namespace") or "default",
        }
        if event.metadata:
            metadata["annotations"] = dict(event.metadata)
        stamp = rfc3339(now)
        return {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": metadata,
            "involvedObject": involved,
            "reason": event.reason,
            "message": cut_message(event.message),
            "source": {"component": self._controller},
            "firstTimestamp": stamp,
            "lastTimestamp": stamp,
            "count": 1,
            "type": _type(event),
            "reportingComponent": self._controller,
            "reportingInstance": "",
        }


_V = TypeVar("_V")


class _Memory(Generic[_V]):
    """Forgets what has not been used for longest."""

    def __init__(self) -> None:
        self._records: OrderedDict[tuple[str, ...], _V] = OrderedDict()

    def get(self, key: tuple[str, ...]) -> _V | None:
        return self._records.get(key)

    def put(self, key: tuple[str, ...], record: _V) -> None:
        self._records[key] = record
        self._records.move_to_end(key)
        if len(self._records) > _REMEMBERED:
            self._records.popitem(last=False)


def _about(event: Event) -> tuple[str, ...]:
    involved: Mapping[str, Any] = event.involved
    return tuple(str(involved.get(name) or "") for name in ("kind", "namespace", "name", "uid", "apiVersion"))


def _type(event: Event) -> str:
    return "Warning" if event.severity == SEVERITY_ERROR else "Normal"
