"""The switches that users put on objects: a label or an annotation, its value compared without regard to case.

Source: fluxcd/pkg `ssa/utils/meta.go` and kustomize-controller `apply`.
"""

from fluvial.api import names
from fluvial.apply.ownership import Live
from fluvial.objects import Object, annotations, labels

Labelled = Object | Live | None


def switched(obj: Labelled, key: str, value: str) -> bool:
    """Whether `obj` carries `key` with `value`, as a label or as an annotation; None carries nothing."""
    if obj is None:
        return False
    found = (obj.labels, obj.annotations) if isinstance(obj, Live) else (labels(obj), annotations(obj))
    wanted = value.casefold()
    return any(str(each.get(key) or "").casefold() == wanted for each in found)


def left_alone(obj: Labelled) -> bool:
    """Neither applied nor deleted: `reconcile: disabled` or `ssa: Ignore`."""
    return switched(obj, names.SWITCH_RECONCILE, names.DISABLED) or switched(obj, names.SWITCH_SSA, names.SSA_IGNORE)


def created_only(obj: Labelled) -> bool:
    """Created where it is missing, else left alone: `ssa: IfNotPresent`."""
    return switched(obj, names.SWITCH_SSA, names.SSA_IF_NOT_PRESENT)


def merged(obj: Labelled) -> bool:
    """Applied without taking other managers' fields over: `ssa: Merge`."""
    return switched(obj, names.SWITCH_SSA, names.SSA_MERGE)


def recreated(obj: Labelled) -> bool:
    """Deleted and created again where a change is refused as immutable: `force: enabled`."""
    return switched(obj, names.SWITCH_FORCE, names.ENABLED)


def kept(obj: Labelled) -> bool:
    """Never garbage collected: `prune: disabled`, or left alone altogether."""
    return switched(obj, names.SWITCH_PRUNE, names.DISABLED) or left_alone(obj)
