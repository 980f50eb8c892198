"""Objects by resource and key, one revision counter over all of them, and the log that watches read.

An object is held as the JSON bytes that are sent, so a read costs a lookup. A resource is named as in a
CustomResourceDefinition's name (`deployments.apps`, `configmaps`); a key is `namespace/name`, or `name` for
cluster-scoped resources, sorted as etcd sorts it.

Each resource has its own log. A watch keeps its place in it and is told by `Log.waiters` when there is more; a log
that grew too long forgets its oldest events, and a watch that stood there is told 410.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable, Iterator
from typing import Any, Literal

import msgspec

from fluvial.controlplane.errors import Compacted, ObjectTooLarge
from fluvial.objects import Object
from fluvial.wire import encode_frame

LOG_EVENTS = 10_000  # events a resource's log keeps
LOG_BYTES = 32 << 20  # bytes of objects a resource's log keeps alive, at most
_NO_LABELS: dict[str, str] = {}

Change = Literal["ADDED", "MODIFIED", "DELETED"]


class Entry:
    """One stored object at one revision; never changed. `data` is its JSON in the storage version."""

    __slots__ = ("_metadata", "data", "key", "labels", "owners", "revision", "uid")

    def __init__(self, key: str, revision: int, data: bytes, obj: Object) -> None:
        metadata = obj["metadata"]
        self.key = key
        self.revision = revision
        self.data = data
        self.uid: str = metadata.get("uid", "")
        self.labels: dict[str, str] = metadata.get("labels") or _NO_LABELS
        self.owners: tuple[str, ...] = tuple(owner["uid"] for owner in metadata.get("ownerReferences") or ())
        self._metadata: bytes | None = None

    @property
    def namespace(self) -> str:
        return self.key.rpartition("/")[0]

    @property
    def name(self) -> str:
        return self.key.rpartition("/")[2]

    def object(self) -> Object:
        """Return the object as the caller's own dict."""
        obj: Object = msgspec.json.decode(self.data)
        return obj

    def metadata(self) -> bytes:
        """Return the JSON of the object's metadata; kept, since metadata watches share it."""
        if self._metadata is None:
            self._metadata = bytes(msgspec.json.decode(self.data, type=_OnlyMetadata).metadata)
        return self._metadata


class _OnlyMetadata(msgspec.Struct):
    metadata: msgspec.Raw


class Event:
    """One write; never changed. `previous` is what was there before; of a DELETED object `entry` is its last state."""

    __slots__ = ("_frame", "change", "entry", "previous", "resource", "revision")

    def __init__(self, revision: int, change: Change, resource: str, entry: Entry, previous: Entry | None) -> None:
        self.revision = revision
        self.change = change
        self.resource = resource
        self.entry = entry
        self.previous = previous
        self._frame: bytes | None = None

    def frame(self) -> bytes:
        """Return the watch frame of the whole object in its stored version; made once for all watches."""
        if self._frame is None:
            self._frame = encode_frame(self.change, self.entry.data)
        return self._frame


class Log:
    """The events of one resource. Positions count from its first event ever and stay valid while it is trimmed."""

    __slots__ = ("_bytes", "_first", "_held", "compacted", "waiters")

    def __init__(self, compacted: int) -> None:
        self.compacted = compacted  # events up to this revision are gone
        self.waiters: dict[object, Callable[[], None]] = {}
        self._held: list[Event] = []
        self._first = 0
        self._bytes = 0

    @property
    def end(self) -> int:
        """The position after the last event."""
        return self._first + len(self._held)

    def append(self, event: Event) -> None:
        self._held.append(event)
        self._bytes += len(event.entry.data)
        # Trim in steps: cutting the head of a list costs its length.
        if len(self._held) > LOG_EVENTS * 5 // 4 or self._bytes > LOG_BYTES * 5 // 4:
            self._trim()
        for wake in self.waiters.values():
            wake()

    def position(self, revision: int) -> int:
        """Return the position of the first event after `revision`.

        Raises:
            Compacted: that event may be gone.
        """
        if revision < self.compacted:
            raise Compacted(revision, self.compacted)
        return self._first + bisect_left(self._held, revision + 1, key=lambda event: event.revision)

    def read(self, position: int, limit: int) -> list[Event]:
        """Return up to `limit` events from `position` on.

        Raises:
            Compacted: they are gone; the reader was too slow.
        """
        if position < self._first:
            raise Compacted(position, self.compacted)
        start = position - self._first
        return self._held[start : start + limit]

    def newest_first(self) -> Iterator[Event]:
        return reversed(self._held)

    def compact(self, revision: int) -> None:
        """Forget the events up to `revision`."""
        cut = bisect_left(self._held, revision + 1, key=lambda event: event.revision)
        self._drop(cut)
        self.compacted = max(self.compacted, revision)
        for wake in self.waiters.values():
            wake()

    def _trim(self) -> None:
        cut, size = max(0, len(self._held) - LOG_EVENTS), self._bytes
        size -= sum(len(event.entry.data) for event in self._held[:cut])
        while size > LOG_BYTES and cut < len(self._held) - 1:
            size -= len(self._held[cut].entry.data)
            cut += 1
        self._drop(cut)

    def _drop(self, cut: int) -> None:
        if cut:
            self.compacted = self._held[cut - 1].revision
            self._bytes -= sum(len(event.entry.data) for event in self._held[:cut])
            self._first += cut
            del self._held[:cut]


