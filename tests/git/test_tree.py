"""A commit's files are read safely: regular files only, nothing outside, nothing without bounds."""

import asyncio
from collections.abc import Iterable

import pytest
from dulwich.objects import Blob, Tree

from fluvial.git import Fetched, Limits, MemoryRepository, ProtocolError
from fluvial.git.objects import TreeLimits, read_tree
from fluvial.git.pack import BLOB, COMMIT, TREE
from tests.git.world import Host, repository

FILE, RUN, LINK, FOLDER, MODULE = 0o100644, 0o100755, 0o120000, 0o40000, 0o160000

NO_LIMITS = TreeLimits(1000, 1000, 10)


def blob(git: MemoryRepository, content: bytes) -> bytes:
    made = Blob.from_string(content)
    git.store.add_object(made)
    return made.id


def folder(git: MemoryRepository, entries: Iterable[tuple[bytes, int, bytes]]) -> bytes:
    """Add a folder object, without the checks that a good client would make."""
    content = b"".join(b"%o %s\0%s" % (mode, name, bytes.fromhex(sha.decode())) for name, mode, sha in entries)
    tree = Tree.from_string(content)
    git.store.add_object(tree)
    return tree.id


def fetched(git: MemoryRepository, root: bytes, limits: Limits | None = None) -> Fetched:
    git.commit_tree(root.decode(), message="as it is")
    return asyncio.run(Host(git).get(branch="main", limits=limits))


def test_links_and_submodules_are_left_out() -> None:
    git = repository()
    content = blob(git, b"x")
    root = folder(
        git,
        [
            (b"a", FILE, content),
            (b"b", RUN, content),
            (b"c", LINK, blob(git, b"/etc/passwd")),
            (b"d", MODULE, b"1" * 40),
        ],
    )
    got = fetched(git, root)
    assert (dict(got.tree), got.tree.executable) == ({"a": b"x", "b": b"x"}, {"b"})


def test_old_modes_of_regular_files_are_read() -> None:
    git = repository()
    got = fetched(git, folder(git, [(b"a", 0o100664, blob(git, b"x"))]))
    assert dict(got.tree) == {"a": b"x"}


@pytest.mark.parametrize("name", [b"..", b".", b"a/b", b".git", b".GIT", b"../../x", b"/etc"])
def test_a_name_that_leads_elsewhere_is_refused(name: bytes) -> None:
    git = repository()
    inner = folder(git, [(name, FILE, blob(git, b"x"))])
    with pytest.raises(ProtocolError, match="the commit holds a path that is not safe: 'deploy/"):
        fetched(git, folder(git, [(b"deploy", FOLDER, inner)]))


def test_two_entries_of_one_name_are_refused() -> None:
    git = repository()
    content = blob(git, b"x")
    inner = folder(git, [(b"b", FILE, content)])
    with pytest.raises(ProtocolError, match="not safe"):
        fetched(git, folder(git, [(b"a", FILE, content), (b"a", FOLDER, inner)]))
    file, root = b"f" * 20, b"r" * 20
    twice = (b"100644 a\0" + file) * 2
    with pytest.raises(ProtocolError, match="'a' is there twice"):
        read_tree(
            "c" * 40, root, {bytes.fromhex("c" * 40): (COMMIT, b""), root: (TREE, twice), file: (BLOB, b"")}, NO_LIMITS
        )


def test_a_name_that_is_not_utf8_is_kept_readable() -> None:
    git = repository()
    got = fetched(git, folder(git, [(b"caf\xe9.txt", FILE, blob(git, b"x"))]))
    assert dict(got.tree) == {"caf\ufffd.txt": b"x"}


def test_a_commit_of_few_objects_that_stand_for_millions_of_files_is_refused() -> None:
    git = repository()
    level = folder(git, [(b"%d" % n, FILE, blob(git, b"lol")) for n in range(10)])
    for _ in range(9):
        level = folder(git, [(b"%d" % n, FOLDER, level) for n in range(10)])
    with pytest.raises(ProtocolError, match="more than 1000 files"):
        fetched(git, level, Limits(files=1000))


def test_a_commit_of_few_objects_that_stand_for_terabytes_is_refused() -> None:
    git = repository()
    big = blob(git, bytes(1_000_000))
    with pytest.raises(ProtocolError, match="bytes, the most that is read"):
        fetched(git, folder(git, [(b"%04d" % n, FILE, big) for n in range(1000)]), Limits(unpacked=50_000_000))


def test_folders_without_files_cannot_go_on_for_ever() -> None:
    git = repository()
    level = folder(git, [])
    for _ in range(24):
        level = folder(git, [(b"a", FOLDER, level), (b"b", FOLDER, level)])
    with pytest.raises(ProtocolError, match="nested too deep or too many"):
        fetched(git, level)
    level = folder(git, [(b"f", FILE, blob(git, b"x"))])
    for _ in range(300):
        level = folder(git, [(b"a", FOLDER, level)])
    with pytest.raises(ProtocolError, match="nested too deep or too many"):
        fetched(git, level)


def test_a_pack_that_is_too_large_is_refused_while_it_comes() -> None:
    git = repository()
    git.commit({"noise": b"".join(bytes([n * 7 % 256, n % 251]) for n in range(60_000))}, message="big")
    with pytest.raises(ProtocolError, match="the pack is larger than the 100 bytes allowed"):
        asyncio.run(Host(git).get(branch="main", limits=Limits(pack=100)))


def test_a_tree_in_the_place_of_a_file_is_refused() -> None:
    git = repository()
    inner = folder(git, [])
    with pytest.raises(ProtocolError, match="a is not a file object"):
        fetched(git, folder(git, [(b"a", FILE, inner)]))
