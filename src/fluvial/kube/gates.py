"""What holds a request back: the bound on writes, the user's own rate limit, and a server that said "not now"."""

import asyncio


class RateLimit:
    """A token bucket: `burst` requests at once, then `qps` per second. `qps` of 0 or less means no limit."""

    def __init__(self, qps: float = 0.0, burst: int = 0) -> None:
        self._qps = qps
        self._burst = max(1, burst)
        self._empty_until = 0.0  # loop time at which the bucket is full again if nobody asks any more

    async def enter(self) -> None:
        """Wait for this request's turn; turns are given in the order of asking."""
        if self._qps <= 0:
            return
        now = asyncio.get_running_loop().time()
        self._empty_until = max(self._empty_until, now) + 1 / self._qps
        turn = self._empty_until - self._burst / self._qps
        if turn > now:
            await asyncio.sleep(turn - now)


class Flows:
    """Remembers for each flow until when the server wants no request of it.

    A flow is an identity and a resource, near to what API Priority and Fairness tells apart, so that a throttled list
    does not hold back a lease.
    """

    def __init__(self) -> None:
        self._until: dict[tuple[str, str], float] = {}

    async def enter(self, flow: tuple[str, str]) -> None:
        """Wait until the flow is open. Everyone who waits is let go at once; a new 429 closes the flow again."""
        while flow in self._until:
            wait = self._until[flow] - asyncio.get_running_loop().time()
            if wait <= 0:
                self._until.pop(flow, None)
                return
            await asyncio.sleep(wait)

    def close(self, flow: tuple[str, str], seconds: float) -> None:
        """Let nothing of `flow` through for `seconds`."""
        until = asyncio.get_running_loop().time() + seconds
        self._until[flow] = max(until, self._until.get(flow, 0.0))
