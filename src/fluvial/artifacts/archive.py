"""A tree to a gzipped tar and back, without a file in between.

Own ustar writer and reader, for speed (docs/decisions/0004). What only other writers make (GNU sparse files) goes
through tarfile.
"""

import io
import tarfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import cast

import msgspec
from isal import isal_zlib

from fluvial.stdx import Tree, Workers, clean_path

_BLOCK = 512
_GZIP = 31  # zlib's window bits for a gzip frame
_LEVEL = 1  # isal's 1: within a tenth of gzip -6 on manifests, ten times as fast
_INLINE_FILES, _INLINE_BYTES = 500, 1 << 20  # what is packed here: about 3 ms
_STEP = 1 << 18  # bytes handed to the compressor at once
_FILE, _EXECUTABLE, _FOLDER = b"0000600\0", b"0000700\0", b"0000750\0"  # as Flux writes them
_OWNERS = b"0000000\0" * 2
_TIME = b"00000000000\0"
_MAGIC = bytes(100) + b"ustar\x0000" + bytes(80)  # no link, version, no names of owners, no device
_CONSTANT = sum(_MAGIC) + 8 * 32  # of a header's checksum; its own field counts as spaces
_REGULAR = (b"0"[0], b"7"[0], 0)
_DAMAGE = (zlib.error, cast(type[Exception], isal_zlib.error))


class ArchiveError(ValueError):
    """The bytes are not a readable archive, or pass a limit; fetching them again cannot help."""


@dataclass(frozen=True, slots=True)
class ArchiveLimits:
    """Bounds of unpacking.

    Attributes:
        unpacked: bytes after decompression.
        files: entries of any type.
    """

    unpacked: int = 1 << 30
    files: int = 500_000


def pack(tree: Tree) -> bytes:
    """Return the archive of a tree; equal trees give equal bytes.

    Owners are 0, times are 1970, files have mode 0600 or 0700, folders 0750, as in Flux's archives.
    """
    compressor = isal_zlib.compressobj(level=_LEVEL, wbits=_GZIP)
    out: list[bytes] = []
    batch: list[bytes] = []
    waiting = 0
    for part in _entries(tree):
        batch.append(part)
        waiting += len(part)
        if waiting >= _STEP:
            out.append(compressor.compress(b"".join(batch)))
            batch.clear()
            waiting = 0
    batch.append(bytes(2 * _BLOCK))
    out += [compressor.compress(b"".join(batch)), compressor.flush()]
    return b"".join(out)


async def pack_by(workers: Workers, tree: Tree) -> bytes:
    """`pack`, in a worker when it would keep the loop for more than a few milliseconds."""
    if len(tree) <= _INLINE_FILES and tree.size <= _INLINE_BYTES:
        return pack(tree)
    return await workers.run(pack_job, msgspec.msgpack.encode((dict(tree), sorted(tree.executable))))


def pack_job(payload: bytes) -> bytes:
    """`pack` for a worker process."""
    files, executable = msgspec.msgpack.decode(payload, type=tuple[dict[str, bytes], list[str]])
    return pack(Tree(files, frozenset(executable)))


def unpack(data: bytes, limits: ArchiveLimits | None = None) -> Tree:
    """Return the regular files of a `.tar.gz`; links and other special entries are skipped, as Flux skips them.

    Raises:
        ArchiveError: not gzip, not tar, cut short, a path that leaves the root, or a limit passed.
    """
    limits = limits or ArchiveLimits()
    content = _gunzip(data, limits.unpacked)
    try:
        files, executable = _Reader(content, limits).read()
        return Tree(files, frozenset(executable))
    except ArchiveError:
        raise
    except (ValueError, IndexError) as error:
        raise ArchiveError(f"the archive is damaged: {error}") from error


