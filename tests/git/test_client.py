"""References are found and commits fetched as Flux finds and fetches them, from servers of both protocol versions."""

import asyncio
import random
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluvial.api import GitCredentials, GitReference
from fluvial.git import (
    AuthenticationFailed,
    EmptyRepository,
    Fetched,
    GitError,
    ProtocolError,
    RefNotFound,
    RepositoryNotFound,
    Snapshot,
    Unreachable,
    connect,
    fetch,
    ls_remote,
    resolve,
)
from fluvial.net import MemoryTransport, ServerRequest, ServerResponse
from fluvial.stdx import InlineWorkers
from tests.git.world import START, Host, repository

both = pytest.mark.parametrize("protocol", [2, 0])


@both
def test_a_branch_is_fetched_with_its_files_and_its_commit(protocol: int) -> None:
    git = repository()
    git.commit({"old": "gone later", "a/b/c.yaml": "x: 1\n"}, message="start")
    last = git.commit({"old": None, "run.sh": b"#!"}, message="Title\n\nbody", executable=["run.sh"])
    got = asyncio.run(Host(git, protocol=protocol).get(branch="main"))
    assert dict(got.tree) == {"a/b/c.yaml": b"x: 1\n", "run.sh": b"#!"}
    assert got.tree.executable == {"run.sh"}
    assert (got.commit.hash, got.commit.reference, got.commit.subject) == (last, "refs/heads/main", "Title")
    assert got.commit.committer.when > START


@both
def test_history_is_not_fetched(protocol: int) -> None:
    git = repository()
    for n in range(20):
        git.commit({"file": f"{n} " * 1000}, message=str(n))
    one = repository()
    one.commit({"file": "19 " * 1000}, message="19")
    many, few = (asyncio.run(Host(each, protocol=protocol).get(branch="main")).received for each in (git, one))
    assert many < few * 1.5


@both
@pytest.mark.parametrize(
    ("reference", "expected", "full"),
    [
        ({"branch": "main"}, "main@sha1:{third}", "refs/heads/main"),
        ({"branch": "dev/x"}, "dev/x@sha1:{second}", "refs/heads/dev/x"),
        ({"tag": "light"}, "light@sha1:{first}", "refs/tags/light"),
        ({"tag": "annotated"}, "annotated@sha1:{second}", "refs/tags/annotated"),
        ({"name": "refs/heads/main"}, "refs/heads/main@sha1:{third}", "refs/heads/main"),
        ({"name": "refs/tags/annotated"}, "refs/tags/annotated@sha1:{second}", "refs/tags/annotated"),
        ({"name": "refs/tags/annotated^{{}}"}, "refs/tags/annotated^{{}}@sha1:{second}", "refs/tags/annotated^{{}}"),
        ({"name": "refs/pull/7/head"}, "refs/pull/7/head@sha1:{first}", "refs/pull/7/head"),
        ({"commit": "{first}"}, "sha1:{first}", ""),
        ({"commit": "{first}", "branch": "main"}, "main@sha1:{first}", "refs/heads/main"),
        # Precedence: commit, name, tag, semver, branch.
        ({"commit": "{first}", "name": "refs/heads/main", "tag": "light"}, "sha1:{first}", ""),
        ({"name": "refs/pull/7/head", "tag": "annotated"}, "refs/pull/7/head@sha1:{first}", "refs/pull/7/head"),
        ({"tag": "light", "semver": "*", "branch": "main"}, "light@sha1:{first}", "refs/tags/light"),
    ],
)
def test_a_reference_gives_the_revision_that_flux_writes(
    protocol: int, reference: dict[str, str], expected: str, full: str
) -> None:
    git = repository()
    hashes = {"first": git.commit({"file": "1"}, message="first")}
    git.tag("light")
    git.set_ref("refs/pull/7/head", hashes["first"])
    hashes["second"] = git.commit({"file": "2"}, message="second")
    git.tag("annotated", message="a tag")
    git.set_ref("refs/heads/dev/x", hashes["second"])
    hashes["third"] = git.commit({"file": "3"}, message="third")
    asked = GitReference(**{key: value.format(**hashes) for key, value in reference.items()})

    async def run() -> None:
        async with Host(git, protocol=protocol).open() as remote:
            found = await resolve(remote, asked)
            got = await fetch(remote, found)
        assert found.revision == expected.format(**hashes)
        assert found.reference == full.format()
        assert found.revision.endswith(got.commit.hash)
        assert got.tree["file"] == {"first": b"1", "second": b"2", "third": b"3"}[got.commit.message]

    asyncio.run(run())


