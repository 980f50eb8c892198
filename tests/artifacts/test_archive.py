"""A tree survives its archive, other writers' archives are read, and no archive can do harm."""

import gzip
import io
import tarfile
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluvial.artifacts import ArchiveError, ArchiveLimits, pack, unpack
from fluvial.artifacts.archive import pack_job
from fluvial.artifacts.fetcher import unpack_job
from fluvial.stdx import Tree

NAME = st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=60).filter(
    lambda name: name not in (".", "..")
)
PATH = st.lists(NAME, min_size=1, max_size=6).map("/".join)


@st.composite
def trees(draw: st.DrawFn) -> Tree:
    files: dict[str, bytes] = {}
    for path, data in draw(st.dictionaries(PATH, st.binary(max_size=2000), max_size=8)).items():
        parents = {path[:at] for at, char in enumerate(path) if char == "/"}
        if not parents & files.keys() and not any(other.startswith(path + "/") for other in files):
            files[path] = data
    runnable = draw(st.sets(st.sampled_from(sorted(files)))) if files else set()
    return Tree(files, frozenset(runnable))


@given(trees())
def test_a_tree_survives_its_archive(tree: Tree) -> None:
    packed = pack(tree)
    found = unpack(packed)
    assert (found, found.executable) == (tree, tree.executable)
    assert pack(found) == packed


@given(trees())
def test_tarfile_reads_what_we_write(tree: Tree) -> None:
    with tarfile.open(fileobj=io.BytesIO(pack(tree)), mode="r:gz") as archive:
        members = archive.getmembers()
        files = {member.name: archive.extractfile(member).read() for member in members if member.isreg()}  # type: ignore[union-attr]
    assert files == dict(tree)
    for member in members:
        expected = 0o750 if member.isdir() else 0o700 if member.name in tree.executable else 0o600
        assert (member.mode, member.uid, member.gid, member.uname, member.mtime) == (expected, 0, 0, "", 0)


