"""Watch: the log of a resource as a stream of frames.

A watch holds no queue of its own: it keeps its place in the resource's log and reads on when told that there is more,
so a slow reader costs nothing and, when its place was forgotten, gets 410 as upstream.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass, field

import msgspec

from fluvial.controlplane.core import Core
from fluvial.controlplane.errors import Compacted, StatusError
from fluvial.controlplane.forms import entry_json, metadata_json
from fluvial.controlplane.reading import check_not_ahead, list_options
from fluvial.controlplane.request import Call
from fluvial.controlplane.selecting import Selection, select
from fluvial.controlplane.store import Entry, Event, Log
from fluvial.controlplane.tables import Tables
from fluvial.wire import ListOptions, WatchType, bookmark, encode_frame, status

_CHUNK = 256  # events in one chunk of the stream at most, so that others get their turn


@dataclass(slots=True)
class Watchers:
    """The watches that run, so that they can be ended."""

    open: set[Watch] = field(default_factory=set)
    closing: bool = False

    def cut(self) -> int:
        """End every watch now and tell how many; their clients watch again."""
        running = list(self.open)
        for watch in running:
            watch.end()
        return len(running)

    def end_resource(self, storage: str) -> None:
        """End the watches of a resource that is not served any more."""
        for watch in list(self.open):
            if watch.call.resource.storage == storage:
                watch.end()


@dataclass(slots=True, eq=False)
class Watch:
    """One running watch."""

    core: Core
    tables: Tables
    call: Call
    options: ListOptions
    selection: Selection
    watchers: Watchers
    everything: bool  # no selector
    plain: bool  # whole objects in the version that is stored: all such watches share their frames
    position: int = 0
    sent: int = 0  # the revision up to which the client knows everything
    ended: bool = False
    first_table: bool = True
    first: list[bytes] = field(default_factory=list)
    waiter: asyncio.Future[None] | None = None

    def end(self) -> None:
        self.ended = True
        self.wake()

    def wake(self) -> None:
        if self.waiter is not None and not self.waiter.done():
            self.waiter.set_result(None)

    async def frames(self) -> AsyncGenerator[bytes, None]:
        """Yield chunks of frames until the time is over, the watch is ended or its reader leaves."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + (self.options.timeout_seconds or self.core.settings.watch_timeout)
        bookmarks = self.options.allow_watch_bookmarks
        interval = self.core.settings.bookmark_interval
        log = self.core.store.log(self.call.resource.storage)
        log.waiters[self] = self.wake
        self.watchers.open.add(self)
        due = min(deadline, loop.time() + interval) if bookmarks else deadline
        timer = loop.call_at(due, self.wake)
        try:
            if self.first:
                chunk, self.first = b"".join(self.first), []
                yield chunk
            while True:
                while not self.ended and self.position < log.end:
                    if chunk := self._read(log):
                        yield chunk
                if self.ended or loop.time() >= deadline:
                    break
                if loop.time() >= due:
                    due = min(deadline, loop.time() + interval)
                    timer = loop.call_at(due, self.wake)
                    if self.core.store.revision > self.sent:
                        yield self._bookmark()
                        continue
                self.waiter = loop.create_future()
                await self.waiter
            if bookmarks and not self.ended and self.core.store.revision > self.sent:
                yield self._bookmark()
        finally:
            timer.cancel()
            log.waiters.pop(self, None)
            self.watchers.open.discard(self)

    def _read(self, log: Log) -> bytes:
        """Return the frames of the next events; ends the watch when they were forgotten."""
        try:
            events = log.read(self.position, _CHUNK)
        except Compacted:
            self.ended = True
            return expired_frame(self.sent, log.compacted)
        self.position += len(events)
        self.sent = max(self.sent, events[-1].revision)
        frames = [frame for event in events if (frame := self.frame(event))]
        return frames[0] if len(frames) == 1 else b"".join(frames)

    def _bookmark(self, *, initial_events_end: bool = False) -> bytes:
        resource, form = self.call.resource, self.call.form
        revision = self.core.store.revision
        self.sent = revision
        kind, api_version = resource.kind, resource.api_version
        if form.shape == "metadata":
            kind, api_version = "PartialObjectMetadata", form.group_version
        if form.shape == "table":
            return self.tables.bookmark(self.call, revision, initial_events_end=initial_events_end)
        return bookmark(kind, api_version, revision, initial_events_end=initial_events_end)

    def frame(self, event: Event) -> bytes | None:
        """Return what this watch tells of an event, None when it does not concern it."""
        entry, namespace = event.entry, self.call.namespace
        if namespace and not entry.key.startswith(f"{namespace}/"):
            return None
        if self.everything:
            if self.plain:
                return event.frame()
            return self.encode(event.change, entry)
        is_in = event.change != "DELETED" and self.selection.matches(entry)
        was_in = event.previous is not None and self.selection.matches(event.previous)
        if is_in:
            return self.encode("MODIFIED" if was_in else "ADDED", entry)
        if was_in:
            assert event.previous is not None
            return self.encode("DELETED", _left_behind(event.previous, event.revision))
        return None

    def encode(self, change: WatchType, entry: Entry) -> bytes:
        form = self.call.form
        if form.shape == "metadata":
            return encode_frame(change, metadata_json(entry, form.group_version))
        if form.shape == "table":
            body = self.tables.watch_table(self.core, self.call, entry, with_definitions=self.first_table)
            self.first_table = False
            return encode_frame(change, msgspec.json.encode(body))
        return encode_frame(change, entry_json(self.core, self.tables, self.call, entry))

    def add_initial_events(self, *, end: bool) -> None:
        """Begin with what is there now."""
        store, call = self.core.store, self.call
        entries = store.scan(call.resource.storage, call.namespace)
        self.first = [self.encode("ADDED", entry) for entry in entries if self.selection.matches(entry)]
        self.position = store.log(call.resource.storage).end
        self.sent = store.revision
        if end:
            self.first.append(self._bookmark(initial_events_end=True))