class _Shelf:
    """The objects of one resource, with their keys in order."""

    __slots__ = ("entries", "keys", "log")

    def __init__(self, compacted: int) -> None:
        self.entries: dict[str, Entry] = {}
        self.keys: list[str] = []
        self.log = Log(compacted)


class MemoryStore:
    """A store that lives as long as the process. `revision` is the revision of the last write."""

    def __init__(self) -> None:
        self.revision = 1  # 0 means "any" to clients
        self.listeners: list[Callable[[Event], None]] = []
        self._shelves: dict[str, _Shelf] = {}
        self._compacted = 1

    def get(self, resource: str, key: str) -> Entry | None:
        shelf = self._shelves.get(resource)
        return shelf.entries.get(key) if shelf is not None else None

    def scan(self, resource: str, namespace: str = "", after: str = "") -> Iterator[Entry]:
        """Yield the entries of `resource` (of one namespace) in the order of their keys, those after `after` alone.

        The store must not be written to meanwhile.
        """
        shelf = self._shelves.get(resource)
        if shelf is None:
            return
        start, end = self._range(shelf.keys, namespace, after)
        entries = shelf.entries
        for key in shelf.keys[start:end]:
            yield entries[key]

    def count(self, resource: str, namespace: str = "", after: str = "") -> int:
        """Return how many entries `scan` would yield."""
        shelf = self._shelves.get(resource)
        if shelf is None:
            return 0
        start, end = self._range(shelf.keys, namespace, after)
        return max(0, end - start)

    def scan_at(self, revision: int, resource: str, namespace: str = "", after: str = "") -> list[Entry]:
        """Return what `scan` would have yielded at `revision`.

        Raises:
            Compacted: the revision is forgotten.
        """
        log = self.log(resource)
        if revision < log.compacted:
            raise Compacted(revision, log.compacted)
        found = {entry.key: entry for entry in self.scan(resource, namespace, after)}
        prefix = f"{namespace}/" if namespace else ""
        for event in log.newest_first():
            if event.revision <= revision:
                break
            key = event.entry.key
            if not key.startswith(prefix) or key <= after:
                continue
            if event.previous is None:
                found.pop(key, None)
            else:
                found[key] = event.previous
        return [found[key] for key in sorted(found)]

    def resources(self) -> list[str]:
        """Return the resources that hold an object."""
        return [resource for resource, shelf in self._shelves.items() if shelf.entries]

    def log(self, resource: str) -> Log:
        return self._shelf(resource).log

    def put(self, resource: str, key: str, obj: Object, *, limit: int = 0) -> Entry:
        """Write an object. Its resourceVersion is set here; `obj` belongs to the store afterwards.

        Args:
            limit: bytes that the object may have as JSON, 0 for any number.
        Raises:
            ObjectTooLarge: it has more; nothing was written.
        """
        shelf = self._shelf(resource)
        revision = self.revision + 1
        obj["metadata"]["resourceVersion"] = str(revision)
        data = msgspec.json.encode(obj)
        if limit and len(data) > limit:
            raise ObjectTooLarge(f"{resource} {key}: {len(data)} bytes, more than {limit}")
        entry = Entry(key, revision, data, obj)
        previous = shelf.entries.get(key)
        event = Event(revision, "ADDED" if previous is None else "MODIFIED", resource, entry, previous)
        self._persist(event)
        if previous is None:
            insort(shelf.keys, key)
        shelf.entries[key] = entry
        self._commit(shelf, event)
        return entry

    def delete(self, resource: str, key: str, last: Object | None = None) -> Entry:
        """Remove an object that exists. `last` is its last state, if it differs from the stored one.

        Returns the entry that watches see, with the revision of the removal.
        """
        shelf = self._shelf(resource)
        previous = shelf.entries[key]
        revision = self.revision + 1
        obj: dict[str, Any] = last if last is not None else previous.object()
        obj["metadata"]["resourceVersion"] = str(revision)
        event = Event(revision, "DELETED", resource, Entry(key, revision, msgspec.json.encode(obj), obj), previous)
        self._persist(event)
        del shelf.entries[key]
        del shelf.keys[bisect_left(shelf.keys, key)]
        self._commit(shelf, event)
        return event.entry

    def compact(self, revision: int | None = None) -> None:
        """Forget all events up to `revision` (None: all there are); older watches and lists get 410."""
        self._compacted = max(self._compacted, self.revision if revision is None else revision)
        for shelf in self._shelves.values():
            shelf.log.compact(self._compacted)

    def close(self) -> None:
        """Release what the store holds. Repeatable."""

    def _shelf(self, resource: str) -> _Shelf:
        shelf = self._shelves.get(resource)
        if shelf is None:
            shelf = self._shelves[resource] = _Shelf(self._compacted)
        return shelf

    def _commit(self, shelf: _Shelf, event: Event) -> None:
        self.revision = event.revision
        shelf.log.append(event)
        for listener in self.listeners:
            listener(event)

    def _persist(self, event: Event) -> None:
        """Make a write durable before it is seen; a failure here leaves everything as it was."""

    @staticmethod
    def _range(keys: list[str], namespace: str, after: str) -> tuple[int, int]:
        start, end = 0, len(keys)
        if namespace:
            start, end = bisect_left(keys, f"{namespace}/"), bisect_left(keys, f"{namespace}0")  # "0" follows "/"
        if after:
            start = max(start, bisect_left(keys, f"{after}\0"))
        return start, end