def test_no_reference_at_all_means_the_branch_master() -> None:
    git = repository()
    git.commit({"file": "x"}, message="on main")
    with pytest.raises(RefNotFound, match=r'couldn\'t find remote ref "refs/heads/master"'):
        asyncio.run(Host(git).get())
    git.commit({"file": "y"}, message="on master", branch="master")
    assert asyncio.run(Host(git).get()).tree["file"] == b"y"


@both
@pytest.mark.parametrize(
    ("reference", "says"),
    [
        ({"branch": "nope"}, 'couldn\'t find remote ref "refs/heads/nope"'),
        ({"branch": "mai"}, 'couldn\'t find remote ref "refs/heads/mai"'),
        ({"tag": "v9"}, 'couldn\'t find remote ref "refs/tags/v9"'),
        ({"name": "refs/heads/nope"}, "unable to resolve ref 'refs/heads/nope' to a specific commit"),
        ({"name": "refs/heads/"}, "ref refs/heads/ is invalid; Git refs cannot begin or end with a slash '/'"),
        ({"commit": "1" * 40}, f"unable to resolve commit object for '{'1' * 40}': object not found"),
        ({"commit": "abc"}, "unable to resolve commit object for 'abc': not a full commit hash"),
        ({"commit": "1" * 40, "branch": "nope"}, 'couldn\'t find remote ref "refs/heads/nope"'),
        ({"semver": ">=1.0.0"}, "no match found for semver: >=1.0.0"),
        ({"semver": "no range"}, "semver parse error"),
    ],
)
def test_what_is_not_there_is_named(protocol: int, reference: dict[str, str], says: str) -> None:
    git = repository()
    git.commit({"file": "x"}, message="start")
    with pytest.raises(RefNotFound) as caught:
        asyncio.run(Host(git, protocol=protocol).get(**reference))
    assert says in str(caught.value)


@both
@pytest.mark.parametrize("reference", [{"branch": "main"}, {"tag": "v1"}, {"semver": "*"}, {"name": "refs/heads/x"}])
def test_an_empty_repository_is_told_from_a_missing_branch(protocol: int, reference: dict[str, str]) -> None:
    with pytest.raises(EmptyRepository, match="remote repository is empty"):
        asyncio.run(Host(repository(), protocol=protocol).get(**reference))


@both
def test_a_commit_that_no_branch_points_at_any_more_is_found_in_its_history(protocol: int) -> None:
    git = repository()
    first = git.commit({"file": "1"}, message="first")
    for n in range(2, 6):
        git.commit({"file": str(n)}, message=str(n))
    host = Host(git, protocol=protocol)
    assert asyncio.run(host.get(commit=first, branch="main")).tree["file"] == b"1"
    assert asyncio.run(host.get(commit=first)).tree["file"] == b"1"


@pytest.mark.parametrize(
    ("range_", "tag"),
    [
        ("1.x", "v1.4.0"),
        (">=1.0.0", "2.0.0"),
        (">=1.0.0-0", "2.1.0-rc.1"),
        ("~1.2", "1.2.9"),
        ("1.4.0", "v1.4.0"),
        ("0.1.x", "0.1.0+build.2"),
    ],
)
def test_a_range_takes_the_highest_version_and_the_latest_of_equal_ones(range_: str, tag: str) -> None:
    git = repository()
    for name in (
        "v1.3.0",
        "v1.4.0",
        "1.2.9",
        "2.0.0",
        "2.1.0-rc.1",
        "not-a-version",
        "1.9",
        "v01.9.0",
        "release-3.0.0",
    ):
        git.commit({"file": name}, message=name)
        git.tag(name)
    for name in ("0.1.0+build.3", "0.1.0+build.1", "0.1.0+build.2"):
        git.commit({"file": name}, message=name)
        git.tag(name, message="annotated")
    got = asyncio.run(Host(git).get(semver=range_))
    assert (got.tree["file"].decode(), got.commit.reference) == (tag, f"refs/tags/{tag}")


