"""`status.conditions` with Flux's rules (fluxcd/pkg runtime/conditions)."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from fluvial.gotext import rfc3339
from fluvial.objects.identity import dig

Condition = dict[str, Any]

_FIRST = {"Stalled": 0, "Reconciling": 1, "Ready": 2}
_OPPOSITE = {"Stalled": "Reconciling", "Reconciling": "Stalled"}
_MAX_MESSAGE = 32768  # bytes; the CRDs' limit


def get_condition(obj: Mapping[str, Any] | list[Condition], type_: str) -> Condition | None:
    """Return the condition of that type, or None; malformed conditions are passed over."""
    found = obj if isinstance(obj, list) else dig(obj, "status", "conditions", default=[])
    if not isinstance(found, list):
        return None
    return next((item for item in found if isinstance(item, dict) and item.get("type") == type_), None)


def condition_is_true(obj: Mapping[str, Any] | list[Condition], type_: str) -> bool:
    """Tell whether the condition is there with status "True"."""
    condition = get_condition(obj, type_)
    return condition is not None and condition.get("status") == "True"


def set_condition(
    obj: dict[str, Any] | list[Condition],
    type_: str,
    status: str,
    reason: str,
    message: str,
    *,
    now: datetime,
    observed_generation: int | None = None,
) -> None:
    """Put the condition into `obj` (its `status.conditions`) or into the given list, in place, in Flux's order.

    Identical status, reason and message keep `lastTransitionTime`; a change of any of them sets it to `now`.
    `observedGeneration` is that of the argument, else `obj`'s generation. Reconciling and Stalled exclude each other:
    setting one to "True" deletes the other. Messages are cut to 32768 bytes with a trailing `...`.
    """
    if observed_generation is None and isinstance(obj, dict):
        observed_generation = dig(obj, "metadata", "generation", default=0)
    conditions = _conditions(obj)
    condition: Condition = {
        "type": type_,
        "status": status,
        "observedGeneration": observed_generation or 0,
        "lastTransitionTime": rfc3339(now),
        "reason": reason,
        "message": _cut(message),
    }
    before = get_condition(conditions, type_)
    if before is not None:
        if all(before.get(field) == condition[field] for field in ("status", "reason", "message")):
            condition["lastTransitionTime"] = before.get("lastTransitionTime") or condition["lastTransitionTime"]
        conditions.remove(before)
    opposite = _OPPOSITE.get(type_) if status == "True" else None
    conditions[:] = sorted(
        [*(item for item in conditions if item.get("type") != opposite), condition],
        key=_order,
    )


def delete_condition(obj: dict[str, Any] | list[Condition], type_: str) -> None:
    """Remove the condition in place; nothing happens if it isn't there."""
    if get_condition(obj, type_) is not None:
        conditions = _conditions(obj)
        conditions[:] = [item for item in conditions if item.get("type") != type_]


def _conditions(obj: dict[str, Any] | list[Condition]) -> list[Condition]:
    if isinstance(obj, list):
        return obj
    status = obj.get("status")
    if not isinstance(status, dict):
        status = obj["status"] = {}
    conditions = status.get("conditions")
    if not isinstance(conditions, list):
        conditions = status["conditions"] = []
    return conditions


def _order(condition: Condition) -> tuple[int, int, str]:
    type_ = condition.get("type", "")
    if type_ in _FIRST:
        return _FIRST[type_], 0, ""
    return len(_FIRST), -(condition.get("observedGeneration") or 0), type_


def _cut(message: str) -> str:
    raw = message.encode("utf-8", "surrogatepass")
    if len(raw) <= _MAX_MESSAGE:
        return message
    return raw[: _MAX_MESSAGE - 3].decode("utf-8", "ignore") + "..."
