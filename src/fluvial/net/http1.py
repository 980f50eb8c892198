"""The client for the Kubernetes API and for artifacts: HTTP/1.1 on asyncio and httptools, without redirects.

Why own code: docs/decisions/0002-own-http-client-for-the-kubernetes-api.md.
"""

import asyncio
import contextlib
import ssl
from collections import deque
from collections.abc import Callable

from fluvial.net.connection import Connection
from fluvial.net.dialing import Dialer, Origin
from fluvial.net.errors import ConnectFailed, ReplyLost, public_url
from fluvial.net.messages import Request, Response

_REPEATABLE = frozenset({"GET", "HEAD", "OPTIONS"})


class Http1Transport:
    """A `Transport` with one pool of kept connections per origin.

    A kept connection may be closed by the server at the very moment we use it. Such a request is sent once more on a
    new connection if no byte of a reply had come and it only reads; otherwise the caller gets ReplyLost.
    """

    def __init__(
        self,
        *,
        tls: ssl.SSLContext | None = None,
        server_name: str = "",
        proxy: str = "",
        max_connections: int = 64,
        idle_timeout: float = 60.0,
        connect_timeout: float = 30.0,
        header_limit: int = 64 << 10,
        renew_tls: Callable[[], ssl.SSLContext | None] | None = None,
    ) -> None:
        """
        Args:
            tls: trust and client certificate for https origins; None means the system's trust.
            server_name: name to send and to check instead of the URL's host (kubeconfig `tls-server-name`).
            proxy: http(s) URL of a CONNECT proxy, with optional user and password.
            max_connections: bound per origin; requests beyond it wait. `Request.long_lived` is not counted.
            idle_timeout: seconds after which a kept connection is no longer used.
            header_limit: bytes of a reply's head.
            renew_tls: asked when a server's certificate is not accepted; a new context if the trust has changed.
        Raises:
            ValueError: `proxy` is not a proxy URL that we can use (SOCKS is not supported).
        """
        self._dialer = Dialer(tls, server_name, proxy, connect_timeout, header_limit, renew_tls)
        self._max_connections = max_connections
        self._idle_timeout = idle_timeout
        self._pools: dict[str, _Pool] = {}
        self._closed = False

    async def send(self, request: Request) -> Response:
        """See `Transport.send`."""
        if self._closed:
            raise ConnectFailed("this transport is closed")
        origin_text, origin, target = _split(request.url)
        head = _head(request, origin, target)
        deadline = None
        if request.timeout is not None:
            deadline = asyncio.get_running_loop().time() + request.timeout
        pool = self._pools.get(origin_text)
        if pool is None:
            pool = self._pools[origin_text] = _Pool(origin, self._dialer, self._max_connections, self._idle_timeout)
        connection = await pool.acquire(request.long_lived, deadline)
        try:
            await self._begin(connection, pool, request, head, deadline)
        except ReplyLost:
            is_stale = connection.used > 1 and not connection.got_bytes
            if not (is_stale and request.method in _REPEATABLE and isinstance(request.body, bytes)) or self._closed:
                raise
            connection = await pool.acquire(request.long_lived, deadline, fresh=True)
            await self._begin(connection, pool, request, head, deadline)
        if connection.is_complete:
            return Response(connection.status, connection.headers, connection.take_body(), url=request.url)
        return Response(connection.status, connection.headers, connection, url=request.url)

    async def close(self) -> None:
        """See `Transport.close`."""
        self._closed = True
        for pool in self._pools.values():
            pool.close()
        # Aborted transports tell their protocols in the next turn of the loop; TLS needs one more.
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    async def _begin(
        self, connection: Connection, pool: "_Pool", request: Request, head: bytes, deadline: float | None
    ) -> None:
        connection.on_end(pool.release_long_lived if request.long_lived else pool.release)
        await connection.begin(head, request.body, is_head_request=request.method == "HEAD", deadline=deadline)


