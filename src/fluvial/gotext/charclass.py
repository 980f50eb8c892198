"""Sets of characters that Go's regular expressions name, as ranges of code points."""

import sys
import unicodedata
from functools import lru_cache

Ranges = tuple[tuple[int, int], ...]

_DIGIT: Ranges = ((0x30, 0x39),)
_UPPER: Ranges = ((0x41, 0x5A),)
_LOWER: Ranges = ((0x61, 0x7A),)
_WORD: Ranges = _DIGIT + _UPPER + ((0x5F, 0x5F),) + _LOWER
_SPACE: Ranges = ((0x09, 0x0A), (0x0C, 0x0D), (0x20, 0x20))  # without the vertical tab

PERL: dict[str, Ranges] = {"d": _DIGIT, "s": _SPACE, "w": _WORD}
POSIX: dict[str, Ranges] = {
    "alnum": _DIGIT + _UPPER + _LOWER,
    "alpha": _UPPER + _LOWER,
    "ascii": ((0x00, 0x7F),),
    "blank": ((0x09, 0x09), (0x20, 0x20)),
    "cntrl": ((0x00, 0x1F), (0x7F, 0x7F)),
    "digit": _DIGIT,
    "graph": ((0x21, 0x7E),),
    "lower": _LOWER,
    "print": ((0x20, 0x7E),),
    "punct": ((0x21, 0x2F), (0x3A, 0x40), (0x5B, 0x60), (0x7B, 0x7E)),
    "space": ((0x09, 0x0D), (0x20, 0x20)),
    "upper": _UPPER,
    "word": _WORD,
    "xdigit": (*_DIGIT, (0x41, 0x46), (0x61, 0x66)),
}


def negate(ranges: Ranges) -> Ranges:
    """Return all other code points."""
    result = []
    start = 0
    for low, high in sorted(ranges):
        if start < low:
            result.append((start, low - 1))
        start = max(start, high + 1)
    if start <= sys.maxunicode:
        result.append((start, sys.maxunicode))
    return tuple(result)


@lru_cache(maxsize=64)
def category(name: str) -> Ranges | None:
    """Return the characters of a Unicode general category (`L`, `Lu`, `Any`, `LC`, `Assigned`); None for another name.

    The tables are Python's; scripts (`\\p{Greek}`) are not among them.
    """
    if name == "Any":
        return ((0, sys.maxunicode),)
    if name == "Assigned":
        unassigned = category("Cn")
        return negate(unassigned) if unassigned else None
    wanted = ("Lu", "Ll", "Lt") if name == "LC" else (name,)
    if not all(len(item) in (1, 2) and item.isascii() and item.isalpha() for item in wanted):
        return None
    found: list[tuple[int, int]] = []
    for code in range(sys.maxunicode + 1):
        if unicodedata.category(chr(code)).startswith(wanted):
            if found and found[-1][1] == code - 1:
                found[-1] = (found[-1][0], code)
            else:
                found.append((code, code))
    return tuple(found) or None


def as_class(ranges: Ranges) -> str:
    """Return the inside of a character class of Python's `re`."""
    return "".join(_char(low) if low == high else f"{_char(low)}-{_char(high)}" for low, high in ranges)


def _char(code: int) -> str:
    if code > 0xFFFF:
        return f"\\U{code:08x}"
    char = chr(code)
    return char if char.isascii() and char.isalnum() else f"\\u{code:04x}"
