"""Requests, replies and the seams between them: values, no I/O.

A transport is anything with `send` and `close`. A handler is the other end: a function from a server request to a
server reply. `MemoryTransport` joins the two without a socket; `Http1Transport` and `serve` join them with one.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Protocol, Self

from fluvial.net.errors import TooLarge

READ_LIMIT = 64 << 20  # bytes; the default bound of Response.read


@dataclass(frozen=True, slots=True)
class Request:
    """One request of a client.

    Attributes:
        url: absolute, already percent-encoded; a user part is not read from it.
        headers: any letter case; a tuple is sent as one line per value (`Impersonate-Group`).
        body: bytes, or an iterator that is sent chunked (such a request is never repeated).
        timeout: seconds for the whole exchange, head and body, or None for no limit.
        long_lived: a watch or a tail: it takes no place in the pool's bound, so that watches cannot starve writes.
    """

    method: str
    url: str
    headers: Mapping[str, str | tuple[str, ...]] = field(default_factory=dict)
    body: bytes | AsyncIterator[bytes] = b""
    timeout: float | None = None
    long_lived: bool = False


class BodySource(Protocol):
    """Where a streamed body comes from; transports implement it."""

    async def chunk(self) -> bytes:
        """Return the next bytes, b"" at the end. Raises NetError when the connection breaks."""
        ...

    def close(self) -> None:
        """Give up the rest; a source that is not at its end takes its connection with it. Repeatable."""
        ...


class Response:
    """The reply of a server: the head is here, the body may still be under way.

    Whoever does not read to the end calls `close` (or uses `async with`); reading to the end closes by itself.
    """

    __slots__ = ("_body", "_source", "headers", "status", "url")

    def __init__(
        self, status: int, headers: Mapping[str, str], body: bytes | BodySource = b"", *, url: str = ""
    ) -> None:
        """`headers`: lower-case keys, repeated lines joined by ", "; `url`: the place that answered, after
        redirects."""
        self.status = status
        self.headers = headers
        self.url = url
        self._body: bytes | None = None
        self._source: BodySource | None = None
        if isinstance(body, bytes):
            self._body = body
        else:
            self._source = body

    async def read(self, limit: int = READ_LIMIT) -> bytes:
        """Return the whole body; asked again, the same bytes.

        Raises:
            TooLarge: the body is longer than `limit` bytes; the connection is closed.
            NetError: the connection broke, or the request's time is over.
        """
        if self._body is not None:
            if len(self._body) > limit:
                raise TooLarge(f"the reply has {len(self._body)} bytes, more than the {limit} allowed")
            return self._body
        parts: list[bytes] = []
        size = 0
        while part := await self.chunk():
            size += len(part)
            if size > limit:
                self.close()
                raise TooLarge(f"the reply is longer than the {limit} bytes allowed")
            parts.append(part)
        self._body = b"".join(parts)
        return self._body

    def chunks(self) -> AsyncIterator[bytes]:
        """Yield the body as it arrives, in pieces of any size. Raises NetError as `read` does."""
        return _Chunks(self)

    async def chunk(self) -> bytes:
        """Return the next piece, b"" at the end. Raises NetError as `read` does; the reply is then closed."""
        if self._body is not None:
            piece, self._body = self._body, b""
            return piece
        if self._source is None:
            return b""
        try:
            piece = await self._source.chunk()
        except BaseException:
            self.close()
            raise
        if not piece:
            self._source = None
        return piece

    def close(self) -> None:
        """Stop: an unfinished body closes its connection. Repeatable."""
        if self._source is not None:
            self._source.close()
            self._source = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _Chunks:
    """Iterates over a body. No generator, since one that is left half-way needs the loop to end it."""

    __slots__ = ("_response",)

    def __init__(self, response: Response) -> None:
        self._response = response

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        piece = await self._response.chunk()
        if not piece:
            raise StopAsyncIteration
        return piece


class Transport(Protocol):
    """Carries a request to a server and brings the reply."""

    async def send(self, request: Request) -> Response:
        """Send and return when the head of the reply is here. A status of 400 or more is not an error.

        Cancelling closes the connection; the server may have acted all the same.

        Raises:
            NetError: see `errors` for which of them may be repeated.
        """
        ...

    async def close(self) -> None:
        """Close every connection; requests under way fail with ReplyLost. Repeatable."""
        ...


@dataclass(frozen=True, slots=True)
class ServerRequest:
    """One request as a handler sees it.

    Attributes:
        path: as sent, percent-encoding kept; begins with "/".
        query: the text after "?", undecoded.
        headers: lower-case keys; repeated lines joined by ", ".
        peer: address of the other side, for logs.
        certificate: the client's verified certificate in DER, or b"".
    """

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    peer: str = ""
    certificate: bytes = b""


@dataclass(frozen=True, slots=True)
class ServerResponse:
    """What a handler answers; an iterator as body is sent as it comes and closed when the client leaves."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | AsyncIterator[bytes] = b""


Handler = Callable[[ServerRequest], Awaitable[ServerResponse]]
