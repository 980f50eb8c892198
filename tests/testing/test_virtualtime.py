"""Time jumps, chance is seeded, and nothing real gets in."""

import asyncio
from datetime import timedelta

import pytest

from fluvial.testing import Deadlock, LeftBehind, OutOfTime, VirtualClock, chance, run


def test_a_day_of_sleep_takes_no_time_and_moves_the_wall_clock() -> None:
    async def main() -> None:
        before = VirtualClock().now()
        await asyncio.sleep(86400)
        assert VirtualClock().now() - before == timedelta(days=1)

    run(main())


def test_timers_fire_in_the_order_of_their_times() -> None:
    async def main() -> list[float]:
        order: list[float] = []

        async def wake(seconds: float) -> None:
            await asyncio.sleep(seconds)
            order.append(seconds)

        await asyncio.gather(*map(wake, (3.0, 0.1, 700.0, 0.1, 2.0)))
        return order

    assert run(main()) == [0.1, 0.1, 2.0, 3.0, 700.0]


def test_one_seed_gives_one_run_and_another_seed_another() -> None:
    async def main() -> list[str]:
        log: list[str] = []

        async def worker(name: str) -> None:
            for _ in range(5):
                await asyncio.sleep(chance().uniform(0, 10))
                log.append(f"{VirtualClock().now().isoformat()} {name}")

        async with asyncio.TaskGroup() as group:
            for name in "abc":
                group.create_task(worker(name))
        return log

    assert run(main(), seed=7) == run(main(), seed=7)
    assert run(main(), seed=7) != run(main(), seed=8)


def test_a_set_of_tasks_is_cancelled_in_the_same_order_each_time() -> None:
    async def main() -> list[int]:
        order: list[int] = []

        async def wait(number: int) -> None:
            try:
                await asyncio.sleep(100)
            finally:
                order.append(number)

        async def fail() -> None:
            async with asyncio.TaskGroup() as group:
                for number in range(50):
                    group.create_task(wait(number))
                await asyncio.sleep(1)
                raise ValueError

        with pytest.raises(ExceptionGroup):
            await fail()
        return order

    assert run(main()) == run(main())


def test_what_would_hang_is_an_error_that_names_who_waits() -> None:
    async def main() -> None:
        await asyncio.create_task(asyncio.Event().wait(), name="the waiting one")

    with pytest.raises(Deadlock, match="the waiting one"):
        run(main())


def test_what_never_ends_is_an_error_at_the_limit() -> None:
    async def main() -> None:
        for _ in range(1000):
            await asyncio.sleep(60)

    with pytest.raises(OutOfTime):
        run(main(), limit=3600)


def test_a_task_left_behind_is_an_error() -> None:
    async def main() -> "asyncio.Task[None]":
        return asyncio.create_task(asyncio.sleep(100), name="orphan")

    with pytest.raises(LeftBehind, match="orphan"):
        run(main())


def test_a_callback_that_fails_unseen_fails_the_run() -> None:
    async def main() -> None:
        asyncio.get_running_loop().call_soon(lambda: 1 / 0)
        await asyncio.sleep(1)

    with pytest.raises(ExceptionGroup) as caught:
        run(main())
    assert isinstance(caught.value.exceptions[0], ZeroDivisionError)


@pytest.mark.parametrize("attempt", ["thread", "connection", "server", "process"])
def test_nothing_real_is_to_be_had(attempt: str) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        if attempt == "thread":
            await asyncio.to_thread(print)
        elif attempt == "connection":
            await asyncio.open_connection("127.0.0.1", 1)
        elif attempt == "server":
            await loop.create_server(asyncio.Protocol, "127.0.0.1", 0)
        else:
            await asyncio.create_subprocess_exec("true")

    with pytest.raises(RuntimeError, match="on virtual time"):
        run(main())
