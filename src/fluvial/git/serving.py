"""The answers of an upload-pack over HTTP, as functions of a request and a repository (gitprotocol-v2, -pack)."""

import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from dulwich.object_format import SHA1
from dulwich.object_store import MemoryObjectStore
from dulwich.objects import S_ISGITLINK, Commit, ObjectID, ShaFile, Tag, Tree
from dulwich.pack import write_pack_objects

from fluvial.git.errors import ProtocolError
from fluvial.git.pktline import Mark, Packet, PacketReader, line
from fluvial.net import ServerRequest, ServerResponse

_BODY_LIMIT = 8 << 20  # bytes of a request after decompression
_BAND = 65515  # bytes of a pack in one line of the side band
_WORDS_0 = "shallow side-band-64k ofs-delta no-progress no-done object-format=sha1"


@dataclass(frozen=True, slots=True)
class Advertised:
    """What is served: objects, references by full name, and where HEAD points."""

    store: MemoryObjectStore
    refs: Mapping[str, str]
    head: str

    def listed(self) -> list[tuple[str, str]]:
        """Name and hash of HEAD and of every reference, in the order Git lists them."""
        head = [("HEAD", self.refs[self.head])] if self.head in self.refs else []
        return head + sorted(self.refs.items())

    def peeled(self, name: str) -> str:
        """What an annotated tag leads to, "" for anything else."""
        found = self.store[ObjectID(name.encode())]
        target = ""
        while isinstance(found, Tag):
            target = found.object[1].decode()
            found = self.store[found.object[1]]
        return target


@dataclass(slots=True)
class _Asked:
    """A request for a pack, as either version words it."""

    wants: list[str]
    haves: list[str]
    shallow: list[str]
    deepen: int = 0
    done: bool = False


def serve_upload_pack(request: ServerRequest, tail: str, served: Advertised, newest: int) -> ServerResponse:
    """Answer one request to `info/refs` or `git-upload-pack` of one repository."""
    second = newest >= 2 and "version=2" in request.headers.get("git-protocol", "")
    if tail == "info/refs" and request.method == "GET":
        if request.query != "service=git-upload-pack":
            return ServerResponse(403, {"Content-Type": "text/plain"}, b"this server takes no pushes")
        body = line("# service=git-upload-pack") + Mark.FLUSH.value
        return _reply("advertisement", body + (_hello_2() if second else _hello_0(served)))
    if tail != "git-upload-pack" or request.method != "POST":
        return ServerResponse(403, {"Content-Type": "text/plain"}, b"this server takes no pushes")
    try:
        packets = PacketReader().feed(_body(request))
        answer = _answer_2(packets, served) if second else _answer_0(packets, served)
    except ProtocolError as error:
        answer = line(f"ERR upload-pack: {error}")
    return _reply("result", answer)


def _reply(kind: str, body: bytes) -> ServerResponse:
    headers = {"Content-Type": f"application/x-git-upload-pack-{kind}", "Cache-Control": "no-cache"}
    return ServerResponse(200, headers, body)


def _body(request: ServerRequest) -> bytes:
    if request.headers.get("content-encoding") != "gzip":
        return request.body
    unzip = zlib.decompressobj(31)
    body = unzip.decompress(request.body, _BODY_LIMIT)
    if unzip.unconsumed_tail:
        raise ProtocolError("the request is too long")
    return body


def _hello_2() -> bytes:
    words = ("version 2", "agent=fluvial", "ls-refs=unborn", "fetch=shallow", "server-option", "object-format=sha1")
    return b"".join((*map(line, words), Mark.FLUSH.value))


def _hello_0(served: Advertised) -> bytes:
    words = f"{_WORDS_0} symref=HEAD:{served.head} agent=fluvial"
    rows = []
    for name, hash_ in served.listed():
        rows.append(f"{hash_} {name}")
        if peeled := served.peeled(hash_):
            rows.append(f"{peeled} {name}^{{}}")
    if not rows:
        rows = [f"{'0' * 40} capabilities^{{}}"]
    first, *others = rows
    return b"".join((line(f"{first}\0{words}"), *map(line, others), Mark.FLUSH.value))


def _answer_2(packets: Sequence[Packet], served: Advertised) -> bytes:
    lines = [packet.decode().removesuffix("\n") for packet in packets if isinstance(packet, bytes)]
    if "command=ls-refs" in lines:
        return _list(lines, served)
    if "command=fetch" in lines:
        return _fetch_2(lines, served)
    raise ProtocolError("unknown command")


def _list(lines: Sequence[str], served: Advertised) -> bytes:
    prefixes = tuple(text[11:] for text in lines if text.startswith("ref-prefix "))
    rows = []
    for name, hash_ in served.listed():
        if prefixes and not name.startswith(prefixes):
            continue
        row = f"{hash_} {name}"
        if "symrefs" in lines and name == "HEAD":
            row += f" symref-target:{served.head}"
        if "peel" in lines and (peeled := served.peeled(hash_)):
            row += f" peeled:{peeled}"
        rows.append(line(row))
    return b"".join((*rows, Mark.FLUSH.value))


