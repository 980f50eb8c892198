"""Artifacts are fetched with patience, proved, and kept."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from fluvial import testing
from fluvial.artifacts import ArchiveLimits, ArtifactError, ArtifactNotFound, ArtifactUnavailable, Fetcher, pack
from fluvial.net import Fault, MemoryTransport, Request, ServerRequest, ServerResponse
from fluvial.stdx import InlineWorkers, Tree, sha256

TREE = Tree({"a.yaml": b"x: 1\n", "run.sh": b"#!"}, frozenset({"run.sh"}))
DATA = pack(TREE)
DIGEST = sha256(DATA)
URL = "http://source.test/gitrepository/default/fleet/abc.tar.gz"


class Host:
    """Answers with the given replies one after another, then with the archive."""

    def __init__(self, *replies: ServerResponse, faults: Callable[[Request], Fault | None] | None = None) -> None:
        self.replies = list(replies)
        self.times: list[float] = []
        self.delay = 0.0
        self.transport = MemoryTransport({"http://source.test": self.answer}, faults=faults)

    async def answer(self, request: ServerRequest) -> ServerResponse:
        self.times.append(asyncio.get_running_loop().time())
        await asyncio.sleep(self.delay)
        return self.replies.pop(0) if self.replies else ServerResponse(200, {}, DATA)


def run(test: Callable[[Host], Awaitable[None]], host: Host) -> None:
    async def main() -> None:
        try:
            await test(host)
        finally:
            await host.transport.close()

    testing.run(main())


def test_an_artifact_becomes_a_tree_and_is_asked_for_once() -> None:
    async def play(host: Host) -> None:
        fetcher = Fetcher(host.transport)
        found = await fetcher.fetch(URL, DIGEST)
        assert (found, found.executable) == (TREE, {"run.sh"})
        assert await fetcher.fetch("http://source.test/moved", DIGEST) is found
        assert len(host.times) == 1

    run(play, Host())


def test_many_who_ask_at_once_share_one_download() -> None:
    async def play(host: Host) -> None:
        host.delay = 1
        fetcher = Fetcher(host.transport, cache=0)
        found = await asyncio.gather(*(fetcher.fetch(URL, DIGEST) for _ in range(20)))
        assert len(host.times) == 1
        assert all(each == TREE for each in found)
        await fetcher.fetch(URL, DIGEST)
        assert len(host.times) == 2

    run(play, Host())


def test_one_who_leaves_does_not_take_the_download_from_the_others() -> None:
    async def play(host: Host) -> None:
        host.delay = 5
        fetcher = Fetcher(host.transport)
        leaving, staying = (asyncio.create_task(fetcher.fetch(URL, DIGEST)) for _ in range(2))
        await asyncio.sleep(1)
        leaving.cancel()
        assert await staying == TREE
        assert len(host.times) == 1
        alone = asyncio.create_task(Fetcher(host.transport).fetch(URL, DIGEST))
        await asyncio.sleep(1)
        alone.cancel()
        await asyncio.gather(alone, return_exceptions=True)

    run(play, Host())


@pytest.mark.parametrize("digest", ["sha256:" + "0" * 64, "", "junk", "md5:" + "0" * 32])
def test_bytes_that_do_not_have_the_digest_are_never_used(digest: str) -> None:
    async def play(host: Host) -> None:
        with pytest.raises(ArtifactError, match="failed to verify archive: "):
            await Fetcher(host.transport).fetch(URL, digest)

    run(play, Host())


def test_a_missing_file_is_told_at_once() -> None:
    async def play(host: Host) -> None:
        with pytest.raises(ArtifactNotFound):
            await Fetcher(host.transport).fetch(URL, DIGEST)
        assert len(host.times) == 1
        assert await Fetcher(host.transport).fetch(URL, DIGEST) == TREE

    run(play, Host(ServerResponse(404)))


def test_a_server_that_starts_slowly_is_waited_for() -> None:
    async def play(host: Host) -> None:
        assert await Fetcher(host.transport).fetch(URL, DIGEST) == TREE
        assert host.times == [0, 5, 15, 35, 65]

    run(play, Host(*[ServerResponse(503)] * 4))


def test_a_server_that_says_when_is_obeyed() -> None:
    async def play(host: Host) -> None:
        await Fetcher(host.transport).fetch(URL, DIGEST)
        assert host.times == [0, 42]

    run(play, Host(ServerResponse(429, {"Retry-After": "42"})))


def test_a_server_that_never_answers_is_given_up_after_ten_tries() -> None:
    tried = []

    def refuse(request: Request) -> Fault:
        tried.append(request)
        return Fault(refuse=True)

    async def play(host: Host) -> None:
        with pytest.raises(ArtifactUnavailable, match=r"giving up after 10 attempt\(s\): .*refused"):
            await Fetcher(host.transport).fetch(URL, DIGEST)
        assert len(tried) == 10

    run(play, Host(faults=refuse))


def test_a_connection_that_breaks_is_tried_again() -> None:
    faults = [Fault(cut_after=0), Fault(lose_reply=True)]

    async def play(host: Host) -> None:
        assert await Fetcher(host.transport).fetch(URL, DIGEST) == TREE
        assert not faults

    run(play, Host(faults=lambda request: faults.pop() if faults else None))


@pytest.mark.parametrize("status", [400, 403, 501])
def test_an_answer_that_will_not_change_is_an_error_at_once(status: int) -> None:
    async def play(host: Host) -> None:
        with pytest.raises(ArtifactError, match=rf"failed to download archive from {URL} \(status: {status}\)"):
            await Fetcher(host.transport).fetch(URL, DIGEST)
        assert len(host.times) == 1

    run(play, Host(ServerResponse(status)))


def test_what_is_no_archive_is_an_error_although_its_digest_is_right() -> None:
    async def play(host: Host) -> None:
        with pytest.raises(ArtifactError, match="failed to extract archive"):
            await Fetcher(host.transport).fetch(URL, sha256(b"junk"))

    run(play, Host(ServerResponse(200, {}, b"junk")))


def test_an_archive_that_is_too_long_is_not_read_to_its_end() -> None:
    async def play(host: Host) -> None:
        with pytest.raises(ArtifactError, match="failed to download archive"):
            await Fetcher(host.transport, limits=ArchiveLimits(unpacked=10)).fetch(URL, DIGEST)

    run(play, Host())


def test_the_cache_is_bounded_in_bytes() -> None:
    trees = [Tree({"file": bytes([number]) * 400}) for number in range(4)]
    archives = {sha256(pack(tree)): pack(tree) for tree in trees}

    async def answer(request: ServerRequest) -> ServerResponse:
        asked.append(request.path)
        return ServerResponse(200, {}, archives[request.path[1:]])

    async def play(host: Host) -> None:
        fetcher = Fetcher(MemoryTransport({"http://source.test": answer}), cache=1000)
        first, second, third, _ = archives
        for digest in (first, second, first, third, first, second):
            await fetcher.fetch(f"http://source.test/{digest}", digest)
        assert asked == [f"/{digest}" for digest in (first, second, third, second)]

    asked: list[str] = []
    run(play, Host())


def test_a_host_can_be_put_in_the_place_of_another() -> None:
    async def play(host: Host) -> None:
        fetcher = Fetcher(host.transport, host="source.test")
        assert await fetcher.fetch("http://in.the.cluster.local:9090/x", DIGEST) == TREE

    run(play, Host())


def test_large_archives_are_unpacked_by_a_worker() -> None:
    big = Tree({f"{number}": bytes([number * n % 256 for n in range(1000)]) for number in range(256)})

    async def play(host: Host) -> None:
        assert await Fetcher(host.transport, workers=InlineWorkers()).fetch(URL, sha256(pack(big))) == big

    run(play, Host(ServerResponse(200, {}, pack(big))))


def test_who_asks_while_a_download_that_nobody_wanted_ends_gets_his_own() -> None:
    async def play(host: Host) -> None:
        host.delay = 1
        fetcher = Fetcher(host.transport)
        first = asyncio.create_task(fetcher.fetch(URL, DIGEST))
        await asyncio.sleep(0.5)
        first.cancel()
        await asyncio.sleep(0)  # the download is told to end, and has not ended yet
        assert await fetcher.fetch(URL, DIGEST) == TREE
        assert first.cancelled()

    run(play, Host())
