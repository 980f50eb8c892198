"""The order in which go-yaml writes keys: natural, so that `a2` comes before `a10`."""

from collections.abc import Iterable
from functools import cmp_to_key, lru_cache


@lru_cache(maxsize=8192)  # few shapes of maps, met again and again; keys are no secrets
def in_order(keys: tuple[str, ...]) -> tuple[str, ...]:
    """Return `keys` in go-yaml's order."""
    if _only_letters(keys):
        return tuple(sorted(keys))
    return tuple(sorted(keys, key=cmp_to_key(_compare)))


def _only_letters(keys: Iterable[str]) -> bool:
    return all(key.isascii() and key.isalpha() for key in keys)


def _compare(a: str, b: str) -> int:
    """Compare as go-yaml's keyList.Less: letters after all else, runs of digits by their value."""
    for i, (x, y) in enumerate(zip(a, b, strict=False)):
        if x == y:
            continue
        x_letter, y_letter = x.isalpha(), y.isalpha()
        if x_letter and y_letter:
            return -1 if x < y else 1
        if x_letter or y_letter:
            return -1 if y_letter else 1
        return _compare_digits(a, b, i)
    return len(a) - len(b)


def _compare_digits(a: str, b: str, start: int) -> int:
    leading = 0
    if a[start] == "0" or b[start] == "0":
        # a zero after a digit that counts is part of a number, not padding
        before = start - 1
        while before >= 0 and a[before].isdecimal():
            if a[before] != "0":
                leading = 1
                break
            before -= 1
    a_number, a_end = _digits(a, start, leading)
    b_number, b_end = _digits(b, start, leading)
    if a_number != b_number:
        return -1 if a_number < b_number else 1
    if a_end != b_end:
        return a_end - b_end
    return -1 if a[start] < b[start] else 1


def _digits(text: str, start: int, number: int) -> tuple[int, int]:
    end = start
    while end < len(text) and text[end].isdecimal():
        number = (number * 10 + ord(text[end]) - ord("0") + 2**63) % 2**64 - 2**63  # wraps, as Go's int64 does
        end += 1
    return number, end
