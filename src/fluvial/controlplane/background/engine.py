"""Runs what stands behind the API: events become keys, keys are reconciled one by one on the loop.

A reconciler is a synchronous function of one key, so there are no races and no task: a callback of the loop takes one
key at a time. Nothing polls; with no events and no timers due the engine does nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from fluvial.controlplane.store import Event, MemoryStore

Keys = Callable[[Event], Iterable[str]]


class Reconciler(Protocol):
    """Brings one thing, named by a key of its own choice, to where it should be."""

    @property
    def watches(self) -> Mapping[str, Keys]:
        """Return storage name of a resource to the keys that an event of it concerns; "*" watches every resource."""

    def reconcile(self, key: str) -> None:
        """Do what is to be done now for `key`; called again when something that it concerns changed."""


@dataclass(frozen=True, slots=True)
class _Item:
    reconciler: Reconciler
    key: str

    def __hash__(self) -> int:
        return hash((id(self.reconciler), self.key))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Item) and self.reconciler is other.reconciler and self.key == other.key


class Engine:
    """Feeds reconcilers. Made stopped; `start` needs a running loop."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store
        self._by_resource: dict[str, list[tuple[Reconciler, Keys]]] = {}
        self._first: list[Reconciler] = []
        self._queue: dict[_Item, None] = {}  # in order of arrival, each once
        self._timers: dict[_Item, tuple[float, asyncio.Handle]] = {}  # due, handle
        self._loop: asyncio.AbstractEventLoop | None = None
        self._scheduled: asyncio.Handle | None = None

    def add(self, reconciler: Reconciler, *, first: bool = False) -> None:
        """Feed `reconciler`; with `first`, what is there at the start is reconciled before `start` returns."""
        if first:
            self._first.append(reconciler)
        for resource, keys in reconciler.watches.items():
            self._by_resource.setdefault(resource, []).append((reconciler, keys))

    def start(self) -> None:
        """Begin, with every object that is there already as if it had just been created."""
        self._loop = asyncio.get_running_loop()
        self._store.listeners.append(self._notice)
        for resource in self._store.resources():
            for entry in list(self._store.scan(resource)):
                self._notice(Event(entry.revision, "ADDED", resource, entry, None))
        for item in [item for item in self._queue if item.reconciler in self._first]:
            del self._queue[item]
            item.reconciler.reconcile(item.key)

    def stop(self) -> None:
        """Drop all that waits. Repeatable."""
        if self._notice in self._store.listeners:
            self._store.listeners.remove(self._notice)
        for _, timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        self._queue.clear()
        if self._scheduled is not None:
            self._scheduled.cancel()
            self._scheduled = None
        self._loop = None

    @property
    def is_idle(self) -> bool:
        """Tell whether nothing is queued; timers may still be under way."""
        return not self._queue

    def time(self) -> float:
        """Return the loop's time, by which delays count."""
        assert self._loop is not None, "only a running engine reconciles"
        return self._loop.time()

    def enqueue(self, reconciler: Reconciler, key: str) -> None:
        self._queue[_Item(reconciler, key)] = None
        self._schedule()

    def later(self, seconds: float, reconciler: Reconciler, key: str) -> None:
        """Reconcile `key` in `seconds`, or sooner when that was asked for before."""
        loop = self._loop
        if loop is None:
            return
        item = _Item(reconciler, key)
        due = loop.time() + seconds
        held = self._timers.get(item)
        if held is not None:
            if held[0] <= due:
                return
            held[1].cancel()
        self._timers[item] = (due, loop.call_at(due, self._ring, item))

    def _ring(self, item: _Item) -> None:
        self._timers.pop(item, None)
        self._queue[item] = None
        self._schedule()

    def _notice(self, event: Event) -> None:
        for reconciler, keys in (*self._by_resource.get(event.resource, ()), *self._by_resource.get("*", ())):
            for key in keys(event):
                self._queue[_Item(reconciler, key)] = None
        if self._queue:
            self._schedule()

    def _schedule(self) -> None:
        if self._scheduled is None and self._loop is not None and self._queue:
            self._scheduled = self._loop.call_soon(self._run_one)

    def _run_one(self) -> None:
        self._scheduled = None
        if not self._queue:
            return
        item = next(iter(self._queue))
        del self._queue[item]
        try:
            item.reconciler.reconcile(item.key)
        finally:
            # An exception goes to the loop's handler; the others are still served.
            self._schedule()


def own_key(event: Event) -> Iterable[str]:
    """Concern the object itself."""
    return (event.entry.key,)
