"""Archives on disk: where they are, that they are proved, and when they go."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from fluvial.api import Artifact
from fluvial.artifacts import CorruptArtifact, Store
from fluvial.artifacts.store import garbage
from fluvial.disk import Entry, Root

START = datetime(2026, 1, 1, tzinfo=UTC)
FOLDER = "gitrepository/default/fleet"


class Clock:
    """Stands still until it is told to go on."""

    def __init__(self) -> None:
        self.moment = START

    def now(self) -> datetime:
        return self.moment

    def advance(self, seconds: float) -> None:
        self.moment += timedelta(seconds=seconds)


def store(path: Path, clock: Clock | None = None, **options: object) -> Store:
    return Store(Root(str(path)), host="source.test", clock=clock or Clock(), **options)  # type: ignore[arg-type]


def test_an_artifact_is_written_where_flux_writes_it(tmp_path: Path) -> None:
    kept = store(tmp_path)
    assert kept.folder("GitRepository", "default", "fleet") == FOLDER
    artifact = kept.write(f"{FOLDER}/abc.tar.gz", "main@sha1:abc", b"data")
    assert artifact.as_object() == {
        "path": f"{FOLDER}/abc.tar.gz",
        "url": f"http://source.test/{FOLDER}/abc.tar.gz",
        "revision": "main@sha1:abc",
        "digest": "sha256:3a6eb0790f39ac87c94f3856b2dd2c5d110e6811602261a9a923d3bb23adc8b7",
        "lastUpdateTime": "2026-01-01T00:00:00Z",
        "size": 4,
    }
    assert (tmp_path / artifact.path).read_bytes() == b"data"
    assert (tmp_path / f"{artifact.path}.lock").exists()
    assert kept.exists(artifact)
    kept.verify(artifact)
    kept.root.close()


@pytest.mark.parametrize(("algorithm", "length"), [("sha1", 40), ("sha256", 64), ("sha384", 96), ("sha512", 128)])
def test_other_digests_can_be_chosen(tmp_path: Path, algorithm: str, length: int) -> None:
    kept = store(tmp_path, algorithm=algorithm)
    artifact = kept.write("a/b/c/d", "r", b"data")
    name, _, digits = artifact.digest.partition(":")
    assert (name, len(digits)) == (algorithm, length)
    kept.verify(artifact)
    kept.root.close()
    with pytest.raises(ValueError, match="unsupported digest algorithm: md5"):
        store(tmp_path, algorithm="md5")


@pytest.mark.parametrize(
    ("digest", "says"),
    [
        ("sha256:" + "0" * 64, "computed digest doesn't match 'sha256:000"),
        ("", "artifact has no digest"),
        ("junk", "failed to parse artifact digest 'junk'"),
        ("md5:" + "0" * 32, "unsupported digest algorithm"),
    ],
)
def test_bytes_that_do_not_have_the_digest_are_corrupt(tmp_path: Path, digest: str, says: str) -> None:
    kept = store(tmp_path)
    kept.write("a/b/c/d", "r", b"data")
    with pytest.raises(CorruptArtifact) as caught:
        kept.verify(Artifact(path="a/b/c/d", digest=digest))
    assert says in str(caught.value)
    kept.root.close()


def test_links_and_folders_are_no_artifacts(tmp_path: Path) -> None:
    kept = store(tmp_path)
    (tmp_path / "secret").write_text("x")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "link").symlink_to("../secret")
    for path in ("folder", "folder/link", "nothing", "../secret", "/etc/passwd", ""):
        assert not kept.exists(Artifact(path=path))
    with pytest.raises(CorruptArtifact):
        kept.verify(Artifact(path="folder/link", digest="sha256:" + "0" * 64))
    kept.root.close()


def test_a_locked_artifact_is_not_written(tmp_path: Path) -> None:
    kept, other = store(tmp_path), store(tmp_path)
    with other.lock("a/b/c/d"), pytest.raises(BlockingIOError):
        kept.write("a/b/c/d", "r", b"data")
    kept.write("a/b/c/d", "r", b"data")
    kept.root.close()
    other.root.close()


def test_garbage_goes_by_age_and_by_number_with_its_locks(tmp_path: Path) -> None:
    clock = Clock()
    kept = store(tmp_path, clock, ttl=60.0, records=2)
    artifacts = []
    for number in range(4):
        artifacts.append(kept.write(f"{FOLDER}/{number}", "r", b"x"))
        clock.advance(10)
    assert kept.collect_garbage(artifacts[-1]) == [f"{FOLDER}/0", f"{FOLDER}/1"]
    assert sorted(path.name for path in (tmp_path / FOLDER).iterdir()) == ["2", "2.lock", "3", "3.lock"]
    clock.advance(39)
    assert kept.collect_garbage(artifacts[-1]) == []
    clock.advance(20)
    assert kept.collect_garbage(artifacts[-1]) == [f"{FOLDER}/2"]
    clock.advance(1000)
    assert kept.collect_garbage(artifacts[-1]) == []
    kept.root.close()


def entry(path: str, modified: float) -> Entry:
    return Entry(path, 1, modified, is_folder=False, is_link=False)


@pytest.mark.parametrize(
    ("ages", "records", "gone"),
    [
        ({"current": 0}, 2, []),
        ({"current": 0, "a": 10}, 2, []),
        ({"current": 0, "a": 10, "b": 20}, 2, ["b"]),
        ({"current": 0, "a": 100}, 2, ["a"]),
        ({"current": 500, "a": 100, "b": 20, "c": 10}, 2, ["a", "b"]),
        ({"current": 0, "a": 10}, 1, ["a"]),
        ({"current": 0, "a": 10}, 0, ["a"]),
        ({"current": 0, "a": 10, "b": 20, "c": 30}, 5, []),
    ],
)
def test_the_current_file_stays_whatever_its_age(ages: dict[str, float], records: int, gone: list[str]) -> None:
    entries = [entry(path, 1000 - age) for path, age in ages.items()]
    assert garbage(entries, "current", now=1000, ttl=60, records=records) == gone


def test_what_another_program_left_behind_is_not_touched_if_it_is_a_link() -> None:
    link = Entry("latest.tar.gz", 1, 0.0, is_folder=False, is_link=True)
    assert garbage([link, entry("x.lock", 0)], "current", now=1e9, ttl=60, records=1) == []


def test_everything_of_one_object_is_removed(tmp_path: Path) -> None:
    kept = store(tmp_path)
    kept.write(f"{FOLDER}/a", "r", b"x")
    kept.write("gitrepository/default/other/a", "r", b"x")
    assert kept.remove_all("GitRepository", "default", "fleet")
    assert not kept.remove_all("GitRepository", "default", "fleet")
    assert (tmp_path / "gitrepository/default/other/a").exists()
    kept.root.close()


def test_the_advertised_host_may_bring_its_scheme(tmp_path: Path) -> None:
    kept = store(tmp_path)
    assert kept.url("a/b") == "http://source.test/a/b"
    kept.advertise("https://source.test")
    assert kept.url("/a/b") == "https://source.test/a/b"
    kept.root.close()