def test_references_are_listed_by_prefix_with_annotated_tags_peeled() -> None:
    git = repository()
    first = git.commit({"file": "x"}, message="start")
    tag = git.tag("v1", message="one")

    async def run() -> None:
        async with Host(git).open() as remote:
            tags = await ls_remote(remote, ("refs/tags/",))
            assert [(ref.name, ref.hash, ref.peeled) for ref in tags] == [("refs/tags/v1", tag, first)]
            assert [ref.name for ref in await ls_remote(remote)] == ["HEAD", "refs/heads/main", "refs/tags/v1"]

    asyncio.run(run())


def test_a_second_fetch_brings_only_what_changed() -> None:
    git = repository()
    git.commit({f"app{n}/file.yaml": f"name: {n}\n" * 50 for n in range(300)}, message="start")
    host = Host(git)
    first = asyncio.run(host.get(branch="main"))
    git.commit({"app7/file.yaml": "changed", "app8/file.yaml": None, "new": "x"}, message="change")
    second = asyncio.run(host.get(branch="main", known=first.snapshot))
    assert second.received < 12_000 < first.received / 2
    assert second.tree == asyncio.run(host.get(branch="main")).tree
    third = asyncio.run(host.get(branch="main", known=second.snapshot))
    assert third.received == 0
    assert third.tree == second.tree


def test_large_packs_are_parsed_by_a_worker_and_small_ones_here() -> None:
    class CountingWorkers(InlineWorkers):
        jobs = 0

        async def run(self, function: Callable[[bytes], bytes], payload: bytes) -> bytes:
            self.jobs += 1
            return await super().run(function, payload)

    git = repository()
    git.commit({f"file{n}": random.Random(n).randbytes(2000) for n in range(60)}, message="start")
    host, workers = Host(git), CountingWorkers()

    async def get(known: Snapshot | None = None) -> Fetched:
        async with host.open() as remote:
            found = await resolve(remote, GitReference(branch="main"))
            return await fetch(remote, found, known=known, workers=workers)

    first = asyncio.run(get())
    assert first.received > 32 << 10
    assert workers.jobs == 1
    assert first.tree == asyncio.run(host.get(branch="main")).tree
    git.commit({"file1": "small"}, message="change")
    second = asyncio.run(get(first.snapshot))
    assert workers.jobs == 1
    assert second.tree["file1"] == b"small"


PATHS = st.sampled_from(["a", "b", "dir/a", "dir/b", "dir/sub/a", "other/a"])
CHANGES = st.dictionaries(PATHS, st.one_of(st.none(), st.sampled_from(["1", "2", "x\n" * 500])), min_size=1, max_size=4)


@given(st.lists(CHANGES, min_size=1, max_size=6))
def test_fetching_by_what_changed_gives_what_fetching_everything_gives(commits: list[dict[str, str | None]]) -> None:
    git = repository()
    git.commit({"first": "1"}, message="start")
    host, known = Host(git), None
    for files in commits:
        git.commit(files, message="change")
        got = asyncio.run(host.get(branch="main", known=known))
        assert got.tree == asyncio.run(host.get(branch="main")).tree
        known = got.snapshot


def test_what_is_known_need_not_be_related() -> None:
    """A rewritten branch, or another repository at the same address: the snapshot helps or does not, that is all."""
    git, other = repository(), repository()
    git.commit({"a": "1", "b": "2"}, message="start")
    other.commit({"a": "1", "c": "3"}, message="elsewhere")
    known = asyncio.run(Host(git).get(branch="main")).snapshot
    got = asyncio.run(Host(other).get(branch="main", known=known))
    assert dict(got.tree) == {"a": b"1", "c": b"3"}


def test_a_snapshot_that_lacks_objects_is_not_blamed() -> None:
    git = repository()
    git.commit({"a": "1", "b": "2"}, message="start")
    host = Host(git)
    known = asyncio.run(host.get(branch="main")).snapshot
    poor = type(known)(known.commit, {}, 0)
    git.commit({"a": "new"}, message="change")
    assert dict(asyncio.run(host.get(branch="main", known=poor)).tree) == {"a": b"new", "b": b"2"}


def test_the_snapshot_holds_what_the_commit_needs_and_nothing_else() -> None:
    git = repository()
    git.commit({"big": "x" * 100_000}, message="start")
    first = asyncio.run(Host(git).get(branch="main"))
    git.commit({"big": "y"}, message="smaller")
    second = asyncio.run(Host(git).get(branch="main", known=first.snapshot))
    assert second.snapshot.size < 1000 < first.snapshot.size