def _entries(tree: Tree) -> Iterator[bytes]:
    made = {""}
    for path, data in tree.items():
        parent = path.rpartition("/")[0]
        if parent not in made:
            yield from _new_folders(parent, made)
        yield from _header(path, len(data), _EXECUTABLE if path in tree.executable else _FILE, b"0")
        yield data
        if rest := -len(data) % _BLOCK:
            yield bytes(rest)


def _new_folders(path: str, made: set[str]) -> Iterator[bytes]:
    missing = []
    while path not in made:
        made.add(path)
        missing.append(path)
        path = path.rpartition("/")[0]
    for folder in reversed(missing):
        yield from _header(folder + "/", 0, _FOLDER, b"5")


def _header(path: str, size: int, mode: bytes, kind: bytes) -> Iterator[bytes]:
    name = path.encode("utf-8", "surrogateescape")
    prefix = b""
    if not path.isascii() or len(name) > 100:
        cut = name.rfind(b"/", 0, min(156, len(name) - 1)) if path.isascii() else -1
        if cut > 0 and len(name) - cut - 1 <= 100:
            prefix, name = name[:cut], name[cut + 1 :]
        else:
            record = _pax_record(b"path", name)
            yield _block(b"PaxHeaders.0/entry", b"", len(record), _FILE, b"x")
            yield record + bytes(-len(record) % _BLOCK)
            name = name[:100]
    yield _block(name, prefix, size, mode, kind)


def _block(name: bytes, prefix: bytes, size: int, mode: bytes, kind: bytes) -> bytes:
    length = b"%011o\0" % size if size < 8 << 30 else b"\x80" + size.to_bytes(11, "big")
    head = mode + _OWNERS + length + _TIME
    total = sum(name) + sum(head) + sum(prefix) + kind[0] + _CONSTANT
    return b"%s%s%06o\0 %s%s%s%s" % (
        name.ljust(100, b"\0"),
        head,
        total,
        kind,
        _MAGIC,
        prefix.ljust(155, b"\0"),
        bytes(12),
    )


def _pax_record(key: bytes, value: bytes) -> bytes:
    """Return `LENGTH key=value\\n`, where LENGTH counts its own digits."""
    body = b" %s=%s\n" % (key, value)
    length = len(body) + len(str(len(body)))
    length = len(body) + len(str(length))
    return b"%d%s" % (length, body)


def _gunzip(data: bytes, most: int) -> bytes:
    """Decompress one or several gzip members, to no more than `most` bytes."""
    out: list[bytes] = []
    left = most
    rest = data
    while rest:
        stream = isal_zlib.decompressobj(_GZIP)
        try:
            piece = stream.decompress(rest, left + 1)
        except _DAMAGE as error:
            raise ArchiveError(f"the archive is not gzip: {error}") from error
        left -= len(piece)
        if left < 0:
            raise ArchiveError(f"the archive unpacks to more than the {most} bytes allowed")
        if not stream.eof:
            raise ArchiveError("the archive is cut short")
        out.append(piece)
        rest = stream.unused_data.lstrip(b"\0")
    if not out:
        raise ArchiveError("the archive is empty")
    return out[0] if len(out) == 1 else b"".join(out)


