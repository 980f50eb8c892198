"""Trying again while the API server does not answer, for requests that may be repeated."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from fluvial.kube import ApiError, Unreachable

Result = TypeVar("Result")
_PAUSES: Final = (0.25, 0.5, 1.0, 2.0, 4.0, 5.0, 5.0, 5.0, 5.0)  # seconds between tries: a restart takes half a minute
_BUSY: Final = frozenset({502, 503, 504})  # an API server that starts or stops; 500 is an answer, such as a webhook's


async def patiently(request: Callable[[], Awaitable[Result]]) -> Result:
    """Return what `request` returns, tried again for half a minute while the server is away.

    Only for requests that may be repeated: reads, server-side apply, deletion with a uid.
    """
    for pause in _PAUSES:
        try:
            return await request()
        except Unreachable:
            await asyncio.sleep(pause)
        except ApiError as error:
            if error.status not in _BUSY:
                raise
            await asyncio.sleep(max(pause, error.retry_after))
    return await request()