def test_a_repository_that_vanishes_is_not_found() -> None:
    git = repository()
    git.commit({"a": "1"}, message="start")
    host = Host(git)
    asyncio.run(host.get(branch="main"))
    del host.repositories["fleet"]
    with pytest.raises(RepositoryNotFound, match="repository not found: Repository not found"):
        asyncio.run(host.get(branch="main"))


def test_wrong_credentials_are_an_error_of_their_own() -> None:
    git = repository()
    git.commit({"a": "1"}, message="start")
    host = Host(git, allow=lambda request: request.headers.get("authorization") == "Basic bWU6c2VjcmV0")

    async def ask(secret: dict[str, bytes] | None, url: str = "https://git.test/fleet.git") -> int:
        async with host.open(url, secret) as remote:
            return len(await ls_remote(remote))

    assert asyncio.run(ask({"username": b"me", "password": b"secret"})) == 2
    assert asyncio.run(ask(None, "https://me:secret@git.test/fleet.git")) == 2
    for secret in (None, {"username": b"me", "password": b"wrong-one"}, {"bearerToken": b"secret"}):
        with pytest.raises(AuthenticationFailed, match="authentication required: credentials are needed") as caught:
            asyncio.run(ask(secret))
        assert "wrong-one" not in str(caught.value)


def test_a_bearer_token_is_sent_as_one() -> None:
    git = repository()
    git.commit({"a": "1"}, message="start")
    host = Host(git, allow=lambda request: request.headers.get("authorization") == "Bearer token")

    async def ask() -> int:
        async with host.open(secret={"bearerToken": b"token"}) as remote:
            return len(await ls_remote(remote))

    assert asyncio.run(ask()) == 2


@pytest.mark.parametrize(
    ("reply", "error", "says"),
    [
        (ServerResponse(403, {"Content-Type": "text/plain"}, b"no way\nsecond"), AuthenticationFailed, "no way"),
        (ServerResponse(500, {}, b""), Unreachable, 'unexpected requesting "https://git.test/fleet.git/info/refs"'),
        (ServerResponse(429, {}, b""), Unreachable, "status code: 429"),
        (ServerResponse(400, {"Content-Type": "text/html"}, b"<h1>"), ProtocolError, "status code: 400"),
        (ServerResponse(200, {"Content-Type": "text/html"}, b"hello"), ProtocolError, "smart HTTP is needed"),
    ],
)
def test_other_answers_have_their_reaction(reply: ServerResponse, error: type[GitError], says: str) -> None:
    async def answer(request: ServerRequest) -> ServerResponse:
        return reply

    host = Host(repository())
    host.web = MemoryTransport({"https://git.test": answer})
    with pytest.raises(error) as caught:
        asyncio.run(host.get(branch="main"))
    assert says in str(caught.value)
    assert "second" not in str(caught.value)


def test_an_unknown_host_is_unreachable() -> None:
    host = Host(repository())
    host.web = MemoryTransport({})
    with pytest.raises(Unreachable, match="refused"):
        asyncio.run(host.get(branch="main"))


def test_a_server_that_breaks_off_is_unreachable_or_breaks_the_protocol() -> None:
    git = repository()
    git.commit({"a": "x" * 5000}, message="start")
    whole = Host(git)
    asyncio.run(whole.get(branch="main"))
    request = whole.requests[-1]

    async def run() -> None:
        full = await whole._answer(request)
        assert isinstance(full.body, bytes)
        for cut in range(0, len(full.body), 7):
            shorter = ServerResponse(full.status, full.headers, full.body[:cut])

            async def answer(asked: ServerRequest, shorter: ServerResponse = shorter) -> ServerResponse:
                return shorter if asked.body == request.body else await whole._answer(asked)

            host = Host(git)
            host.web = MemoryTransport({"https://git.test": answer})
            with pytest.raises((Unreachable, ProtocolError)):
                await host.get(branch="main")

    asyncio.run(run())


def test_a_scheme_that_is_no_transport_is_refused() -> None:
    credentials = GitCredentials(transport="git", host="git.test")

    async def run() -> None:
        async with connect("git://git.test/x", credentials, web=MemoryTransport({})):
            pass

    with pytest.raises(GitError, match="unsupported scheme 'git': use http, https or ssh"):
        asyncio.run(run())
