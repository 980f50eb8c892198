"""Our own pack reader and archive writer beside dulwich and tarfile: the figures of docs/decisions/0003 and 0004.

    python -m benchmarks.parts [--json FILE]

Each figure is CPU time of this process and a ratio against the library; the repository is the large fleet.
"""

import argparse
import gzip
import io
import json
import statistics
import tarfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from dulwich.object_format import SHA1
from dulwich.objects import ObjectID
from dulwich.pack import DeltaChainIterator, PackData, UnpackedObject, write_pack_objects
from isal import igzip

from benchmarks.fleet import large_fleet
from fluvial.artifacts import pack, unpack
from fluvial.git import MemoryRepository
from fluvial.git.pack import PackLimits, parse_pack
from fluvial.stdx import Tree

RUNS = 7
LIMITS = PackLimits(objects=1_000_000, unpacked=1 << 30)


class _Clock:
    def now(self) -> datetime:
        return datetime(2026, 1, 1, tzinfo=UTC)


class _Raw(DeltaChainIterator[UnpackedObject]):
    """dulwich's fastest way to every object of a pack: names and contents, nothing parsed."""

    def _result(self, unpacked: UnpackedObject) -> UnpackedObject:
        return unpacked


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.parts")
    parser.add_argument("--json", type=Path, help="where the results go")
    options = parser.parse_args()
    files = {path: text.encode() for path, text in large_fleet().items()}
    packed, tree = _pack_of(files), Tree(files)
    archive = pack(tree)
    rows = [
        _row("read a pack", lambda: parse_pack(packed, {}, LIMITS), "dulwich", lambda: _by_dulwich(packed)),
        _row("write an archive", lambda: pack(tree), "tarfile + igzip -1", lambda: _by_tarfile(tree)),
        _row("read an archive", lambda: unpack(archive), "tarfile + gzip", lambda: _from_tarfile(archive)),
    ]
    for row in rows:
        print("{what}: {ours_ms} ms, {peer} {peer_ms} ms: {ratio} times as fast".format(**row))
    if options.json:
        options.json.write_text(json.dumps({"files": len(files), "rows": rows}, indent=1) + "\n")
    return 0


def _pack_of(files: dict[str, bytes]) -> bytes:
    """Return the pack that a server sends for a first, shallow fetch, with deltas."""
    repository = MemoryRepository(_Clock())
    repository.commit(files, message="the large fleet")
    parts: list[bytes] = []
    objects = [repository.store[ObjectID(name)] for name in repository.store]
    write_pack_objects(parts.append, objects, SHA1, deltify=True)
    return b"".join(parts)


def _by_dulwich(packed: bytes) -> dict[bytes, tuple[int, bytes]]:
    with PackData("x.pack", file=io.BytesIO(packed), size=len(packed), object_format=SHA1) as data:
        return {
            each.sha(): (each.obj_type_num or 0, b"".join(each.obj_chunks or ())) for each in _Raw.for_pack_data(data)
        }


def _by_tarfile(tree: Tree) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for path, data in tree.items():
            member = tarfile.TarInfo(path)
            member.size, member.mode = len(data), 0o600
            archive.addfile(member, io.BytesIO(data))
    return igzip.compress(out.getvalue(), 1)


def _from_tarfile(data: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(data)), mode="r:") as archive:
        found = ((member.name, archive.extractfile(member)) for member in archive if member.isreg())
        return {name: file.read() for name, file in found if file is not None}


def _row(what: str, ours: Callable[[], object], peer: str, theirs: Callable[[], object]) -> dict[str, object]:
    own, other = _median(ours), _median(theirs)
    return {
        "what": what,
        "ours_ms": round(own * 1e3, 1),
        "peer": peer,
        "peer_ms": round(other * 1e3, 1),
        "ratio": round(other / own, 1),
    }


def _median(work: Callable[[], object]) -> float:
    times = []
    for _ in range(RUNS):
        started = time.process_time()
        work()
        times.append(time.process_time() - started)
    return statistics.median(times)


if __name__ == "__main__":
    raise SystemExit(main())
