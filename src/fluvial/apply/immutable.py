"""Changes that the server refuses for good, and whether the object may be deleted to make them.

Source: fluxcd/pkg `ssa/errors/immutable.go`. The kinds that hold data are ours: Flux's `spec.force` deletes them too.
"""

import re
from typing import Final

from fluvial.apply.ownership import Live
from fluvial.apply.switches import recreated
from fluvial.kube import ApiError
from fluvial.objects import Object, Ref

# Deleting one of these loses what cannot be applied again.
_PRECIOUS: Final = frozenset(
    {
        ("", "PersistentVolume"),
        ("", "PersistentVolumeClaim"),
        ("", "Namespace"),
        ("apiextensions.k8s.io", "CustomResourceDefinition"),
    }
)
_IMMUTABLE: Final = re.compile(r"is\simmutable|immutable\sfield")


def refused_as_immutable(error: ApiError) -> bool:
    """Whether `error` may mean an immutable field: 409, 422, or such words from a webhook or a CEL rule."""
    return error.is_conflict or error.is_invalid or says_immutable(error)


def says_immutable(error: ApiError) -> bool:
    """Whether the server's words leave no other reading."""
    return _IMMUTABLE.search(error.message) is not None


def may_recreate(desired: Object, live: Live, *, force: bool) -> tuple[bool, str]:
    """Whether the object may be deleted and created again, and what to add to the error when it may not."""
    own = recreated(desired) or recreated(live)
    ref = Ref.of(desired)
    if (ref.group, ref.kind) in _PRECIOUS and not own:
        hint = f"; a {ref.kind} is recreated only with its own annotation kustomize.toolkit.fluxcd.io/force: enabled"
        return False, hint if force else ""
    return own or force, ""
