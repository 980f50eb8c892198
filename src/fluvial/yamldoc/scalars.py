"""What a plain scalar means: go-yaml's resolver, in its v2 and v3 form.

The emitter asks the same question (would this text, unquoted, still be a string?), hence one module for both.
"""

import re
from datetime import datetime
from typing import Any, Literal

Rules = Literal["v2", "v3"]

STR, BOOL, INT, FLOAT, NULL, TIMESTAMP, MERGE = "str", "bool", "int", "float", "null", "timestamp", "merge"

_TRUE, _FALSE = (BOOL, True), (BOOL, False)
_WORDS_V3: dict[str, tuple[str, Any]] = {
    **dict.fromkeys(("true", "True", "TRUE"), _TRUE),
    **dict.fromkeys(("false", "False", "FALSE"), _FALSE),
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), (NULL, None)),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), (FLOAT, float("nan"))),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), (FLOAT, float("inf"))),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), (FLOAT, float("-inf"))),
}
_WORDS_V2: dict[str, tuple[str, Any]] = {
    **_WORDS_V3,
    **dict.fromkeys(("y", "Y", "yes", "Yes", "YES", "on", "On", "ON"), _TRUE),
    **dict.fromkeys(("n", "N", "no", "No", "NO", "off", "Off", "OFF"), _FALSE),
}
WORDS: dict[str, dict[str, tuple[str, Any]]] = {"v2": _WORDS_V2, "v3": _WORDS_V3}

# A text that begins otherwise is a string whatever follows.
SUSPECT = frozenset("+-0123456789yYnNtTfFoO~.")
_DIGITS_FIRST = frozenset("+-0123456789")

_INTEGER = re.compile(r"([-+]?)(?:0([bB][01]+|[xX][0-9a-fA-F]+|[oO]?[0-7]+)|([1-9][0-9]*|0))\Z")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?\Z")
_POINT_FLOAT = re.compile(r"\.[0-9]+(?:[eE][-+]?[0-9]+)?\Z")
_TIMESTAMP = re.compile(
    r"([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})"
    r"(?:[Tt]([0-9]{1,2}):([0-9]{1,2}):([0-9]{1,2})(?:[.,]([0-9]+))?(Z|[-+][0-9]{2}:[0-9]{2})"
    r"| ([0-9]{1,2}):([0-9]{1,2}):([0-9]{1,2})(?:[.,]([0-9]+))?)?\Z"
)


def resolve(text: str, rules: Rules = "v2") -> tuple[str, Any]:
    """Return what the plain scalar `text` is, and its value.

    A timestamp's value is the text itself under v2 (into an untyped target go-yaml v2 keeps it) and RFC 3339 under v3.
    Integers are exact up to 64 bits, signed or unsigned; what lies beyond is a float, as in Go.
    """
    if text and text[0] not in SUSPECT:
        return STR, text
    word = WORDS[rules].get(text)
    if word is not None:
        return word
    first = text[0]
    if first in _DIGITS_FIRST:
        return _number_or_time(text, rules)
    if first == "." and _POINT_FLOAT.match(text):
        return _finite(text, text)
    return STR, text


def _number_or_time(text: str, rules: Rules) -> tuple[str, Any]:
    moment = _timestamp(text)
    if moment is not None:
        return TIMESTAMP, text if rules == "v2" else moment
    plain = text.replace("_", "")
    match = _INTEGER.match(plain)
    if match:
        number = _integer(match)
        if -(2**63) <= number < 2**63 or (2**63 <= number < 2**64 and not match[1]):
            return INT, number
    if _FLOAT.match(plain):
        return _finite(plain, text)
    return STR, text


def _integer(match: re.Match[str]) -> int:
    sign, prefixed, decimal = match.groups()
    if decimal is not None:
        # beyond 25 digits it is a float anyway; int() of a megabyte of digits would take seconds, or be refused
        number = int(decimal) if len(decimal) <= 25 else 2**65
    elif prefixed[0] in "bB":
        number = int(prefixed[1:], 2)
    elif prefixed[0] in "xX":
        number = int(prefixed[1:], 16)
    else:
        number = int(prefixed.lstrip("oO"), 8)
    return -number if sign == "-" else number


def _finite(plain: str, text: str) -> tuple[str, Any]:
    number = float(plain)
    return (STR, text) if number in (float("inf"), float("-inf")) else (FLOAT, number)


def _timestamp(text: str) -> str | None:
    """Return `text` as RFC 3339 if it is in one of go-yaml's four forms of a time and names a real moment."""
    if len(text) < 8 or text[4] != "-":
        return None
    match = _TIMESTAMP.match(text)
    if not match:
        return None
    year, month, day, *rest = match.groups()
    zone = rest[4] or "Z"
    hour, minute, second, fraction = rest[:4] if rest[4] else rest[5:]
    try:
        # Go's calendar has a year 0, Python's has not: 2000 is a leap year too
        moment = datetime(int(year) or 2000, int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0))
    except ValueError:
        return None
    if zone != "Z" and (int(zone[1:3]) > 24 or int(zone[4:]) > 60):
        return None
    digits = (fraction or "")[:9].rstrip("0")
    if zone in ("+00:00", "-00:00"):
        zone = "Z"
    clock = f"{moment:%H:%M:%S}" + (f".{digits}" if digits else "")
    return f"{year}-{moment:%m-%d}T{clock}{zone}"


_BASE60 = re.compile(r"[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?\Z")


def stays_string(text: str) -> bool:
    """Tell whether go-yaml v2 leaves `text` unquoted for meaning's sake (syntax may still ask for quotes)."""
    if text and text[0] not in SUSPECT:
        return True
    if resolve(text, "v2")[0] != STR:
        return False
    return not (":" in text and _BASE60.match(text))
