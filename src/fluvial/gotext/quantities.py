"""resource.Quantity of apimachinery: amounts such as `100m`, `1.5Gi`, `2e3`."""

import re
from dataclasses import dataclass
from fractions import Fraction
from functools import total_ordering

_FORM = re.compile(r"([+-]?)([0-9]*)(?:\.([0-9]*))?((?:[eE][+-]?[0-9]+)|Ki|Mi|Gi|Ti|Pi|Ei|n|u|m|k|M|G|T|P|E|)\Z")
_BINARY = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"]
_DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BY_POWER = {power: suffix for suffix, power in _DECIMAL.items()}
_LIMIT = 2**63 - 1


@total_ordering
@dataclass(frozen=True, slots=True, eq=False)
class Quantity:
    """An exact amount; equal amounts are equal whatever their text, `str()` is Kubernetes' canonical text."""

    amount: Fraction
    format: str  # "BinarySI", "DecimalSI" or "DecimalExponent": how it was written, and will be

    def __str__(self) -> str:
        if self.amount == 0:
            return "0"
        if self.format == "BinarySI":
            if abs(self.amount) >= 1024:
                return _binary_text(self.amount)
            return _decimal_text(self.amount, exponents=False)
        return _decimal_text(self.amount, exponents=self.format == "DecimalExponent")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Quantity) and self.amount == other.amount

    def __lt__(self, other: "Quantity") -> bool:
        return self.amount < other.amount

    def __hash__(self) -> int:
        return hash(self.amount)


def parse_quantity(text: str) -> Quantity:
    """Read a quantity. Fractions finer than 1n are rounded up, away from zero; amounts are capped at ±(2^63 - 1).

    Raises:
        ValueError: with apimachinery's message.
    """
    match = _FORM.match(text)
    if not text:
        raise ValueError("quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'")
    if not match or not (match[2] or match[3]):
        raise ValueError("quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'")
    sign, whole, fraction, suffix = match.groups()
    digits = f"{whole or '0'}.{fraction or '0'}"
    if len(digits) > 4096 or (len(suffix) > 5 and suffix not in _BINARY):
        raise ValueError("unable to parse quantity's suffix")
    value = Fraction(digits)
    if suffix in _BINARY[1:]:
        value *= 1024 ** _BINARY.index(suffix)
        style = "BinarySI"
    elif suffix[:1] in ("e", "E") and len(suffix) > 1:
        value *= Fraction(10) ** int(suffix[1:])
        style = "DecimalExponent"
    else:
        value *= Fraction(10) ** _DECIMAL[suffix]
        style = "DecimalSI"
    return Quantity(_bounded(-value if sign == "-" else value), style)


def _bounded(value: Fraction) -> Fraction:
    nanos = value * 10**9
    if nanos.denominator != 1:
        up = -(-nanos.numerator // nanos.denominator)
        down = nanos.numerator // nanos.denominator
        value = Fraction(up if value > 0 else down, 10**9)
    return max(Fraction(-_LIMIT), min(Fraction(_LIMIT), value))


def _binary_text(amount: Fraction) -> str:
    if amount.denominator != 1:
        # a part of a byte: apimachinery leaves the binary form for the decimal one
        return _decimal_text(amount, exponents=False)
    number, index = amount.numerator, 0
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
    while number % 1000 == 0 and power < 18:
        number //= 1000
        power += 3
    if exponents:
        return f"{number}e{power}" if power else str(number)
    return f"{number}{_BY_POWER[power]}"
