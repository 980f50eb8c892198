"""Git over HTTP: the smart protocol only (gitprotocol-http)."""

import base64
from collections.abc import AsyncGenerator
from urllib.parse import urlsplit, urlunsplit

from fluvial.api import GitCredentials
from fluvial.git.errors import AuthenticationFailed, GitError, ProtocolError, RepositoryNotFound, Unreachable
from fluvial.git.pktline import Packet, PacketReader
from fluvial.git.protocol import AGENT, Hello, read_hello
from fluvial.net import BadReply, NetError, Refused, Request, Response, TooLarge, Transport, public_url

_SERVICE = "git-upload-pack"
_HELLO_LIMIT = 64 << 20  # bytes; version 0 sends every reference of the repository here
_REASON_LIMIT = 300  # characters of a server's own words in an error


class HttpRemote:
    """A repository behind `http://` or `https://`."""

    def __init__(self, url: str, credentials: GitCredentials, transport: Transport) -> None:
        self.url = public_url(url)
        self._base = _without_user(url).rstrip("/")
        self._transport = transport
        self._headers = {"User-Agent": AGENT, "Git-Protocol": "version=2", **_authorization(credentials)}
        self._hello: Hello | None = None

    async def hello(self) -> Hello:
        """See `Remote.hello`."""
        if self._hello is None:
            reply = await self._send("GET", f"/info/refs?service={_SERVICE}")
            if _media_type(reply) != f"application/x-{_SERVICE}-advertisement":
                reply.close()
                raise ProtocolError(f"no Git repository answers at {self.url} (smart HTTP is needed)")
            self._follow(reply.url)
            reader = PacketReader()
            try:
                self._hello = read_hello(reader.feed(await reply.read(_HELLO_LIMIT)))
            except NetError as error:
                raise _from_net(error) from error
        return self._hello

    async def ask(self, request: bytes) -> AsyncGenerator[Packet, None]:
        """See `Remote.ask`."""
        reply = await self._send("POST", f"/{_SERVICE}", request)
        reader = PacketReader()
        async with reply:
            if _media_type(reply) != f"application/x-{_SERVICE}-result":
                raise ProtocolError(f"{self.url} does not answer {_SERVICE} as Git does")
            try:
                async for chunk in reply.chunks():
                    for packet in reader.feed(chunk):
                        yield packet
            except NetError as error:
                raise _from_net(error) from error
        if not reader.is_between_packets:
            raise Unreachable("the connection was closed in the middle of the answer")

    async def _send(self, method: str, tail: str, body: bytes = b"") -> Response:
        headers = dict(self._headers)
        if body:
            headers["Content-Type"] = f"application/x-{_SERVICE}-request"
            headers["Accept"] = f"application/x-{_SERVICE}-result"
        try:
            reply = await self._transport.send(Request(method, self._base + tail, headers, body))
        except NetError as error:
            raise _from_net(error) from error
        if reply.status != 200:
            raise await self._refusal(reply)
        return reply

    async def _refusal(self, reply: Response) -> GitError:
        said = await _reason(reply)
        reply.close()
        if reply.status == 401:
            return AuthenticationFailed("authentication required" + said)
        if reply.status == 403:
            return AuthenticationFailed("authorization failed" + said)
        if reply.status in (404, 410):
            return RepositoryNotFound("repository not found" + said)
        text = f'unexpected requesting "{public_url(reply.url or self._base)}" status code: {reply.status}{said}'
        return Unreachable(text) if reply.status >= 500 or reply.status == 429 else ProtocolError(text)

    def _follow(self, answered: str) -> None:
        """Send what follows to where a redirect of the first request led, as git does.

        Credentials do not move to another origin; what needs them there is refused by the server with 401.
        """
        if not answered:
            return
        base = urlunsplit(urlsplit(answered)._replace(query="", fragment=""))
        if base == f"{self._base}/info/refs":
            return
        if not base.endswith("/info/refs"):
            raise ProtocolError(f"{self.url} redirects to {public_url(answered)}, which is no Git repository")
        new = base.removesuffix("/info/refs")
        if _origin(new) != _origin(self._base):
            self._headers.pop("Authorization", None)
        self._base = new


def _authorization(credentials: GitCredentials) -> dict[str, str]:
    if credentials.username or credentials.password:
        pair = base64.b64encode(f"{credentials.username}:{credentials.password}".encode()).decode()
        return {"Authorization": f"Basic {pair}"}
    return {"Authorization": f"Bearer {credentials.bearer_token}"} if credentials.bearer_token else {}


def _without_user(url: str) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], fragment=""))


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc


def _media_type(reply: Response) -> str:
    return reply.headers.get("content-type", "").partition(";")[0].strip().lower()


async def _reason(reply: Response) -> str:
    """Return the server's own words, if it sent a plain sentence and no page."""
    if _media_type(reply) != "text/plain":
        return ""
    try:
        text = (await reply.read(64 << 10)).decode("utf-8", "replace")
    except NetError:
        return ""  # the status says enough
    first = text.strip().partition("\n")[0][:_REASON_LIMIT]
    return f": {first}" if first else ""


def _from_net(error: NetError) -> GitError:
    if isinstance(error, BadReply | TooLarge | Refused):
        return ProtocolError(str(error))
    return Unreachable(str(error))
