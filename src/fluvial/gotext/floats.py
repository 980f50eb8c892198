"""Floating-point numbers as Go's strconv and encoding/json write them."""

import struct
from typing import Literal

Bits = Literal[32, 64]


def format_float(value: float, bits: Bits = 64) -> str:
    """Return `value` as `strconv.FormatFloat(value, 'g', -1, bits)`: the shortest digits that read back as the same
    number, with an exponent below 1e-04 and from 1e+06 on.
    """
    if value != value:
        return "NaN"
    try:
        sign, digits, exponent = _shortest(value, bits)
    except OverflowError:
        return "+Inf" if value > 0 else "-Inf"
    if -4 <= exponent < 6:
        return sign + _plain(digits, exponent)
    return f"{sign}{_mantissa(digits)}e{'-' if exponent < 0 else '+'}{abs(exponent):02d}"


def json_float(value: float) -> str:
    """Return `value` as encoding/json writes it: with an exponent below 1e-06 and from 1e+21 on.

    Raises:
        ValueError: NaN or an infinity, with Go's message.
    """
    if value != value or value in (float("inf"), float("-inf")):
        raise ValueError(f"json: unsupported value: {format_float(value)}")
    sign, digits, exponent = _shortest(value, 64)
    if -6 <= exponent < 21:
        return sign + _plain(digits, exponent)
    # a negative exponent loses its leading zero, 1e-09 becomes 1e-9; positive ones have two digits anyway
    return f"{sign}{_mantissa(digits)}e{exponent:+d}"


def _shortest(value: float, bits: Bits) -> tuple[str, str, int]:
    """Return the sign, the shortest digits, and the power of ten of the first digit.

    Raises:
        OverflowError: an infinity, or one after rounding to 32 bits.
    """
    size = abs(value)
    if size == float("inf"):
        raise OverflowError
    text = repr(size) if bits == 64 else _shortest_single(size)
    mantissa, _, power = text.partition("e")
    whole, _, fraction = mantissa.partition(".")
    digits = (whole + fraction).lstrip("0")
    exponent = int(power or 0) + len(whole) - 1 - (len(whole + fraction) - len(digits))
    sign = "-" if struct.pack(">d", value)[0] & 0x80 else ""
    digits = digits.rstrip("0")
    return (sign, digits, exponent) if digits else (sign, "0", 0)


def _shortest_single(size: float) -> str:
    single = struct.unpack(">f", struct.pack(">f", size))[0]
    candidates = (f"{single:.{precision}e}" for precision in range(8))
    for text in candidates:
        if struct.unpack(">f", struct.pack(">f", float(text)))[0] == single:
            return text
    return f"{single:.8e}"


def _plain(digits: str, exponent: int) -> str:
    if exponent < 0:
        return f"0.{'0' * (-exponent - 1)}{digits}"
    whole = digits[: exponent + 1].ljust(exponent + 1, "0")
    fraction = digits[exponent + 1 :]
    return f"{whole}.{fraction}" if fraction else whole


def _mantissa(digits: str) -> str:
    return digits[0] + ("." + digits[1:] if len(digits) > 1 else "")
