"""Decisions, as functions of what was observed (source-controller `gitrepository_controller.go`)."""

from collections.abc import Mapping
from enum import Enum
from typing import Any, Final

from fluvial.controllers.source.observe import Seen

# Inputs of the last build whose present counterparts are not built: whatever Flux left there asks for a new build.
_FOREIGN_INPUTS: Final = (
    "includedArtifacts",
    "observedInclude",
    "observedRecurseSubmodules",
    "observedSparseCheckout",
)


class First(Enum):
    """What to do before anything else is looked at."""

    CLEAN_UP = "it is being deleted"
    ADOPT = "it has no finalizer yet"
    REST = "it is suspended"
    REFUSE = "only a change of the object helps"
    RECONCILE = "look at storage and upstream"


def first(seen: Seen) -> First:
    """Decide by the object alone."""
    if seen.deleted:
        return First.CLEAN_UP
    if not seen.has_finalizer:
        return First.ADOPT
    if seen.source is not None and seen.source.suspend:
        return First.REST
    if seen.source is None or seen.unsupported:
        return First.REFUSE
    return First.RECONCILE


def refusal(seen: Seen) -> str:
    """Why an object is refused, one sentence each."""
    if seen.unsupported:
        return "; ".join(f"{path} is not supported yet" for path in seen.unsupported)
    return seen.invalid


def content_changed(spec_ignore: str | None, status: Mapping[str, Any]) -> bool:
    """Tell whether other inputs than the revision differ from those of the artifact in storage."""
    return spec_ignore != status.get("observedIgnore") or any(status.get(key) for key in _FOREIGN_INPUTS)
