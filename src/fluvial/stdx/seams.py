"""The seams: what pure and testable code asks of the world, as protocols."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """Wall time. Durations and timers use the event loop's clock instead."""

    def now(self) -> datetime:
        """Return the present moment, timezone-aware, in UTC."""
        ...


class Chance(Protocol):
    """A source of chance; `random.Random` (seeded) and `random.SystemRandom` both satisfy it."""

    def random(self) -> float:
        """Return a float in [0, 1)."""
        ...

    def uniform(self, a: float, b: float, /) -> float:
        """Return a float between `a` and `b`."""
        ...

    def getrandbits(self, k: int, /) -> int:
        """Return an integer of `k` random bits."""
        ...


class Metrics(Protocol):
    """Where figures go. A name that the receiver does not know is an error of the programmer."""

    def inc(self, name: str, labels: Mapping[str, str], amount: float = 1) -> None:
        """Add to a counter."""
        ...

    def observe(self, name: str, labels: Mapping[str, str], value: float) -> None:
        """Record one value (seconds, bytes) in a histogram."""
        ...

    def set(self, name: str, labels: Mapping[str, str], value: float) -> None:
        """Set a gauge."""
        ...

    def forget(self, labels: Mapping[str, str]) -> None:
        """Drop every series that carries all of `labels`, for an object that is gone."""
        ...


class _NoMetrics:
    def inc(self, name: str, labels: Mapping[str, str], amount: float = 1) -> None:
        pass

    def observe(self, name: str, labels: Mapping[str, str], value: float) -> None:
        pass

    def set(self, name: str, labels: Mapping[str, str], value: float) -> None:
        pass

    def forget(self, labels: Mapping[str, str]) -> None:
        pass


NO_METRICS: Metrics = _NoMetrics()
"""Metrics that go nowhere, for libraries used without a controller."""


class Workers(Protocol):
    """Where CPU-bound pure work runs: in this process, or in worker processes."""

    async def run(self, function: Callable[[bytes], bytes], payload: bytes) -> bytes:
        """Return `function(payload)`.

        Args:
            function: a module-level function, since a worker process finds it by name.
        Raises:
            whatever `function` raises, and the implementation's own error when a worker died twice on this payload.
        """
        ...


class InlineWorkers:
    """Workers without processes: the job runs at once, here. Used on virtual time and for small jobs."""

    async def run(self, function: Callable[[bytes], bytes], payload: bytes) -> bytes:
        """Return `function(payload)`."""
        return function(payload)