def _left_behind(previous: Entry, revision: int) -> Entry:
    """Return what a watch sees of an object that its selector does not match any more: its last matching state."""
    obj = previous.object()
    obj["metadata"]["resourceVersion"] = str(revision)
    return Entry(previous.key, revision, msgspec.json.encode(obj), obj)


def expired_frame(requested: int, compacted: int) -> bytes:
    """Return the ERROR frame of a watch that asked for, or fell behind, what is forgotten."""
    return encode_frame("ERROR", msgspec.json.encode(status.too_old_resource_version(requested, compacted)))


def open_watch(core: Core, tables: Tables, watchers: Watchers, call: Call) -> AsyncIterator[bytes]:
    """Start a watch: check its options, find its place in the log.

    Raises:
        StatusError: an option is wrong, or the revision is not there yet.
    """
    options = list_options(call)
    selection = select(call.resource, options.label_selector, options.field_selector, call.name)
    plain = call.form.shape == "object" and call.resource.is_stored_version
    watch = Watch(core, tables, call, options, selection, watchers, selection.is_everything, plain)
    revision = _revision(options.resource_version)
    if options.send_initial_events or (options.send_initial_events is None and revision == 0):
        check_not_ahead(core, revision)
        end = options.allow_watch_bookmarks
        watch.add_initial_events(end=end)
        return watch.frames()
    log = core.store.log(call.resource.storage)
    if revision == 0:
        watch.position, watch.sent = log.end, core.store.revision
        return watch.frames()
    check_not_ahead(core, revision)
    try:
        watch.position, watch.sent = log.position(revision), revision
    except Compacted as error:
        return _one(expired_frame(error.requested, error.compacted))
    return watch.frames()


async def _one(frame: bytes) -> AsyncIterator[bytes]:
    yield frame


def _revision(text: str) -> int:
    if not text:
        return 0
    if text.isascii() and text.isdigit():
        return int(text)
    why = f'resourceVersion: Invalid value: "{text}": strconv.ParseUint: parsing "{text}": invalid syntax'
    raise StatusError(status.make_status(500, "", why, details=False))
