"""The client for the wide web (Git over HTTP, webhooks, indexes), on aiohttp: proxies, redirects, size limits.

aiohttp is imported on first use, so that the command line starts without it.
"""

import asyncio
import socket
import ssl
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urljoin, urlsplit, urlunsplit

from fluvial.net.errors import BadReply, ConnectFailed, NetError, Refused, ReplyLost, TimedOut, TooLarge, public_url
from fluvial.net.messages import Request, Response

if TYPE_CHECKING:
    import aiohttp

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_CREDENTIALS = frozenset({"authorization", "cookie", "proxy-authorization", "private-token"})


class WebTransport:
    """A `Transport` that follows redirects and knows proxies.

    A redirect to another origin (scheme, host, port) loses every credential header; from https to http it is refused.
    307 and 308 repeat method and body, 301, 302 and 303 become GET unless the method was GET or HEAD.
    """

    def __init__(
        self,
        *,
        tls: ssl.SSLContext | None = None,
        proxy: str = "",
        proxy_for: Callable[[str], str] | None = None,
        max_redirects: int = 10,
        body_limit: int = 512 << 20,
        connect_timeout: float = 30.0,
        credential_headers: frozenset[str] = frozenset(),
    ) -> None:
        """
        Args:
            tls: trust and client certificate; None means the system's trust.
            proxy: URL with optional user and password, used for every request.
            proxy_for: URL → proxy URL or "", asked when `proxy` is empty (the process's proxy variables).
            max_redirects: 0 hands a redirect back as a reply.
            body_limit: bytes that any one reply may have.
            credential_headers: lower-case names, beside the well-known ones, that stay with their origin.
        """
        self._tls = tls
        self._proxy = _checked_proxy(proxy) if proxy else ""
        self._proxy_for = proxy_for
        self._max_redirects = max_redirects
        self._body_limit = body_limit
        self._connect_timeout = connect_timeout
        self._credential_headers = _CREDENTIALS | credential_headers
        self._session: aiohttp.ClientSession | None = None
        self._closed = False

    async def send(self, request: Request) -> Response:
        """See `Transport.send`. `Response.url` is the place that answered.

        Raises:
            Refused: too many redirects, a redirect to plain http or to another scheme, or one that would repeat a
                streamed body.
        """
        if self._closed:
            raise ConnectFailed("this transport is closed")
        deadline = None
        if request.timeout is not None:
            deadline = asyncio.get_running_loop().time() + request.timeout
        request = replace(request, url=_without_user(request.url))
        for _ in range(self._max_redirects + 1):
            response = await self._exchange(request, deadline)
            location = response.headers.get("location")
            if response.status not in _REDIRECTS or not location or not self._max_redirects:
                return response
            response.close()
            request = self._redirected(request, response.status, location)
        raise Refused(f"more than {self._max_redirects} redirects, the last one to {public_url(request.url)}")

    async def close(self) -> None:
        """See `Transport.close`."""
        self._closed = True
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _redirected(self, request: Request, status: int, location: str) -> Request:
        url = _without_user(urljoin(request.url, location))
        before, after = urlsplit(request.url), urlsplit(url)
        if after.scheme not in ("http", "https") or (before.scheme == "https" and after.scheme != "https"):
            raise Refused(f"{public_url(request.url)} redirects from {before.scheme} to {after.scheme or 'nothing'}")
        headers = request.headers
        if _origin(before) != _origin(after):
            headers = {name: value for name, value in headers.items() if name.lower() not in self._credential_headers}
        if status in (307, 308) or request.method in ("GET", "HEAD"):
            if not isinstance(request.body, bytes):
                raise Refused(f"{public_url(request.url)} redirects a streamed request, which cannot be sent twice")
            return replace(request, url=url, headers=headers)
        headers = {name: value for name, value in headers.items() if not name.lower().startswith("content-")}
        return replace(request, method="GET", url=url, headers=headers, body=b"")

    async def _exchange(self, request: Request, deadline: float | None) -> Response:
        import aiohttp
        from yarl import URL

        proxy = self._proxy or (self._proxy_for(request.url) if self._proxy_for is not None else "")
        try:
            async with asyncio.timeout_at(deadline):
                reply = await self._open().request(
                    request.method,
                    URL(request.url, encoded=True),
                    headers=_pairs(request.headers),
                    data=request.body or None,
                    allow_redirects=False,
                    proxy=_checked_proxy(proxy) if proxy else None,
                    timeout=aiohttp.ClientTimeout(total=None, sock_connect=self._connect_timeout),
                )
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            raise _translated(error, request.url) from error
        _acknowledge(reply)
        headers: dict[str, str] = {}
        for name, value in reply.headers.items():
            key = name.lower()
            headers[key] = f"{headers[key]}, {value}" if key in headers else value
        if "content-encoding" in headers:  # aiohttp has undone it, and the length is that of the encoded form
            headers.pop("content-length", None)
        elif int(headers.get("content-length") or 0) > self._body_limit and request.method != "HEAD":
            reply.close()
            size = headers["content-length"]
            raise TooLarge(f"the reply has {size} bytes, more than the {self._body_limit} allowed")
        return Response(
            reply.status, headers, _WebBody(reply, self._body_limit, deadline, request.url), url=request.url
        )

    def _open(self) -> "aiohttp.ClientSession":
        if self._session is None:
            import aiohttp

            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(ssl=self._tls if self._tls is not None else True),
                cookie_jar=aiohttp.DummyCookieJar(),
                trust_env=False,
            )
        return self._session


