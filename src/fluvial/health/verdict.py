"""The verdict on one object at one moment."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from fluvial.objects import Object


class State(Enum):
    """kstatus' words; the values are what Flux prints."""

    IN_PROGRESS = "InProgress"  # on its way to what its spec asks for
    FAILED = "Failed"  # will not get there without a change
    CURRENT = "Current"  # is what its spec asks for
    TERMINATING = "Terminating"  # has a deletionTimestamp
    NOT_FOUND = "NotFound"  # is not on the server
    UNKNOWN = "Unknown"  # cannot be judged; the message says why


@dataclass(frozen=True, slots=True)
class Verdict:
    """What we believe about one object at one moment."""

    state: State
    message: str
    look_again: float | None = None  # seconds after which time alone may change the verdict


NOT_FOUND = Verdict(State.NOT_FOUND, "Resource not found")


class MalformedError(Exception):
    """An object whose status has a shape that no controller writes; the verdict is UNKNOWN with this text."""


def current(message: str) -> Verdict:
    return Verdict(State.CURRENT, message)


def in_progress(message: str) -> Verdict:
    return Verdict(State.IN_PROGRESS, message)


def failed(message: str) -> Verdict:
    return Verdict(State.FAILED, message)


@dataclass(frozen=True, slots=True)
class Condition:
    type: str
    status: str
    reason: str
    message: str


def conditions(obj: Object) -> list[Condition]:
    """Return `status.conditions`.

    Raises:
        MalformedError: they are no list of maps of strings.
    """
    status = obj.get("status")
    if status is None:
        return []
    if not isinstance(status, dict):
        raise MalformedError(f"cannot restore struct from: {_kind(status)}")
    found = status.get("conditions")
    if found is None:
        return []
    if not isinstance(found, list):
        raise MalformedError(f"cannot restore slice from {_kind(found)}")
    return list(map(_condition, found))


def _condition(item: Any) -> Condition:
    if not isinstance(item, dict):
        raise MalformedError(f"cannot restore struct from: {_kind(item)}")
    values = []
    for field in ("type", "status", "reason", "message"):
        value = item.get(field)
        if value is not None and not isinstance(value, str):
            raise MalformedError(f"cannot convert {_kind(value)} to string")
        values.append(value or "")
    return Condition(*values)


def whole_number(obj: Object, *path: str) -> int | None:
    """Return the integer at `path`, None if nothing is there.

    Raises:
        MalformedError: something else is there.
    """
    where = "".join(f".{key}" for key in path)
    value: Any = obj
    for key in path:
        if value is None:
            return None
        if not isinstance(value, dict):
            raise MalformedError(
                f"looking up {where[1:]} from resource: {where} accessor error: {value} is of the type {_kind(value)}, "
                "expected map[string]interface{}"
            )
        value = value.get(key)
    if value is None or (isinstance(value, int) and not isinstance(value, bool)):
        return value
    raise MalformedError(
        f"looking up {where[1:]} from resource: {where} accessor error: {value} is of the type {_kind(value)}, "
        "expected int64"
    )


def count(obj: Object, path: Sequence[str], default: int) -> int:
    """Return the integer at `path`; `default` if none is there, or something else."""
    value: Any = obj
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value if isinstance(value, int) and not isinstance(value, bool) else default


def text(obj: Object, path: Sequence[str], default: str = "") -> str:
    """Return the string at `path`; `default` if none is there, or something else."""
    value: Any = obj
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value if isinstance(value, str) else default


def _kind(value: Any) -> str:
    kinds = {dict: "map", list: "slice", str: "string", bool: "bool", int: "int64", float: "float64"}
    return kinds.get(type(value), "interface")
