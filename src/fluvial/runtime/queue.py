"""Which object is looked at next: each key once, when its time has come, and never twice at the same time.

A key is in at most one of these states:

```
          add / add_after            its time comes              get
absent ───────────────────▶ delayed ─────────────▶ ready ─────────────────▶ running
                               ▲  add: now, if that is sooner ▲                 │ done
                               └── add_after while running ───┴── added while ──┘
                                                                  running (dirty)
```

Semantics follow controller-runtime's priority queue: a key has one due time, the earliest asked for; of those that are
due the higher priority goes first, and among equals the one that has waited longest. Time is the event loop's.
"""

import asyncio
import heapq
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from fluvial.stdx import NO_METRICS, Metrics

FRESH = 0  # priority of something that just happened
RESYNC = -100  # priority of objects met in an initial list, as controller-runtime's LowPriority

MIN_RETRY_DELAY = 0.75  # seconds; Flux's --min-retry-delay
MAX_RETRY_DELAY = 900.0  # seconds; Flux's --max-retry-delay


class Key(NamedTuple):
    """Names an object within its kind; a cluster-scoped one has no namespace."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}" if self.namespace else self.name


class QueueClosed(Exception):
    """The queue was shut down; there is nothing more to do."""


@dataclass(slots=True)
class _Item:
    priority: int
    due: float
    since: float  # loop time at which it became, or will become, ready; for the waiting-time metric
    ticket: int
    ready: bool = False


class Queue:
    """A rate-limited, de-duplicating queue of keys for the workers of one controller."""

    def __init__(
        self,
        name: str,
        *,
        min_delay: float = MIN_RETRY_DELAY,
        max_delay: float = MAX_RETRY_DELAY,
        metrics: Metrics = NO_METRICS,
    ) -> None:
        """`min_delay`, `max_delay`: seconds of the first and of the longest wait after failures (doubling, no
        jitter)."""
        self._labels = {"name": name, "controller": name}
        self._min_delay = min_delay
        self._max_delay = max_delay
        self._metrics = metrics
        self._items: dict[Key, _Item] = {}
        self._ready: list[tuple[int, int, Key]] = []  # (-priority, ticket, key); stale entries are skipped
        self._delayed: list[tuple[float, int, Key]] = []  # (due, ticket, key); stale entries are skipped
        self._running: dict[Key, float] = {}
        self._failures: dict[Key, int] = {}
        self._waiters: deque[asyncio.Future[None]] = deque()
        self._timer: asyncio.Handle | None = None
        self._timer_due = 0.0  # kept here: uvloop's handle of a time that has passed does not tell it
        self._tickets = 0
        self._adds = 0
        self._closed = False

    def add(self, key: Key, *, priority: int = FRESH) -> None:
        """Ask for a look at `key` now. While it runs, this asks for another one afterwards."""
        self.add_after(key, 0.0, priority=priority)

    def add_after(self, key: Key, delay: float, *, priority: int = FRESH) -> None:
        """Ask for a look in `delay` seconds; a sooner one that is asked for already stands, with the higher
        priority."""
        if self._closed:
            return
        now = _now()
        due = now + max(0.0, delay)
        item = self._items.get(key)
        if item is None:
            self._adds += 1
            self._metrics.inc("workqueue_adds_total", self._labels)
            item = self._items[key] = _Item(priority, due, due, 0)
        elif due >= item.due and priority <= item.priority:
            return
        else:
            item.due = min(item.due, due)
            item.since = min(item.since, item.due)
            item.priority = max(item.priority, priority)
        self._place(key, item, now)

    def add_rate_limited(self, key: Key) -> float:
        """Ask for a look after a failure and return the seconds until then: `min_delay` doubled for each failure."""
        failures = self._failures.get(key, 0)
        self._failures[key] = failures + 1
        delay = min(self._min_delay * 2.0 ** min(failures, 64), self._max_delay)
        self._metrics.inc("workqueue_retries_total", self._labels)
        self.add_after(key, delay)
        return delay

    def forget(self, key: Key) -> None:
        """End the count of failures of `key`."""
        self._failures.pop(key, None)

    def failures(self, key: Key) -> int:
        """Return how often `key` failed in a row."""
        return self._failures.get(key, 0)

    def drop(self, key: Key) -> None:
        """Take back every request for `key` and its failures, as for an object that is gone. A running look goes on."""
        self._items.pop(key, None)
        self._failures.pop(key, None)

    async def get(self) -> Key:
        """Wait for the next key; it runs until `done`.

        Raises:
            QueueClosed: the queue was shut down.
        """
        while True:
            if self._closed:
                raise QueueClosed
            key = self._take()
            if key is not None:
                return key
            waiter = asyncio.get_running_loop().create_future()
            self._waiters.append(waiter)
            try:
                await waiter
            except asyncio.CancelledError:
                if waiter.done() and not waiter.cancelled():
                    self._wake()  # the turn given to us goes to another
                elif waiter in self._waiters:  # unless `_wake` passed it over while we were being cancelled
                    self._waiters.remove(waiter)
                raise

    def done(self, key: Key) -> None:
        """End the look at `key`; it may be given out again."""
        started = self._running.pop(key, None)
        if started is None:
            return
        now = _now()
        self._metrics.observe("workqueue_work_duration_seconds", self._labels, now - started)
        item = self._items.get(key)
        if item is not None:
            item.since = max(item.since, now)
            self._place(key, item, now)

    def close(self) -> None:
        """Shut down: waiting and later `get`s raise QueueClosed, adds are ignored."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(None)

    def statistics(self) -> Mapping[str, float]:
        """Return `ready`, `delayed`, `running`, `failing`, `adds` (since the start) and `longest_running` (seconds)."""
        ready = sum(1 for key, item in self._items.items() if item.ready and key not in self._running)
        oldest = min(self._running.values(), default=None)
        return {
            "ready": ready,
            "delayed": len(self._items) - ready,
            "running": len(self._running),
            "failing": len(self._failures),
            "adds": self._adds,
            "longest_running": 0.0 if oldest is None else _now() - oldest,
        }

    def report(self) -> None:
        """Set the gauges that are a matter of the moment; called before metrics are shown."""
        now = _now()
        found = self.statistics()
        self._metrics.set("workqueue_depth", {**self._labels, "priority": ""}, found["ready"])
        unfinished = sum(now - started for started in self._running.values())
        self._metrics.set("workqueue_unfinished_work_seconds", self._labels, unfinished)
        self._metrics.set("workqueue_longest_running_processor_seconds", self._labels, found["longest_running"])

    def _place(self, key: Key, item: _Item, now: float) -> None:
        """Put a new or changed item where it belongs; older entries of it in the heaps become stale."""
        self._tickets += 1
        item.ticket = self._tickets
        item.ready = item.due <= now
        if not item.ready:
            heapq.heappush(self._delayed, (item.due, item.ticket, key))
            self._arm()
        elif key not in self._running:
            heapq.heappush(self._ready, (-item.priority, item.ticket, key))
            self._wake()

    def _take(self) -> Key | None:
        while self._ready:
            _, ticket, key = heapq.heappop(self._ready)
            item = self._items.get(key)
            if item is None or item.ticket != ticket or key in self._running:
                continue
            del self._items[key]
            now = _now()
            self._metrics.observe("workqueue_queue_duration_seconds", self._labels, now - item.since)
            self._running[key] = now
            return key
        return None

    def _arm(self) -> None:
        """Set the one timer to the earliest delayed item."""
        while self._delayed and not self._is_current(self._delayed[0]):
            heapq.heappop(self._delayed)
        if not self._delayed:
            return
        due = self._delayed[0][0]
        if self._timer is not None and not self._timer.cancelled():
            if _now() < self._timer_due <= due:
                return
            self._timer.cancel()
        self._timer_due = due
        self._timer = asyncio.get_running_loop().call_at(due, self._ripen)

    def _ripen(self) -> None:
        """Make ready what is due."""
        self._timer = None
        now = asyncio.get_running_loop().time()
        while self._delayed and self._delayed[0][0] <= now + 1e-9:
            entry = heapq.heappop(self._delayed)
            if self._is_current(entry):
                key = entry[2]
                item = self._items[key]
                item.ready = True
                if key not in self._running:
                    heapq.heappush(self._ready, (-item.priority, item.ticket, key))
                    self._wake()
        self._arm()

    def _is_current(self, entry: tuple[float, int, Key]) -> bool:
        item = self._items.get(entry[2])
        return item is not None and item.ticket == entry[1] and not item.ready

    def _wake(self) -> None:
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return


def _now() -> float:
    return asyncio.get_running_loop().time()