@pytest.mark.parametrize("format_", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_what_tarfile_writes_is_read(format_: int) -> None:
    long = "d" * 90 + "/" + "e" * 90 + ".yaml"
    files = {"a.yaml": b"x" * 5000, long: b"long", "b/c.sh": b"#!", "empty": b""}
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz", format=format_) as archive:
        for path, data in files.items():
            member = tarfile.TarInfo(path if path == long else "./" + path)
            member.size, member.mode, member.mtime = len(data), 0o755 if path.endswith(".sh") else 0o644, 1.5
            archive.addfile(member, io.BytesIO(data))
    found = unpack(out.getvalue())
    assert dict(found) == files
    assert found.executable == {"b/c.sh"}


def archive_of(*members: tuple[tarfile.TarInfo, bytes], **options: object) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz", **options) as archive:  # type: ignore[call-overload]
        for member, data in members:
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return out.getvalue()


def member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.type, made.linkname = kind, link
    return made


def test_links_devices_and_folders_are_left_out() -> None:
    data = archive_of(
        (member("dir", tarfile.DIRTYPE), b""),
        (member("dir/file"), b"x"),
        (member("link", tarfile.SYMTYPE, "/etc/passwd"), b""),
        (member("hard", tarfile.LNKTYPE, "dir/file"), b""),
        (member("fifo", tarfile.FIFOTYPE), b""),
        (member("null", tarfile.CHRTYPE), b""),
    )
    assert dict(unpack(data)) == {"dir/file": b"x"}


def test_a_link_with_a_long_name_does_not_confuse_what_follows() -> None:
    data = archive_of(
        (member("l" * 150, tarfile.SYMTYPE, "t" * 150), b""), (member("file"), b"x"), format=tarfile.GNU_FORMAT
    )
    assert dict(unpack(data)) == {"file": b"x"}


@pytest.mark.parametrize("name", ["../x", "a/../../x", "/etc/passwd", "..", "a/b/../../../c"])
def test_a_path_that_leaves_the_root_is_refused(name: str) -> None:
    with pytest.raises(ArchiveError, match="not safe"):
        unpack(archive_of((member(name), b"x")))


def test_global_pax_records_hold_for_all_that_follow() -> None:
    data = archive_of(
        (member("a"), b"1"), (member("b"), b"2"), format=tarfile.PAX_FORMAT, pax_headers={"comment": "from somewhere"}
    )
    assert dict(unpack(data)) == {"a": b"1", "b": b"2"}


def test_a_sparse_file_is_read_whole() -> None:
    """The old GNU form, as `tar -S` writes it: a map of two pieces in the header."""
    header = bytearray(tarfile.TarInfo("sparse").tobuf(tarfile.GNU_FORMAT))
    real, pieces = 8192, ((1024, 512), (4096, 512))
    header[156:157] = b"S"
    header[124:136] = b"%011o\0" % 1024
    for number, (offset, size) in enumerate(pieces):
        header[386 + 24 * number : 410 + 24 * number] = b"%011o\0%011o\0" % (offset, size)
    header[483:495] = b"%011o\0" % real
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    data = gzip.compress(bytes(header) + b"A" * 512 + b"B" * 512 + bytes(1024))
    found = unpack(data)["sparse"]
    assert len(found) == real
    assert (found[1024:1536], found[4096:4608]) == (b"A" * 512, b"B" * 512)
    assert found.count(0) == real - 1024


def test_several_gzip_members_are_one_archive() -> None:
    packed = gzip.decompress(pack(Tree({"a": b"x" * 3000})))
    assert dict(unpack(gzip.compress(packed[:700]) + gzip.compress(packed[700:]))) == {"a": b"x" * 3000}


def test_a_bomb_is_refused_before_it_unfolds() -> None:
    data = gzip.compress(bytes(50 << 20))
    with pytest.raises(ArchiveError, match="more than the 1000000 bytes allowed"):
        unpack(data, ArchiveLimits(unpacked=1_000_000))
    many = pack(Tree({f"{number}": b"" for number in range(200)}))
    with pytest.raises(ArchiveError, match="more than the 100 entries allowed"):
        unpack(many, ArchiveLimits(files=100))


def test_a_header_that_promises_more_than_there_is_is_refused() -> None:
    packed = bytearray(gzip.decompress(pack(Tree({"a": b"x"}))))
    packed[124:136] = b"%011o\0" % (1 << 30)
    with pytest.raises(ArchiveError, match="cut short"):
        unpack(gzip.compress(bytes(packed)))


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: b"",
        lambda data: b"not gzip at all",
        lambda data: data[: len(data) // 2],
        lambda data: gzip.compress(b"\x01" * 5000),
        lambda data: data[:20] + bytes([data[20] ^ 0xFF]) + data[21:],
    ],
)
def test_what_is_no_archive_is_refused(spoil: Callable[[bytes], bytes]) -> None:
    with pytest.raises(ArchiveError, match="archive"):
        unpack(spoil(pack(Tree({"a.yaml": b"some content\n" * 100}))))


@given(st.binary(max_size=3000))
def test_no_bytes_end_in_anything_but_an_archive_error(data: bytes) -> None:
    for given_ in (data, gzip.compress(data)):
        try:
            unpack(given_)
        except ArchiveError:
            continue


def test_a_worker_packs_and_unpacks_the_same() -> None:
    import msgspec

    tree = Tree({"a/b.yaml": b"x", "run": b"#!"}, frozenset({"run"}))
    payload = msgspec.msgpack.encode((dict(tree), sorted(tree.executable)))
    assert pack_job(payload) == pack(tree)
    files, executable = msgspec.msgpack.decode(
        unpack_job(msgspec.msgpack.encode((pack(tree), 1 << 20, 100))), type=tuple[dict[str, bytes], list[str]]
    )
    assert Tree(files, frozenset(executable)) == tree
    assert executable == ["run"]
