"""Wall time from the system, and intervals spread by chance."""

from datetime import UTC, datetime

from fluvial.stdx import Chance


class SystemClock:
    """The system's wall time: the one place of the project that reads it."""

    def now(self) -> datetime:
        """Return the present moment in UTC."""
        return datetime.now(UTC)


def jitter(interval: float, percent: float, chance: Chance) -> float:
    """Return `interval` (seconds) moved by up to `percent` of itself either way; Flux's `--interval-jitter-percentage`.

    Args:
        percent: from 0 (no change) to below 100.
    Raises:
        ValueError: `percent` is out of that range.
    """
    if not 0 <= percent < 100:
        raise ValueError(f"the jitter must be at least 0 and below 100 percent, not {percent:g}")
    if interval <= 0 or percent == 0:
        return interval
    spread = percent / 100
    return interval * (1 + chance.uniform(-spread, spread))
