"""The coordination group: Leases."""

from collections.abc import Iterator
from typing import Any

from fluvial.controlplane.schemas.errors import FieldError, invalid
from fluvial.controlplane.schemas.rules.table import Rules


def _errors(obj: dict[str, Any]) -> Iterator[FieldError]:
    spec = obj.get("spec") or {}
    duration, transitions = spec.get("leaseDurationSeconds"), spec.get("leaseTransitions")
    if duration is not None and duration <= 0:
        yield invalid("spec.leaseDurationSeconds", duration, "must be greater than 0")
    if transitions is not None and transitions < 0:
        yield invalid("spec.leaseTransitions", transitions, "must be greater than or equal to 0")


RULES: dict[tuple[str, str], Rules] = {("v1", "Lease"): Rules(object=_errors)}
