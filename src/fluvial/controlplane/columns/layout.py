"""What a table of one kind looks like: its columns, and the cells of an object."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from fluvial.gotext import parse_rfc3339
from fluvial.objects import LabelSelector, Object
from fluvial.wire import Column

BodyCells = Callable[[Object, datetime], Sequence[Any]]


@dataclass(frozen=True, slots=True)
class Layout:
    """Columns, and a function from an object and the present moment to its cells."""

    columns: tuple[Column, ...]
    cells: BodyCells


def age(timestamp: Any, now: datetime) -> str:
    """Return the time since `timestamp` as kubectl shows it, "<unknown>" when there is none."""
    if not isinstance(timestamp, str):
        return "<unknown>"
    try:
        since = parse_rfc3339(timestamp)
    except ValueError:
        return "<invalid>"
    return human_duration((now - since).total_seconds())


def human_duration(seconds: float) -> str:
    """Return a duration in one or two units, as apimachinery's `duration.HumanDuration`."""
    total = int(seconds)
    if seconds < -1:
        return "<invalid>"
    if total < 0 or seconds < 0:
        return "0s"
    if total < 120:
        return f"{total}s"
    minutes = total // 60
    if minutes < 10:
        return f"{minutes}m" if total % 60 == 0 else f"{minutes}m{total % 60}s"
    if minutes < 180:
        return f"{minutes}m"
    hours = minutes // 60
    if hours < 8:
        return f"{hours}h" if minutes % 60 == 0 else f"{hours}h{minutes % 60}m"
    if hours < 48:
        return f"{hours}h"
    if hours < 24 * 8:
        return f"{hours // 24}d" if hours % 24 == 0 else f"{hours // 24}d{hours % 24}h"
    if hours < 24 * 365 * 2:
        return f"{hours // 24}d"
    years, days = hours // 24 // 365, hours // 24 % 365
    if hours < 24 * 365 * 8:
        return f"{years}y" if days == 0 else f"{years}y{days}d"
    return f"{years}y"


def name_of(obj: Object) -> str:
    name: str = obj["metadata"].get("name", "")
    return name


def created(obj: Object, now: datetime) -> str:
    """Return the age of an object."""
    return age(obj["metadata"].get("creationTimestamp"), now)


def spec_of(obj: Object) -> dict[str, Any]:
    return obj.get("spec") or {}


def status_of(obj: Object) -> dict[str, Any]:
    return obj.get("status") or {}


def label_text(labels: Any) -> str:
    """Return labels as kubectl shows them, "<none>" when there are none."""
    if not labels:
        return "<none>"
    return ",".join(f"{key}={value}" for key, value in sorted(labels.items()))


def selector_text(selector: Any) -> str:
    """Return a label selector object as kubectl shows it."""
    text = str(LabelSelector.from_object(selector)) if selector else ""
    return text or "<none>"


def containers(pod_spec: dict[str, Any]) -> tuple[str, str]:
    """Return the names and the images of containers."""
    found = pod_spec.get("containers") or []
    return ",".join(c.get("name", "") for c in found), ",".join(c.get("image", "") for c in found)


def first_few(items: Sequence[str], limit: int, count: int, joint: str = ",") -> str:
    """Return the first `limit` items and how many more there are."""
    text = joint.join(items[:limit])
    return f"{text} + {count - limit} more..." if count > limit else text
