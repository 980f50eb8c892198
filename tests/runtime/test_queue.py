"""Which key comes when: tables of additions and what is given out, on virtual time."""

import asyncio
from collections.abc import Sequence

import pytest
import uvloop

from fluvial.runtime import FRESH, RESYNC, Key, Queue
from fluvial.runtime.queue import QueueClosed
from fluvial.testing import run


def key(name: str) -> Key:
    return Key("ns", name)


def given_out(adds: Sequence[tuple[float, str, float, int]], *, work: float = 0.0) -> list[tuple[float, str]]:
    """Carry out (at second, name, delay, priority); return (second, name) as a worker of `work` seconds gets them."""

    async def main() -> list[tuple[float, str]]:
        queue = Queue("test")
        loop = asyncio.get_running_loop()
        got: list[tuple[float, str]] = []

        async def worker() -> None:
            while True:
                found = await queue.get()
                got.append((round(loop.time(), 3), found.name))
                await asyncio.sleep(work)
                queue.done(found)

        task = asyncio.create_task(worker())
        for at, name, delay, priority in sorted(adds, key=lambda add: add[0]):
            if at > loop.time():
                await asyncio.sleep(at - loop.time())
            queue.add_after(key(name), delay, priority=priority)
        await asyncio.sleep(2000)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return got

    return run(main())


@pytest.mark.parametrize(
    ("adds", "work", "expected"),
    [
        pytest.param([(0, "a", 0, 0), (0, "b", 0, 0)], 0, [(0, "a"), (0, "b")], id="in the order of asking"),
        pytest.param([(0, "a", 0, 0), (0, "a", 0, 0), (0, "a", 0, 0)], 0, [(0, "a")], id="asked thrice, given once"),
        pytest.param([(0, "a", 5, 0)], 0, [(5, "a")], id="not before its time"),
        pytest.param([(0, "a", 5, 0), (1, "a", 1, 0)], 0, [(2, "a")], id="the sooner of two times"),
        pytest.param([(0, "a", 1, 0), (0, "a", 5, 0)], 0, [(1, "a")], id="a later time changes nothing"),
        pytest.param([(0, "a", 60, 0), (3, "a", 0, 0)], 0, [(3, "a")], id="an event overtakes the timer and takes it"),
        pytest.param(
            [(0, "a", 0, 0), (5, "a", 0, 0)], 10, [(0, "a"), (10, "a")], id="changed while running: once more"
        ),
        pytest.param(
            [(0, "a", 0, 0), (5, "a", 0, 0), (6, "a", 0, 0)], 10, [(0, "a"), (10, "a")], id="changed twice: once more"
        ),
        pytest.param([(0, "a", 0, 0), (5, "a", 2, 0)], 10, [(0, "a"), (10, "a")], id="due while running: afterwards"),
        pytest.param([(0, "a", 0, 0), (5, "a", 20, 0)], 10, [(0, "a"), (25, "a")], id="due after running: then"),
        pytest.param(
            [(0, "busy", 0, 0), (1, "old", 0, RESYNC), (2, "new", 0, FRESH)],
            10,
            [(0, "busy"), (10, "new"), (20, "old")],
            id="fresh before resync",
        ),
        pytest.param(
            [(0, "busy", 0, 0), (1, "a", 0, RESYNC), (2, "b", 0, RESYNC), (3, "b", 0, FRESH)],
            10,
            [(0, "busy"), (10, "b"), (20, "a")],
            id="a fresh event lifts what waits",
        ),
        pytest.param(
            [(0, "busy", 0, 0), (1, "a", 0, FRESH), (2, "a", 0, RESYNC), (3, "b", 0, FRESH)],
            10,
            [(0, "busy"), (10, "a"), (20, "b")],
            id="a resync does not push down",
        ),
        pytest.param([(0, "a", 3, 0), (0, "b", 1, 0), (0, "c", 2, 0)], 0, [(1, "b"), (2, "c"), (3, "a")], id="timers"),
        pytest.param([(0, "a", -5, 0)], 0, [(0, "a")], id="a time in the past is now"),
    ],
)
def test_keys_are_given_out(
    adds: Sequence[tuple[float, str, float, int]], work: float, expected: list[tuple[float, str]]
) -> None:
    assert given_out(adds, work=work) == expected