class _Reader:
    """Walks the blocks of a tar."""

    def __init__(self, content: bytes, limits: ArchiveLimits) -> None:
        self._content = content
        self._limits = limits
        self._shared: dict[str, str] = {}  # pax records for all that follow

    def read(self) -> tuple[dict[str, bytes], set[str]]:
        """Return the contents by path, and which paths are executable."""
        content = self._content
        files: dict[str, bytes] = {}
        executable: set[str] = set()
        special: dict[str, str] = {}
        at = count = 0
        while at + _BLOCK <= len(content) and content[at]:
            count += 1
            if count > self._limits.files:
                raise ArchiveError(f"the archive has more than the {self._limits.files} entries allowed")
            if content[at + 257 : at + 262] != b"ustar":
                _check(content[at : at + _BLOCK])  # the magic proves as much for all others
            kind = content[at + 156]
            size = int(special["size"]) if "size" in special else _number(content[at + 124 : at + 136])
            header, start = at, at + _BLOCK
            at = start + size + -size % _BLOCK
            if size < 0 or start + size > len(content):
                raise ArchiveError("the archive is cut short")
            if kind in b"xgLK":
                self._extend(kind, content[start : start + size], special)
                continue
            if kind == b"S"[0] or any(key.startswith("GNU.sparse") for key in special):
                return _read_by_tarfile(content, self._limits)
            name = special.get("path") or self._name(header)
            path = _safe(name)
            if kind in _REGULAR and not name.endswith("/"):
                files[path] = content[start : start + size]
                if _number(content[header + 100 : header + 108]) & 0o111:
                    executable.add(path)
                else:
                    executable.discard(path)
            if special:
                special = dict(self._shared)
        return files, executable

    def _name(self, at: int) -> str:
        content = self._content
        name = _text(content[at : at + 100])
        if content[at + 345] and content[at + 257 : at + 263] == b"ustar\0":
            return f"{_text(content[at + 345 : at + 500])}/{name}"
        return name

    def _extend(self, kind: int, data: bytes, special: dict[str, str]) -> None:
        if kind == b"L"[0]:
            special["path"] = _text(data)
        elif kind in b"xg":
            records = _pax_records(data)
            special.update(records)
            if kind == b"g"[0]:
                self._shared.update(records)


def _check(header: bytes) -> None:
    said = _number(header[148:156])
    if said != sum(header) - sum(header[148:156]) + 8 * 32:
        raise ArchiveError("the archive is damaged: a header's checksum does not match")


def _text(raw: bytes) -> str:
    return raw.partition(b"\0")[0].decode("utf-8", "replace")


def _number(field: bytes) -> int:
    """Return an octal number, or GNU's base 256 for large ones."""
    if field[0] & 128:
        return int.from_bytes(bytes((field[0] & 127,)) + field[1:], "big")
    digits = field.strip(b"\0 ")
    return int(digits, 8) if digits else 0


def _pax_records(data: bytes) -> Mapping[str, str]:
    records = {}
    at = 0
    while at < len(data):
        space = data.index(b" ", at)
        length = int(data[at:space])
        if length <= space - at or at + length > len(data):
            raise ArchiveError("the archive is damaged: a pax record has a wrong length")
        key, _, value = data[space + 1 : at + length - 1].partition(b"=")
        records[key.decode("utf-8", "replace")] = value.decode("utf-8", "replace")
        at += length
    return records


def _safe(path: str) -> str:
    """Return the clean form of an entry's name.

    Raises:
        ArchiveError: it is absolute or climbs; Flux refuses the whole archive for it, too.
    """
    if path.startswith("/") or not path:
        raise ArchiveError(f"the archive holds a path that is not safe: {path!r}")
    if "./" not in path and "//" not in path and path[-1] not in "./":
        return path  # nothing to clean
    clean = clean_path(path)
    if clean == ".." or clean.startswith("../"):
        raise ArchiveError(f"the archive holds a path that is not safe: {path!r}")
    return clean


def _read_by_tarfile(content: bytes, limits: ArchiveLimits) -> tuple[dict[str, bytes], set[str]]:
    files: dict[str, bytes] = {}
    executable: set[str] = set()
    left = limits.unpacked
    try:
        with tarfile.open(fileobj=io.BytesIO(content), mode="r:") as archive:
            for member in archive:
                path = _safe(member.name)
                if not member.isreg():
                    continue
                left -= member.size
                if left < 0:
                    raise ArchiveError(f"the archive unpacks to more than the {limits.unpacked} bytes allowed")
                source = archive.extractfile(member)
                assert source is not None
                files[path] = source.read()
                if member.mode & 0o111:
                    executable.add(path)
    except tarfile.TarError as error:
        raise ArchiveError(f"the archive is damaged: {error}") from error
    return files, executable
