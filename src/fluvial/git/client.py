"""Resolve a reference, fetch its commit."""

from collections.abc import Mapping
from contextlib import aclosing
from dataclasses import dataclass

from fluvial.api import GitReference
from fluvial.git.commit import Fetched, Snapshot
from fluvial.git.errors import EmptyRepository, ProtocolError, RefNotFound
from fluvial.git.objects import MissingObject, TreeLimits, peel, read_commit, read_tree
from fluvial.git.pack import PackLimits, RawObject, pack_job, parse_pack, parse_pack_job, read_job
from fluvial.git.protocol import Hello, PackReader, RemoteRef, Wish, fetch_request, has_sideband
from fluvial.git.reference import BRANCHES, TAGS, Found, look_up, matching_tags, newest, pinned, wanted_name
from fluvial.git.session import Remote, ls_remote
from fluvial.stdx import Workers

_INLINE = 32 << 10  # bytes of a pack that is parsed here: about two milliseconds


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one fetch; passing one is a ProtocolError that names it.

    Attributes:
        pack: bytes received.
        objects: objects in the pack.
        unpacked: bytes of all objects together, after decompression and deltas; and of all files together.
        files: files of the commit.
        depth: nested folders.
    """

    pack: int = 256 << 20
    objects: int = 500_000
    unpacked: int = 512 << 20
    files: int = 200_000
    depth: int = 256


async def resolve(remote: Remote, reference: GitReference) -> Found:
    """Ask which commit `reference` means now; only to choose among equal versions of a range are commits fetched.

    Raises:
        EmptyRepository: the repository has no references.
        RefNotFound: nothing fits; the text is Flux's.
        GitError: see `errors`.
    """
    if reference.commit:
        return pinned(reference)
    name = wanted_name(reference)
    refs = await ls_remote(remote, (name or TAGS,))
    try:
        if name:
            return look_up(reference, refs)
        tags = matching_tags(reference.semver, refs)
    except RefNotFound:
        if not refs and not await ls_remote(remote):
            raise EmptyRepository("remote repository is empty") from None
        raise
    return newest(tags, {} if len(tags) == 1 else await _commit_times(remote, tags))


async def fetch(
    remote: Remote,
    found: Found,
    *,
    known: Snapshot | None = None,
    limits: Limits | None = None,
    workers: Workers | None = None,
) -> Fetched:
    """Fetch one commit and its files, without history.

    A commit that no reference points at is asked for by its hash; a server that refuses gets asked for the whole
    history of the branch it was said to be on, or of all branches.

    Args:
        known: the outcome of an earlier fetch from this repository: only what changed since is sent.
        workers: where packs above a few ten kilobytes are parsed; here, if absent.
    Raises:
        GitError: see `errors`. `known` is never blamed: if it does not help, everything is fetched.
    """
    limits = limits or Limits()
    hello = await remote.hello()
    if known is not None and known.commit == found.hash:
        return _checked_out(found, known.objects, limits, received=0)
    if known is not None and hello.version == 2:
        try:
            return await _fetch(remote, hello, found, Wish((found.hash,), have=known.commit), known, limits, workers)
        except MissingObject:
            pass  # the server took more for known than we hold; ask for everything
    if found.advertised or _sends_any_commit(hello):
        try:
            return await _fetch(remote, hello, found, Wish((found.hash,)), None, limits, workers)
        except RefNotFound:
            if found.advertised:
                raise
    return await _fetch_from_history(remote, found, limits, workers)


async def _fetch(
    remote: Remote,
    hello: Hello,
    found: Found,
    wish: Wish,
    known: Snapshot | None,
    limits: Limits,
    workers: Workers | None,
) -> Fetched:
    base = known.objects if known is not None else {}
    pack = await _receive(remote, hello, wish, limits.pack)
    bounds = PackLimits(limits.objects, limits.unpacked)
    if workers is None or len(pack) <= _INLINE:
        objects = parse_pack(pack, base, bounds)
    else:
        objects = read_job(await workers.run(parse_pack_job, pack_job(pack, base, bounds)))
    return _checked_out(found, {**base, **objects}, limits, received=len(pack))


async def _fetch_from_history(remote: Remote, found: Found, limits: Limits, workers: Workers | None) -> Fetched:
    heads = await ls_remote(remote, (found.reference or BRANCHES,))
    wants = tuple(sorted({ref.commit for ref in heads if not found.reference or ref.name == found.reference}))
    if not wants:
        raise RefNotFound(f'couldn\'t find remote ref "{found.reference or BRANCHES}"')
    hello = await remote.hello()
    try:
        return await _fetch(remote, hello, found, Wish(wants, shallow=False), None, limits, workers)
    except MissingObject as error:
        raise RefNotFound(f"unable to resolve commit object for '{found.hash}': object not found") from error


def _checked_out(found: Found, objects: Mapping[bytes, RawObject], limits: Limits, received: int) -> Fetched:
    name = peel(found.hash, objects)
    commit, root = read_commit(name, found.reference, objects)
    tree, snapshot = read_tree(name, root, objects, TreeLimits(limits.files, limits.unpacked, limits.depth))
    return Fetched(commit, tree, snapshot, received)


async def _receive(remote: Remote, hello: Hello, wish: Wish, most: int) -> bytes:
    """Return the pack that answers a wish, read no further than `most` bytes."""
    if not has_sideband(hello):
        raise ProtocolError("the server does not offer side-band-64k, which packs are read from")
    reader = PackReader(hello.version)
    async with aclosing(remote.ask(fetch_request(hello, wish))) as packets:
        async for packet in packets:
            reader.take(packet)
            if reader.size > most:
                raise ProtocolError(f"the pack is larger than the {most} bytes allowed")
            if reader.done:
                break
    if not reader.done:
        raise ProtocolError("the server's answer ends before its pack does")
    return b"".join(reader.chunks)


def _sends_any_commit(hello: Hello) -> bool:
    """Version 2 servers send any commit they have; older ones say whether they do."""
    return hello.version == 2 or any(
        hello.offers(name) for name in ("allow-reachable-sha1-in-want", "allow-any-sha1-in-want")
    )


async def _commit_times(remote: Remote, tags: list[RemoteRef]) -> dict[str, float]:
    """Return when each tag's commit was made; tags of anything but commits are left out."""
    hello = await remote.hello()
    limits = Limits()
    wants = tuple(sorted({tag.commit for tag in tags}))
    pack = await _receive(remote, hello, Wish(wants), limits.pack)
    objects = parse_pack(pack, {}, PackLimits(limits.objects, limits.unpacked))
    times = {}
    for name in wants:
        try:
            times[name] = read_commit(name, "", objects)[0].committer.when.timestamp()
        except ProtocolError:
            continue  # a tag of a file or folder is no version of the repository
    return times
