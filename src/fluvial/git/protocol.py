"""What is said to an upload-pack and what it answers: pure, versions 2 and 0 (gitprotocol-v2, gitprotocol-pack).

Version 0 is for servers that know no other. It is asked for without `have` lines, so everything is sent each time.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from fluvial.git.errors import AuthenticationFailed, EmptyRepository, GitError, ProtocolError, RefNotFound
from fluvial.git.errors import RepositoryNotFound as NotFound
from fluvial.git.pktline import Mark, Packet, line

AGENT = "git/2.0 fluvial"  # hosts choose features by the leading git/; see transport.AgentString of go-git
_ZERO = "0" * 40


@dataclass(frozen=True, slots=True)
class RemoteRef:
    """One reference of a remote.

    Attributes:
        hash: what it points at, 40 hexadecimal digits; a tag object for an annotated tag.
        peeled: the commit behind an annotated tag, else "".
    """

    name: str
    hash: str
    peeled: str = ""

    @property
    def commit(self) -> str:
        """The hash of the commit that the reference leads to."""
        return self.peeled or self.hash


@dataclass(frozen=True, slots=True)
class Hello:
    """The server's first words.

    Attributes:
        version: 2 or 0.
        capabilities: by name; in version 2 a value may be a list of words.
        refs: in version 0 every reference, in version 2 none.
    """

    version: int
    capabilities: Mapping[str, str]
    refs: Sequence[RemoteRef] = ()

    def offers(self, name: str, word: str = "") -> bool:
        """Tell whether a capability, or one word of its value, is offered."""
        value = self.capabilities.get(name)
        return value is not None and (not word or word in value.split())


@dataclass(frozen=True, slots=True)
class Wish:
    """What to fetch: one commit, or several with all that leads to them.

    Attributes:
        have: a commit whose files we hold, "" for none.
        shallow: only the wanted commits themselves, no parents.
    """

    wants: tuple[str, ...]
    have: str = ""
    shallow: bool = True


def read_hello(packets: Iterable[Packet]) -> Hello:
    """Understand an advertisement, with or without the service line of HTTP.

    Raises:
        ProtocolError: it is none, or the objects are not hashed by SHA-1.
    """
    lines = [_text(packet) for packet in packets if not isinstance(packet, Mark)]
    if lines and lines[0].startswith("# service="):
        lines = lines[1:]
    if lines and lines[0] == "version 2":
        capabilities = dict(_pair(text) for text in lines[1:])
        hello = Hello(2, capabilities)
    else:
        if lines and lines[0] == "version 1":
            lines = lines[1:]
        hello = _read_hello_0(lines)
    if hello.capabilities.get("object-format", "sha1") != "sha1":
        raise ProtocolError("the repository uses SHA-256 object names, which are not supported")
    return hello


def list_request(hello: Hello, prefixes: Sequence[str]) -> bytes:
    """Return the `ls-refs` command of version 2."""
    words = [line("peel"), line("symrefs"), *(line(f"ref-prefix {prefix}") for prefix in prefixes)]
    return b"".join((*_command("ls-refs", hello), Mark.DELIMITER.value, *words, Mark.FLUSH.value))


def read_refs(packets: Iterable[Packet]) -> list[RemoteRef]:
    """Understand the answer to `list_request`."""
    refs = []
    for packet in packets:
        if isinstance(packet, Mark):
            continue
        text = _text(packet)
        raise_remote_error(text)
        hash_, _, rest = text.partition(" ")
        name, *attributes = rest.split(" ")
        if hash_ == "unborn":
            continue
        peeled = next((word[7:] for word in attributes if word.startswith("peeled:")), "")
        refs.append(RemoteRef(name, _hash(hash_), _hash(peeled) if peeled else ""))
    return refs


def fetch_request(hello: Hello, wish: Wish) -> bytes:
    """Return the request that makes the server send a pack."""
    return _fetch_2(hello, wish) if hello.version == 2 else _fetch_0(hello, wish)


@dataclass(slots=True)
class PackReader:
    """Picks the pack out of the answer to `fetch_request`.

    Attributes:
        chunks: the pack so far.
        done: nothing more will come.
    """

    version: int
    sideband: bool = True
    chunks: list[bytes] = field(default_factory=list)
    size: int = 0
    done: bool = False
    _in_pack: bool = False

    def take(self, packet: Packet) -> None:
        """Take the next packet. Raises GitError when the server says why it won't send a pack."""
        if self._in_pack:
            self._take_band(packet)
        elif isinstance(packet, Mark):
            return
        elif self.version == 2:
            self._in_pack = packet == b"packfile\n"
            if not self._in_pack:
                raise_remote_error(_text(packet))
        else:
            self._take_0(packet)

    def _take_0(self, packet: bytes) -> None:
        if packet.startswith((b"NAK", b"ACK ")):
            self._in_pack = True
        elif not packet.startswith((b"shallow ", b"unshallow ")):
            raise_remote_error(_text(packet))
            raise ProtocolError("the server answered the request for a pack with something else")

    def _take_band(self, packet: Packet) -> None:
        if isinstance(packet, Mark):
            self.done = packet is not Mark.DELIMITER
            return
        band = packet[0] if packet else 0
        if band == 1:
            self.chunks.append(packet[1:])
            self.size += len(packet) - 1
        elif band == 3:
            raise remote_error(packet[1:].decode("utf-8", "replace").strip())
        elif band != 2:
            raise ProtocolError("the server sent a pack without side band")


