"""A transport whose servers are handlers in this process: no socket, no thread, the same order every time.

The server side keeps to what a real one does: a handler runs to its end although its client has left, a streamed body
is pulled one chunk ahead of its reader, and closing the reply closes the handler's iterator. Outages are told by a
`faults` function, so that a test (or a seeded simulation) decides request by request.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from fluvial.net.errors import ConnectFailed, NetError, ReplyLost, TimedOut
from fluvial.net.messages import Handler, Request, Response, ServerRequest, ServerResponse

_AHEAD = 16  # chunks that wait for a slow reader before the server side stops pulling, like a socket's buffer


@dataclass(frozen=True, slots=True)
class Fault:
    """What happens to one request on its way.

    Attributes:
        delay: seconds before anything else happens.
        refuse: the server is not reached.
        lose_reply: the server acts, the reply does not come back.
        cut_after: the body breaks off after so many chunks (None = it doesn't).
        reply: this comes back instead; the server is not reached.
    """

    delay: float = 0.0
    refuse: bool = False
    lose_reply: bool = False
    cut_after: int | None = None
    reply: ServerResponse | None = None


_NO_FAULT = Fault()


class MemoryTransport:
    """A `Transport` over handlers, keyed by origin ("https://api.fluvial.local")."""

    def __init__(
        self, handlers: Mapping[str, Handler], *, faults: Callable[[Request], Fault | None] | None = None
    ) -> None:
        self.handlers = dict(handlers)
        self.faults = faults
        self._tasks: set[asyncio.Task[None]] = set()
        self._bodies: set[_MemoryBody] = set()
        self._serial = 0

    async def send(self, request: Request) -> Response:
        """See `Transport.send`. An origin without a handler is a host that nobody can connect to."""
        deadline = None
        if request.timeout is not None:
            deadline = asyncio.get_running_loop().time() + request.timeout
        try:
            async with asyncio.timeout_at(deadline):
                return await self._send(request, deadline)
        except TimeoutError:
            raise TimedOut(f"no reply within {request.timeout:g} s") from None

    def cut(self, origin: str = "") -> int:
        """Break every streamed body (of one origin, or of all) and tell how many; as when a server restarts."""
        bodies = [body for body in self._bodies if not origin or body.origin == origin]
        for body in sorted(bodies, key=lambda body: body.serial):
            body.fail(ReplyLost("the connection was closed by the server"))
        return len(bodies)

    async def close(self) -> None:
        """See `Transport.close`."""
        self.cut()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _send(self, request: Request, deadline: float | None) -> Response:
        fault = (self.faults(request) if self.faults else None) or _NO_FAULT
        if fault.delay:
            await asyncio.sleep(fault.delay)
        origin, server_request = await _as_seen_by_server(request)
        handler = self.handlers.get(origin)
        if fault.refuse or (handler is None and fault.reply is None):
            raise ConnectFailed(f"connection to {origin} refused")
        if fault.reply is not None:
            return self._reply(origin, fault.reply, fault, request.url, deadline)
        assert handler is not None
        reply = await self._handle(handler, server_request)
        if fault.lose_reply:
            await _aclose(reply.body)
            raise ReplyLost("the connection was closed before the reply")
        return self._reply(origin, reply, fault, request.url, deadline)

    async def _handle(self, handler: Handler, request: ServerRequest) -> ServerResponse:
        """Run the handler in a task of its own: it goes on although its client is cancelled."""
        done: asyncio.Future[ServerResponse] = asyncio.get_running_loop().create_future()

        async def run() -> None:
            try:
                reply = await handler(request)
            except asyncio.CancelledError:
                if not done.done():
                    done.set_exception(ReplyLost("the server was stopped"))
                raise
            except Exception as error:
                if done.done():
                    raise
                done.set_exception(error)
                return
            if done.done():
                await _aclose(reply.body)
            else:
                done.set_result(reply)

        self.spawn(run(), f"memory {request.method} {request.path}")
        try:
            return await done
        except asyncio.CancelledError:
            done.cancel()
            raise

    def _reply(self, origin: str, reply: ServerResponse, fault: Fault, url: str, deadline: float | None) -> Response:
        headers = {name.lower(): value for name, value in reply.headers.items()}
        if isinstance(reply.body, bytes) and fault.cut_after is None:
            return Response(reply.status, headers, reply.body, url=url)
        chunks = _one(reply.body) if isinstance(reply.body, bytes) else reply.body
        self._serial += 1
        body = _MemoryBody(self, origin, self._serial, chunks, fault.cut_after, deadline)
        self._bodies.add(body)
        return Response(reply.status, headers, body, url=url)

    def spawn(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        """Run `work` until it ends or this transport closes."""
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def forget(self, body: "_MemoryBody") -> None:
        """Take an ended body off the list that `cut` walks."""
        self._bodies.discard(body)


class _MemoryBody:
    """A streamed body: a task pulls the handler's iterator a few chunks ahead of the reader."""

    def __init__(
        self,
        transport: MemoryTransport,
        origin: str,
        serial: int,
        chunks: AsyncIterator[bytes],
        cut_after: int | None,
        deadline: float | None,
    ) -> None:
        self.origin = origin
        self.serial = serial
        self._transport = transport
        self._cut_after = cut_after
        self._ready: deque[bytes] = deque()
        self._ended = False
        self._error: NetError | None = None
        self._wake_reader: asyncio.Future[None] | None = None
        self._wake_pump: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        if deadline is not None:
            error = TimedOut("no whole reply within the time allowed")
            self._timer = asyncio.get_running_loop().call_at(deadline, self.fail, error)
        self._pump = transport.spawn(self._pull(chunks), f"memory body {serial}")

    async def chunk(self) -> bytes:
        while not self._ready:
            if self._error is not None:
                raise self._error
            if self._ended:
                return b""
            self._wake_reader = asyncio.get_running_loop().create_future()
            await self._wake_reader
        chunk = self._ready.popleft()
        _wake(self._wake_pump)
        return chunk

    def close(self) -> None:
        if not self._ended:
            self.fail(ReplyLost("the connection was closed by this side"))

    def fail(self, error: NetError) -> None:
        """Break the stream: what has arrived is still read, then the error is raised."""
        if not self._ended and self._error is None:
            self._error = error
            if self._timer is not None:
                self._timer.cancel()
            self._transport.forget(self)
            self._pump.cancel()
            _wake(self._wake_reader)

    async def _pull(self, chunks: AsyncIterator[bytes]) -> None:
        count = 0
        try:
            while self._cut_after is None or count < self._cut_after:
                try:
                    chunk = await anext(chunks)
                except StopAsyncIteration:
                    self._ended = True
                    return
                count += 1
                if chunk:
                    self._ready.append(chunk)
                    _wake(self._wake_reader)
                while len(self._ready) >= _AHEAD:
                    self._wake_pump = asyncio.get_running_loop().create_future()
                    await self._wake_pump
            self._error = ReplyLost("the connection was closed in the middle of the reply")
        except Exception as error:
            self._error = ReplyLost(f"the server failed in the middle of the reply: {error!r}")
        finally:
            if self._timer is not None:
                self._timer.cancel()
            self._transport.forget(self)
            _wake(self._wake_reader)
            await _aclose(chunks)


def _wake(waiter: "asyncio.Future[None] | None") -> None:
    if waiter is not None and not waiter.done():
        waiter.set_result(None)


async def _aclose(body: bytes | AsyncIterator[bytes]) -> None:
    close = getattr(body, "aclose", None)
    if close is not None:
        await close()


async def _one(body: bytes) -> AsyncIterator[bytes]:
    yield body


async def _as_seen_by_server(request: Request) -> tuple[str, ServerRequest]:
    parts = urlsplit(request.url)
    body = request.body if isinstance(request.body, bytes) else b"".join([part async for part in request.body])
    headers = {
        name.lower(): value if isinstance(value, str) else ", ".join(value) for name, value in request.headers.items()
    }
    host = parts.netloc.rpartition("@")[2]
    headers.setdefault("host", host)
    seen = ServerRequest(request.method, parts.path or "/", parts.query, headers, body, peer="memory")
    return f"{parts.scheme}://{host}", seen
