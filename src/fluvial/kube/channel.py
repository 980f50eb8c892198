"""One API server as this process sees it: credentials, gates, repeats, metrics; shared by all identities that talk to
it.

What is repeated, and why so little: a 429 is refused before it does anything, so it is always repeated after its
Retry-After. A 5xx with Retry-After, and a reply lost on the way, are repeated only when the request is idempotent;
otherwise the caller learns
`Unreachable(maybe_done=True)` and reads before it writes. (client-go repeats any verb on a 5xx with Retry-After.)
"""

import asyncio
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import msgspec

from fluvial.kube.credentials import Credentials, FixedHeader
from fluvial.kube.errors import ApiError, Unreachable, api_error
from fluvial.kube.gates import Flows, RateLimit
from fluvial.net import NetError, ReplyLost, Request, Response, TimedOut, Transport
from fluvial.stdx import NO_METRICS, Metrics
from fluvial.wire import media

MAX_REPEATS = 10  # as client-go; a server that says 429 eleven times in a row gets a failed reconcile and its backoff
REQUEST_TIMEOUT = 65.0  # seconds; kube-apiserver gives up on a request after 60
_LONGEST_WAIT = 60.0  # seconds; a Retry-After beyond it is the caller's business
_BODY_LIMIT = 256 << 20  # bytes; a page of 500 objects of 512 KiB each


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a request claims to be, beyond our own credentials. An empty user means ourselves."""

    user: str = ""
    groups: tuple[str, ...] = ()

    @property
    def headers(self) -> dict[str, str | tuple[str, ...]]:
        if not self.user:
            return {}
        if not self.groups:
            return {"Impersonate-User": self.user}
        return {"Impersonate-User": self.user, "Impersonate-Group": self.groups}


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request to the API server, before identity and credentials are put on it.

    Attributes:
        path, query: percent-encoded.
        idempotent: doing it twice is as doing it once, for the caller too.
        writes: counts against the bound of writes in flight.
        resource: what the flow is named after.
        timeout: seconds for the whole exchange; None = no limit.
    """

    method: str
    path: str
    query: str = ""
    body: bytes = b""
    content_type: str = ""
    accept: str = media.JSON
    idempotent: bool = False
    writes: bool = False
    resource: str = ""
    timeout: float | None = REQUEST_TIMEOUT
    long_lived: bool = False

    @property
    def target(self) -> str:
        return f"{self.path}?{self.query}" if self.query else self.path


class Channel:
    """Sends calls to one server."""

    def __init__(
        self,
        server: str,
        transport: Transport,
        *,
        credentials: Credentials | None = None,
        user_agent: str,
        metrics: Metrics = NO_METRICS,
        max_writes: int = 16,
        rate_limit: RateLimit | None = None,
    ) -> None:
        self.server = server.rstrip("/")
        self._transport = transport
        self._credentials = credentials or FixedHeader()
        self._user_agent = user_agent
        self._metrics = metrics
        self._host = urlsplit(server).netloc
        self._writes = asyncio.Semaphore(max_writes)
        self._limit = rate_limit or RateLimit()
        self._flows = Flows()

    async def call(self, call: Call, identity: Identity) -> tuple[int, bytes]:
        """Return status and body of a reply below 400.

        Raises:
            ApiError: the server said no, or told us to wait more often or longer than we do.
            Unreachable: there was no reply.
        """
        if not call.writes:
            return await self._repeating(call, identity)
        async with self._writes:
            return await self._repeating(call, identity)

    async def open(self, call: Call, identity: Identity) -> Response:
        """Send once and return the reply as a stream; errors as in `call`."""
        await self._limit.enter()
        await self._flows.enter((identity.user, call.resource))
        response = await self._send(call, identity)
        if response.status < 400:
            return response
        body = await self._read(response, call)
        error = _error_of(response, body)
        self._note_refusal(error, call, identity)
        raise error

    async def close(self) -> None:
        await self._transport.close()

    async def _repeating(self, call: Call, identity: Identity) -> tuple[int, bytes]:
        flow = (identity.user, call.resource)
        repeats = 0
        while True:
            await self._limit.enter()
            await self._flows.enter(flow)
            try:
                response = await self._send(call, identity)
                body = await self._read(response, call)
            except Unreachable as error:
                # One repeat for what a lost reply cannot have doubled; more is the caller's backoff.
                if not (error.maybe_done and call.idempotent and repeats == 0 and _is_lost_reply(error)):
                    raise
                repeats += 1
                continue
            if response.status < 400:
                return response.status, body
            error_reply = _error_of(response, body)
            if repeats >= MAX_REPEATS or not _may_repeat(error_reply, call):
                raise error_reply
            repeats += 1
            self._note_refusal(error_reply, call, identity)

    def _note_refusal(self, error: ApiError, call: Call, identity: Identity) -> None:
        if error.retry_after > 0:
            self._flows.close((identity.user, call.resource), min(error.retry_after, _LONGEST_WAIT))

    async def _send(self, call: Call, identity: Identity) -> Response:
        response = await self._send_once(call, identity)
        if response.status == 401 and self._credentials.reject():
            response.close()
            response = await self._send_once(call, identity)
        return response

    async def _send_once(self, call: Call, identity: Identity) -> Response:
        headers: dict[str, str | tuple[str, ...]] = {"Accept": call.accept, "User-Agent": self._user_agent}
        if call.content_type:
            headers["Content-Type"] = call.content_type
        if authorization := await self._credentials.header():
            headers["Authorization"] = authorization
        headers.update(identity.headers)
        url = self.server + call.target
        request = Request(call.method, url, headers, call.body, call.timeout, call.long_lived)
        try:
            response = await self._transport.send(request)
        except NetError as error:
            self._count(call.method, "<error>")
            raise self._unreachable(call, error) from error
        self._count(call.method, str(response.status))
        return response

    async def _read(self, response: Response, call: Call) -> bytes:
        try:
            return await response.read(_BODY_LIMIT)
        except NetError as error:
            raise self._unreachable(call, error) from error

    def _unreachable(self, call: Call, error: NetError) -> Unreachable:
        text = f'{call.method.capitalize()} "{self.server}{call.path}": {error}'
        return Unreachable(text, maybe_done=error.sent)

    def _count(self, method: str, code: str) -> None:
        self._metrics.inc("rest_client_requests_total", {"code": code, "method": method, "host": self._host})


def _is_lost_reply(error: Unreachable) -> bool:
    return isinstance(error.__cause__, ReplyLost) and not isinstance(error.__cause__, TimedOut)


def _may_repeat(error: ApiError, call: Call) -> bool:
    if error.retry_after <= 0 or error.retry_after > _LONGEST_WAIT:
        return False
    return error.status == 429 or (error.status >= 500 and call.idempotent)


def _error_of(response: Response, body: bytes) -> ApiError:
    value: Any = None
    if "json" in response.headers.get("content-type", "json"):
        try:
            value = msgspec.json.decode(body)
        except msgspec.DecodeError:
            value = None
    status = value if isinstance(value, dict) else None
    text = "" if status else body[:1024].decode("utf-8", "replace").strip()
    return api_error(response.status, status, text, _seconds(response.headers.get("retry-after", "")))


def _seconds(text: str) -> float:
    """Read Retry-After as seconds; Kubernetes sends no dates there."""
    try:
        return max(0.0, float(text))
    except ValueError:
        return 0.0
