"""Artifacts over HTTP, for those who build from them (fluxcd/pkg `http/fetch`)."""

import asyncio
from collections import OrderedDict
from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

import msgspec

from fluvial.artifacts.archive import ArchiveError, ArchiveLimits, unpack
from fluvial.artifacts.store import check_digest
from fluvial.net import BadReply, NetError, Refused, Request, TooLarge, Transport, public_url
from fluvial.stdx import Tree, Workers

_INLINE = 64 << 10  # bytes of an archive that is unpacked here: a few milliseconds
_FINAL = (BadReply, TooLarge, Refused)  # asking again gives the same
_RETRIED = frozenset({429, *range(500, 600)} - {501})


class ArtifactError(Exception):
    """The artifact could not be had; what reacts differently has its own class.

    ```
    ArtifactError
    ├── ArtifactNotFound      404: the source is about to make it again; wait for its status
    └── ArtifactUnavailable   the server did not answer in all tries: try again later
    ```
    The class itself: the bytes do not have the digest, or are no archive.
    """


class ArtifactNotFound(ArtifactError):
    """The server has no such file: not ready yet, in Flux's eyes."""


class ArtifactUnavailable(ArtifactError):
    """No answer, or server errors only, in all tries."""


@dataclass(slots=True)
class _Job:
    """A download that one or several callers wait for."""

    task: asyncio.Task[Tree]
    waiting: int = 0


class Fetcher:
    """Downloads artifacts, checks their digests, and keeps the trees of the last ones in memory."""

    def __init__(
        self,
        transport: Transport,
        *,
        retries: int = 9,
        wait: tuple[float, float] = (5.0, 30.0),
        cache: int = 64 << 20,
        workers: Workers | None = None,
        host: str = "",
        limits: ArchiveLimits | None = None,
    ) -> None:
        """
        Args:
            retries: further tries after the first (`--http-retry`).
            wait: seconds between tries: the first wait and the longest; doubled in between.
            cache: bytes of files of the trees kept, the least recently used leave first; 0 keeps none.
            host: replaces host and port of every URL (`SOURCE_CONTROLLER_LOCALHOST`).
        """
        self._transport = transport
        self._retries = retries
        self._wait = wait
        self._workers = workers
        self._host = host
        self._limits = limits or ArchiveLimits()
        self._trees = _TreeCache(cache)
        self._jobs: dict[tuple[str, str], _Job] = {}

    async def fetch(self, url: str, digest: str) -> Tree:
        """Return the files of the artifact at `url`, whose bytes have `digest` ("sha256:…").

        Callers that ask for the same artifact at the same time share one download. The caller owns the transport.

        Raises:
            ArtifactNotFound, ArtifactUnavailable, ArtifactError
        """
        if (tree := self._trees.get(digest)) is not None:
            return tree
        job = self._jobs.get((url, digest))
        if job is None:
            task = asyncio.create_task(self._download(url, digest), name=f"artifact {public_url(url)}")
            job = self._jobs[url, digest] = _Job(task)
            task.add_done_callback(lambda done: self._forget((url, digest), done))
        job.waiting += 1
        try:
            return await asyncio.shield(job.task)
        finally:
            job.waiting -= 1
            if not job.waiting and not job.task.done():
                self._forget((url, digest), job.task)  # whoever asks from now on needs a download of his own
                job.task.cancel()
                await asyncio.gather(job.task, return_exceptions=True)

    def _forget(self, name: tuple[str, str], task: "asyncio.Task[Tree]") -> None:
        if (job := self._jobs.get(name)) is not None and job.task is task:
            del self._jobs[name]

    async def _download(self, url: str, digest: str) -> Tree:
        data = await self._get(self._address(url))
        try:
            check_digest(data, digest)
        except ValueError as error:
            raise ArtifactError(f"failed to verify archive: {error}") from error
        try:
            tree = await self._unpack(data)
        except ArchiveError as error:
            raise ArtifactError(f"failed to extract archive: {error}") from error
        self._trees.put(digest, tree)
        return tree

    async def _get(self, url: str) -> bytes:
        """Download, again and again where that may help."""
        delay, longest = self._wait
        for tries_left in range(self._retries, -1, -1):
            try:
                return await self._get_once(url)
            except _TryAgain as error:
                if not tries_left:
                    raise ArtifactUnavailable(
                        f"failed to download archive: GET {public_url(url)} giving up after"
                        f" {self._retries + 1} attempt(s): {error}"
                    ) from error
                await asyncio.sleep(max(delay, error.wait))
                delay = min(delay * 2, longest)
        raise AssertionError("unreachable")

    async def _get_once(self, url: str) -> bytes:
        try:
            async with await self._transport.send(Request("GET", url)) as reply:
                if reply.status == 200:
                    return await reply.read(self._limits.unpacked)
                if reply.status == 404:
                    raise ArtifactNotFound("file not found")
                said = f"failed to download archive from {public_url(url)} (status: {reply.status})"
                if reply.status not in _RETRIED:
                    raise ArtifactError(said)
                after = reply.headers.get("retry-after", "")
                raise _TryAgain(said, float(after) if after.isdigit() else 0.0)
        except NetError as error:
            if isinstance(error, _FINAL):
                raise ArtifactError(f"failed to download archive: {error}") from error
            raise _TryAgain(str(error), 0.0) from error

    async def _unpack(self, data: bytes) -> Tree:
        if self._workers is None or len(data) <= _INLINE:
            return unpack(data, self._limits)
        payload = msgspec.msgpack.encode((data, self._limits.unpacked, self._limits.files))
        packed = await self._workers.run(unpack_job, payload)
        files, executable = msgspec.msgpack.decode(packed, type=tuple[dict[str, bytes], list[str]])
        return Tree(files, frozenset(executable))

    def _address(self, url: str) -> str:
        return urlunsplit(urlsplit(url)._replace(netloc=self._host)) if self._host else url


class _TryAgain(Exception):
    """A failure that may pass.

    Attributes:
        wait: seconds that the server asked for, 0 if it did not.
    """

    def __init__(self, message: str, wait: float) -> None:
        super().__init__(message)
        self.wait = wait


class _TreeCache:
    """The trees used last, by digest, bounded by the bytes of their files."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._size = 0
        self._trees: OrderedDict[str, Tree] = OrderedDict()

    def get(self, digest: str) -> Tree | None:
        tree = self._trees.get(digest)
        if tree is not None:
            self._trees.move_to_end(digest)
        return tree

    def put(self, digest: str, tree: Tree) -> None:
        if digest in self._trees or tree.size > self._most:
            return
        self._trees[digest] = tree
        self._size += tree.size
        while self._size > self._most:
            _, oldest = self._trees.popitem(last=False)
            self._size -= oldest.size


def unpack_job(payload: bytes) -> bytes:
    """`unpack` for a worker process."""
    data, unpacked, files = msgspec.msgpack.decode(payload, type=tuple[bytes, int, int])
    tree = unpack(data, ArchiveLimits(unpacked, files))
    return msgspec.msgpack.encode((dict(tree), sorted(tree.executable)))
