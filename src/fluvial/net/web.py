"""The client for the wide web (Git over HTTP, webhooks, indexes), on aiohttp: proxies, redirects, size limits.

aiohttp is imported on first use, so that the command line starts without it.
"""

import ssl
from collections.abc import Callable
from typing import TYPE_CHECKING

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
        self._proxy = proxy
        self._proxy_for = proxy_for
        self._max_redirects = max_redirects
        self._body_limit = body_limit
        self._connect_timeout = connect_timeout
        self._credential_headers = _CREDENTIALS | credential_headers
        self._session: aiohttp.ClientSession | None = None

    async def send(self, request: Request) -> Response:
        """See `Transport.send`. `Response.url` is the place that answered.

        Raises:
            Refused: too many redirects, a redirect to plain http or to another scheme, or one that would repeat a
                streamed body.
        """
        raise NotImplementedError

    async def close(self) -> None:
        """See `Transport.close`."""
        if self._session is not None:
            await self._session.close()
            self._session = None