def has_sideband(hello: Hello) -> bool:
    """Tell whether packs come in bands, as the reader needs them."""
    return hello.version == 2 or hello.offers("side-band-64k")


def _fetch_2(hello: Hello, wish: Wish) -> bytes:
    words = ["thin-pack", "no-progress", "ofs-delta"]
    if wish.shallow and hello.offers("fetch", "shallow"):
        if wish.have:
            words.append(f"shallow {wish.have}")
        words.append("deepen 1")
    words += [f"want {want}" for want in wish.wants]
    if wish.have:
        words.append(f"have {wish.have}")
    words.append("done")
    return b"".join((*_command("fetch", hello), Mark.DELIMITER.value, *map(line, words), Mark.FLUSH.value))


def _fetch_0(hello: Hello, wish: Wish) -> bytes:
    # Some hosts (Azure DevOps) answer only those who know multi_ack; without `have` lines it changes nothing.
    words_0 = ("multi_ack_detailed", "side-band-64k", "ofs-delta", "no-progress")
    asked = [name for name in words_0 if hello.offers(name)]
    shallow = wish.shallow and hello.offers("shallow")
    if shallow:
        asked.append("shallow")
    asked.append(f"agent={AGENT.replace(' ', '-')}")
    first, *others = wish.wants
    words = [f"want {first} {' '.join(asked)}", *(f"want {want}" for want in others)]
    if shallow:
        words.append("deepen 1")
    return b"".join((*map(line, words), Mark.FLUSH.value, line("done")))


def _command(name: str, hello: Hello) -> list[bytes]:
    words = [f"command={name}"]
    if hello.offers("agent"):
        words.append(f"agent={AGENT.replace(' ', '-')}")
    if hello.offers("object-format"):
        words.append("object-format=sha1")
    return list(map(line, words))


def _read_hello_0(lines: Sequence[str]) -> Hello:
    if not lines:
        return Hello(0, {})
    raise_remote_error(lines[0])
    first, nul, words = lines[0].partition("\0")
    if not nul or len(first) < 41:
        raise ProtocolError("the server does not answer as a Git repository does")
    capabilities = dict(_pair(word) for word in words.split())
    plain: dict[str, str] = {}
    peeled: dict[str, str] = {}
    for text in (first, *lines[1:]):
        hash_, _, name = text.partition(" ")
        if hash_ == _ZERO or hash_ == "shallow":
            continue
        into = peeled if name.endswith("^{}") else plain
        into[name.removesuffix("^{}")] = _hash(hash_)
    refs = [RemoteRef(name, hash_, peeled.get(name, "")) for name, hash_ in plain.items()]
    return Hello(0, capabilities, refs)


def _pair(text: str) -> tuple[str, str]:
    name, _, value = text.partition("=")
    return name, value


def _text(packet: bytes) -> str:
    return packet.decode("utf-8", "surrogateescape").removesuffix("\n")


def _hash(text: str) -> str:
    if len(text) != 40 or text.strip("0123456789abcdef"):
        raise ProtocolError(f"not an object name: {text[:80]!r}")
    return text


def raise_remote_error(text: str) -> None:
    """Raise if a line is the server's `ERR`."""
    if text.startswith("ERR "):
        raise remote_error(text[4:].strip())


def remote_error(said: str) -> GitError:
    """Return the error for what a server said of itself, on the error band or on stderr."""
    low = said.lower()
    text = f"remote: {said}" if said else "the server gave no reason"
    if any(word in low for word in ("not our ref", "no such remote ref", "unadvertised object", "want-ref")):
        return RefNotFound(text)
    if "empty" in low and "repository" in low:
        return EmptyRepository(text)
    if any(word in low for word in ("not found", "does not exist", "not appear to be a git repository")):
        return NotFound(f"repository not found: {said}")
    if any(word in low for word in ("permission denied", "access denied", "not authorized", "forbidden")):
        return AuthenticationFailed(f"authorization failed: {said}")
    return ProtocolError(text)