def test_waits_after_failures_double_from_750_ms_to_15_minutes() -> None:
    async def main() -> list[float]:
        queue = Queue("test")
        return [queue.add_rate_limited(key("a")) for _ in range(13)]

    expected = [0.75, 1.5, 3, 6, 12, 24, 48, 96, 192, 384, 768, 900, 900]
    assert run(main()) == expected


def test_success_starts_the_waits_anew_and_each_key_has_its_own() -> None:
    async def main() -> list[float]:
        queue = Queue("test", min_delay=1, max_delay=10)
        waits = [queue.add_rate_limited(key("a")), queue.add_rate_limited(key("a")), queue.add_rate_limited(key("b"))]
        queue.forget(key("a"))
        return [*waits, queue.add_rate_limited(key("a"))]

    assert run(main()) == [1, 2, 1, 1]


def test_many_failures_do_not_overflow() -> None:
    async def main() -> float:
        queue = Queue("test")
        return [queue.add_rate_limited(key("a")) for _ in range(3000)][-1]

    assert run(main()) == 900


def test_one_key_never_runs_twice_at_once_however_many_workers_there_are() -> None:
    async def main() -> int:
        queue = Queue("test")
        running: set[Key] = set()
        runs = 0

        async def worker() -> None:
            nonlocal runs
            while True:
                found = await queue.get()
                assert found not in running
                running.add(found)
                runs += 1
                await asyncio.sleep(1)
                running.discard(found)
                queue.done(found)

        workers = [asyncio.create_task(worker()) for _ in range(8)]
        for round_number in range(50):
            for name in "abc":
                queue.add(key(name))
            await asyncio.sleep(0.1 + round_number % 3)
        await asyncio.sleep(10)
        for task in workers:
            task.cancel()
        await asyncio.gather(*workers, return_exceptions=True)
        assert queue.statistics()["running"] == 0
        return runs

    assert run(main()) > 50


def test_a_worker_that_is_cancelled_while_it_waits_loses_no_key() -> None:
    async def main() -> str:
        queue = Queue("test")
        first = asyncio.create_task(queue.get())
        second = asyncio.create_task(queue.get())
        await asyncio.sleep(0)
        queue.add(key("a"))
        first.cancel()
        found = await second
        await asyncio.gather(first, return_exceptions=True)
        return found.name

    assert run(main()) == "a"


def test_a_dropped_key_is_not_given_out_and_its_failures_are_forgotten() -> None:
    async def main() -> None:
        queue = Queue("test")
        queue.add_rate_limited(key("a"))
        queue.add(key("b"))
        queue.drop(key("a"))
        queue.drop(key("b"))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(100):
                await queue.get()
        assert queue.failures(key("a")) == 0

    run(main())


def test_closing_ends_every_wait() -> None:
    async def main() -> None:
        queue = Queue("test")
        waiting = [asyncio.create_task(queue.get()) for _ in range(3)]
        await asyncio.sleep(0)
        queue.add_after(key("later"), 10)
        queue.close()
        assert all(isinstance(result, QueueClosed) for result in await asyncio.gather(*waiting, return_exceptions=True))
        queue.add(key("a"))
        with pytest.raises(QueueClosed):
            await queue.get()

    run(main())


def test_statistics_tell_what_is_where() -> None:
    async def main() -> dict[str, float]:
        queue = Queue("test")
        queue.add(key("a"))
        queue.add(key("b"))
        queue.add_after(key("c"), 60)
        queue.add_rate_limited(key("d"))
        await queue.get()
        await asyncio.sleep(0.5)
        return dict(queue.statistics())

    assert run(main()) == {"ready": 1, "delayed": 2, "running": 1, "failing": 1, "adds": 4, "longest_running": 0.5}


def test_a_queue_on_uvloop_bears_a_moment_that_has_passed() -> None:
    """uvloop gives a plain handle, without `when`, for a time that is not half a millisecond ahead."""

    async def main() -> set[str]:
        queue = Queue("test")
        for i in range(20):
            queue.add_after(key(f"k{i}"), 0.0001)
        seen = set()
        for _ in range(20):
            got = await queue.get()
            seen.add(got.name)
            queue.done(got)
        return seen

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert len(runner.run(main())) == 20
