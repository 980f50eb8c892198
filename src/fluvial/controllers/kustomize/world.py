"""What the parts of the controller share: the outside world, the watches, and the memories."""

import asyncio
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any

from fluvial.api import Kustomization, names
from fluvial.apply import Cluster, Live, Owner, Record, taken_over
from fluvial.artifacts import Fetcher
from fluvial.controllers.kustomize.memory import Memory
from fluvial.controllers.kustomize.report import Told, ready_reason
from fluvial.controllers.kustomize.settings import Settings
from fluvial.controllers.kustomize.watches import Watches, is_older
from fluvial.kube import Client
from fluvial.objects import Object, Ref
from fluvial.runtime import Cache, Controller, EventRecorder, InFlight, Key, Leadership, jitter
from fluvial.stdx import Chance, Clock, Metrics, Workers
from fluvial.telemetry import Logger


@dataclass(frozen=True, slots=True, kw_only=True)
class Deps:
    """What a controller is given.

    Args:
        client: under the controller's own identity.
        leadership: asked before each batch of writes.
        in_flight: remembers across crashes what was being reconciled; without it no object is ever set aside.
    """

    client: Client
    cache: Cache
    recorder: EventRecorder
    fetcher: Fetcher
    workers: Workers
    leadership: Leadership
    clock: Clock
    chance: Chance
    log: Logger
    metrics: Metrics
    in_flight: InFlight | None = None


@dataclass(slots=True, kw_only=True)
class World:
    """One running controller."""

    settings: Settings
    deps: Deps
    watches: Watches
    memories: dict[Key, Memory] = field(default_factory=dict)
    holders: dict[Ref, set[Key]] = field(default_factory=dict)  # who has a record of an object
    parsed: dict[bytes, Any] = field(default_factory=dict)  # parsed files by content, for builds in this process
    tasks: set[asyncio.Task[Any]] = field(default_factory=set)
    controller: Controller | None = None
    discovery: int | None = None  # the client's count of changes, as of the last look
    server_version: str = ""

    def now(self) -> float:
        """The loop's time, for durations and timers."""
        return asyncio.get_running_loop().time()

    def enqueue(self, key: Key, delay: float = 0.0) -> None:
        if self.controller is not None:
            self.controller.enqueue(key, delay)

    def interval(self, seconds: float) -> float:
        """`seconds`, spread by `--interval-jitter-percentage`."""
        return jitter(seconds, self.settings.interval_jitter_percentage, self.deps.chance)

    def memory(self, key: Key, uid: str) -> Memory:
        """What is remembered of the Kustomization; nothing of one of another uid."""
        found = self.memories.get(key)
        if found is None or found.uid != uid:
            if found is not None:
                self.forget(key)
            found = self.memories[key] = Memory(uid=uid)
        return found

    def forget(self, key: Key) -> None:
        """The Kustomization is gone: end its wait, its watches and its metric series."""
        found = self.memories.pop(key, None)
        if found is None:
            return
        self.end_wait(found)
        self.remember(key, found, {})
        self.watches.manage(key, [])
        self.watches.follow(key, self.deps.client, [])
        self.deps.metrics.forget({"kind": names.KUSTOMIZATION, "name": key.name, "namespace": key.namespace})

    def remember(self, key: Key, memory: Memory, records: Mapping[Ref, Record]) -> None:
        """Replace the records of `memory`, and keep the index over all of them right."""
        for ref in memory.records.keys() - records.keys():
            held = self.holders.get(ref, set())
            held.discard(key)
            if not held:
                self.holders.pop(ref, None)
        for ref in records:
            self.holders.setdefault(ref, set()).add(key)
        memory.records = dict(records)

    def is_planned_by_others(self, key: Key, ref: Ref) -> bool:
        """Whether another Kustomization renders `ref`, although it has not come to apply it yet."""
        return any(ref in memory.payloads for other, memory in self.memories.items() if other != key)

    # -- tasks that outlive a look

    def spawn(self, work: Coroutine[Any, Any, Any], name: str) -> "asyncio.Task[Any]":
        """Run `work` beside the workers; it is cancelled when the controller ends."""
        task = asyncio.get_running_loop().create_task(work, name=name)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return task

    def end_wait(self, memory: Memory) -> None:
        """Give up the wait for health, if there is one."""
        if memory.waiting is not None:
            memory.waiting.task.cancel()
            memory.waiting = None

    async def close(self) -> None:
        """Cancel and await every task."""
        tasks = list(self.tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # -- identities

    def account(self, ks: Kustomization) -> str:
        """The ServiceAccount that is impersonated for `ks`, or "" for the controller's own identity."""
        return ks.service_account or self.settings.default_service_account

    def client_for(self, ks: Kustomization) -> Client:
        """The client for every request made for `ks`."""
        account = self.account(ks)
        if not account:
            return self.deps.client
        return self.deps.client.impersonate(f"system:serviceaccount:{ks.ref.namespace}:{account}")

    def cluster(self, ks: Kustomization, memory: Memory) -> Cluster:
        """The cluster as `ks` may see it."""
        own = not self.account(ks)
        return Cluster(
            client=self.client_for(ks),
            clock=self.deps.clock,
            # What a tenant learns from an object is read under its own identity.
            known=(lambda ref: self.live(memory, ref)) if own else (lambda ref: None),
            records=memory.records,
            clean=lambda text: memory.redactor.clean(text),
            gate=self.deps.leadership.check,
            matches=taken_over(self.settings.override_managers),
            migrate=self.settings.gate("MigrateAPIVersion"),
            limit=max(16, self.settings.concurrent_ssa),
        )

    def live(self, memory: Memory, ref: Ref) -> Live | None:
        """The newer of what the watch shows and what our own last write returned; None where no watch is proof."""
        if not self.watches.is_proof(ref.group_kind):
            return None
        seen, record = self.watches.live(ref), memory.records.get(ref)
        if record is None:
            return seen
        if seen is None:
            # Not there yet, or there no more: the watch's own version tells which.
            return record.live if self.watches.is_behind(ref.group_kind, record.live.resource_version) else None
        if seen.uid != record.live.uid:
            return seen
        return record.live if is_older(seen.resource_version, record.live.resource_version) else seen

    # -- telling

    def tell(self, obj: Object, told: Told) -> None:
        """Record an event about a Kustomization."""
        reason = told.reason or ready_reason(obj) or told.severity
        self.deps.recorder.record(obj, told.severity, reason, told.message, told.details())


def owner_of(ks: Kustomization) -> Owner:
    return Owner(ks.ref.name, ks.ref.namespace)
