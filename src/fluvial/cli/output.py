"""Objects as data: JSON, YAML, names; and ages as kubectl writes them."""

import json
from collections.abc import Sequence
from datetime import datetime

from fluvial.gotext import parse_rfc3339
from fluvial.objects import Object, Ref, dig
from fluvial.yamldoc import dump


def render(objects: Sequence[Object], format_: str) -> str:
    """Return `objects` as `json`, `yaml` or `name`, as kubectl prints them: one object alone, several as a List."""
    if format_ == "name":
        return "".join(f"{_resource(obj)}/{dig(obj, 'metadata', 'name')}\n" for obj in objects)
    shown = [without_managed_fields(obj) for obj in objects]
    value = shown[0] if len(shown) == 1 else {"apiVersion": "v1", "items": shown, "kind": "List", "metadata": {}}
    return json.dumps(value, indent=4, ensure_ascii=False) + "\n" if format_ == "json" else dump(value)


def _resource(obj: Object) -> str:
    ref = Ref.of(obj)
    return f"{ref.kind.lower()}.{ref.group}" if ref.group else ref.kind.lower()


def without_managed_fields(obj: Object) -> Object:
    """Return `obj` without `metadata.managedFields`, which no reader asked for."""
    metadata = {key: value for key, value in obj.get("metadata", {}).items() if key != "managedFields"}
    return {**obj, "metadata": metadata}


def wide_cells(obj: Object, now: datetime) -> Sequence[str]:
    """Return age, generation and observed generation: the cells under the heads `_WIDE` of `get`."""
    created = dig(obj, "metadata", "creationTimestamp", default="")
    generation = dig(obj, "metadata", "generation", default="")
    observed = dig(obj, "status", "observedGeneration", default="")
    return since(created, now), str(generation), str(observed)


def since(timestamp: str, now: datetime) -> str:
    """Return the time from `timestamp` until now as kubectl writes it; `<unknown>` where there is none."""
    if not timestamp:
        return "<unknown>"
    return human_duration((now - parse_rfc3339(timestamp)).total_seconds())


def human_duration(exact: float) -> str:
    """Return seconds as `2y3d`, `5h12m`, `3m20s`, `45s` … (k8s.io/apimachinery duration.HumanDuration)."""
    seconds = int(exact)
    if seconds < -1:
        return "<invalid>"
    if seconds < 0:
        return "0s"
    if seconds < 120:
        return f"{seconds}s"
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
    if minutes < 10:
        return _two(minutes, "m", seconds % 60, "s")
    if minutes < 180:
        return f"{minutes}m"
    if hours < 8:
        return _two(hours, "h", minutes % 60, "m")
    if hours < 48:
        return f"{hours}h"
    if hours < 192:
        return _two(days, "d", hours % 24, "h")
    if hours < 24 * 365 * 2:
        return f"{days}d"
    if hours < 24 * 365 * 8:
        return _two(days // 365, "y", days % 365, "d")
    return f"{days // 365}y"


def _two(big: int, big_unit: str, small: int, small_unit: str) -> str:
    return f"{big}{big_unit}{small}{small_unit}" if small else f"{big}{big_unit}"
