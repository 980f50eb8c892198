"""Runs one reconcile function over the objects of one kind: watched, queued, never twice at a time for one object."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from fluvial.objects import annotations
from fluvial.runtime.changes import Change
from fluvial.runtime.inflight import InFlight, NoInFlight
from fluvial.runtime.informer import Informer
from fluvial.runtime.queue import FRESH, MAX_RETRY_DELAY, MIN_RETRY_DELAY, RESYNC, Key, Queue, QueueClosed
from fluvial.stdx import NO_METRICS, Chance, Metrics
from fluvial.telemetry import Logger

REQUESTED_AT = "reconcile.fluxcd.io/requestedAt"


@dataclass(frozen=True, slots=True)
class Result:
    """What a reconcile that did not fail asks for.

    Attributes:
        requeue_after: seconds until the next look, or None for "when something happens".
    """

    requeue_after: float | None = None


class Reconcile(Protocol):
    """The function of a controller. An exception means: try again later, with backoff."""

    async def __call__(self, key: Key, log: Logger) -> Result: ...


class SetAside(Protocol):
    """Marks an object that was in flight at `crashes` crashes in a row (Stalled); it is not reconciled until it
    changes."""

    async def __call__(self, key: Key, crashes: int, log: Logger) -> None: ...


Predicate = Callable[[Change], bool]
Mapper = Callable[[Change], Iterable[Key]]


def own_changes(change: Change) -> bool:
    """Flux's predicate for a controller's own kind: created, deleted, generation changed, or `requestedAt` changed.

    Source: fluxcd/pkg runtime/predicates ReconcileRequestedPredicate or'ed with GenerationChangedPredicate.
    """
    if change.old is None or change.type == "DELETED":
        return True
    old, new = change.old.get("metadata") or {}, change.object.get("metadata") or {}
    if old.get("generation") != new.get("generation") or old.get("uid") != new.get("uid"):
        return True
    asked = annotations(change.object).get(REQUESTED_AT)
    return asked is not None and asked != annotations(change.old).get(REQUESTED_AT)


def itself(change: Change) -> Iterable[Key]:
    """The mapper of a controller's own kind."""
    return (change.key,)


_FROM_ZERO = (
    "controller_runtime_reconcile_errors_total",
    "controller_runtime_reconcile_panics_total",
    "controller_runtime_terminal_reconcile_errors_total",
)


def _is_being_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


