"""Worker processes for CPU-bound pure work: bytes in, bytes out, an address-space limit, and a death that costs one
job.

A small server process is started once with the engines' modules loaded; it forks a worker when asked, so that workers
share that memory and start within a millisecond. (multiprocessing's forkserver would also re-run the main module in
each child and keep a resource tracker; concurrent.futures' pool breaks as a whole when one worker is killed.)
"""

import asyncio
import contextlib
import os
import pickle
import signal
import socket
import struct
import sys
from collections.abc import Callable, Collection
from types import TracebackType
from typing import Self

from fluvial.runtime import forkserver

_LENGTH = struct.Struct("!Q")


class WorkerDied(Exception):
    """The worker was killed (by its memory limit, its time limit, or from outside) on this job, twice."""


class JobFailed(Exception):
    """The function raised something that cannot travel between processes; the text tells what."""


class ProcessWorkers:
    """`stdx.Workers` in processes. Close it, or use `async with`."""

    def __init__(
        self,
        size: int,
        *,
        address_space: int = 4 << 30,
        job_seconds: float = 300.0,
        preload: Collection[str] = (),
    ) -> None:
        """
        Args:
            size: processes at most; they are forked when needed and kept.
            address_space: bytes of memory that a worker may map; beyond it the job gets MemoryError or dies.
            job_seconds: after which a worker is killed.
            preload: modules to load before forking ("fluvial.build").
        """
        self._size = size
        self._address_space = address_space
        self._job_seconds = job_seconds
        self._preload = tuple(preload)
        self._server: _Server | None = None
        self._starting = asyncio.Lock()
        self._idle: list[_Worker] = []
        self._places = asyncio.Semaphore(size)
        self._busy: set[_Worker] = set()
        self._closed = False

    async def run(self, function: Callable[[bytes], bytes], payload: bytes) -> bytes:
        """Return `function(payload)`, computed in a worker.

        A job whose worker dies is tried once more in a new one. Cancelling kills the worker.

        Raises:
            WorkerDied: it died both times.
            whatever `function` raises, or JobFailed where that can't be pickled.
        """
        async with self._places:
            for attempt in (1, 2):
                worker = await self._take()
                try:
                    return await self._attempt(worker, function, payload)
                except _Died as death:
                    if attempt == 2:
                        name = f"{function.__module__}.{function.__qualname__}"
                        raise WorkerDied(f"the worker died twice on {name}: {death}") from None
        raise AssertionError("unreachable")

    async def close(self) -> None:
        """Kill all workers and the server. Repeatable."""
        self._closed = True
        for worker in [*self._idle, *self._busy]:
            worker.close()
        self._idle.clear()
        if self._server is not None:
            await self._server.close()
            self._server = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def _attempt(self, worker: "_Worker", function: Callable[[bytes], bytes], payload: bytes) -> bytes:
        self._busy.add(worker)
        try:
            async with asyncio.timeout(self._job_seconds):
                mark, result = await worker.job(function, payload)
        except TimeoutError:
            self._kill(worker)
            raise _Died(f"no result within {self._job_seconds:g} s") from None
        except (OSError, EOFError, asyncio.IncompleteReadError):
            self._kill(worker)
            raise _Died("killed") from None
        except BaseException:
            self._kill(worker)
            raise
        finally:
            self._busy.discard(worker)
        self._idle.append(worker)
        if mark == b"+":
            return result
        if mark == b"?":
            raise JobFailed(result.decode("utf-8", "replace"))
        error: Exception = pickle.loads(result)
        raise error

    async def _take(self) -> "_Worker":
        if self._closed:
            raise RuntimeError("these workers are closed")
        while self._idle:
            worker = self._idle.pop()
            if worker.is_alive:
                return worker
            worker.close()
        async with self._starting:
            if self._server is None:
                self._server = await _Server.start(self._preload, self._address_space)
        return await self._server.fork()

    def _kill(self, worker: "_Worker") -> None:
        worker.close()
        if self._server is not None:
            self._server.kill(worker.number)


class _Died(Exception):
    """A worker was lost; the text tells how."""


class _Worker:
    """This process's end of one worker's socket."""

    def __init__(self, number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.number = number
        self._reader = reader
        self._writer = writer

    @property
    def is_alive(self) -> bool:
        return not self._reader.at_eof() and not self._writer.is_closing()

    async def job(self, function: Callable[[bytes], bytes], payload: bytes) -> tuple[bytes, bytes]:
        name = f"{function.__module__}:{function.__qualname__}".encode()
        self._writer.write(_LENGTH.pack(len(name)) + name + _LENGTH.pack(len(payload)))
        self._writer.write(payload)
        await self._writer.drain()
        mark = await self._reader.readexactly(1)
        (length,) = _LENGTH.unpack(await self._reader.readexactly(_LENGTH.size))
        return mark, await self._reader.readexactly(length)

    def close(self) -> None:
        self._writer.transport.abort()


class _Server:
    """The process that forks workers."""

    def __init__(self, pid: int, control: socket.socket) -> None:
        self._pid = pid
        self._control = control
        self._workers = 0

    @classmethod
    async def start(cls, preload: tuple[str, ...], address_space: int) -> "_Server":
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            code = f"import runpy; runpy.run_path({forkserver.__file__!r})['main']({preload!r}, {address_space})"
            path = os.pathsep.join(entry for entry in sys.path if entry)
            actions = [(os.POSIX_SPAWN_DUP2, theirs.fileno(), forkserver.CONTROL)]
            arguments = [sys.executable, "-c", code]
            environment = {"PYTHONPATH": path}  # and nothing of ours, which may hold secrets
            pid = os.posix_spawn(  # noqa: ASYNC221 - returns within a millisecond
                sys.executable, arguments, environment, file_actions=actions
            )
        finally:
            theirs.close()
        ours.setblocking(False)
        return cls(pid, ours)

    async def fork(self) -> _Worker:
        self._workers += 1
        number = self._workers
        ours, theirs = socket.socketpair()
        try:
            socket.send_fds(self._control, [b"F%d" % number], [theirs.fileno()])
            theirs.close()
            reader, writer = await asyncio.open_connection(sock=ours, limit=1 << 20)
        except BaseException:
            ours.close()
            theirs.close()
            raise
        return _Worker(number, reader, writer)

    def kill(self, number: int) -> None:
        with contextlib.suppress(OSError):  # a server that is gone has taken its workers with it
            self._control.send(b"K%d" % number)

    async def close(self) -> None:
        self._control.close()
        for _ in range(100):
            pid, _ = os.waitpid(self._pid, os.WNOHANG)  # noqa: ASYNC222 - does not wait
            if pid:
                return
            await asyncio.sleep(0.01)
        os.kill(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)  # noqa: ASYNC222 - killed in the line above
