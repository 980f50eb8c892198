"""Where artifacts live: `<kind>/<namespace>/<name>/<file>` below one root (fluxcd/pkg `artifact/storage`).

Calls block for the time of the disk. A write returns when it would survive a power cut, so that a status never names a
file that is not there.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager

from fluvial.api import Artifact
from fluvial.disk import DiskError, Entry, Root
from fluvial.gotext import rfc3339
from fluvial.stdx import Clock

ALGORITHMS = ("sha256", "sha384", "sha512", "sha1")
_WALK_LIMIT = 1000  # files looked at in one object's folder, as in Flux
_DIGEST = re.compile(r"(?P<algorithm>[a-z0-9]+):(?P<hex>[0-9a-f]+)\Z")


class CorruptArtifact(Exception):
    """The stored file is not what the artifact's digest says, or cannot be read; it must be made again."""


def digest_of(data: bytes, algorithm: str = "sha256") -> str:
    """Return `<algorithm>:<hex>`; `algorithm` is one of `ALGORITHMS`."""
    return f"{algorithm}:{hashlib.new(algorithm, data, usedforsecurity=algorithm != 'sha1').hexdigest()}"


def check_digest(data: bytes, digest: str) -> None:
    """See that bytes have a digest.

    Raises:
        ValueError: they have not, or the digest cannot be read; the text is Flux's.
    """
    if not digest:
        raise ValueError("artifact has no digest")
    found = _DIGEST.match(digest)
    if found is None:
        raise ValueError(f"failed to parse artifact digest '{digest}': invalid checksum digest format")
    if found["algorithm"] not in ALGORITHMS:
        raise ValueError(f"failed to parse artifact digest '{digest}': unsupported digest algorithm")
    if digest_of(data, found["algorithm"]) != digest:
        raise ValueError(f"computed digest doesn't match '{digest}'")


class Store:
    """Artifacts on disk."""

    def __init__(
        self, root: Root, *, host: str, clock: Clock, ttl: float = 60.0, records: int = 2, algorithm: str = "sha256"
    ) -> None:
        """
        Args:
            host: put into URLs (`--storage-adv-addr`), with or without `http://`.
            ttl: seconds after which a file that is not current is garbage (`--artifact-retention-ttl`).
            records: files kept of one object (`--artifact-retention-records`).
            algorithm: of digests (`--artifact-digest-algo`), one of `ALGORITHMS`.
        """
        if algorithm not in ALGORITHMS:
            raise ValueError(f"unsupported digest algorithm: {algorithm} (known: {', '.join(ALGORITHMS)})")
        self.root = root
        self._base = ""
        self.advertise(host)
        self._clock = clock
        self._ttl = ttl
        self._records = records
        self._algorithm = algorithm

    def advertise(self, host: str) -> None:
        """Put `host` into URLs from now on."""
        self._base = host if host.startswith(("http://", "https://")) else f"http://{host}"

    def folder(self, kind: str, namespace: str, name: str) -> str:
        """Return where the artifacts of one object are."""
        return f"{kind.lower()}/{namespace}/{name}"

    def url(self, path: str) -> str:
        """Return the address of a stored file."""
        return f"{self._base}/{path.lstrip('/')}"

    def write(self, path: str, revision: str, data: bytes, metadata: Mapping[str, str] | None = None) -> Artifact:
        """Store an archive and return what a status says of it.

        Raises:
            OSError: the disk is full, not writable, or the file is locked by somebody else (BlockingIOError).
        """
        now = self._clock.now()
        with self.lock(path):
            self.root.write_atomic(path, data, modified=now.timestamp())
        return Artifact(
            path=path,
            url=self.url(path),
            revision=revision,
            digest=digest_of(data, self._algorithm),
            last_update_time=rfc3339(now),
            size=len(data),
            metadata=dict(metadata or {}),
        )

    def lock(self, path: str) -> AbstractContextManager[None]:
        """Hold `<path>.lock`, as Flux does. Raises BlockingIOError when somebody else has it."""
        return self.root.lock(path + ".lock")

    def exists(self, artifact: Artifact) -> bool:
        """Tell whether a regular file is where the artifact says."""
        try:
            entry = self.root.stat(artifact.path)
        except DiskError:
            return False  # no path of ours
        return entry is not None and not entry.is_folder and not entry.is_link

    def verify(self, artifact: Artifact) -> None:
        """See that the stored bytes have the artifact's digest.

        Raises:
            CorruptArtifact: they have not, or cannot be read.
        """
        try:
            check_digest(self.root.read(artifact.path), artifact.digest)
        except (ValueError, OSError) as error:
            raise CorruptArtifact(str(error)) from error

    def remove(self, artifact: Artifact) -> None:
        """Delete a stored file; none is not an error. Raises OSError."""
        self.root.delete(artifact.path)

    def remove_all(self, kind: str, namespace: str, name: str) -> bool:
        """Delete everything of one object, and tell whether there was anything. Raises OSError."""
        return self.root.delete_tree(self.folder(kind, namespace, name))

    def collect_garbage(self, artifact: Artifact) -> list[str]:
        """Delete what is old or too many beside the current artifact, with its lock files, and return what went.

        Raises:
            OSError: a file cannot be deleted.
        """
        folder = artifact.path.rpartition("/")[0]
        entries = [entry for entry in self.root.walk(folder, limit=_WALK_LIMIT) if not entry.is_folder]
        gone = garbage(entries, artifact.path, self._clock.now().timestamp(), self._ttl, self._records)
        for path in gone:
            self.root.delete(path)
            self.root.delete(path + ".lock")
        return gone


def garbage(entries: Iterable[Entry], current: str, now: float, ttl: float, records: int) -> list[str]:
    """Choose what to delete of one object's files: all that outlived `ttl`, then all but the newest `records`.

    The current file always stays; lock files and links are not counted.

    Args:
        now: seconds since 1970, as the entries' times.
    """
    files = sorted(
        (entry for entry in entries if not entry.is_link and not entry.path.endswith(".lock")),
        key=lambda entry: (entry.modified, entry.path),
    )
    others = [entry for entry in files if entry.path != current]
    expired = [entry.path for entry in others if now - entry.modified > ttl]
    kept = [entry.path for entry in others if now - entry.modified <= ttl]
    surplus = len(kept) + (len(files) - len(others)) - max(records, 1)
    return expired + kept[: max(surplus, 0)]
