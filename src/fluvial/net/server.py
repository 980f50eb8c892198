"""The one HTTP server seam: a handler becomes a server, on aiohttp.

A handler always runs to its end, also when its client has left: what it writes is then whole. Streamed bodies end as
soon as their client leaves or the server closes. aiohttp is imported on first use, so that the command line starts
without it.
"""

import asyncio
import ipaddress
import ssl
from collections.abc import AsyncIterator, Collection
from typing import TYPE_CHECKING, Any

from fluvial.net.errors import ReplyLost
from fluvial.net.messages import Handler, ServerRequest, ServerResponse

if TYPE_CHECKING:
    from aiohttp import web

BODY_LIMIT = 16 << 20  # bytes; kube-apiserver takes 3 MiB, receivers and registries bring their own lower bounds
ANY_HOST = ("*",)  # for servers that kubelet probes by the pod's address
_LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]")


class Server:
    """A listening server. Its owner closes it."""

    def __init__(self, runner: "web.ServerRunner", host: str, port: int, secure: bool, exchange: "_Exchange") -> None:
        self.host = host
        self.port = port
        shown = f"[{host}]" if ":" in host else host
        self.url = f"{'https' if secure else 'http'}://{shown}:{port}"
        self._runner = runner
        self._exchange = exchange

    async def close(self) -> None:
        """Stop listening, end streamed bodies, let handlers finish (10 s at most), close connections. Repeatable."""
        self._exchange.end_streams()
        await self._runner.cleanup()
        await self._exchange.finish()


async def serve(
    handler: Handler,
    host: str = "127.0.0.1",
    port: int = 0,
    *,
    tls: ssl.SSLContext | None = None,
    hosts: Collection[str] | None = None,
    body_limit: int = BODY_LIMIT,
) -> Server:
    """Listen and answer with `handler`.

    Args:
        port: 0 takes a free one, told by `Server.port`.
        hosts: names the Host header may have (without port, IPv6 in brackets); `ANY_HOST` takes all. None means the
            address listened on, and the loopback names when that is a loopback address. Others get 421.
        body_limit: bytes; a longer request gets 413 before the handler sees it.
    Raises:
        OSError: the address is taken or not ours.
        ValueError: all addresses are listened on but no host is named.
    """
    from aiohttp import web

    exchange = _Exchange(handler, _accepted_hosts(host, hosts), body_limit)
    server = web.Server(exchange.answer, handler_cancellation=True, access_log=None)
    runner = web.ServerRunner(server, handle_signals=False, shutdown_timeout=10.0)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host or None, port, ssl_context=tls)
        await site.start()
        bound = _bound_port(runner)
    except BaseException:
        await runner.cleanup()
        raise
    return Server(runner, host, bound, tls is not None, exchange)


def _bound_port(runner: "web.ServerRunner") -> int:
    address = runner.addresses[0]
    return int(address[1])


def _accepted_hosts(host: str, hosts: Collection[str] | None) -> frozenset[str] | None:
    """Return the names to accept, or None for any."""
    if hosts is not None:
        return None if "*" in hosts else frozenset(name.lower() for name in hosts)
    if host in ("", "0.0.0.0", "::"):
        raise ValueError("a server on all addresses must be told its host names (or ANY_HOST)")
    names = {host.lower(), f"[{host.lower()}]"}
    if host == "localhost" or _is_loopback(host):
        names.update(_LOOPBACK_NAMES)
    return frozenset(names)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class _Exchange:
    """Turns aiohttp's requests into ours and our replies into aiohttp's."""

    def __init__(self, handler: Handler, hosts: frozenset[str] | None, body_limit: int) -> None:
        self._handler = handler
        self._hosts = hosts
        self._body_limit = body_limit
        self._running: set[asyncio.Task[ServerResponse]] = set()
        self._streams: set[asyncio.Task[Any]] = set()
        self._closing = False

    def end_streams(self) -> None:
        self._closing = True
        for task in list(self._streams):
            task.cancel()

    async def finish(self) -> None:
        for task in list(self._running):
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    async def answer(self, request: "web.BaseRequest") -> "web.StreamResponse":
        from aiohttp import web

        host = request.headers.get("Host", "")
        if self._hosts is not None and _without_port(host).lower() not in self._hosts:
            return web.Response(status=421, text="this server does not answer to that host name\n")
        body = await _bounded_body(request, self._body_limit)
        if body is None:
            reply = web.Response(status=413, text=f"the request is longer than {self._body_limit} bytes\n")
            reply.force_close()
            return reply
        try:
            answer = await self._run(_server_request(request, body))
        except ReplyLost:
            # The handler plays an outage: it has acted, and the connection breaks without a word.
            if request.transport is not None:
                request.transport.abort()
            return web.Response(status=500)
        if isinstance(answer.body, bytes):
            return web.Response(status=answer.status, headers=answer.headers, body=answer.body)
        if request.method == "HEAD":
            await _aclose(answer.body)
            return web.Response(status=answer.status, headers=answer.headers)
        return await self._stream(request, answer)

    async def _run(self, request: ServerRequest) -> ServerResponse:
        """Run the handler to its end even when this exchange is cancelled because the client left."""
        task = asyncio.ensure_future(self._handler(request))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            task.add_done_callback(_dispose)
            raise

    async def _stream(self, request: "web.BaseRequest", answer: ServerResponse) -> "web.StreamResponse":
        from aiohttp import web

        assert not isinstance(answer.body, bytes)
        reply = web.StreamResponse(status=answer.status, headers=answer.headers)
        task = asyncio.current_task()
        assert task is not None
        self._streams.add(task)
        try:
            await reply.prepare(request)
            if self._closing:
                return reply
            async for chunk in answer.body:
                await reply.write(chunk)
            await reply.write_eof()
        except ConnectionResetError:
            pass  # the client left; there is nobody to tell
        finally:
            self._streams.discard(task)
            await _aclose(answer.body)
        return reply


def _dispose(task: "asyncio.Task[ServerResponse]") -> None:
    """Take the result of a handler whose client left; its failure goes to the loop's exception handler."""
    if task.cancelled():
        return
    error = task.exception()
    if error is not None:
        task.get_loop().call_exception_handler({"message": "handler failed after its client left", "exception": error})


async def _aclose(body: AsyncIterator[bytes]) -> None:
    close = getattr(body, "aclose", None)
    if close is not None:
        await close()


def _without_port(host: str) -> str:
    if host.startswith("["):
        return host.partition("]")[0] + "]"
    return host.partition(":")[0]


async def _bounded_body(request: "web.BaseRequest", limit: int) -> bytes | None:
    if request.content_length is not None and request.content_length > limit:
        return None
    if not request.can_read_body:
        return b""
    parts: list[bytes] = []
    size = 0
    async for part in request.content.iter_any():
        size += len(part)
        if size > limit:
            return None
        parts.append(part)
    return b"".join(parts)


def _server_request(request: "web.BaseRequest", body: bytes) -> ServerRequest:
    path, _, query = request.raw_path.partition("?")
    headers: dict[str, str] = {}
    for name, value in request.headers.items():
        key = name.lower()
        headers[key] = f"{headers[key]}, {value}" if key in headers else value
    transport = request.transport
    certificate = b""
    if transport is not None and (tls := transport.get_extra_info("ssl_object")) is not None:
        certificate = tls.getpeercert(binary_form=True) or b""
    return ServerRequest(request.method, path, query, headers, body, request.remote or "", certificate)
