"""`status.conditions` with Flux's rules (fluxcd/pkg runtime/conditions)."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

Condition = dict[str, Any]


def get_condition(obj: Mapping[str, Any], type_: str) -> Condition | None:
    """Return the condition of that type, or None."""
    raise NotImplementedError


def condition_is_true(obj: Mapping[str, Any], type_: str) -> bool:
    """Tell whether the condition is there with status "True"."""
    raise NotImplementedError


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
    setting one to "True" deletes the other. Messages are cut to 32768 characters with a trailing `...`.
    """
    raise NotImplementedError


def delete_condition(obj: dict[str, Any] | list[Condition], type_: str) -> None:
    """Remove the condition in place; nothing happens if it isn't there."""
    raise NotImplementedError
