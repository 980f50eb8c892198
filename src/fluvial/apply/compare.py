"""Would an apply change the object? Told from a dry-run's answer and what is known of the live object.

Source of the comparison of whole objects: fluxcd/pkg `ssa/manager_diff.go` (`hasDrifted`).
"""

from datetime import datetime, timedelta
from enum import Enum
from typing import Any, Final

from fluvial.apply.ownership import Live, Mark
from fluvial.gotext import parse_rfc3339
from fluvial.objects import Object, annotations, dig, labels, semantic_equal


class Difference(Enum):
    """The answer of a comparison by metadata."""

    NONE = "none"
    SOME = "some"
    UNSURE = "unsure"  # who owns what would change, and perhaps nothing else: compare whole objects


class Desired(Enum):
    """How the manifest relates to what we applied last."""

    SAME = "same"
    CHANGED = "changed"
    UNKNOWN = "unknown"  # we have no record: another version or process applied last, or nobody did


_SAME_SECOND: Final = timedelta(seconds=5)  # entries carry whole seconds, and clocks differ a little


def by_metadata(live: Live, dry: Live, *, desired: Desired, now: datetime) -> Difference:
    """Compare a dry-run's answer with the metadata that it started from.

    A server-side apply that changes nothing keeps the time of every entry, and one that changes a value moves ours.
    """
    if live.resource_version != dry.resource_version:
        return Difference.UNSURE
    if dict(live.labels) != dict(dry.labels) or dict(live.annotations) != dict(dry.annotations):
        return Difference.SOME
    if desired is Desired.CHANGED:
        return Difference.SOME
    if live.ours is None:
        return Difference.SOME  # nothing on the object is ours, so no later overwrite could be seen
    if live.ours == dry.ours:
        quiet = live.foreign == dry.foreign and live.others == dry.others
        sure = desired is Desired.SAME or not _is_recent(dry.ours, now)
        return Difference.NONE if quiet and sure else Difference.UNSURE
    if dry.ours is not None and live.ours.fields == dry.ours.fields:
        return Difference.SOME
    return Difference.SOME if desired is Desired.SAME else Difference.UNSURE


def _is_recent(mark: Mark | None, now: datetime) -> bool:
    if mark is None or not mark.time:
        return False
    return now - parse_rfc3339(mark.time) < _SAME_SECOND


def whole(live: Object, dry: Object) -> bool:
    """Whether labels, annotations or anything outside of metadata and status differ between the two."""
    if not semantic_equal(labels(live), labels(dry)) or not semantic_equal(annotations(live), annotations(dry)):
        return True
    return not semantic_equal(_compared(live), _compared(dry))


def _compared(obj: Object) -> Object:
    out = {key: value for key, value in obj.items() if key not in ("metadata", "status")}
    if obj.get("kind") == "HorizontalPodAutoscaler":
        # Before Kubernetes 1.27 a dry-run doubles the first metric and adds an empty one (kubernetes#118293).
        metrics = dig(out, "spec", "metrics")
        if isinstance(metrics, list):
            out["spec"] = {**out["spec"], "metrics": _distinct(metrics)}
    return out


def _distinct(metrics: list[Any]) -> list[Any]:
    kept: list[Any] = []
    for metric in metrics:
        if metric not in kept and isinstance(metric, dict) and metric.get("type"):
            kept.append(metric)
    return kept
