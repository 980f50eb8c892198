"""The one HTTP client and the one HTTP server seam: TLS, proxies, pools, size, redirect and address rules, credentials
bound to their host.

`Http1Transport` is our own client for the Kubernetes API and artifacts (docs/decisions/0002), `WebTransport` is aiohttp
for the wide web, `MemoryTransport` joins clients and handlers without a socket. Absent on purpose: JSON, retries of
anything but a stale connection, and every notion of Kubernetes or Git. Absent so far: rules on which addresses a tenant
may reach, SOCKS proxies, HTTP/2.
"""

from fluvial.net.errors import BadReply, ConnectFailed, NetError, Refused, ReplyLost, TimedOut, TooLarge, public_url
from fluvial.net.http1 import Http1Transport
from fluvial.net.memory import Fault, MemoryTransport
from fluvial.net.messages import Handler, Request, Response, ServerRequest, ServerResponse, Transport
from fluvial.net.server import ANY_HOST, Server, serve
from fluvial.net.tls import make_client_tls, make_server_tls
from fluvial.net.web import WebTransport

__all__ = [
    "ANY_HOST",
    "BadReply",
    "ConnectFailed",
    "Fault",
    "Handler",
    "Http1Transport",
    "MemoryTransport",
    "NetError",
    "Refused",
    "ReplyLost",
    "Request",
    "Response",
    "Server",
    "ServerRequest",
    "ServerResponse",
    "TimedOut",
    "TooLarge",
    "Transport",
    "WebTransport",
    "make_client_tls",
    "make_server_tls",
    "public_url",
    "serve",
]
