"""resource.Quantity of apimachinery: amounts such as `100m`, `1.5Gi`, `2e3`."""

import re
from dataclasses import dataclass, field
from fractions import Fraction
from functools import total_ordering
from typing import Literal

Format = Literal["BinarySI", "DecimalSI", "DecimalExponent"]

_FORM = re.compile(r"([+-]?)([0-9]*)(?:\.([0-9]*))?([eEinumkKMGTP]*[+-]?[0-9]*)\Z")
_WRONG = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
_EXPONENT = re.compile(r"[eE]([+-]?[0-9]{1,4})\Z")
_BINARY = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"]
_DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BY_POWER = {power: suffix for suffix, power in _DECIMAL.items()}
_LIMIT = 2**63 - 1
_MAX_DIGITS = 4096


@total_ordering
@dataclass(frozen=True, slots=True, eq=False)
class Quantity:
    """An exact amount; equal amounts are equal whatever their text. `str()` is what Kubernetes writes."""

    amount: Fraction
    format: Format  # how it was written, and will be
    _text: str = field(default="", repr=False)  # as written, where Kubernetes keeps that

    def __str__(self) -> str:
        if self._text:
            return self._text
        if self.amount == 0:
            return "0"
        if self.format == "BinarySI" and abs(self.amount) >= 1024 and self.amount.denominator == 1:
            return _binary_text(self.amount.numerator)
        return _decimal_text(self.amount, exponents=self.format == "DecimalExponent")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Quantity) and self.amount == other.amount

    def __lt__(self, other: "Quantity") -> bool:
        return self.amount < other.amount

    def __hash__(self) -> int:
        return hash(self.amount)


def parse_quantity(text: str) -> Quantity:
    """Read a quantity. What is finer than 1n is rounded away from zero; binary amounts are capped at ±(2^63 - 1).

    Raises:
        ValueError: with apimachinery's message; also beyond 4096 digits.
    """
    match = _FORM.match(text)
    if not text or not match or len(text) > _MAX_DIGITS:
        raise ValueError(_WRONG)
    sign, whole, fraction, suffix = match.groups()
    whole, fraction = whole.lstrip("0"), fraction or ""
    if match.end(3) == len(text) and not whole and not fraction:
        return Quantity(Fraction(0), "DecimalSI", text if text == "0" else "")
    style, factor = _unit(suffix)
    amount = Fraction(f"{whole or '0'}.{fraction or '0'}") * factor
    if _is_kept(whole or "0", fraction, suffix, style):
        return Quantity(-amount if sign == "-" else amount, style, text)
    amount = _rounded(amount)
    if style == "BinarySI":
        amount = min(amount, Fraction(_LIMIT))
        if amount < 1:
            style = "DecimalSI"
    return Quantity(-amount if sign == "-" else amount, style)


def _unit(suffix: str) -> tuple[Format, Fraction]:
    if suffix in _DECIMAL:
        return "DecimalSI", Fraction(10) ** _DECIMAL[suffix]
    if suffix in _BINARY:
        return "BinarySI", Fraction(1024 ** _BINARY.index(suffix))
    exponent = _EXPONENT.match(suffix)
    if not exponent:
        raise ValueError("unable to parse quantity's suffix")
    return "DecimalExponent", Fraction(10) ** int(exponent[1])


def _is_kept(whole: str, fraction: str, suffix: str, style: Format) -> bool:
    """Tell whether apimachinery keeps the text as it is: a short one that looks canonical to its first glance."""
    digits = whole + fraction
    if style == "BinarySI":
        power = 10 * _BINARY.index(suffix)
        return not fraction and 14 - len(whole) - int(power * 0.3) >= 0 and int(whole) % 8 != 0
    exponent = _EXPONENT.match(suffix)
    scale = (int(exponent[1]) if exponent else _DECIMAL[suffix]) - len(fraction)
    return (
        len(digits) <= 18
        and scale >= -9
        and scale % 3 == 0
        and not digits.endswith("000")
        and not digits.startswith("0")
    )


def _rounded(amount: Fraction) -> Fraction:
    nanos = amount * 10**9
    return Fraction(-(-nanos.numerator // nanos.denominator), 10**9)


def _binary_text(number: int) -> str:
    index = 0
    while number % 1024 == 0 and index < len(_BINARY) - 1:
        number //= 1024
        index += 1
    return f"{number}{_BINARY[index]}"


def _decimal_text(amount: Fraction, *, exponents: bool) -> str:
    power = 0
    while amount.denominator != 1:
        amount *= 1000
        power -= 3
    number = amount.numerator
    while number % 1000 == 0 and (exponents or power < 18):
        number //= 1000
        power += 3
    if exponents:
        return f"{number}e{power}" if power else str(number)
    return f"{number}{_BY_POWER[power]}"
