"""Errors of other packages as the one line that ends a command."""

import asyncio
from collections.abc import Awaitable
from typing import TYPE_CHECKING, TypeVar

from fluvial.cli.errors import Failure

if TYPE_CHECKING:
    from fluvial.cli.session import Session

T = TypeVar("T")


async def limited(session: "Session", running: Awaitable[T], seconds: float) -> T:
    """Await `running` for at most `seconds` (0 = without limit), as `--timeout` promises.

    Raises:
        Failure: the time is up; the text is what Go's context says.
    """
    if seconds:
        session.deadline = asyncio.get_running_loop().time() + seconds
    try:
        async with asyncio.timeout_at(session.deadline) as limit:
            return await running
    except TimeoutError as late:
        raise Failure("context deadline exceeded" if limit.expired() else str(late) or "timed out") from late


def explain(error: Exception) -> Failure | None:
    """Return the failure that `error` means to a user; None for a fault of our own, which keeps its traceback."""
    # Imported when something went wrong: a command that goes well has no need of them.
    from fluvial.apply import ApplyError
    from fluvial.insight import InsightError
    from fluvial.install import InstallError
    from fluvial.kube import KubeError

    if isinstance(error, Failure):
        return error
    if isinstance(error, BrokenPipeError):
        return None  # nobody reads what we print any more: the entry point ends quietly
    if isinstance(error, ExceptionGroup):
        # Tasks side by side: the first failure cancelled the others, and is the one to tell.
        return explain(error.exceptions[0])
    if isinstance(error, KubeError | InsightError | InstallError | ApplyError | ValueError | OSError):
        return Failure(str(error))
    return None