class Controller:
    """One kind's queue and workers."""

    def __init__(
        self,
        name: str,
        kind: str,
        reconcile: Reconcile,
        *,
        group: str = "",
        concurrency: int = 4,
        chance: Chance,
        log: Logger,
        metrics: Metrics = NO_METRICS,
        min_delay: float = MIN_RETRY_DELAY,
        max_delay: float = MAX_RETRY_DELAY,
        in_flight: InFlight | None = None,
        set_aside: SetAside | None = None,
    ) -> None:
        """
        Args:
            name: as in logs and metrics ("gitrepository").
            kind, group: of the objects, for logs and metrics.
            concurrency: how many objects at once; one object never twice at once.
            min_delay, max_delay: seconds of backoff after failures.
            in_flight: remembers across crashes what was being reconciled, together with `set_aside`.
        """
        self.name = name
        self.kind = kind
        self.queue = Queue(name, min_delay=min_delay, max_delay=max_delay, metrics=metrics)
        self.concurrency = concurrency
        self._reconcile = reconcile
        self._chance = chance
        self._metrics = metrics
        self._log = log.bind(controller=name, controllerGroup=group, controllerKind=kind)
        self._in_flight = in_flight or NoInFlight()
        self._set_aside = set_aside
        self._one_suspect = asyncio.Lock()
        self._unsubscribe: list[Callable[[], None]] = []
        self._active = 0
        self._begin_series()
        self._metrics.set("controller_runtime_max_concurrent_reconciles", {"controller": name}, concurrency)
        self._metrics.set("controller_runtime_active_workers", {"controller": name}, 0)

    def _begin_series(self) -> None:
        """Let counters begin at zero, as controller-runtime does: a rate needs a first value."""
        labels = {"controller": self.name}
        for name in _FROM_ZERO:
            self._metrics.inc(name, labels, 0)
        for result in ("error", "requeue", "requeue_after", "success"):
            self._metrics.inc("controller_runtime_reconcile_total", labels | {"result": result}, 0)
        self._metrics.inc("workqueue_retries_total", labels | {"name": self.name}, 0)

    def watch(self, informer: Informer, *, when: Predicate = own_changes, which: Mapper = itself) -> None:
        """Queue the keys that `which` names for each change that `when` accepts.

        Objects that were there from the start come with low priority, so that fresh changes overtake them.
        """

        def on_change(change: Change) -> None:
            if when(change):
                priority = RESYNC if change.initial and change.type == "ADDED" else FRESH
                for key in which(change):
                    self.queue.add(key, priority=priority)

        self._unsubscribe.append(informer.subscribe(on_change))

    def enqueue(self, key: Key, delay: float = 0.0) -> None:
        """Ask for a look at `key` in `delay` seconds."""
        self.queue.add_after(key, delay)

    async def run(self) -> None:
        """Reconcile until cancelled; looks under way are cancelled with it."""
        self._log.info("Starting Controller")
        self._log.info("Starting workers", **{"worker count": self.concurrency})
        try:
            async with asyncio.TaskGroup() as group:
                for number in range(self.concurrency):
                    group.create_task(self._work(), name=f"{self.name} worker {number}")
        finally:
            self.queue.close()
            for unsubscribe in self._unsubscribe:
                unsubscribe()
            self._log.info("All workers finished")

    def statistics(self) -> Mapping[str, float]:
        """The queue's figures, and `active`: looks under way."""
        return {**self.queue.statistics(), "active": self._active}

    async def _work(self) -> None:
        while True:
            try:
                key = await self.queue.get()
            except QueueClosed:
                return
            self._count_active(1)
            try:
                await self._guarded(key)
            finally:
                self._count_active(-1)
                self.queue.done(key)

    async def _guarded(self, key: Key) -> None:
        """Look at `key` by the poison rule: in flight at `limit` crashes in a row, it is set aside.

        Suspects are looked at one at a time, so that the next crash blames one object and not whoever ran beside it.
        """
        name = f"{self.name}/{key}"
        crashes = self._in_flight.crashes(name)
        if not crashes:
            await self._look(key, name)
        elif crashes < self._in_flight.limit or self._set_aside is None:
            async with self._one_suspect:
                await self._look(key, name)
        else:
            log = self._log_for(key)
            log.error("object was in flight at several crashes in a row and is set aside", crashes=crashes)
            try:
                await self._set_aside(key, crashes, log)
            except Exception as error:
                self._failed(key, error, log)  # it stays a suspect, and the others go on
            else:
                self._in_flight.forgive(name)

    async def _look(self, key: Key, name: str) -> None:
        loop = asyncio.get_running_loop()
        log = self._log_for(key)
        started = loop.time()
        self._in_flight.begin(name)
        try:
            result = await self._reconcile(key, log)
        except asyncio.CancelledError as error:
            if _is_being_cancelled():
                raise
            self._failed(key, error, log)  # something that the look waited for was cancelled, which ends no worker
        except Exception as error:
            self._failed(key, error, log)
        else:
            self._succeeded(key, result)
        finally:
            self._in_flight.end(name)
            self._metrics.observe(
                "controller_runtime_reconcile_time_seconds", {"controller": self.name}, loop.time() - started
            )

    def _succeeded(self, key: Key, result: Result) -> None:
        self.queue.forget(key)
        if result.requeue_after is None:
            self._count_result("success")
        else:
            self._count_result("requeue_after")
            self.queue.add_after(key, result.requeue_after)

    def _failed(self, key: Key, error: BaseException, log: Logger) -> None:
        self._count_result("error")
        self._metrics.inc("controller_runtime_reconcile_errors_total", {"controller": self.name})
        self.queue.add_rate_limited(key)
        log.error("Reconciler error", error=error)

    def _log_for(self, key: Key) -> Logger:
        named: dict[str, Any] = {self.kind: {"name": key.name, "namespace": key.namespace}}
        return self._log.bind(**named, namespace=key.namespace, name=key.name, reconcileID=self._new_id())

    def _new_id(self) -> str:
        """Return a version 4 UUID of the given chance, so that two runs of one seed log the same."""
        bits = self._chance.getrandbits(128)
        bits = bits & ~(0xF << 76) | 0x4 << 76
        bits = bits & ~(0x3 << 62) | 0x2 << 62
        text = f"{bits:032x}"
        return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"

    def _count_result(self, result: str) -> None:
        self._metrics.inc("controller_runtime_reconcile_total", {"controller": self.name, "result": result})

    def _count_active(self, step: int) -> None:
        self._active += step
        self._metrics.set("controller_runtime_active_workers", {"controller": self.name}, self._active)
