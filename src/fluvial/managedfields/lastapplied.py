"""kubectl's client-side apply annotation, for objects on their way to server-side apply."""

import json
from typing import Any

from fluvial.gotext import go_json
from fluvial.managedfields.compare import compare
from fluvial.managedfields.fieldset import FieldSet
from fluvial.managedfields.selection import fields_of
from fluvial.managedfields.updater import Rules
from fluvial.managedfields.validation import check
from fluvial.objects import Object, annotations

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_ANNOTATIONS_LIMIT = 256 * 1024  # bytes of keys and values together


def set_by_last_applied(live: Object, rules: Rules) -> FieldSet | None:
    """Return the fields of `live` that client-side apply had set and that still are as it set them; None: unknown."""
    text = annotations(live).get(LAST_APPLIED)
    if not text:
        return None
    try:
        applied = json.loads(text)
    except ValueError:
        return None
    if not isinstance(applied, dict) or applied.get("apiVersion") != rules.api_version:
        return None
    if check(applied, rules.schema) or check(live, rules.schema):
        return None
    changes = compare(applied, live, rules.schema)
    return fields_of(applied, rules.schema) - changes.modified - changes.added - changes.removed


def refresh_last_applied(obj: Object, applied: Object) -> Object:
    """Return `obj` with its last-applied annotation, if it has one, brought up to what was just applied."""
    held = annotations(obj)
    if not held.get(LAST_APPLIED):
        return obj
    config: dict[str, Any] = dict(applied)
    metadata = config.get("metadata")
    if isinstance(metadata, dict) and isinstance(metadata.get("annotations"), dict):
        kept = {k: v for k, v in metadata["annotations"].items() if k != LAST_APPLIED}
        config["metadata"] = {**metadata, "annotations": kept}
    changed = {**held, LAST_APPLIED: go_json(config) + "\n"}
    if sum(len(k.encode()) + len(v.encode()) for k, v in changed.items()) > _ANNOTATIONS_LIMIT:
        del changed[LAST_APPLIED]
    return {**obj, "metadata": {**obj["metadata"], "annotations": changed}}
