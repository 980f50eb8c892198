"""JSON merge patches (RFC 7386)."""

from collections.abc import Mapping
from typing import Any

from fluvial.objects.equality import same_json


def apply_merge_patch(target: Any, patch: Any) -> Any:
    """Return `target` with `patch` merged in. The result may share unchanged parts with both arguments."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, dict):
            result[key] = apply_merge_patch(result.get(key), value)
        else:
            result[key] = value
    return result


def make_merge_patch(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """Return the smallest merge patch that turns `before` into `after`; empty when they are equal.

    A null inside of `after` cannot be said in a merge patch (there it means removal): the key is left out where
    `before` has none, and removed where it has one.
    """
    patch: dict[str, Any] = {key: None for key in before if key not in after}
    for key, value in after.items():
        if key not in before:
            if value is not None:
                patch[key] = value
            continue
        old = before[key]
        if isinstance(value, dict) and isinstance(old, dict):
            if inner := make_merge_patch(old, value):
                patch[key] = inner
        elif not same_json(old, value):
            patch[key] = value
    return patch
