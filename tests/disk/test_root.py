"""Nothing leads out of the root, and what is written is whole."""

import os
import stat
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from fluvial.disk import DiskError, Root, exposed, read_file, write_private


@pytest.fixture
def root(tmp_path: Path) -> Root:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret").write_bytes(b"secret")
    return Root(str(tmp_path / "inside"))


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_what_is_written_is_read_and_only_its_owner_may(root: Root) -> None:
    root.write_atomic("a/b/c.tar.gz", b"data")
    assert root.read("a/b/c.tar.gz") == b"data"
    folder = Path(root.path)
    assert mode(folder / "a/b/c.tar.gz") == 0o600
    assert mode(folder / "a") == mode(folder / "a/b") == mode(folder) == 0o700
    root.write_atomic("run", b"", mode=0o700)
    assert mode(folder / "run") == 0o700


def test_a_file_is_replaced_whole_and_leaves_no_temporary_behind(root: Root) -> None:
    root.write_atomic("f", b"one")
    root.write_atomic("f", b"two", modified=1000.0)
    assert root.read("f") == b"two"
    assert root.listdir() == ["f"]
    found = root.stat("f")
    assert found is not None
    assert found.modified == 1000.0


def test_readers_see_the_old_or_the_new_file_never_a_part(root: Root) -> None:
    root.write_atomic("f", b"0" * 100_000)
    stop = threading.Event()
    seen: set[bytes] = set()

    def read() -> None:
        while not stop.is_set():
            seen.add(bytes({*root.read("f")}))

    thread = threading.Thread(target=read)
    thread.start()
    for number in range(1, 30):
        root.write_atomic("f", bytes([48 + number % 10]) * 100_000, durable=False)
    stop.set()
    thread.join()
    assert all(len(content) == 1 for content in seen)


