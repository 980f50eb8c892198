"""Packs are read whole, checked, and never unfold beyond their limits."""

import hashlib
import itertools
import zlib
from io import BytesIO

import pytest
from dulwich.object_format import SHA1
from dulwich.objects import Blob
from dulwich.pack import create_delta, write_pack_objects

from fluvial.git.errors import ProtocolError
from fluvial.git.pack import (
    BLOB,
    PackLimits,
    RawObject,
    object_name,
    pack_job,
    parse_pack,
    parse_pack_job,
    read_job,
)

LIMITS = PackLimits(objects=1000, unpacked=1 << 20)
OFFSET, REFERENCE = 6, 7


def entry(kind: int, content: bytes, *, base: bytes = b"", size: int | None = None) -> bytes:
    """One pack entry; `size` lies about the content's."""
    left = len(content) if size is None else size
    byte = kind << 4 | left & 15
    left >>= 4
    head = bytearray()
    while left:
        head.append(byte | 128)
        byte, left = left & 127, left >> 7
    head.append(byte)
    return bytes(head) + base + zlib.compress(content)


def offset(distance: int) -> bytes:
    """The base of an offset delta: so many bytes before."""
    out = [distance & 127]
    while distance := distance >> 7:
        distance -= 1
        out.append(128 | distance & 127)
    return bytes(reversed(out))


def framed(*entries: bytes, count: int | None = None) -> bytes:
    body = b"PACK\0\0\0\x02" + (len(entries) if count is None else count).to_bytes(4, "big") + b"".join(entries)
    return body + hashlib.sha1(body).digest()


def delta(old: bytes, new: bytes) -> bytes:
    return b"".join(create_delta(old, new))


def varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def blobs(objects: dict[bytes, RawObject]) -> set[bytes]:
    return {content for _, content in objects.values()}


def test_a_pack_written_by_another_implementation_is_read() -> None:
    contents = [b"", b"x", b"a line\n" * 1000, bytes(range(256)) * 40]
    parts: list[bytes] = []
    write_pack_objects(parts.append, [Blob.from_string(content) for content in contents], SHA1, deltify=True)
    found = parse_pack(b"".join(parts), {}, LIMITS)
    assert blobs(found) == set(contents)
    assert all(name == Blob.from_string(content).sha().digest() for name, (_, content) in found.items())


