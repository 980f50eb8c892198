"""A local copy of some objects of a server, kept by a watch.

An informer is in one of these states; `run` is the loop over them:

```
        ┌────────────── 410, or the server can't resume ──────────────┐
        ▼                                                             │
    LISTING ── state complete ──▶ WATCHING ── ended or broken ──▶ RESUMING
        │                            ▲                                │
        └── failed: wait, again      └──────── connected ─────────────┘
```

LISTING reads the whole state (as initial events of a watch, or in pages where the server can't) and only then compares
it with the copy, so that an object that vanished meanwhile is told as DELETED and a failure in the middle changes
nothing. After a failure the copy stays as it is: what it says about absence counts only while `is_live`.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence

from fluvial.kube import ApiError, Client, ConfigError, Expired, KubeError, NotServed, WatchEvent
from fluvial.objects import LabelSelector, Object, Ref, labels
from fluvial.runtime.changes import Change, Index, Lookup, Scope, Subscriber, key_of
from fluvial.runtime.queue import Key
from fluvial.stdx import NO_METRICS, Chance, Metrics
from fluvial.telemetry import Logger
from fluvial.wire import is_initial_events_end

_FIRST_DELAY = 0.2  # seconds; a restarted API server is back at once as far as its clients can tell
_LAST_DELAY = 30.0  # seconds; client-go's reflector goes no further either
_SHORT_WATCH = 1.0  # seconds; a watch that ends sooner counts as a failure, lest it spin


class Informer:
    """The copy. Objects that it hands out are shared: whoever wants to change one copies it first.

    Attributes:
        synced: the copy has been complete once.
        connected: a watch is open.
        epoch: counts complete lists; a new number after the first means that events may have been missed in between.
        error: why it is not connected, or None.
    """

    def __init__(
        self,
        client: Client,
        scope: Scope,
        *,
        chance: Chance,
        log: Logger,
        metrics: Metrics = NO_METRICS,
        transform: Callable[[Object], Object] | None = None,
    ) -> None:
        """`transform` may change and must return each object before it is kept (`drop_managed_fields`,
        `keep_metadata`)."""
        self.scope = scope
        self.synced = False
        self.connected = False
        self.epoch = 0
        self.error: KubeError | None = None
        self._client = client
        self._chance = chance
        self._log = log.bind(watch=scope.kind)
        self._metrics = metrics
        self._transform = transform
        self._objects: dict[Key, Object] = {}
        self._subscribers: dict[int, Subscriber] = {}
        self._state_subscribers: dict[int, Callable[[], None]] = {}
        self._tickets = 0
        self._indexes: dict[str, Lookup] = {}
        self._version = ""
        self._can_stream = True
        self._sync_waiters: list[asyncio.Future[None]] = []

    @property
    def is_live(self) -> bool:
        """Whether the copy is complete and a watch keeps it so: only now does absence mean anything."""
        return self.synced and self.connected

    @property
    def resource_version(self) -> str:
        return self._version

    def get(self, namespace: str, name: str) -> Object | None:
        """Return the copy of one object, or None."""
        return self._objects.get(Key(namespace, name))

    def list(self, namespace: str = "", *, labels: str = "") -> Sequence[Object]:
        """Return the copies, sorted by key; of one namespace and matching a label selector where given."""
        found = sorted(self._objects.items())
        if namespace:
            found = [item for item in found if item[0].namespace == namespace]
        if labels:
            selector = LabelSelector.parse(labels)
            found = [item for item in found if selector.matches(_labels(item[1]))]
        return [obj for _, obj in found]

    def __len__(self) -> int:
        return len(self._objects)

    def add_index(self, name: str, values: Index) -> None:
        """Keep the objects findable by what `values` says of each. Raises ValueError if `name` is taken by another."""
        present = self._indexes.get(name)
        if present is not None:
            if present.values is not values:
                raise ValueError(f"{self.scope.kind} has another index named {name}")
            return
        index = self._indexes[name] = Lookup(values)
        for key, obj in self._objects.items():
            index.replace(key, None, obj)

    def by_index(self, name: str, value: str) -> Sequence[Object]:
        """Return the objects for which the index said `value`, sorted by key."""
        return [self._objects[key] for key in sorted(self._indexes[name].keys.get(value, ()))]

    def subscribe(self, subscriber: Subscriber, *, replay: bool = True) -> Callable[[], None]:
        """Call `subscriber` for each change, at once and in order, and return the function that ends it.

        It must not block. `replay` first tells of what is there already, as initial ADDED changes.
        """
        self._tickets += 1
        ticket = self._tickets
        self._subscribers[ticket] = subscriber
        if replay:
            for _, obj in sorted(self._objects.items()):
                self._tell_one(subscriber, Change("ADDED", obj, initial=True))

        def unsubscribe() -> None:
            self._subscribers.pop(ticket, None)

        return unsubscribe

    def subscribe_state(self, subscriber: Callable[[], None]) -> Callable[[], None]:
        """Call `subscriber` whenever `synced`, `connected` or `epoch` changes; returns the function that ends it."""
        self._tickets += 1
        ticket = self._tickets
        self._state_subscribers[ticket] = subscriber

        def unsubscribe() -> None:
            self._state_subscribers.pop(ticket, None)

        return unsubscribe

    async def wait_synced(self) -> None:
        """Return once the copy has been complete. Waits for ever while the server refuses: see `error`, use a
        timeout."""
        if self.synced:
            return
        waiter = asyncio.get_running_loop().create_future()
        self._sync_waiters.append(waiter)
        try:
            await waiter
        finally:
            if waiter in self._sync_waiters:
                self._sync_waiters.remove(waiter)

    async def run(self) -> None:
        """Keep the copy until cancelled."""
        failures = 0
        loop = asyncio.get_running_loop()
        try:
            while True:
                started = loop.time()
                try:
                    if self._version:
                        await self._follow()
                    else:
                        await self._list_and_follow()
                    self._note_end(None)
                    failures = 0 if loop.time() - started >= _SHORT_WATCH else failures + 1
                except Expired as error:
                    self._version = ""
                    self._note_end(error)
                    failures = 0 if loop.time() - started >= _SHORT_WATCH else failures + 1
                except KubeError as error:
                    if isinstance(error, ApiError | NotServed | ConfigError):
                        self._version = ""  # the server may have forgotten what it was before
                    self._note_end(error)
                    failures = 1 if loop.time() - started >= _LAST_DELAY else failures + 1
                if failures:
                    await asyncio.sleep(self._delay(failures))
        finally:
            self._set_connected(False)

    # -- the loop's steps

    async def _list_and_follow(self) -> None:
        if self._can_stream:
            try:
                await self._follow(initial=True)
                return
            except ApiError as error:
                if error.status not in (400, 405, 422) or self._version:
                    raise
                self._can_stream = False  # an older server, or one without the WatchList feature
        scope = self.scope
        found = await self._client.list(
            scope.api_version,
            scope.kind,
            scope.namespace or None,
            labels=scope.labels,
            fields=scope.fields,
            metadata_only=scope.metadata_only,
        )
        self._replace([self._transformed(obj) for obj in found.items])
        self._version = found.resource_version
        await self._follow()

    async def _follow(self, *, initial: bool = False) -> None:
        """Carry out one watch to its end. With `initial` the state comes first and replaces the copy when it is
        whole."""
        scope = self.scope
        stream = await self._client.open_watch(
            scope.api_version,
            scope.kind,
            scope.namespace or None,
            labels=scope.labels,
            fields=scope.fields,
            metadata_only=scope.metadata_only,
            resource_version=self._version,
            send_initial_events=initial,
        )
        collected: dict[Key, Object] | None = {} if initial else None
        async with stream:
            if collected is None:
                self._set_connected(True)
            async for event in stream:
                if collected is not None:
                    if not self._collect(collected, event):
                        continue
                    self._replace(collected.values())
                    collected = None
                    self._set_connected(True)
                elif event.type != "BOOKMARK":
                    self._take(event)
                self._version = stream.resource_version
        if collected is not None:
            self._can_stream = False  # it ended well, but without the mark that says "this was all"

    def _collect(self, collected: dict[Key, Object], event: WatchEvent) -> bool:
        """Add one initial event; True when the state is complete."""
        if event.type == "BOOKMARK":
            return is_initial_events_end(event)
        key = key_of(event.object)
        if event.type == "DELETED":
            collected.pop(key, None)
        else:
            collected[key] = self._transformed(event.object)
        return False

    def _take(self, event: WatchEvent) -> None:
        obj = self._transformed(event.object)
        key = key_of(obj)
        old = self._objects.get(key)
        if event.type == "DELETED":
            if old is not None:
                self._put(key, old, None)
                self._tell(Change("DELETED", obj, old))
            return
        self._put(key, old, obj)
        self._tell(Change("MODIFIED" if old is not None else "ADDED", obj, old))

    def _replace(self, objects: Iterable[Object]) -> None:
        """Make the copy equal to a whole list, telling only differences."""
        fresh = {key_of(obj): obj for obj in objects}
        changes: list[Change] = []
        for key, old in sorted(self._objects.items()):
            new = fresh.get(key)
            if new is None or _uid(new) != _uid(old):
                self._put(key, old, None)
                changes.append(Change("DELETED", old, old))
        for key, new in sorted(fresh.items()):
            current = self._objects.get(key)
            if current is not None and _version(current) == _version(new):
                continue
            self._put(key, current, new)
            changes.append(Change("ADDED" if current is None else "MODIFIED", new, current, initial=True))
        self.epoch += 1
        self.synced = True
        for waiter in self._sync_waiters:
            if not waiter.done():
                waiter.set_result(None)
        for change in changes:
            self._tell(change)
        self._tell_state()

    def _put(self, key: Key, old: Object | None, new: Object | None) -> None:
        if new is None:
            self._objects.pop(key, None)
        else:
            self._objects[key] = new
        for index in self._indexes.values():
            index.replace(key, old, new)

    def _transformed(self, obj: Object) -> Object:
        return self._transform(obj) if self._transform is not None else obj

    # -- telling

    def _tell(self, change: Change) -> None:
        for subscriber in list(self._subscribers.values()):
            self._tell_one(subscriber, change)

    def _tell_one(self, subscriber: Subscriber, change: Change) -> None:
        try:
            subscriber(change)
        except Exception as error:
            # One subscriber's mistake must not stop the others, nor the watch.
            self._log.error("subscriber of a watch failed", error=error, object=str(Ref.of(change.object)))

    def _tell_state(self) -> None:
        for subscriber in list(self._state_subscribers.values()):
            try:
                subscriber()
            except Exception as error:
                self._log.error("subscriber of a watch's state failed", error=error)

    def _set_connected(self, connected: bool) -> None:
        if connected:
            self.error = None
        if self.connected != connected:
            self.connected = connected
            self._tell_state()

    def _note_end(self, error: KubeError | None) -> None:
        self.error = error
        self._set_connected(False)
        if error is None:
            return
        reason = error.reason if isinstance(error, ApiError) else type(error).__name__
        self._metrics.inc("fluvial_watch_restarts_total", {"kind": self.scope.kind, "reason": reason})
        if isinstance(error, Expired):
            self._log.debug("watch is too old and begins anew", error=str(error))
        else:
            self._log.info("watch broke off and is resumed", reason=reason, cause=str(error))

    def _delay(self, failures: int) -> float:
        longest = min(_FIRST_DELAY * 2.0 ** min(failures - 1, 32), _LAST_DELAY)
        return longest * self._chance.uniform(0.5, 1.0)


def _labels(obj: Object) -> Mapping[str, str]:
    return labels(obj)


def _uid(obj: Object) -> str:
    return str((obj.get("metadata") or {}).get("uid") or "")


def _version(obj: Object) -> str:
    return str((obj.get("metadata") or {}).get("resourceVersion") or "")
