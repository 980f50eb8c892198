"""The client for the Kubernetes API and for artifacts: HTTP/1.1 on asyncio and httptools, without redirects.

Why own code: docs/decisions/0002-own-http-client-for-the-kubernetes-api.md.
"""

import ssl

from fluvial.net.messages import Request, Response


class Http1Transport:
    """A `Transport` with one pool of kept connections per origin."""

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
    ) -> None:
        """
        Args:
            tls: trust and client certificate for https origins; None means the system's trust.
            server_name: name to send and to check instead of the URL's host (kubeconfig `tls-server-name`).
            proxy: http(s) URL of a CONNECT proxy, with optional user and password.
            max_connections: bound per origin; requests beyond it wait. `Request.long_lived` is not counted.
            idle_timeout: seconds after which a kept connection is no longer used.
            header_limit: bytes of a reply's head.
        """

    async def send(self, request: Request) -> Response:
        """See `Transport.send`."""
        raise NotImplementedError

    async def close(self) -> None:
        """See `Transport.close`."""
