"""Resolve a reference, fetch its commit."""

from dataclasses import dataclass

from fluvial.git.commit import Fetched, Snapshot
from fluvial.git.reference import Found, Reference
from fluvial.git.session import Remote
from fluvial.stdx import Workers


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one fetch; passing one is a ProtocolError that names it.

    Attributes:
        pack: bytes received.
        objects: objects in the pack.
        unpacked: bytes of all objects together, after decompression and deltas.
        depth: nested folders.
        history: bytes of a pack with full history, needed only when a server refuses to send a commit by its hash.
    """

    pack: int = 256 << 20
    objects: int = 500_000
    unpacked: int = 512 << 20
    depth: int = 256


async def resolve(remote: Remote, reference: Reference) -> Found:
    """Ask which commit `reference` means now. Cheap: no object is sent, but for equal versions of a semver range.

    Raises:
        RefNotFound, EmptyRepository, GitError
    """
    raise NotImplementedError


async def fetch(
    remote: Remote,
    found: Found,
    *,
    known: Snapshot | None = None,
    limits: Limits | None = None,
    workers: Workers | None = None,
) -> Fetched:
    """Fetch one commit and its files, without history.

    Args:
        known: the outcome of an earlier fetch from this repository: only what changed since is sent.
        workers: where packs above a few hundred kilobytes are parsed; here, if absent.
    Raises:
        GitError: see `errors`. `known` is never blamed: if it does not help, everything is fetched.
    """
    raise NotImplementedError
