"""LimitRanges, ResourceQuotas and Endpoints."""

from collections.abc import Iterator

from fluvial.controlplane.schemas.errors import FieldError, invalid
from fluvial.controlplane.schemas.rules.checks import ip_address
from fluvial.gotext import parse_quantity
from fluvial.objects import Object

Errors = Iterator[FieldError]

# What may not be below the minimum, and what not above the maximum.
_ABOVE_MINIMUM = (("max", "max"), ("defaultRequest", "default request"), ("default", "default"))
_BELOW_MAXIMUM = (("defaultRequest", "default request"), ("default", "default"))


def quota_errors(obj: Object) -> Errors:
    """Yield amounts below nothing."""
    for name, amount in (obj.get("spec") or {}).get("hard", {}).items():
        if parse_quantity(amount).amount < 0:
            yield invalid(f"spec.hard[{name}]", amount, "must be greater than or equal to 0")


def limit_range_errors(obj: Object) -> Errors:
    """Yield bounds and defaults that contradict each other."""
    for index, limit in enumerate((obj.get("spec") or {}).get("limits") or ()):
        at = f"spec.limits[{index}]"
        for name, least in (limit.get("min") or {}).items():
            for field, word in _ABOVE_MINIMUM:
                value = (limit.get(field) or {}).get(name)
                if value is not None and parse_quantity(least) > parse_quantity(value):
                    # Upstream shows the minimum in two of the three cases.
                    shown = value if field == "defaultRequest" else least
                    where = f"{at}.{'min' if field == 'max' else field}[{name}]"
                    yield invalid(where, shown, f"min value {least} is greater than {word} value {value}")
        for name, most in (limit.get("max") or {}).items():
            for field, word in _BELOW_MAXIMUM:
                value = (limit.get(field) or {}).get(name)
                if value is not None and parse_quantity(value) > parse_quantity(most):
                    yield invalid(
                        f"{at}.{field}[{name}]", value, f"{word} value {value} is greater than max value {most}"
                    )


def endpoints_errors(obj: Object) -> Errors:
    """Yield addresses that are none."""
    for number, subset in enumerate(obj.get("subsets") or ()):
        for field in ("addresses", "notReadyAddresses"):
            for index, address in enumerate(subset.get(field) or ()):
                where = f"subsets[{number}].{field}[{index}].ip"
                value = address.get("ip") or ""
                found = list(ip_address(value, where))
                yield from found
                if found:
                    yield invalid(where, value, "must be a valid IP address")
