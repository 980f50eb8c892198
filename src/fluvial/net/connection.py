"""One HTTP/1.1 connection: an asyncio protocol around httptools' parser, carrying one exchange at a time."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from typing import cast

import httptools

from fluvial.net.errors import BadReply, NetError, ReplyLost, TimedOut, TooLarge

_HIGH_WATER = 1 << 20  # bytes of an unread body at which reading from the socket pauses
_LOW_WATER = 256 << 10
_NAMES: dict[bytes, str] = {
    name.encode(): name.lower()
    for name in (
        *("Audit-Id", "Cache-Control", "Content-Length", "Content-Type", "Date", "Vary", "Warning", "Server"),
        *("X-Kubernetes-Pf-Flowschema-Uid", "X-Kubernetes-Pf-Prioritylevel-Uid", "Transfer-Encoding", "Connection"),
        *("Last-Modified", "Accept-Ranges", "Etag", "Retry-After"),
    )
}  # the usual names, so that they are not lower-cased anew in each reply


class Connection(asyncio.Protocol):
    """States: idle → (`begin`) waiting for a head → reading a body → idle, or closed at any point.

    Attributes:
        used: exchanges carried so far.
        idle_since: loop time at which it became idle.
        closed: no further exchange is possible.
    """

    __slots__ = (
        "_body_done",
        "_buffered",
        "_chunks",
        "_error",
        "_head",
        "_head_done",
        "_header_limit",
        "_header_size",
        "_headers",
        "_is_head_request",
        "_keep",
        "_loop",
        "_on_end",
        "_parser",
        "_paused",
        "_reader",
        "_status",
        "_timer",
        "_transport",
        "_until_close",
        "_writer",
        "closed",
        "got_bytes",
        "idle_since",
        "used",
    )

    _status: int
    _headers: dict[str, str]
    _header_size: int
    _chunks: deque[bytes]
    _buffered: int
    _paused: bool
    _head_done: bool
    _body_done: bool
    _until_close: bool
    _keep: bool

    def __init__(self, loop: asyncio.AbstractEventLoop, header_limit: int) -> None:
        self._loop = loop
        self._header_limit = header_limit
        self._parser = httptools.HttpResponseParser(self)
        self._transport: asyncio.Transport | None = None
        self._on_end: Callable[[Connection], None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._reader: asyncio.Future[None] | None = None
        self._writer: asyncio.Future[None] | None = None
        self._head: asyncio.Future[None] | None = None
        self._error: NetError | None = None
        self.closed = False
        self.used = 0
        self.idle_since = 0.0
        self.got_bytes = False
        self._reset(is_head_request=False)

    # -- the exchange, called by the transport

    async def begin(
        self, head: bytes, body: bytes | AsyncIterator[bytes], *, is_head_request: bool, deadline: float | None
    ) -> None:
        """Send a request and return when the head of its reply has been parsed. On any failure the connection is
        closed."""
        self._reset(is_head_request)
        self.used += 1
        if self._transport is None or self.closed:
            raise ReplyLost("the connection was closed by the server")
        if deadline is not None:
            self._timer = self._loop.call_at(deadline, self._time_is_over)
        self._head = self._loop.create_future()
        try:
            if isinstance(body, bytes):
                self._transport.write(head + body if len(body) < 65536 else head)
                if len(body) >= 65536:
                    self._transport.write(body)
            else:
                await self._send_chunked(head, body)
            await self._head
        except BaseException:
            self.abort()
            raise
        finally:
            self._head = None

    @property
    def status(self) -> int:
        return self._status

    @property
    def headers(self) -> dict[str, str]:
        return self._headers

    @property
    def is_complete(self) -> bool:
        """Whether the whole reply is here."""
        return self._body_done

    def take_body(self) -> bytes:
        """Return a body that is complete and end the exchange."""
        body = b"".join(self._chunks) if len(self._chunks) != 1 else self._chunks[0]
        self._chunks.clear()
        self._end()
        return body

    def on_end(self, callback: "Callable[[Connection], None]") -> None:
        """Call `callback` once when this exchange is over, well or not."""
        self._on_end = callback

    async def chunk(self) -> bytes:
        """Return the next bytes of the body, b"" at its end, which ends the exchange (`BodySource`)."""
        while not self._chunks:
            if self._body_done:
                self._end()
                return b""
            if self._error is not None:
                raise self._error
            self._reader = self._loop.create_future()
            try:
                await self._reader
            finally:
                self._reader = None
        data = self._chunks.popleft()
        self._buffered -= len(data)
        if self._paused and self._buffered <= _LOW_WATER and self._transport is not None:
            self._paused = False
            self._transport.resume_reading()
        return data

    def close(self) -> None:
        """Give up what is left of the reply (`BodySource`): unread bytes make the connection useless."""
        if self._body_done:
            self._chunks.clear()
            self._end()
        else:
            self.abort()

    def fail(self, error: NetError) -> None:
        """Break the exchange under way with `error`, and close."""
        if self._error is None:
            self._error = error
        if self._head is not None and not self._head.done():
            self._head.set_exception(error)
        _wake(self._reader)
        self.abort()

    def abort(self) -> None:
        """Close at once, whatever is under way. Repeatable."""
        self.closed = True
        if self._error is None:
            self._error = ReplyLost("the connection was closed by this side")
        if self._transport is not None:
            self._transport.abort()
            self._transport = None
        _wake(self._writer)
        _wake(self._reader)
        self._end()

    # -- asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by class

    def data_received(self, data: bytes) -> None:
        if self._head is None and self._head_done and self._body_done:
            self.abort()  # bytes that nobody asked for
            return
        self.got_bytes = True
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self.fail(BadReply("the server wants to speak another protocol"))
        except httptools.HttpParserError as error:
            cause = error.__context__
            self.fail(cause if isinstance(cause, NetError) else BadReply(f"the reply is not HTTP/1.1: {error}"))
        if self._head_done and self._head is not None and not self._head.done():
            self._head.set_result(None)
        _wake(self._reader)
        if self._buffered > _HIGH_WATER and not self._paused and self._transport is not None:
            self._paused = True
            self._transport.pause_reading()

    def eof_received(self) -> bool:
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self.closed = True
        if self._head_done and self._until_close and not self._body_done:
            self._body_done = True
            self._keep = False
        elif not self._body_done and self._error is None:
            why = f": {exc}" if exc is not None else ""
            self.fail(ReplyLost(f"the connection was closed by the server{why}"))
        _wake(self._reader)
        _wake(self._writer)

    def pause_writing(self) -> None:
        self._writer = self._loop.create_future()

    def resume_writing(self) -> None:
        _wake(self._writer)
        self._writer = None

    # -- httptools' callbacks

    def on_message_begin(self) -> None:
        if self._head_done:
            raise BadReply("the server sent more than one reply")

    def on_header(self, name: bytes, value: bytes) -> None:
        self._header_size += len(name) + len(value) + 4
        if self._header_size > self._header_limit:
            raise TooLarge(f"the head of the reply is longer than the {self._header_limit} bytes allowed")
        key = _NAMES.get(name) or name.decode("latin-1").lower()
        text = value.decode("latin-1")
        present = self._headers.get(key)
        self._headers[key] = text if present is None else f"{present}, {text}"

    def on_headers_complete(self) -> None:
        self._status = self._parser.get_status_code()
        if self._status < 200:
            return  # an interim reply; the real one follows
        self._head_done = True
        headers = self._headers
        framed = "content-length" in headers or "chunked" in headers.get("transfer-encoding", "").lower()
        self._keep = self._parser.should_keep_alive()
        if self._is_head_request:
            self._body_done = True  # the parser would wait for a body, so the connection is not used again
            self._keep = False
        elif not framed and self._status not in (204, 304):
            self._until_close = True
            self._keep = False

    def on_body(self, data: bytes) -> None:
        if self._body_done:
            return  # a body behind the reply to HEAD, which has none
        self._chunks.append(data)
        self._buffered += len(data)

    def on_message_complete(self) -> None:
        if self._head_done:
            self._body_done = True
        else:
            self._headers = {}
            self._header_size = 0

    # -- parts

    def _reset(self, is_head_request: bool) -> None:
        self._is_head_request = is_head_request
        self._status = 0
        self._headers = {}
        self._header_size = 0
        self._chunks = deque()
        self._buffered = 0
        self._paused = False
        self._head_done = False
        self._body_done = False
        self._until_close = False
        self._keep = False
        self.got_bytes = False

    def _end(self) -> None:
        """Close the books of this exchange and hand the connection back, or close it if it can't be used again."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if not (self._body_done and self._keep) and not self.closed:
            self.closed = True
            if self._transport is not None:
                self._transport.abort()
                self._transport = None
        callback, self._on_end = self._on_end, None
        if callback is not None:
            self.idle_since = self._loop.time()
            callback(self)

    def _time_is_over(self) -> None:
        self._timer = None
        self.fail(TimedOut("no whole reply within the time allowed"))

    async def _send_chunked(self, head: bytes, body: AsyncIterator[bytes]) -> None:
        assert self._transport is not None
        self._transport.write(head)
        async for part in body:
            if self._head is not None and self._head.done():
                return  # the server answered before it had read everything
            if part and self._transport is not None:
                self._transport.write(b"%x\r\n%b\r\n" % (len(part), part))
            if self._writer is not None:
                await self._writer
        if self._transport is not None:
            self._transport.write(b"0\r\n\r\n")


def _wake(waiter: "asyncio.Future[None] | None") -> None:
    if waiter is not None and not waiter.done():
        waiter.set_result(None)
