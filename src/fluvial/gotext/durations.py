"""Go's time.Duration as text."""

import re

_NANOSECONDS = {
    "ns": 1,
    "us": 10**3,
    "µs": 10**3,  # U+00B5, micro sign
    "μs": 10**3,  # U+03BC, Greek letter mu
    "ms": 10**6,
    "s": 10**9,
    "m": 60 * 10**9,
    "h": 3600 * 10**9,
}
_PART = re.compile(r"([0-9]*)(\.[0-9]*)?([^0-9.]*)")
_LIMIT = 2**63


def parse_duration(text: str) -> float:
    """Return the seconds of a duration such as `1h30m`, `-1.5s` or `0`.

    Raises:
        ValueError: with the message of `time.ParseDuration`; also beyond ±292 years.
    """
    sign, rest = (text[0], text[1:]) if text[:1] in ("-", "+") else ("", text)
    if rest == "0":
        return 0.0
    if not rest:
        raise ValueError(f"time: invalid duration {_quoted(text)}")
    total, position = 0, 0
    while position < len(rest):
        match = _PART.match(rest, position)
        assert match is not None  # every part of the pattern may be empty
        total += _nanoseconds(match, text)
        position = match.end()
    if total > (_LIMIT if sign == "-" else _LIMIT - 1):
        raise ValueError(f"time: invalid duration {_quoted(text)}")
    return -total / 1e9 if sign == "-" else total / 1e9


def _nanoseconds(match: re.Match[str], text: str) -> int:
    whole, fraction, unit = match.groups()
    if not whole and fraction in (None, "."):
        raise ValueError(f"time: invalid duration {_quoted(text)}")
    if not unit:
        raise ValueError(f"time: missing unit in duration {_quoted(text)}")
    factor = _NANOSECONDS.get(unit)
    if factor is None:
        raise ValueError(f"time: unknown unit {_quoted(unit)} in duration {_quoted(text)}")
    if len(whole.lstrip("0")) > 19:
        raise ValueError(f"time: invalid duration {_quoted(text)}")
    amount = int(whole or "0") * factor
    digits = (fraction or ".")[1:19]  # as Go: digits that no int64 holds are dropped
    if digits:
        amount += int(float(int(digits)) * (factor / 10.0 ** len(digits)))
    if amount > _LIMIT:
        raise ValueError(f"time: invalid duration {_quoted(text)}")
    return amount


def format_duration(seconds: float) -> str:
    """Return the text of `time.Duration.String`: `1h2m0s`, `1.5s`, `20ms`, `3µs`, `0s`; rounded to nanoseconds."""
    total = round(seconds * 1e9)
    sign = "-" if total < 0 else ""
    total = abs(total)
    if total == 0:
        return "0s"
    if total < 10**9:
        unit, factor = next(item for item in (("ms", 10**6), ("µs", 10**3), ("ns", 1)) if total >= item[1])
        return f"{sign}{_decimal(total, factor)}{unit}"
    minutes, nanoseconds = divmod(total, 60 * 10**9)
    hours, minutes = divmod(minutes, 60)
    text = f"{_decimal(nanoseconds, 10**9)}s"
    if hours or minutes:
        text = f"{minutes}m{text}"
    return f"{sign}{hours}h{text}" if hours else sign + text


def _decimal(amount: int, factor: int) -> str:
    whole, rest = divmod(amount, factor)
    if not rest:
        return str(whole)
    return f"{whole}.{str(rest).rjust(len(str(factor)) - 1, '0').rstrip('0')}"


def _quoted(text: str) -> str:
    """Quote as the time package does by itself: all but printable ASCII as bytes."""
    raw = text.encode("utf-8", "surrogateescape")
    chars = (chr(byte) if 0x20 <= byte < 0x80 else f"\\x{byte:02x}" for byte in raw)
    return '"' + "".join(f"\\{char}" if char in '"\\' else char for char in chars) + '"'
