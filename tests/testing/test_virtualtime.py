import asyncio
import time
from datetime import timedelta

import pytest

from fluvial.testing import Deadlock, VirtualClock, run


def test_a_day_passes_at_once_and_the_clocks_agree() -> None:
    async def main() -> tuple[float, timedelta]:
        clock = VirtualClock()
        begin = clock.now()
        await asyncio.sleep(86400)
        return asyncio.get_running_loop().time(), clock.now() - begin

    real = time.monotonic()
    assert run(main()) == (86400, timedelta(days=1))
    assert time.monotonic() - real < 5


def test_timers_fire_in_order_and_timeouts_work() -> None:
    async def main() -> list[str]:
        seen: list[str] = []

        async def later(seconds: float, word: str) -> None:
            await asyncio.sleep(seconds)
            seen.append(word)

        tasks = [asyncio.create_task(later(s, w)) for s, w in ((3, "c"), (1, "a"), (2, "b"))]
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1.5):
                await asyncio.Event().wait()
        seen.append("timeout")
        await asyncio.gather(*tasks)
        return seen

    assert run(main()) == ["a", "timeout", "b", "c"]


def test_a_program_that_would_hang_is_told_so_with_the_names_of_its_tasks() -> None:
    async def main() -> None:
        await asyncio.create_task(asyncio.Event().wait(), name="waits for nothing")

    with pytest.raises(Deadlock, match="waits for nothing"):
        run(main())


def test_threads_are_refused() -> None:
    async def main() -> None:
        await asyncio.to_thread(time.monotonic)

    with pytest.raises(RuntimeError, match="no threads on virtual time"):
        run(main())


def test_sockets_are_refused() -> None:
    async def main() -> None:
        await asyncio.open_connection("127.0.0.1", 1)

    with pytest.raises((NotImplementedError, RuntimeError)):
        run(main())
