"""Signals: SIGTERM and SIGINT end what runs, in order."""

import asyncio
import signal
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any

ENDING = (signal.SIGTERM, signal.SIGINT)


@contextmanager
def on_ending(stop: Callable[[], object]) -> Iterator[None]:
    """Call `stop` at the first SIGTERM or SIGINT; a second one ends the process as if nobody listened."""
    loop = asyncio.get_running_loop()

    def told() -> None:
        _ignore(loop)
        stop()

    for number in ENDING:
        loop.add_signal_handler(number, told)
    try:
        yield
    finally:
        _ignore(loop)


async def until_ended(work: Coroutine[Any, Any, None]) -> None:
    """Await `work`; a signal cancels it, which is an orderly end and no error."""
    task = asyncio.create_task(work, name="until a signal")
    with on_ending(task.cancel):
        await asyncio.wait([task])
    if not task.cancelled():
        task.result()


def _ignore(loop: asyncio.AbstractEventLoop) -> None:
    for number in ENDING:
        loop.remove_signal_handler(number)
