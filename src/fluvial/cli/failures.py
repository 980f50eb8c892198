"""Errors of other packages as the one line that ends a command."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from fluvial.cli.errors import Failure
from fluvial.kube import ApiError, KubeError

T = TypeVar("T")


async def limited(running: Awaitable[T], seconds: float) -> T:
    """Await `running` for at most `seconds` (0 = without limit), as `--timeout` promises.

    Raises:
        Failure: the time is up; the text is what Go's context says.
    """
    try:
        async with asyncio.timeout(seconds or None):
            return await running
    except TimeoutError as late:
        raise Failure("context deadline exceeded") from late


def explain(error: Exception) -> Failure | None:
    """Return the failure that `error` means to a user, or None for a fault of our own code, which keeps its traceback."""
    if isinstance(error, ApiError | KubeError | ValueError | OSError):
        return Failure(str(error))
    return None