def test_content_that_does_not_compress_is_read() -> None:
    noise = b"".join(hashlib.sha256(bytes([n % 256, n // 256])).digest() for n in range(9000))
    assert blobs(parse_pack(framed(entry(BLOB, noise)), {}, LIMITS)) == {noise}


def test_a_delta_builds_on_an_object_before_it() -> None:
    old, new = b"name: a\n" * 50, b"name: a\n" * 49 + b"name: b\n"
    first = entry(BLOB, old)
    packed = framed(first, entry(OFFSET, delta(old, new), base=offset(len(first))))
    assert blobs(parse_pack(packed, {}, LIMITS)) == {old, new}


def test_a_delta_may_come_before_its_base_and_deltas_may_chain_backwards() -> None:
    versions = [b"line\n" * 40 + b"%d\n" % n for n in range(30)]
    deltas = [
        entry(REFERENCE, delta(old, new), base=object_name(BLOB, old)) for old, new in itertools.pairwise(versions)
    ]
    packed = framed(*reversed(deltas), entry(BLOB, versions[0]))
    assert blobs(parse_pack(packed, {}, LIMITS)) == set(versions)


def test_a_thin_pack_builds_on_objects_that_are_known() -> None:
    old, new = b"kept " * 100, b"kept " * 99 + b"new"
    name = object_name(BLOB, old)
    packed = framed(entry(REFERENCE, delta(old, new), base=name))
    assert blobs(parse_pack(packed, {name: (BLOB, old)}, LIMITS)) == {new}
    with pytest.raises(ProtocolError, match="a delta without its base"):
        parse_pack(packed, {}, LIMITS)


def test_a_worker_gives_the_same_outcome() -> None:
    old, new = b"kept " * 100, b"kept " * 99 + b"new"
    known = {object_name(BLOB, old): (BLOB, old)}
    packed = framed(entry(REFERENCE, delta(old, new), base=object_name(BLOB, old)), entry(BLOB, b"x"))
    assert read_job(parse_pack_job(pack_job(packed, known, LIMITS))) == parse_pack(packed, known, LIMITS)


def test_a_bomb_of_one_large_object_is_refused_before_it_unfolds() -> None:
    packed = framed(entry(BLOB, b"x", size=1 << 40))
    with pytest.raises(ProtocolError, match="unfolds to more than the 1048576 bytes allowed"):
        parse_pack(packed, {}, LIMITS)


def test_a_bomb_that_lies_about_its_size_is_refused() -> None:
    packed = framed(entry(BLOB, bytes(64 << 20), size=1000))
    with pytest.raises(ProtocolError, match="another size than it says"):
        parse_pack(packed, {}, LIMITS)


def test_a_bomb_of_many_objects_is_refused() -> None:
    with pytest.raises(ProtocolError, match="unfolds to more than"):
        parse_pack(framed(*[entry(BLOB, bytes(200_000))] * 6), {}, LIMITS)
    with pytest.raises(ProtocolError, match="4294967295 objects, more than the 1000 allowed"):
        parse_pack(framed(entry(BLOB, b"x"), count=0xFFFFFFFF), {}, LIMITS)


def test_a_delta_bomb_is_refused_before_it_unfolds() -> None:
    base = bytes(60_000)
    copies = b"\xb0\x60\xea" * 300_000  # each copies 60,000 bytes: 18 GB from a megabyte
    script = varint(len(base)) + varint(60_000 * 300_000) + copies
    packed = framed(entry(BLOB, base), entry(REFERENCE, script, base=object_name(BLOB, base)))
    with pytest.raises(ProtocolError, match="unfolds to more than"):
        parse_pack(packed, {}, PackLimits(objects=10, unpacked=8 << 20))


@pytest.mark.parametrize(
    ("script", "says"),
    [
        (varint(5) + varint(3) + b"\x03abc", "does not fit its base"),
        (varint(4) + varint(9) + b"\x03abc", "damaged"),
        (varint(4) + varint(3) + b"\x91\xff\x03", "damaged"),
        (varint(4), "damaged"),
    ],
)
def test_a_damaged_delta_is_refused(script: bytes, says: str) -> None:
    packed = framed(entry(BLOB, b"base"), entry(REFERENCE, script, base=object_name(BLOB, b"base")))
    with pytest.raises(ProtocolError, match=says):
        parse_pack(packed, {}, LIMITS)


def test_damage_is_seen() -> None:
    packed = framed(entry(BLOB, b"some content"), entry(BLOB, b"more"))
    for broken in (b"", b"PACK", packed[:-1], packed[:20] + b"\0" + packed[21:], b"JUNK" + packed[4:]):
        with pytest.raises(ProtocolError, match="pack"):
            parse_pack(broken, {}, LIMITS)
    with pytest.raises(ProtocolError, match="longer than its objects"):
        parse_pack(framed(entry(BLOB, b"x"), entry(BLOB, b"left over"), count=1), {}, LIMITS)
    with pytest.raises(ProtocolError, match="damaged"):
        parse_pack(framed(entry(BLOB, b"x"), count=2), {}, LIMITS)
    with pytest.raises(ProtocolError, match="unknown type 5"):
        parse_pack(framed(entry(5, b"x")), {}, LIMITS)


def test_every_cut_and_every_flipped_byte_of_a_pack_ends_in_a_clear_error() -> None:
    old, new = b"name: a\n" * 9, b"name: a\n" * 8 + b"b"
    whole = framed(entry(BLOB, old), entry(REFERENCE, delta(old, new), base=object_name(BLOB, old)))[:-20]
    for at in range(12, len(whole)):
        for body in (whole[:at], whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1 :]):
            try:
                found = parse_pack(body + hashlib.sha1(body).digest(), {}, LIMITS)
            except ProtocolError:
                continue
            assert all(object_name(kind, content) == name for name, (kind, content) in found.items())


def test_dulwich_reads_what_these_tests_write() -> None:
    from dulwich.pack import PackData

    packed = framed(entry(BLOB, b"one"), entry(BLOB, b"two" * 1000))
    with PackData("x.pack", file=BytesIO(packed), size=len(packed), object_format=SHA1) as data:
        assert sorted(b"".join(each.decomp_chunks) for each in data.iter_unpacked()) == [b"one", b"two" * 1000]
