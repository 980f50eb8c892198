"""Opens connections: TCP, TLS with a name of its own, and through a CONNECT proxy."""

import asyncio
import base64
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from fluvial.net.connection import Connection
from fluvial.net.errors import ConnectFailed
from fluvial.net.tls import make_client_tls

_PROXY_HEAD_LIMIT = 16 << 10  # bytes


@dataclass(frozen=True, slots=True)
class Origin:
    """Scheme, host and port of a server."""

    secure: bool
    authority: str  # host[:port], IPv6 in brackets

    @property
    def host(self) -> str:
        host = self.authority
        if host.startswith("["):
            return host[1:].partition("]")[0]
        return host.partition(":")[0]

    @property
    def port(self) -> int:
        port = self.authority.rpartition("]")[2].partition(":")[2]
        return int(port) if port else (443 if self.secure else 80)

    @property
    def shown(self) -> str:
        return f"{'https' if self.secure else 'http'}://{self.authority}"


@dataclass(frozen=True, slots=True)
class _Proxy:
    origin: Origin
    authorization: str


class Dialer:
    """Knows how to reach any origin for one transport."""

    def __init__(
        self,
        tls: ssl.SSLContext | None,
        server_name: str,
        proxy: str,
        connect_timeout: float,
        header_limit: int,
        renew_tls: Callable[[], ssl.SSLContext | None] | None,
    ) -> None:
        self._tls = tls
        self._renew_tls = renew_tls
        self._server_name = server_name
        self._proxy = _parse_proxy(proxy) if proxy else None
        self._connect_timeout = connect_timeout
        self._header_limit = header_limit

    async def dial(self, origin: Origin, deadline: float | None) -> Connection:
        """Return a connection on which nothing was sent. Raises ConnectFailed, also when the time is over."""
        loop = asyncio.get_running_loop()
        limit = loop.time() + self._connect_timeout
        try:
            async with asyncio.timeout_at(limit if deadline is None else min(limit, deadline)):
                return await self._trusting(origin)
        except TimeoutError:
            raise ConnectFailed(f"no connection to {origin.shown} within the time allowed") from None
        except ssl.SSLError as error:
            raise ConnectFailed(f"TLS with {origin.shown} failed: {_tls_reason(error)}") from error
        except (OSError, UnicodeError) as error:
            raise ConnectFailed(f"connection to {origin.shown} failed: {error}") from error

    async def _trusting(self, origin: Origin) -> Connection:
        """Connect; where the certificate is not accepted, once more if our trust has been renewed since."""
        try:
            return await self._connect(origin)
        except ssl.SSLCertVerificationError:
            renewed = self._renew_tls() if self._renew_tls is not None else None
            if renewed is None:
                raise
            self._tls = renewed
        return await self._connect(origin)

    async def _connect(self, origin: Origin) -> Connection:
        return await (self._direct(origin) if self._proxy is None else self._tunnel(origin, self._proxy))

    async def _direct(self, origin: Origin) -> Connection:
        loop = asyncio.get_running_loop()
        transport, connection = await loop.create_connection(
            lambda: Connection(loop, self._header_limit),
            origin.host,
            origin.port,
            ssl=self._context() if origin.secure else None,
            server_hostname=(self._server_name or origin.host) if origin.secure else None,
        )
        _keep_alive(transport)
        return connection

    async def _tunnel(self, origin: Origin, proxy: _Proxy) -> Connection:
        """Ask the proxy for a tunnel and begin in it as if it were the server."""
        loop = asyncio.get_running_loop()
        host = f"[{origin.host}]" if ":" in origin.host else origin.host
        transport, asking = await loop.create_connection(
            lambda: _Asking(loop),
            proxy.origin.host,
            proxy.origin.port,
            ssl=make_client_tls() if proxy.origin.secure else None,
            server_hostname=proxy.origin.host if proxy.origin.secure else None,
        )
        try:
            _keep_alive(transport)
            ask = f"CONNECT {host}:{origin.port} HTTP/1.1\r\nHost: {host}:{origin.port}\r\n{proxy.authorization}\r\n"
            transport.write(ask.encode("latin-1"))
            await asking.answered
            connection = Connection(loop, self._header_limit)
            tunnel: asyncio.BaseTransport = transport
            if origin.secure:
                name = self._server_name or origin.host
                started = await loop.start_tls(transport, connection, self._context(), server_hostname=name)
                assert started is not None
                tunnel = started
            else:
                transport.set_protocol(connection)
            connection.connection_made(tunnel)
        except BaseException:
            transport.abort()
            raise
        return connection

    def _context(self) -> ssl.SSLContext:
        if self._tls is None:
            self._tls = make_client_tls()
        return self._tls


class _Asking(asyncio.Protocol):
    """Reads a proxy's answer to CONNECT."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.answered: asyncio.Future[None] = loop.create_future()
        self._received = b""

    def data_received(self, data: bytes) -> None:
        self._received += data
        if self.answered.done():
            return
        head, end, rest = self._received.partition(b"\r\n\r\n")
        if not end:
            if len(self._received) > _PROXY_HEAD_LIMIT:
                self.answered.set_exception(ConnectFailed("the proxy's answer is too long"))
            return
        words = head.partition(b"\r\n")[0].split(b" ", 2)
        if len(words) < 2 or words[1] != b"200" or rest:
            answer = words[1][:3].decode("latin-1") if len(words) > 1 else "something that is not HTTP"
            self.answered.set_exception(ConnectFailed(f"the proxy refused the tunnel: {answer}"))
        else:
            self.answered.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.answered.done():
            self.answered.set_exception(ConnectFailed("the proxy closed the connection"))


def _parse_proxy(url: str) -> _Proxy:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"the proxy must be an http or https URL, not {parts.scheme or 'a bare name'}")
    authorization = ""
    if parts.username is not None:
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        authorization = f"Proxy-Authorization: Basic {base64.b64encode(pair.encode()).decode()}\r\n"
    return _Proxy(Origin(parts.scheme == "https", parts.netloc.rpartition("@")[2]), authorization)


def _keep_alive(transport: asyncio.BaseTransport) -> None:
    """Let the system notice within about a minute that the other side is gone without a word."""
    found = transport.get_extra_info("socket")
    if found is None:
        return
    found.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, seconds in (("TCP_KEEPIDLE", 30), ("TCP_KEEPINTVL", 10), ("TCP_KEEPCNT", 3)):
        option = getattr(socket, name, None)
        if option is not None:
            found.setsockopt(socket.IPPROTO_TCP, option, seconds)


def _tls_reason(error: ssl.SSLError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"certificate not accepted: {error.verify_message}"
    return error.reason or str(error)
