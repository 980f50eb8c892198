"""An event loop whose clock jumps to the next timer when nothing else is left to do: days pass in milliseconds, the
same way each time.

There is no real input or output and no thread on it: whoever tries gets an error. Chance comes from the seed and wall
time from the loop's clock, so two runs of one seed do the same things in the same order. What would hang a real program
ends with an error here:
`Deadlock` when nothing can ever happen any more, `OutOfTime` when the virtual limit is reached.
"""

import asyncio
import random
from collections.abc import Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn, TypeVar, cast

_T = TypeVar("_T")

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)  # wall time at loop time 0
_SPINS = 20  # turns of the loop that cancelled tasks get to end after the main coroutine has


class Deadlock(RuntimeError):
    """Nothing is ready, no timer is set, and the main coroutine still waits."""


class OutOfTime(Exception):
    """The main coroutine was not done at the virtual time limit."""


class LeftBehind(Exception):
    """The main coroutine ended while tasks that it should have ended still ran."""


class VirtualLoop(asyncio.BaseEventLoop):
    """The loop. Use `run`."""

    def __init__(self, seed: int, start: datetime, limit: float) -> None:
        super().__init__()
        self.chance = random.Random(seed)
        self.start = start
        self.failures: list[BaseException] = []
        self._virtual_now = 0.0
        self._limit = limit
        self._task_numbers = 0
        self._clock_resolution = 1e-9
        self._selector = _NoSelector(self)
        self.set_task_factory(self._make_task)
        self.set_exception_handler(_note_failure)

    def time(self) -> float:
        """Return virtual seconds since the start of the run."""
        return self._virtual_now

    def jump(self, seconds: float | None) -> None:
        """Let `seconds` pass (None: for ever, which is an error). Called when nothing is ready."""
        if seconds is None:
            waiting = sorted(task.get_name() for task in asyncio.all_tasks(self))
            raise Deadlock(f"nothing can happen any more; waiting: {', '.join(waiting)}")
        self._virtual_now += seconds
        if self._virtual_now > self._limit:
            raise OutOfTime(f"{self._virtual_now:g} virtual seconds have passed, more than the {self._limit:g} allowed")

    def _make_task(self, loop: asyncio.AbstractEventLoop, coro: Any, **options: Any) -> "asyncio.Task[Any]":
        self._task_numbers += 1
        task: _Task = _Task(coro, loop=loop, **options)
        task.number = self._task_numbers
        return task

    # -- what asyncio's base class expects, and what must not be used

    def _process_events(self, event_list: list[Any]) -> None:
        """There are none."""

    def _write_to_self(self) -> None:
        """asyncio itself calls call_soon_threadsafe, to end asynchronous generators; nobody else has a thread to do
        so."""

    def run_in_executor(self, executor: Any, func: Any, *args: Any) -> NoReturn:  # type: ignore[override]
        _refuse("a thread")

    async def create_connection(self, *args: Any, **kwargs: Any) -> NoReturn:
        _refuse("a connection")

    async def create_server(self, *args: Any, **kwargs: Any) -> NoReturn:
        _refuse("a listening socket")

    async def subprocess_exec(self, *args: Any, **kwargs: Any) -> NoReturn:
        _refuse("a process")

    async def subprocess_shell(self, *args: Any, **kwargs: Any) -> NoReturn:
        _refuse("a process")


class VirtualClock:
    """Wall time (`stdx.Clock`) derived from the running loop's virtual time."""

    def now(self) -> datetime:
        """Return the start of the run plus the virtual time passed. Works inside the loop only."""
        loop = _running()
        return loop.start + timedelta(seconds=loop.time())


def run(main: Coroutine[Any, Any, _T], seed: int = 0, *, start: datetime = EPOCH, limit: float = 30 * 86400.0) -> _T:
    """Run `main` on virtual time to its end and return what it returns.

    Args:
        seed: of the chance that `chance()` gives inside.
        start: wall time at the beginning.
        limit: virtual seconds.
    Raises:
        whatever `main` raises; Deadlock, OutOfTime; LeftBehind when tasks are still there at its end; ExceptionGroup
        when a task or a callback failed unseen.
    """
    loop = VirtualLoop(seed, start, limit)
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        result = runner.run(_supervised(main))
    if loop.failures:
        raise BaseExceptionGroup("failures that nobody looked at", loop.failures)
    return result


def chance() -> random.Random:
    """Return the chance of the running virtual-time loop."""
    return _running().chance


class _Task(asyncio.Task[Any]):
    """A task whose place in a set depends on its number and not on its address: asyncio keeps tasks in sets and cancels
    them in that order.
    """

    number = 0

    def __hash__(self) -> int:
        return self.number


class _NoSelector:
    """What asyncio's base loop asks for events and waits in."""

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop

    def select(self, timeout: float | None) -> list[Any]:
        if timeout is None or timeout > 0:
            self._loop.jump(timeout)
        return []


async def _supervised(main: Coroutine[Any, Any, _T]) -> _T:
    result = await main
    own = asyncio.current_task()
    for _ in range(_SPINS):
        others = [task for task in asyncio.all_tasks() if task is not own]
        if not others:
            return result
        await asyncio.sleep(0)
    names = ", ".join(sorted(task.get_name() for task in others))
    raise LeftBehind(f"tasks that nobody ended: {names}")


def _note_failure(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    error = context.get("exception")
    problem = error if isinstance(error, BaseException) else RuntimeError(str(context.get("message")))
    problem.add_note(str(context.get("message")))
    cast(VirtualLoop, loop).failures.append(problem)


def _running() -> VirtualLoop:
    loop = asyncio.get_running_loop()
    if not isinstance(loop, VirtualLoop):
        raise RuntimeError("this runs on real time")
    return loop


def _refuse(what: str) -> NoReturn:
    raise RuntimeError(f"{what} cannot be had on virtual time")
