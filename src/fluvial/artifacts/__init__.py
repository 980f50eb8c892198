"""Packs, stores, serves, fetches and verifies artifact archives.

An artifact is a gzipped tar of regular files, written by a source and read by whoever builds from it; layout, names and
rules are Flux's (fluxcd/pkg `artifact` and `http/fetch`), so that either side may be Flux's own.
Nothing is unpacked to disk: readers get a `Tree`.
"""

from fluvial.artifacts.archive import ArchiveError, ArchiveLimits, pack, pack_by, unpack
from fluvial.artifacts.fetcher import ArtifactError, ArtifactNotFound, ArtifactUnavailable, Fetcher
from fluvial.artifacts.serving import artifact_handler
from fluvial.artifacts.store import ALGORITHMS, CorruptArtifact, Store

__all__ = [
    "ALGORITHMS",
    "ArchiveError",
    "ArchiveLimits",
    "ArtifactError",
    "ArtifactNotFound",
    "ArtifactUnavailable",
    "CorruptArtifact",
    "Fetcher",
    "Store",
    "artifact_handler",
    "pack",
    "pack_by",
    "unpack",
]
