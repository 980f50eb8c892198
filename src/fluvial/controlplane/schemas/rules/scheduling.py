"""The scheduling group: PriorityClasses."""

from collections.abc import Callable
from typing import Any


def _priority_class(obj: dict[str, Any]) -> None:
    obj.setdefault("preemptionPolicy", "PreemptLowerPriority")


DEFAULTS: dict[str, Callable[[dict[str, Any]], None]] = {"v1.PriorityClass": _priority_class}
