"""A watch as a stream of events: frames are cut and decoded as they arrive."""

from collections import deque
from types import TracebackType
from typing import Any, Self, cast

import msgspec

from fluvial.kube.errors import KubeError, Unreachable, api_error
from fluvial.kube.resources import WatchEvent
from fluvial.net import NetError, Response
from fluvial.objects import Object

_FRAME_LIMIT = 64 << 20  # bytes; far above etcd's largest object, so only a broken server meets it


class _Frame(msgspec.Struct):
    type: str
    object: dict[str, Any]


_DECODER = msgspec.json.Decoder(_Frame)


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
        self._frames: deque[bytes] = deque()
        self._partial: list[bytes] = []  # of a frame that is not whole yet
        self._partial_size = 0
        self.resource_version = resource_version

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> WatchEvent:
        while not self._frames:
            if not await self._receive():
                raise StopAsyncIteration
        try:
            return self._event(self._frames.popleft())
        except KubeError:
            self.close()
            raise

    async def _receive(self) -> bool:
        """Wait for more bytes and cut them into frames; False at the end."""
        try:
            chunk = await self._response.chunk()
        except NetError as error:
            raise Unreachable(f"watch of {self._kind} broke off: {error}", maybe_done=False) from error
        head, newline, tail = chunk.rpartition(b"\n")
        if newline:
            self._partial.append(head)
            self._frames.extend(frame for frame in b"".join(self._partial).split(b"\n") if frame)
            self._partial = [tail]
            self._partial_size = len(tail)
        else:
            self._partial.append(tail)
            self._partial_size += len(tail)
            if self._partial_size > _FRAME_LIMIT:
                self.close()
                raise Unreachable(f"a watch event is longer than {_FRAME_LIMIT} bytes", maybe_done=False)
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

    def _event(self, frame: bytes) -> WatchEvent:
        try:
            decoded = _DECODER.decode(frame)
        except msgspec.DecodeError as error:
            raise Unreachable(f"a watch event of {self._kind} is not valid JSON: {error}", maybe_done=False) from error
        obj: Object = decoded.object
        if decoded.type == "ERROR":
            raise _error_of(obj)
        if obj.get("kind") in (None, "PartialObjectMetadata"):
            obj["apiVersion"] = self._api_version
            obj["kind"] = self._kind
        self.resource_version = obj.get("metadata", {}).get("resourceVersion") or self.resource_version
        return WatchEvent(cast("Any", decoded.type), obj)


def _error_of(status: Object) -> KubeError:
    code = status.get("code")
    return api_error(code if isinstance(code, int) else 500, status, "", 0.0)
