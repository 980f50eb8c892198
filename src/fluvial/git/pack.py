"""Packs to objects, in memory and within limits (gitformat-pack).

Own code, since dulwich's reader has no bounds on what a pack unfolds to (docs/decisions/0003); deltas are applied by
dulwich.
Every object is named by the hash that we compute, so a pack cannot pass one object off as another.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

import msgspec
from dulwich.errors import ApplyDeltaError
from dulwich.pack import apply_delta
from isal import isal_zlib

from fluvial.git.errors import ProtocolError

COMMIT, TREE, BLOB, TAG = 1, 2, 3, 4
RawObject = tuple[int, bytes]  # type and content
_NAMES = {COMMIT: b"commit", TREE: b"tree", BLOB: b"blob", TAG: b"tag"}
_OFFSET_DELTA, _REFERENCE_DELTA = 6, 7
_DAMAGE = (IndexError, ApplyDeltaError, cast(type[Exception], isal_zlib.error))
_SLACK = 128  # bytes that a deflate stream may be longer than its content, and then some


@dataclass(frozen=True, slots=True)
class PackLimits:
    """Bounds of unpacking: objects in the pack, and bytes of all contents together."""

    objects: int
    unpacked: int


def parse_pack(data: bytes, known: Mapping[bytes, RawObject], limits: PackLimits) -> dict[bytes, RawObject]:
    """Return the objects of a pack by their names (20 bytes).

    Args:
        known: objects that deltas may build on although the pack does not hold them (thin packs).
    Raises:
        ProtocolError: not a pack, damaged, a delta without base, or a limit passed.
    """
    count = _check_frame(data, limits)
    reader = _Reader(data, known, limits.unpacked)
    try:
        for _ in range(count):
            reader.read_object()
        reader.finish()
    except _DAMAGE as error:
        raise ProtocolError(f"the pack is damaged: {error}") from error
    return reader.objects


def parse_pack_job(payload: bytes) -> bytes:
    """`parse_pack` for a worker process; `pack_job` makes the payload, `read_job` reads the outcome."""
    data, known, objects, unpacked = msgspec.msgpack.decode(
        payload, type=tuple[bytes, dict[bytes, RawObject], int, int]
    )
    return msgspec.msgpack.encode(parse_pack(data, known, PackLimits(objects, unpacked)))


def pack_job(data: bytes, known: Mapping[bytes, RawObject], limits: PackLimits) -> bytes:
    """Return the payload of `parse_pack_job`."""
    return msgspec.msgpack.encode((data, known, limits.objects, limits.unpacked))


def read_job(result: bytes) -> dict[bytes, RawObject]:
    """Return what `parse_pack_job` found."""
    return msgspec.msgpack.decode(result, type=dict[bytes, RawObject])


def object_name(kind: int, content: bytes) -> bytes:
    """Return the name (20 bytes) of an object."""
    whole = hashlib.sha1(b"%s %d\0" % (_NAMES[kind], len(content)), usedforsecurity=False)
    whole.update(content)
    return whole.digest()


def _check_frame(data: bytes, limits: PackLimits) -> int:
    if len(data) < 32 or data[:4] != b"PACK" or data[4:8] not in (b"\0\0\0\x02", b"\0\0\0\x03"):
        raise ProtocolError("the server sent something that is not a pack")
    if hashlib.sha1(memoryview(data)[:-20], usedforsecurity=False).digest() != data[-20:]:
        raise ProtocolError("the pack is damaged: its checksum does not match")
    count = int.from_bytes(data[8:12], "big")
    if count > limits.objects:
        raise ProtocolError(f"the pack has {count} objects, more than the {limits.objects} allowed")
    return count


class _Reader:
    """Where we are in a pack, and what we have of it."""

    def __init__(self, data: bytes, known: Mapping[bytes, RawObject], unpacked: int) -> None:
        self.objects: dict[bytes, RawObject] = {}
        self.at = 12
        self._data = data
        self._view = memoryview(data)
        self._known = known
        self._left = unpacked
        self._limit = unpacked
        self._by_offset: dict[int, RawObject] = {}
        # Deltas that came before their bases, by where or what the base is.
        self._orphans: dict[int | bytes, list[tuple[int, bytes]]] = {}

    def read_object(self) -> None:
        """Read the next entry; a delta is applied at once if its base is there."""
        start = self.at
        kind, size = self._header()
        base: int | bytes = b""
        if kind == _OFFSET_DELTA:
            base = start - self._offset()
        elif kind == _REFERENCE_DELTA:
            base = self._data[self.at : self.at + 20]
            self.at += 20
        elif kind not in _NAMES:
            raise ProtocolError(f"the pack has an object of unknown type {kind}")
        content = self._inflate(size)
        if base == b"":
            self._keep(start, (kind, content))
        elif (source := self._source(base)) is not None:
            self._apply(start, source, content)
        else:
            self._orphans.setdefault(base, []).append((start, content))

    def finish(self) -> None:
        """Apply the deltas that came before their bases, and see that nothing is left over."""
        ready = [base for base in self._orphans if self._source(base) is not None]
        while ready:
            base = ready.pop()
            source = self._source(base)
            assert source is not None
            for start, delta in self._orphans.pop(base, ()):
                name = self._apply(start, source, delta)
                ready += [key for key in (start, name) if key in self._orphans]
        if self._orphans:
            raise ProtocolError("the pack has a delta without its base")
        if self.at != len(self._data) - 20:
            raise ProtocolError("the pack is longer than its objects")

    def _header(self) -> tuple[int, int]:
        byte = self._data[self.at]
        self.at += 1
        kind, size, shift = byte >> 4 & 7, byte & 15, 4
        while byte & 128:
            byte = self._data[self.at]
            self.at += 1
            size |= (byte & 127) << shift
            shift += 7
        return kind, size

    def _offset(self) -> int:
        byte = self._data[self.at]
        self.at += 1
        offset = byte & 127
        while byte & 128:
            byte = self._data[self.at]
            self.at += 1
            offset = (offset + 1) << 7 | byte & 127
        return offset

    def _spend(self, size: int) -> None:
        self._left -= size
        if self._left < 0:
            raise ProtocolError(f"the pack unfolds to more than the {self._limit} bytes allowed")

    def _inflate(self, size: int) -> bytes:
        self._spend(size)
        stream = isal_zlib.decompressobj()
        end = self.at + size + _SLACK
        content = stream.decompress(self._view[self.at : end], size + 1)
        while not stream.eof:
            if len(content) > size or end >= len(self._data):
                break
            more = self._view[end : end + size + 4096]
            content += stream.decompress(more, size + 1 - len(content))
            end += len(more)
        if not stream.eof or len(content) != size:
            raise ProtocolError("the pack is damaged: an object has another size than it says")
        self.at = min(end, len(self._data)) - len(stream.unused_data)
        return content

    def _source(self, base: int | bytes) -> RawObject | None:
        if isinstance(base, int):
            return self._by_offset.get(base)
        return self.objects.get(base) or self._known.get(base)

    def _apply(self, start: int, source: RawObject, delta: bytes) -> bytes:
        """Unfold a delta, keep the outcome and return its name."""
        kind, content = source
        at, expected = _varint(delta, 0)
        _, size = _varint(delta, at)
        self._spend(size)
        if expected != len(content):
            raise ProtocolError("the pack has a delta that does not fit its base")
        return self._keep(start, (kind, b"".join(apply_delta(content, delta))))

    def _keep(self, start: int, entry: RawObject) -> bytes:
        name = object_name(*entry)
        self._by_offset[start] = entry
        self.objects[name] = entry
        return name


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """Return the position after a size, and the size."""
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        shift += 7
        if not byte & 128:
            return at, value
