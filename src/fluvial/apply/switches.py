"""The switches that users put on objects: a label or an annotation, its value compared without regard to case.

Source: fluxcd/pkg `ssa/utils/meta.go` and kustomize-controller `apply`.
"""

from fluvial.api import names
from fluvial.objects import Object, annotations, labels


def switched(obj: Object | None, key: str, value: str) -> bool:
    """Whether `obj` carries `key` with `value`, as a label or as an annotation."""
    if obj is None:
        return False
    wanted = value.casefold()
    return any(str(found.get(key) or "").casefold() == wanted for found in (labels(obj), annotations(obj)))


def left_alone(obj: Object | None) -> bool:
    """Neither applied nor deleted: `reconcile: disabled` or `ssa: Ignore`."""
    return switched(obj, names.SWITCH_RECONCILE, names.DISABLED) or switched(obj, names.SWITCH_SSA, names.SSA_IGNORE)


def created_only(obj: Object | None) -> bool:
    """Created where it is missing, else left alone: `ssa: IfNotPresent`."""
    return switched(obj, names.SWITCH_SSA, names.SSA_IF_NOT_PRESENT)


def merged(obj: Object | None) -> bool:
    """Applied without taking other managers' fields over: `ssa: Merge`."""
    return switched(obj, names.SWITCH_SSA, names.SSA_MERGE)


def recreated(obj: Object | None) -> bool:
    """Deleted and created again where a change is refused as immutable: `force: enabled`."""
    return switched(obj, names.SWITCH_FORCE, names.ENABLED)


def kept(obj: Object | None) -> bool:
    """Never garbage collected: `prune: disabled`, or left alone altogether."""
    return switched(obj, names.SWITCH_PRUNE, names.DISABLED) or left_alone(obj)
