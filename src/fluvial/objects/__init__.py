"""One Kubernetes object: identity, fields, patches (RFC 6902, 7386, strategic merge with a schema given), selectors,
conditions; unknown fields kept.

An object is a plain `dict[str, Any]` as JSON gives it, so nothing that we do not know is ever lost. Functions return
new values and leave their arguments alone, but for `set_condition` and `delete_condition`, which say so.
"""

from fluvial.objects.conditions import (
    condition_is_true,
    delete_condition,
    get_condition,
    set_condition,
)
from fluvial.objects.copying import deep_copy
from fluvial.objects.equality import same_json, semantic_equal
from fluvial.objects.fields import FieldSelector
from fluvial.objects.identity import GroupKind, Object, Ref, annotations, dig, labels, split_api_version
from fluvial.objects.jsonpatch import PatchError, apply_json_patch
from fluvial.objects.mergepatch import apply_merge_patch, make_merge_patch
from fluvial.objects.pointer import format_pointer, get_pointer, parse_pointer
from fluvial.objects.selectors import LabelSelector, Requirement, SelectorError
from fluvial.objects.strategic import PatchSchema, strategic_merge

__all__ = [
    "FieldSelector",
    "GroupKind",
    "LabelSelector",
    "Object",
    "PatchError",
    "PatchSchema",
    "Ref",
    "Requirement",
    "SelectorError",
    "annotations",
    "apply_json_patch",
    "apply_merge_patch",
    "condition_is_true",
    "deep_copy",
    "delete_condition",
    "dig",
    "format_pointer",
    "get_condition",
    "get_pointer",
    "labels",
    "make_merge_patch",
    "parse_pointer",
    "same_json",
    "semantic_equal",
    "set_condition",
    "split_api_version",
    "strategic_merge",
]
