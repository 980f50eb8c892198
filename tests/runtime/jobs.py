"""Functions for worker processes, which find them by name."""

import os
import signal
import time
from pathlib import Path


def double(payload: bytes) -> bytes:
    return payload * 2


def pid(payload: bytes) -> bytes:
    time.sleep(float(payload or b"0"))
    return str(os.getpid()).encode()


def fail(payload: bytes) -> bytes:
    raise ValueError(payload.decode())


class Unpicklable(Exception):
    def __init__(self, one: str, two: str) -> None:
        super().__init__(one + two)


def fail_unpicklably(payload: bytes) -> bytes:
    raise Unpicklable("a", "b")


def die(payload: bytes) -> bytes:
    os.kill(os.getpid(), signal.SIGKILL)
    return b""


def die_once(payload: bytes) -> bytes:
    marker = Path(payload.decode())
    if marker.exists():
        return b"second time"
    marker.touch()
    return die(payload)


def eat(payload: bytes) -> bytes:
    return bytes(int(payload))[:1]


def spin(payload: bytes) -> bytes:
    time.sleep(60)
    return b""
