"""Worker processes do the work, and one that dies takes only its own job with it."""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from fluvial.runtime import JobFailed, ProcessWorkers, WorkerDied
from tests.runtime import jobs


def with_workers(main: Callable[[ProcessWorkers], Awaitable[None]], **options: float) -> None:
    async def outer() -> None:
        async with ProcessWorkers(2, **options) as workers:  # type: ignore[arg-type]
            await main(workers)

    asyncio.run(outer())


def test_bytes_go_in_and_come_out_large_ones_too() -> None:
    async def main(workers: ProcessWorkers) -> None:
        assert await workers.run(jobs.double, b"ab") == b"abab"
        large = os.urandom(5 << 20)
        assert await workers.run(jobs.double, large) == large * 2
        assert await workers.run(jobs.double, b"") == b""

    with_workers(main)


def test_processes_are_kept_and_never_more_than_told() -> None:
    async def main(workers: ProcessWorkers) -> None:
        pids = await asyncio.gather(*[workers.run(jobs.pid, b"0.01") for _ in range(20)])
        assert len(set(pids)) == 2
        assert str(os.getpid()).encode() not in pids

    with_workers(main)


def test_the_functions_own_error_comes_back() -> None:
    async def main(workers: ProcessWorkers) -> None:
        with pytest.raises(ValueError, match="wrong"):
            await workers.run(jobs.fail, b"wrong")
        with pytest.raises(JobFailed, match="Unpicklable: ab"):
            await workers.run(jobs.fail_unpicklably, b"")
        assert await workers.run(jobs.double, b"x") == b"xx"

    with_workers(main)


def test_a_killed_worker_fails_its_own_job_alone() -> None:
    async def main(workers: ProcessWorkers) -> None:
        results = await asyncio.gather(
            workers.run(jobs.die, b""),
            *[workers.run(jobs.pid, b"0.02") for _ in range(6)],
            return_exceptions=True,
        )
        assert isinstance(results[0], WorkerDied)
        assert all(isinstance(result, bytes) for result in results[1:])

    with_workers(main)


def test_a_job_whose_worker_died_is_tried_once_more(tmp_path: Path) -> None:
    async def main(workers: ProcessWorkers) -> None:
        assert await workers.run(jobs.die_once, str(tmp_path / "marker").encode()) == b"second time"

    with_workers(main)


def test_memory_beyond_the_limit_is_the_jobs_own_error() -> None:
    async def main(workers: ProcessWorkers) -> None:
        with pytest.raises((MemoryError, WorkerDied)):
            await workers.run(jobs.eat, str(3 << 30).encode())
        assert await workers.run(jobs.eat, b"1000") == b"\0"

    with_workers(main, address_space=1 << 30)


def test_a_job_that_takes_too_long_is_killed() -> None:
    async def main(workers: ProcessWorkers) -> None:
        with pytest.raises(WorkerDied, match=r"no result within 0\.2 s"):
            await workers.run(jobs.spin, b"")

    with_workers(main, job_seconds=0.2)


def test_cancelling_frees_the_place_at_once() -> None:
    async def main(workers: ProcessWorkers) -> None:
        tasks = [asyncio.create_task(workers.run(jobs.spin, b"")) for _ in range(2)]
        await asyncio.sleep(0.3)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        started = time.monotonic()
        assert await workers.run(jobs.double, b"x") == b"xx"
        assert time.monotonic() - started < 5

    with_workers(main)


def test_closing_leaves_no_process_behind() -> None:
    pids: list[int] = []

    async def main(workers: ProcessWorkers) -> None:
        pids.append(int(await workers.run(jobs.pid, b"")))

    with_workers(main)
    for _ in range(100):
        if not Path(f"/proc/{pids[0]}").exists():
            return
        time.sleep(0.02)
    raise AssertionError("the worker outlived its owner")