class _Pool:
    """The connections to one origin."""

    def __init__(self, origin: Origin, dialer: Dialer, bound: int, idle_timeout: float) -> None:
        self._origin = origin
        self._dialer = dialer
        self._bound = bound
        self._idle_timeout = idle_timeout
        self._idle: deque[Connection] = deque()  # used last = right, so that the others grow old and go
        self._taken = 0
        self._waiters: deque[asyncio.Future[None]] = deque()
        self._open: set[Connection] = set()
        self._reaper: asyncio.TimerHandle | None = None
        self._closed = False

    async def acquire(self, long_lived: bool, deadline: float | None, *, fresh: bool = False) -> Connection:
        if not long_lived:
            await self._take_place(deadline)
        try:
            connection = None if fresh else self._pop_idle()
            if connection is None:
                connection = await self._dialer.dial(self._origin, deadline)
                self._open.add(connection)
                if self._closed:
                    connection.abort()
                    raise ConnectFailed("this transport is closed")
            return connection
        except BaseException:
            if not long_lived:
                self._give_place()
            raise

    def release(self, connection: Connection) -> None:
        self._give_place()
        self.release_long_lived(connection)

    def release_long_lived(self, connection: Connection) -> None:
        if connection.closed:
            self._open.discard(connection)
            return
        self._idle.append(connection)
        if self._reaper is None:
            self._reaper = asyncio.get_running_loop().call_later(self._idle_timeout, self._reap)

    def close(self) -> None:
        self._closed = True
        if self._reaper is not None:
            self._reaper.cancel()
        for connection in list(self._open):
            connection.abort() if connection in self._idle else connection.fail(ReplyLost("this transport was closed"))
        self._open.clear()
        self._idle.clear()
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_exception(ConnectFailed("this transport is closed"))
        self._waiters.clear()

    def _pop_idle(self) -> Connection | None:
        oldest = asyncio.get_running_loop().time() - self._idle_timeout
        while self._idle:
            connection = self._idle.pop()
            if not connection.closed and connection.idle_since >= oldest:
                return connection
            connection.abort()
            self._open.discard(connection)
        return None

    def _reap(self) -> None:
        """Close connections that nobody used for the idle time."""
        self._reaper = None
        loop = asyncio.get_running_loop()
        oldest = loop.time() - self._idle_timeout
        while self._idle and (self._idle[0].closed or self._idle[0].idle_since <= oldest):
            connection = self._idle.popleft()
            connection.abort()
            self._open.discard(connection)
        if self._idle:
            self._reaper = loop.call_at(self._idle[0].idle_since + self._idle_timeout, self._reap)

    async def _take_place(self, deadline: float | None) -> None:
        if self._taken < self._bound:
            self._taken += 1
            return
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        try:
            async with asyncio.timeout_at(deadline):
                await waiter
        except TimeoutError:
            self._withdraw(waiter)
            raise ConnectFailed(f"all connections to {self._origin.shown} were busy for the time allowed") from None
        except asyncio.CancelledError:
            self._withdraw(waiter)
            raise

    def _withdraw(self, waiter: asyncio.Future[None]) -> None:
        if waiter.done() and not waiter.cancelled() and waiter.exception() is None:
            self._give_place()  # the place came together with the end of the wait
        else:
            with contextlib.suppress(ValueError):
                self._waiters.remove(waiter)

    def _give_place(self) -> None:
        """Hand this place to whoever has waited longest, or free it."""
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return
        self._taken -= 1


def _split(url: str) -> tuple[str, Origin, str]:
    """Return the text of the origin, the origin, and the request target."""
    scheme, separator, rest = url.partition("://")
    authority, slash, path = rest.partition("/")
    if not slash and "?" in authority:
        authority, _, query = authority.partition("?")
        path = f"?{query}"
    if not separator or scheme not in ("http", "https") or not authority or "@" in authority:
        raise ValueError(f"not an http(s) URL without user part: {public_url(url)}")
    if not path.isascii() or not path.isprintable() or " " in path:
        raise ValueError(f"this URL is not percent-encoded: {public_url(url)}")
    origin_text = f"{scheme}://{authority}"
    return origin_text, Origin(scheme == "https", authority), f"/{path.partition('#')[0]}"


def _head(request: Request, origin: Origin, target: str) -> bytes:
    parts = [f"{request.method} {target} HTTP/1.1\r\nHost: {origin.authority}\r\n"]
    for name, value in request.headers.items():
        for one in (value,) if isinstance(value, str) else value:
            if "\n" in one or "\r" in one or "\n" in name or "\r" in name:
                raise ValueError(f"the header {name!r} has a line break")
            parts.append(f"{name}: {one}\r\n")
    if not isinstance(request.body, bytes):
        parts.append("Transfer-Encoding: chunked\r\n")
    elif request.body or request.method in ("POST", "PUT", "PATCH"):
        parts.append(f"Content-Length: {len(request.body)}\r\n")
    parts.append("\r\n")
    return "".join(parts).encode("latin-1")
