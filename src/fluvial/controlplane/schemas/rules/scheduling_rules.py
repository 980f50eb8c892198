"""Where a pod may run: tolerations, affinity, spread."""

from collections.abc import Iterator, Mapping
from typing import Any

from fluvial.controlplane.schemas.errors import FieldError, invalid, required
from fluvial.controlplane.schemas.rules.checks import named, one_of, selector_errors
from fluvial.controlplane.schemas.rules.names import label_value, qualified_name

Errors = Iterator[FieldError]
Values = Mapping[str, Any]

_REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
_PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"


def toleration_errors(tolerations: Any, path: str) -> Errors:
    """Yield what is wrong with tolerations."""
    for index, toleration in enumerate(tolerations):
        at = f"{path}[{index}]"
        operator = toleration.get("operator") or "Equal"
        key, value, effect = (toleration.get(name) or "" for name in ("key", "value", "effect"))
        if key:
            yield from named(key, f"{at}.key", qualified_name)
        elif operator != "Exists":
            yield invalid(
                f"{at}.operator",
                operator,
                'operator must be Exists when `key` is empty, which means "match all values and all keys"',
            )
        if toleration.get("tolerationSeconds") is not None and effect != "NoExecute":
            yield invalid(f"{at}.effect", effect, "effect must be 'NoExecute' when `tolerationSeconds` is set")
        if operator == "Equal":
            yield from named(value, f"{at}.operator", label_value)
        elif operator == "Exists":
            if value:
                yield invalid(f"{at}.operator", value, "value must be empty when `operator` is 'Exists'")
        else:
            yield from one_of(operator, f"{at}.operator", ("Equal", "Exists"))
        if effect:
            yield from one_of(effect, f"{at}.effect", ("NoSchedule", "PreferNoSchedule", "NoExecute"))


def affinity_errors(affinity: Values, path: str) -> Errors:
    """Yield what is wrong with node and pod affinity."""
    node = (affinity.get("nodeAffinity") or {}).get(_REQUIRED)
    if node is not None and not node.get("nodeSelectorTerms"):
        where = f"{path}.nodeAffinity.{_REQUIRED}.nodeSelectorTerms"
        yield required(where, "must have at least one node selector term")
    for kind in ("podAffinity", "podAntiAffinity"):
        rules = affinity.get(kind) or {}
        for index, term in enumerate(rules.get(_REQUIRED) or ()):
            yield from _term_errors(term, f"{path}.{kind}.{_REQUIRED}[{index}]")
        for index, preferred in enumerate(rules.get(_PREFERRED) or ()):
            at = f"{path}.{kind}.{_PREFERRED}[{index}]"
            weight = preferred.get("weight") or 0
            if not 1 <= weight <= 100:
                yield invalid(f"{at}.weight", weight, "must be in the range 1-100")
            yield from _term_errors(preferred.get("podAffinityTerm") or {}, f"{at}.podAffinityTerm")


def _term_errors(term: Values, path: str) -> Errors:
    if (selector := term.get("labelSelector")) is not None:
        yield from selector_errors(selector, f"{path}.labelSelector")
    key = term.get("topologyKey") or ""
    if not key:
        yield required(f"{path}.topologyKey", "can not be empty")
    yield from named(key, f"{path}.topologyKey", qualified_name)


def spread_errors(constraints: Any, path: str) -> Errors:
    """Yield what is wrong with topology spread constraints."""
    for index, constraint in enumerate(constraints):
        at = f"{path}[{index}]"
        if (constraint.get("maxSkew") or 0) <= 0:
            yield invalid(f"{at}.maxSkew", constraint.get("maxSkew") or 0, "must be greater than zero")
        if not constraint.get("topologyKey"):
            yield required(f"{at}.topologyKey", "can not be empty")
        choices = ("DoNotSchedule", "ScheduleAnyway")
        yield from one_of(constraint.get("whenUnsatisfiable"), f"{at}.whenUnsatisfiable", choices)
        if (selector := constraint.get("labelSelector")) is not None:
            yield from selector_errors(selector, f"{at}.labelSelector")
