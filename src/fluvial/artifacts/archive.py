"""A tree to a gzipped tar and back."""

from dataclasses import dataclass

from fluvial.stdx import Tree


class ArchiveError(ValueError):
    """The bytes are not a readable archive, or pass a limit; fetching them again cannot help."""


@dataclass(frozen=True, slots=True)
class ArchiveLimits:
    """Bounds of unpacking.

    Attributes:
        unpacked: bytes after decompression.
        files: entries of any type.
    """

    unpacked: int = 1 << 30
    files: int = 500_000


def pack(tree: Tree) -> bytes:
    """Return the archive of a tree; equal trees give equal bytes."""
    raise NotImplementedError


def unpack(data: bytes, limits: ArchiveLimits | None = None) -> Tree:
    """Return the regular files of a `.tar.gz`; links and other special entries are skipped, as Flux skips them.

    Raises:
        ArchiveError: not gzip, not tar, cut short, a path that leaves the root, or a limit passed.
    """
    raise NotImplementedError
