"""Informers shared by all who want the same objects under the same identity."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from fluvial.kube import Client
from fluvial.objects import Object
from fluvial.runtime.changes import Scope
from fluvial.runtime.informer import Informer
from fluvial.stdx import NO_METRICS, Chance, Metrics
from fluvial.telemetry import Logger

Transform = Callable[[Object], Object]
_Id = tuple[str, Scope, Transform | None]


@dataclass(slots=True)
class _Shared:
    informer: Informer
    task: asyncio.Task[None]
    users: int = 0


class Cache:
    """Starts an informer for the first who asks, ends it when the last has released it.

    Never shared across identities: what a tenant may see is decided by the server for that tenant.
    """

    def __init__(self, *, chance: Chance, log: Logger, metrics: Metrics = NO_METRICS) -> None:
        self._chance = chance
        self._log = log
        self._metrics = metrics
        self._shared: dict[_Id, _Shared] = {}
        self._closing: set[asyncio.Task[None]] = set()
        self._failed = asyncio.Event()
        self._failure: BaseException | None = None

    def informer(
        self,
        client: Client,
        api_version: str,
        kind: str,
        namespace: str = "",
        *,
        labels: str = "",
        fields: str = "",
        metadata_only: bool = False,
        transform: Transform | None = None,
    ) -> Informer:
        """Return a running informer; the same for the same arguments. Pair each call with a `release`, or close the
        cache.

        `transform` takes part in the comparison, so pass a module-level function, not a lambda.
        """
        scope = Scope(api_version, kind, namespace, labels, fields, metadata_only)
        identity: _Id = (client.identity, scope, transform)
        shared = self._shared.get(identity)
        if shared is None:
            informer = Informer(
                client, scope, chance=self._chance, log=self._log, metrics=self._metrics, transform=transform
            )
            task = asyncio.get_running_loop().create_task(informer.run(), name=f"watch {api_version} {kind}")
            task.add_done_callback(self._ended)
            shared = self._shared[identity] = _Shared(informer, task)
        shared.users += 1
        return shared.informer

    def release(self, informer: Informer) -> None:
        """Take back one `informer` call; the last one ends the watch."""
        for identity, shared in self._shared.items():
            if shared.informer is informer:
                shared.users -= 1
                if shared.users <= 0:
                    del self._shared[identity]
                    self._end(shared.task)
                return

    @property
    def informers(self) -> list[Informer]:
        """All that run now."""
        return [shared.informer for shared in self._shared.values()]

    async def guard(self) -> None:
        """Wait until a watch fails for a reason that it should not (a mistake of ours) and raise that; for the owner of
        the process, since a copy that nobody keeps would look true for ever.
        """
        await self._failed.wait()
        assert self._failure is not None
        raise self._failure

    async def wait_synced(self) -> None:
        """Return once every informer of this moment is synced."""
        for informer in self.informers:
            await informer.wait_synced()

    async def close(self) -> None:
        """End every watch. Repeatable."""
        for shared in self._shared.values():
            self._end(shared.task)
        self._shared.clear()
        await asyncio.gather(*self._closing, return_exceptions=True)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def _ended(self, task: asyncio.Task[None]) -> None:
        if task.cancelled() or (error := task.exception()) is None:
            return
        self._log.error("watch failed", error=error, task=task.get_name())
        self._failure = error
        self._failed.set()

    def _end(self, task: asyncio.Task[None]) -> None:
        task.cancel()
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)