def test_a_failed_write_leaves_the_old_file_and_nothing_else(root: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    root.write_atomic("f", b"old")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        root.write_atomic("f", b"new")
    monkeypatch.undo()
    assert root.read("f") == b"old"
    assert root.listdir() == ["f"]


BAD_PATHS = ["", "/etc/passwd", "..", "../outside/secret", "a/../../outside/secret", "a//b", "./a", "a/", "a\0b", "."]
USES: list[Callable[[Root, str], object]] = [
    lambda root, path: root.read(path),
    lambda root, path: root.write_atomic(path, b"x"),
    lambda root, path: root.delete(path),
    lambda root, path: root.delete_tree(path),
    lambda root, path: root.make_folder(path),
    lambda root, path: root.stat(path),
    lambda root, path: root.link(path, "x"),
]


@pytest.mark.parametrize("path", BAD_PATHS)
@pytest.mark.parametrize("use", USES)
def test_paths_that_are_not_plain_are_refused(root: Root, use: Callable[[Root, str], object], path: str) -> None:
    with pytest.raises(DiskError):
        use(root, path)


@pytest.mark.parametrize("use", [*USES[:6], lambda root, path: root.lock(path).__enter__()])
def test_a_link_in_the_way_is_no_way_out(root: Root, use: Callable[[Root, str], object]) -> None:
    folder = Path(root.path)
    (folder / "way").symlink_to("../outside")
    with pytest.raises(DiskError):
        use(root, "way/secret")
    assert (folder.parent / "outside" / "secret").read_bytes() == b"secret"
    assert os.listdir(folder.parent / "outside") == ["secret"]


def test_a_link_in_the_place_of_a_file_is_not_followed(root: Root) -> None:
    secret = Path(root.path).parent / "outside" / "secret"
    link = Path(root.path) / "f"
    link.symlink_to(secret)
    with pytest.raises(DiskError):
        root.read("f")
    with pytest.raises(DiskError), root.lock("f"):
        pass
    root.write_atomic("f", b"mine")
    assert secret.read_bytes() == b"secret"
    assert not link.is_symlink()
    link.unlink()
    link.symlink_to(secret)
    assert root.delete("f")
    assert secret.exists()


def test_a_pipe_or_folder_in_the_place_of_a_file_does_not_block(root: Root) -> None:
    os.mkfifo(Path(root.path) / "pipe")
    root.make_folder("folder")
    for name in ("pipe", "folder"):
        with pytest.raises(DiskError):
            root.read(name)


def test_deleting_a_tree_does_not_follow_links(root: Root) -> None:
    root.write_atomic("tree/deep/er/f", b"x")
    (Path(root.path) / "tree/deep/way").symlink_to("../../../outside")
    assert root.delete_tree("tree")
    assert root.listdir() == []
    assert (Path(root.path).parent / "outside" / "secret").exists()
    assert not root.delete_tree("tree")


def test_absence_is_a_value_where_it_is_expected(root: Root) -> None:
    assert root.stat("no/such") is None
    assert not root.delete("no/such")
    with pytest.raises(FileNotFoundError):
        root.read("no")
    with pytest.raises(FileNotFoundError):
        root.listdir("no")


def test_a_walk_is_sorted_and_bounded_and_follows_no_link(root: Root) -> None:
    for name in ("b/2", "b/1", "a/x/y", "c"):
        root.write_atomic(name, b"12")
    (Path(root.path) / "way").symlink_to("../outside")
    assert [entry.path for entry in root.walk()] == ["a", "b", "c", "way", "a/x", "a/x/y", "b/1", "b/2"]
    assert [entry.path for entry in root.walk("b")] == ["b/1", "b/2"]
    assert len(list(root.walk(limit=3))) == 3
    assert list(root.walk("missing")) == []
    way = root.stat("way")
    assert way is not None
    assert way.is_link
    assert not way.is_folder


def test_a_file_longer_than_allowed_is_refused(root: Root) -> None:
    root.write_atomic("f", b"x" * 100)
    with pytest.raises(DiskError, match="more than the 99 allowed"):
        root.read("f", limit=99)


def test_links_name_a_file_beside_them(root: Root) -> None:
    root.write_atomic("d/one.tar.gz", b"1")
    root.link("d/latest.tar.gz", "one.tar.gz")
    root.link("d/latest.tar.gz", "one.tar.gz")
    assert root.read_link("d/latest.tar.gz") == "one.tar.gz"
    assert (Path(root.path) / "d/latest.tar.gz").read_bytes() == b"1"
    for target in ("../x", "/etc/passwd", "a/b", ".."):
        with pytest.raises(DiskError):
            root.link("d/bad", target)
    with pytest.raises(DiskError, match="not a link"):
        root.read_link("d/one.tar.gz")


def test_a_lock_has_one_holder(root: Root) -> None:
    with root.lock("a.lock"):
        with pytest.raises(BlockingIOError), root.lock("a.lock"):
            pass
        with root.lock("b.lock"):
            pass
    with root.lock("a.lock"):
        pass


def test_usage_tells_of_the_file_system(root: Root) -> None:
    assert 0 < root.usage().free <= root.usage().total


def test_a_root_that_moved_is_still_the_same_folder(root: Root) -> None:
    root.write_atomic("f", b"x")
    Path(root.path).rename(Path(root.path).with_name("moved"))
    assert root.read("f") == b"x"


def test_descriptors_are_given_back(root: Root) -> None:
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(20):
        root.write_atomic("a/b/f", b"x")
        root.read("a/b/f")
        with pytest.raises(DiskError):
            root.read("a")
        with root.lock("l"):
            pass
        list(root.walk())
    assert len(os.listdir("/proc/self/fd")) == before
    root.close()
    root.close()
    with pytest.raises(ValueError, match="closed"):
        root.read("f")


def test_a_root_that_is_not_there_can_be_made_or_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Root(str(tmp_path / "no"), create=False)
    with Root(str(tmp_path / "deep" / "er")) as made:
        assert made.listdir() == []


def test_a_private_root_is_ours_alone(tmp_path: Path) -> None:
    folder = tmp_path / "work"
    Root(str(folder), private=True).close()
    folder.chmod(0o777)
    with pytest.raises(DiskError, match="others may write"):
        Root(str(folder), private=True)
    folder.chmod(0o700)
    (tmp_path / "link").symlink_to(folder)
    with pytest.raises(DiskError, match="a link"):
        Root(str(tmp_path / "link"), private=True)
    Root(str(tmp_path / "link")).close()


def test_single_files_are_private_and_known_when_they_are_not(tmp_path: Path) -> None:
    path = tmp_path / "kubeconfig"
    write_private(str(path), b"token")
    assert read_file(str(path)) == b"token"
    assert exposed(str(path)) == ""
    path.chmod(0o644)
    assert "mode 0644" in exposed(str(path))
    with pytest.raises(DiskError):
        read_file(str(tmp_path))
    with pytest.raises(DiskError, match="allowed"):
        read_file(str(path), limit=3)
