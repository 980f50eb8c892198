"""Checks that many kinds share: numbers, percentages, ports, addresses, selectors."""

import ipaddress
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from fluvial.controlplane.schemas.errors import FieldError, invalid, not_supported, required
from fluvial.controlplane.schemas.rules.metadata import IMMUTABLE, label_errors
from fluvial.controlplane.schemas.rules.names import Check, label_value, port_name, qualified_name
from fluvial.objects import LabelSelector, SelectorError, same_json

Errors = Iterator[FieldError]
Values = Mapping[str, Any]

_PERCENT = re.compile(r"[0-9]+%\Z")
_PERCENT_TEXT = (
    "a valid percent string must be a numeric string followed by an ending '%' "
    "(e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')"
)
_ADDRESS_TEXT = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"


def non_negative(holder: Values, path: str, *names: str) -> Errors:
    """Numbers that may not be negative; absent ones are fine."""
    for name in names:
        value = holder.get(name)
        if value is not None and value < 0:
            yield invalid(f"{path}.{name}", value, "must be greater than or equal to 0")


def one_of(value: Any, path: str, supported: Iterable[str]) -> Errors:
    """A value that must be one of a list, in the order in which the server lists them."""
    choices = list(supported)
    if value not in choices:
        yield not_supported(path, value, choices)


def named(value: str, path: str, check: Check) -> Errors:
    """A name that must have the form that `check` knows."""
    for problem in check(value):
        yield invalid(path, value, problem)


def port_number(value: Any, path: str) -> Errors:
    """A number of a port."""
    if not 1 <= value <= 65535:
        yield invalid(path, value, "must be between 1 and 65535, inclusive")


def port_name_or_number(value: Any, path: str) -> Errors:
    """A port by number or by the name that a container gives it."""
    if isinstance(value, str):
        yield from named(value, path, port_name)
    else:
        yield from port_number(value, path)


def count_or_percent(value: Any, path: str) -> Errors:
    """A number that isn't negative, or a percentage."""
    if isinstance(value, str):
        if not _PERCENT.match(value):
            yield invalid(path, value, _PERCENT_TEXT)
    elif value < 0:
        yield invalid(path, value, "must be greater than or equal to 0")


def at_most_all(value: Any, path: str) -> Errors:
    """A percentage of no more than 100."""
    if isinstance(value, str) and _PERCENT.match(value) and int(value[:-1]) > 100:
        yield invalid(path, value, "must not be greater than 100%")


def ip_address(value: str, path: str) -> Errors:
    """An IPv4 or IPv6 address."""
    try:
        ipaddress.ip_address(value)
    except ValueError:
        yield invalid(path, value, _ADDRESS_TEXT)


def is_ip_address(value: str) -> bool:
    """Tell whether `value` is an address."""
    return not list(ip_address(value, ""))


def unchanged(old: Any, new: Any, path: str, text: str = IMMUTABLE) -> Errors:
    """A value that may not change."""
    if not same_json(old, new):
        yield invalid(path, new, text)


def selector_errors(selector: Values, path: str) -> Errors:
    """A label selector of a workload or policy."""
    for key, value in (selector.get("matchLabels") or {}).items():
        for problem in qualified_name(key):
            yield invalid(f"{path}.matchLabels", key, problem)
        for problem in label_value(value):
            yield invalid(f"{path}.matchLabels", value, problem)
    for index, expression in enumerate(selector.get("matchExpressions") or ()):
        at = f"{path}.matchExpressions[{index}]"
        operator, values = expression.get("operator"), expression.get("values") or []
        if operator in ("In", "NotIn"):
            if not values:
                yield required(f"{at}.values", "must be specified when `operator` is 'In' or 'NotIn'")
        elif operator in ("Exists", "DoesNotExist"):
            if values:
                yield FieldError(
                    "FieldValueForbidden",
                    f"{at}.values",
                    "Forbidden: may not be specified when `operator` is 'Exists' or 'DoesNotExist'",
                )
        else:
            yield invalid(f"{at}.operator", operator, "not a valid selector operator")
        yield from named(expression.get("key", ""), f"{at}.key", qualified_name)
        for number, value in enumerate(values):
            yield from named(value, f"{at}.values[{number}]", label_value)


def selects(selector: Values | None, labels: Values) -> bool:
    """Tell whether a selector matches; one that is absent or can't be read matches nothing."""
    if selector is None:
        return False
    try:
        return LabelSelector.from_object(dict(selector)).matches(dict(labels))
    except SelectorError:
        return False


def labels_of(labels: Values | None, path: str) -> Errors:
    """Labels of a template."""
    yield from label_errors(labels or {}, path)