class _WebBody:
    """The body of a reply, bounded in size and time."""

    def __init__(self, reply: "aiohttp.ClientResponse", limit: int, deadline: float | None, url: str) -> None:
        self._reply = reply
        self._left = limit
        self._deadline = deadline
        self._url = url

    async def chunk(self) -> bytes:
        import aiohttp

        try:
            async with asyncio.timeout_at(self._deadline):
                data = await self._reply.content.readany()
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            self._reply.close()
            raise _translated(error, self._url) from error
        self._left -= len(data)
        if self._left < 0:
            self._reply.close()
            raise TooLarge("the reply is longer than this transport allows")
        if not data:
            self._reply.release()
        return data

    def close(self) -> None:
        self._reply.close()


def _acknowledge(reply: "aiohttp.ClientResponse") -> None:
    """Have the kernel acknowledge the head at once.

    A server that writes head and body apart, without TCP_NODELAY, sends the body only then, and Linux takes 40 ms.
    """
    quick = getattr(socket, "TCP_QUICKACK", None)
    transport = reply.connection.transport if reply.connection is not None else None
    connection = transport.get_extra_info("socket") if transport is not None else None
    if quick is not None and connection is not None and connection.type == socket.SOCK_STREAM:
        with suppress(OSError):  # not TCP, or gone already: the next read tells
            connection.setsockopt(socket.IPPROTO_TCP, quick, 1)


def _translated(error: Exception, url: str) -> NetError:
    """Return our error for one of aiohttp's, with nothing secret in its text."""
    import aiohttp

    where = public_url(url)
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        inner = error.certificate_error
        reason = getattr(inner, "verify_message", "") or str(inner)
        return ConnectFailed(f"TLS with {where} failed: certificate not accepted: {reason}")
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return ConnectFailed(f"the proxy refused the tunnel to {where}: {error.status}")
    if isinstance(error, aiohttp.ClientProxyConnectionError):
        return ConnectFailed(f"connection to the proxy failed: {error.strerror or error.os_error}")
    if isinstance(error, aiohttp.ClientConnectorError):
        return ConnectFailed(f"connection to {where} failed: {error.strerror or error.os_error}")
    if isinstance(error, aiohttp.ConnectionTimeoutError):
        return ConnectFailed(f"no connection to {where} within the time allowed")
    if isinstance(error, TimeoutError):
        return TimedOut(f"no whole reply from {where} within the time allowed")
    if isinstance(error, aiohttp.ServerDisconnectedError | aiohttp.ClientPayloadError | aiohttp.ClientOSError):
        return ReplyLost(f"the connection to {where} broke")
    if isinstance(error, aiohttp.ClientResponseError):
        return BadReply(f"{where} does not answer in HTTP/1.1: {error.message}")
    if isinstance(error, aiohttp.InvalidURL | ValueError):
        return Refused(f"{where} is not a URL to ask")
    return ReplyLost(f"the connection to {where} broke: {type(error).__name__}")


def _pairs(headers: Mapping[str, str | tuple[str, ...]]) -> list[tuple[str, str]]:
    return [(name, one) for name, value in headers.items() for one in ((value,) if isinstance(value, str) else value)]


def _checked_proxy(url: str) -> str:
    scheme = urlsplit(url).scheme
    if scheme not in ("http", "https"):
        raise ValueError(f"the proxy must be an http or https URL, not {scheme or 'a bare name'}")
    return url


def _without_user(url: str) -> str:
    parts = urlsplit(url)
    if "@" not in parts.netloc:
        return url
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def _origin(parts: SplitResult) -> tuple[str, str, int]:
    return parts.scheme, (parts.hostname or "").lower(), parts.port or (443 if parts.scheme == "https" else 80)