def _fetch_2(lines: Sequence[str], served: Advertised) -> bytes:
    asked = _asked(lines, served)
    out = []
    if not asked.done:
        common = [hash_ for hash_ in asked.haves if ObjectID(hash_.encode()) in served.store]
        out.append(line("acknowledgments"))
        out += [line(f"ACK {hash_}") for hash_ in common] or [line("NAK")]
        if not common and asked.haves:
            return b"".join((*out, Mark.FLUSH.value))
        out += [line("ready"), Mark.DELIMITER.value]
    objects, edge = _objects(asked, served.store)
    if asked.deepen:
        out += [line("shallow-info"), *(line(f"shallow {name}") for name in edge), Mark.DELIMITER.value]
    return b"".join((*out, line("packfile"), *_bands(objects), Mark.FLUSH.value))


def _answer_0(packets: Sequence[Packet], served: Advertised) -> bytes:
    lines = [packet.decode().removesuffix("\n").partition("\0")[0] for packet in packets if isinstance(packet, bytes)]
    asked = _asked([_without_words(text) for text in lines], served)
    tips = {hash_ for _, hash_ in served.listed()}
    for want in asked.wants:
        if want not in tips:
            raise ProtocolError(f"not our ref {want}")
    objects, edge = _objects(asked, served.store)
    out = [*(line(f"shallow {name}") for name in edge), Mark.FLUSH.value] if asked.deepen else []
    if asked.done or packets.count(Mark.FLUSH) > 1:  # else the client only wants to know where history will end
        out.append(line("NAK"))
    if asked.done:
        out += [*_bands(objects), Mark.FLUSH.value]
    return b"".join(out)


def _without_words(text: str) -> str:
    return " ".join(text.split(" ")[:2]) if text.startswith("want ") else text


def _asked(lines: Sequence[str], served: Advertised) -> _Asked:
    def after(word: str) -> list[str]:
        return [text[len(word) :] for text in lines if text.startswith(word)]

    asked = _Asked(after("want "), after("have "), after("shallow "), done="done" in lines)
    for want in asked.wants:
        if ObjectID(want.encode()) not in served.store:
            raise ProtocolError(f"not our ref {want}")
    if depths := after("deepen "):
        asked.deepen = int(depths[0])
    return asked


def _objects(asked: _Asked, store: MemoryObjectStore) -> tuple[list[ShaFile], list[str]]:
    """Return what the client lacks, and the commits where its history will end."""
    had: set[ObjectID] = set()
    _closure(
        store, [name for name in asked.haves if ObjectID(name.encode()) in store], had, 0, frozenset(asked.shallow)
    )
    wanted = set(had)
    edge = _closure(store, asked.wants, wanted, asked.deepen, frozenset())
    return [store[name] for name in sorted(wanted - had)], edge


def _closure(
    store: MemoryObjectStore, tips: Iterable[str], into: set[ObjectID], depth: int, stops: frozenset[str]
) -> list[str]:
    """Add everything that commits and tags lead to; with a depth, so many generations of commits only.

    Returns:
        the commits whose parents were left out for their depth.
    """
    edge: list[str] = []
    level = [ObjectID(name.encode()) for name in tips]
    seen: set[ObjectID] = set()
    generation = 0
    while level:
        generation += 1
        following: list[ObjectID] = []
        for name in level:
            if name in seen:
                continue
            seen.add(name)
            into.add(name)
            found = store[name]
            if isinstance(found, Tag):
                following.append(found.object[1])
            elif isinstance(found, Commit):
                _add_tree(store, found.tree, into)
                if depth and generation >= depth:
                    edge += [name.decode()] if found.parents else []
                elif name.decode() not in stops:
                    following += found.parents
        generation -= all(isinstance(store[name], Tag) for name in level)  # tags are no generation of commits
        level = following
    return edge


def _add_tree(store: MemoryObjectStore, name: ObjectID, into: set[ObjectID]) -> None:
    if name in into:
        return
    into.add(name)
    tree = store[name]
    assert isinstance(tree, Tree)
    for _, mode, sha in tree.iteritems():
        if mode == 0o40000:
            _add_tree(store, sha, into)
        elif not S_ISGITLINK(mode):
            into.add(sha)


def _bands(objects: Sequence[ShaFile]) -> list[bytes]:
    parts: list[bytes] = []
    write_pack_objects(parts.append, objects, SHA1, compression_level=1)
    pack = b"".join(parts)
    return [line(b"\x01" + pack[at : at + _BAND]) for at in range(0, len(pack), _BAND)]
