"""RFC 3339 as Go and Kubernetes write and read it."""

import re
from datetime import UTC, datetime, timedelta, timezone

_RFC3339 = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})(?:[.,]([0-9]+))?(Z|[-+][0-9]{2}:[0-9]{2})\Z"
)


def rfc3339(moment: datetime) -> str:
    """Return `2026-01-02T03:04:05Z`: UTC, whole seconds, as metav1.Time is written.

    Raises:
        ValueError: `moment` has no time zone.
    """
    return f"{_seconds(_utc(moment))}Z"


def rfc3339_nano(moment: datetime) -> str:
    """Return the time in UTC with as many digits of the second as needed, as Go's RFC3339Nano."""
    moment = _utc(moment)
    fraction = f".{moment.microsecond:06d}".rstrip("0").rstrip(".")
    return f"{_seconds(moment)}{fraction}Z"


def rfc3339_micro(moment: datetime) -> str:
    """Return the time in UTC with exactly six digits of the second, as metav1.MicroTime is written (leases, events)."""
    moment = _utc(moment)
    return f"{_seconds(moment)}.{moment.microsecond:06d}Z"


def parse_rfc3339(text: str) -> datetime:
    """Return the moment, aware and in UTC; digits beyond the microsecond are dropped.

    Raises:
        ValueError: not RFC 3339 as Go's time.Parse takes it, or no such day.
    """
    match = _RFC3339.match(text)
    if not match:
        raise ValueError(f"not an RFC 3339 time: {text!r}")
    *clock, fraction, zone = match.groups()
    micro = int((fraction or "0").ljust(6, "0")[:6])
    year, month, day, hour, minute, second = map(int, clock)
    moment = datetime(year, month, day, hour, minute, second, micro, tzinfo=_zone(zone))
    return moment.astimezone(UTC)


def _zone(text: str) -> timezone:
    if text == "Z":
        return UTC
    offset = timedelta(hours=int(text[1:3]), minutes=int(text[4:]))
    return timezone(-offset if text[0] == "-" else offset)


def _seconds(moment: datetime) -> str:
    return f"{moment.year:04d}-{moment:%m-%dT%H:%M:%S}"  # %Y does not pad everywhere


def _utc(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ValueError("a time without a zone")
    return moment.astimezone(UTC)
