"""The other end of `workers`: a server process that forks, and what a worker does.

Loaded by its path, so that the server's memory holds the engines alone and neither the runtime nor asyncio.
"""

import gc
import importlib
import os
import pickle
import resource
import select
import signal
import socket
import struct
import sys
import traceback
from collections.abc import Callable
from typing import Any, NoReturn

CONTROL = 3  # file descriptor of the socket to the controller
_LENGTH = struct.Struct("!Q")


def main(preload: tuple[str, ...], address_space: int) -> NoReturn:
    """Fork a worker for each socket that the controller sends, until the controller is gone."""
    control = socket.socket(fileno=CONTROL)
    os.set_inheritable(CONTROL, False)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the controller decides; a ^C reaches the whole process group
    for name in preload:
        importlib.import_module(name)
    gc.collect()
    gc.freeze()  # shared pages stay shared
    workers: dict[int, int] = {}  # number → pid
    while True:
        readable, _, _ = select.select([control], [], [], 1.0 if workers else None)
        _reap(workers)
        if not readable:
            continue
        message, descriptors, _, _ = socket.recv_fds(control, 64, 1)
        if not message:
            _end(workers)
        number = int(message[1:])
        if message[:1] == b"K":
            if number in workers:
                os.kill(workers[number], signal.SIGKILL)
        elif pid := os.fork():
            workers[number] = pid
            os.close(descriptors[0])
        else:
            control.close()
            _work(descriptors[0], address_space)


def _reap(workers: dict[int, int]) -> None:
    for number, pid in list(workers.items()):
        if os.waitpid(pid, os.WNOHANG)[0]:
            del workers[number]


def _end(workers: dict[int, int]) -> NoReturn:
    for pid in workers.values():
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    os._exit(0)


def _work(descriptor: int, address_space: int) -> NoReturn:
    """Carry out jobs until the socket closes."""
    try:
        resource.setrlimit(resource.RLIMIT_AS, (address_space, address_space))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        with socket.socket(fileno=descriptor) as connection, connection.makefile("rwb") as stream:
            while (name := _receive(stream.read)) is not None:
                payload = _receive(stream.read)
                if payload is None:
                    break
                ok, result = _carry_out(name.decode(), payload)
                stream.write(ok + _LENGTH.pack(len(result)))
                stream.write(result)
                stream.flush()
    except OSError:
        pass  # the controller is gone
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(1)
    os._exit(0)


def _receive(read: Callable[[int], bytes]) -> bytes | None:
    head = read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    (length,) = _LENGTH.unpack(head)
    body = read(length)
    return body if len(body) == length else None


def _carry_out(name: str, payload: bytes) -> tuple[bytes, bytes]:
    """Return how it went and the result: "+" bytes, "-" a pickled exception, "?" the text of one that can't be
    pickled."""
    try:
        module, _, path = name.partition(":")
        function: Any = importlib.import_module(module)
        for part in path.split("."):
            function = getattr(function, part)
        return b"+", function(payload)
    except Exception as error:
        try:
            packed = pickle.dumps(error)
            pickle.loads(packed)
        except Exception:
            return b"?", f"{type(error).__name__}: {error}".encode()
        return b"-", packed
