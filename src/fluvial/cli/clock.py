"""The clock of the command line: this machine's."""

from datetime import UTC, datetime


class WallClock:
    """Wall time without importing the runtime, which commands such as `create --export` do without."""

    def now(self) -> datetime:
        """Return the present moment in UTC."""
        return datetime.now(UTC)
