"""The policy group: PodDisruptionBudgets."""

from collections.abc import Iterator
from typing import Any

from fluvial.controlplane.schemas.errors import FieldError, Internal, invalid
from fluvial.controlplane.schemas.rules.checks import at_most_all, count_or_percent, selector_errors
from fluvial.controlplane.schemas.rules.table import Rules


def _errors(obj: dict[str, Any]) -> Iterator[FieldError]:
    spec = obj["spec"]
    least, most = spec.get("minAvailable"), spec.get("maxUnavailable")
    if least is not None and most is not None:
        shown = {
            "MinAvailable": least,
            "Selector": spec.get("selector"),
            "MaxUnavailable": most,
            "UnhealthyPodEvictionPolicy": spec.get("unhealthyPodEvictionPolicy"),
        }
        yield invalid("spec", Internal(shown), "minAvailable and maxUnavailable cannot be both set")
    for name, value in (("minAvailable", least), ("maxUnavailable", most)):
        if value is not None:
            yield from count_or_percent(value, f"spec.{name}")
            yield from at_most_all(value, f"spec.{name}")
    yield from selector_errors(spec.get("selector") or {}, "spec.selector")


RULES: dict[tuple[str, str], Rules] = {("v1", "PodDisruptionBudget"): Rules(object=_errors)}
