"""An asyncio event loop on virtual time: when nobody can go on, the clock jumps to the next timer.

There are no sockets, no threads and no processes on it; whoever asks for one is told so. What runs on it is
deterministic: the same coroutine with the same seed makes the same steps in the same order.
"""

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor
from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn, TypeVar, TypeVarTuple, Unpack

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)

_T = TypeVar("_T")
_Ts = TypeVarTuple("_Ts")


class Deadlock(RuntimeError):
    """Everybody waits and no timer is set: on a real clock this program would hang for ever."""


class VirtualLoop(asyncio.BaseEventLoop):
    """The loop. `time()` starts at zero and moves only by jumps."""

    def __init__(self) -> None:
        super().__init__()
        self._now = 0.0
        self._selector = _Jump(self)

    def time(self) -> float:
        """Return the virtual seconds since the loop was made."""
        return self._now

    def jump(self, seconds: float) -> None:
        """Move the clock; for the selector, when nothing is ready."""
        self._now += seconds

    def run_in_executor(
        self, executor: Executor | None, func: Callable[[Unpack[_Ts]], _T], *args: Unpack[_Ts]
    ) -> "asyncio.Future[_T]":
        """Refuse.

        Raises:
            RuntimeError: always; pure work goes through `Workers`, which run inline here.
        """
        raise RuntimeError("no threads on virtual time: use the Workers seam")

    def _process_events(self, event_list: object) -> None:
        """There are none: the selector only jumps."""

    def _write_to_self(self) -> NoReturn:
        raise RuntimeError("no threads on virtual time: call_soon_threadsafe has no other thread to come from")


class _Jump:
    """The part of a selector that BaseEventLoop uses."""

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop

    def select(self, timeout: float | None) -> list[Any]:
        if timeout is None:
            waiting = sorted(task.get_name() for task in asyncio.all_tasks(self._loop))
            raise Deadlock(f"nobody can go on and no timer is set; tasks: {', '.join(waiting)}")
        if timeout > 0:
            self._loop.jump(timeout)
        return []


class VirtualClock:
    """Wall time on a virtual loop: `EPOCH` plus the loop's time. Use it inside the loop only."""

    def now(self) -> datetime:
        """Return the present virtual moment, in UTC."""
        return EPOCH + timedelta(seconds=asyncio.get_running_loop().time())


def run(main: Coroutine[Any, Any, _T]) -> _T:
    """Run `main` to its end on a new virtual loop and return its result; tasks left over are cancelled.

    Raises:
        Deadlock: everybody waits and no timer is set.
        whatever `main` raises.
    """
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)
