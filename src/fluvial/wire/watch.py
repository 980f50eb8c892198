"""Frames of a watch stream: one JSON object `{"type", "object"}` a line.

A frame ends with a line feed; a stream may cut it anywhere, so reading is incremental.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, cast

import msgspec

INITIAL_EVENTS_END = "k8s.io/initial-events-end"

WatchType = Literal["ADDED", "MODIFIED", "DELETED", "BOOKMARK", "ERROR"]
_TYPES = frozenset({"ADDED", "MODIFIED", "DELETED", "BOOKMARK", "ERROR"})


@dataclass(frozen=True, slots=True)
class WatchEvent:
    """One change; for ERROR `object` is a Status, for BOOKMARK it holds little more than a resourceVersion."""

    type: WatchType
    object: dict[str, Any]


class WatchFormatError(ValueError):
    """The stream holds something that is no watch frame; the reader closes it and watches again."""


def encode_frame(kind: WatchType, body: bytes) -> bytes:
    """Wrap an object that is JSON already into one frame."""
    return b'{"type":"' + kind.encode() + b'","object":' + body + b"}\n"


def bookmark(kind: str, api_version: str, resource_version: int | str, *, initial_events_end: bool = False) -> bytes:
    """Return a BOOKMARK frame: every change up to `resource_version` was sent."""
    metadata: dict[str, Any] = {"resourceVersion": str(resource_version)}
    if initial_events_end:
        metadata["annotations"] = {INITIAL_EVENTS_END: "true"}
    body = {"kind": kind, "apiVersion": api_version, "metadata": metadata}
    return encode_frame("BOOKMARK", msgspec.json.encode(body))


def is_initial_events_end(event: WatchEvent) -> bool:
    """Tell whether this bookmark closes the initial events of a watch that asked for them."""
    annotations = event.object.get("metadata", {}).get("annotations") or {}
    return event.type == "BOOKMARK" and annotations.get(INITIAL_EVENTS_END) == "true"


@dataclass(slots=True)
class FrameReader:
    """Cuts chunks of a watch stream into events.

    `limit` bounds one frame in bytes: a frame that never ends is refused before it fills the memory.
    """

    limit: int = 64 << 20
    _held: bytearray = field(default_factory=bytearray)

    def feed(self, chunk: bytes) -> list[WatchEvent]:
        """Return the events that are complete with `chunk`, in order.

        Raises:
            WatchFormatError: a line is no frame, or a frame passes the limit; reading on cannot help.
        """
        if b"\n" not in chunk:
            self._held += chunk
            self._check_limit()
            return []
        *lines, rest = (bytes(self._held) + chunk).split(b"\n") if self._held else chunk.split(b"\n")
        self._held = bytearray(rest)
        self._check_limit()
        return [_decode(line) for line in lines if line.strip()]

    def _check_limit(self) -> None:
        if len(self._held) > self.limit:
            raise WatchFormatError(f"a watch frame is larger than {self.limit} bytes")

    @property
    def pending(self) -> int:
        """Bytes of a frame that has not ended yet; above 0 at the end of a stream means it was cut."""
        return len(self._held)


def _decode(line: bytes) -> WatchEvent:
    try:
        frame = msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise WatchFormatError(f"a watch frame is not JSON: {error}") from error
    if not isinstance(frame, dict) or frame.get("type") not in _TYPES or not isinstance(frame.get("object"), dict):
        raise WatchFormatError(f"no watch frame: {line[:80]!r}")
    return WatchEvent(cast(WatchType, frame["type"]), frame["object"])
