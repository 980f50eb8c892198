"""The scheduling group: PriorityClasses."""

from collections.abc import Callable, Iterator
from typing import Any

from fluvial.controlplane.schemas.errors import FieldError, forbidden
from fluvial.controlplane.schemas.rules.checks import one_of, unchanged
from fluvial.controlplane.schemas.rules.table import Rules


def _priority_class(obj: dict[str, Any]) -> None:
    obj.setdefault("preemptionPolicy", "PreemptLowerPriority")


DEFAULTS: dict[str, Callable[[dict[str, Any]], None]] = {"v1.PriorityClass": _priority_class}


_HIGHEST = 1_000_000_000  # above it are the priorities of the system
_SYSTEM = frozenset(("system-cluster-critical", "system-node-critical"))


def _errors(obj: dict[str, Any]) -> Iterator[FieldError]:
    name, value = obj["metadata"].get("name") or "", obj.get("value") or 0
    if name.startswith("system-"):
        if name not in _SYSTEM:
            text = "priority class names with 'system-' prefix are reserved for system use only. error: "
            yield forbidden("metadata.name", f"{text}{name} is not a known system priority class")
    elif value > _HIGHEST:
        yield forbidden("value", f"maximum allowed value of a user defined priority is {_HIGHEST}")
    yield from one_of(obj.get("preemptionPolicy"), "preemptionPolicy", ("PreemptLowerPriority", "Never"))


def _changes(old: dict[str, Any], new: dict[str, Any]) -> Iterator[FieldError]:
    if (old.get("value") or 0) != (new.get("value") or 0):
        yield forbidden("value", "may not be changed in an update.")
    yield from unchanged(old.get("preemptionPolicy"), new.get("preemptionPolicy"), "preemptionPolicy")


RULES: dict[tuple[str, str], Rules] = {("v1", "PriorityClass"): Rules(object=_errors, change=_changes)}
