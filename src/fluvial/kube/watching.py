"""A watch as a stream of events: frames are cut and decoded as they arrive."""

from collections import deque
from types import TracebackType
from typing import Self

from fluvial.kube.errors import Unreachable, api_error
from fluvial.net import NetError, Response
from fluvial.wire import FrameReader, WatchEvent, WatchFormatError


class WatchStream:
    """One watch request: iterate to get events until the server ends it; close it (or use `async with`) to stop.

    Attributes:
        resource_version: the newest version seen, to go on from in the next request.

    Raises while iterating:
        Expired: the version is too old, list again.
        ApiError: the server reported another error in the stream.
        Unreachable: the connection broke; nothing is lost when you go on from `resource_version`.
    """

    def __init__(self, response: Response, api_version: str, kind: str, resource_version: str) -> None:
        self._response = response
        self._api_version = api_version
        self._kind = kind
        self._reader = FrameReader()
        self._events: deque[WatchEvent] = deque()
        self.resource_version = resource_version

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> WatchEvent:
        while not self._events:
            if not await self._receive():
                raise StopAsyncIteration
        event = self._events.popleft()
        obj = event.object
        if event.type == "ERROR":
            self.close()
            code = obj.get("code")
            raise api_error(code if isinstance(code, int) else 500, obj, "", 0.0)
        if obj.get("kind") in (None, "PartialObjectMetadata"):
            obj["apiVersion"] = self._api_version
            obj["kind"] = self._kind
        self.resource_version = obj.get("metadata", {}).get("resourceVersion") or self.resource_version
        return event

    async def _receive(self) -> bool:
        """Wait for more bytes and cut them into events; False at the end."""
        try:
            chunk = await self._response.chunk()
            self._events.extend(self._reader.feed(chunk))
        except (NetError, WatchFormatError) as error:
            self.close()
            raise Unreachable(f"watch of {self._kind} broke off: {error}", maybe_done=False) from error
        return bool(chunk)

    def close(self) -> None:
        """End the watch. Repeatable."""
        self._response.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
