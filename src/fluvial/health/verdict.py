"""The verdict on one object at one moment."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from fluvial.objects import Object


class State(Enum):
    """kstatus' words; the values are what Flux prints."""

    IN_PROGRESS = "InProgress"  # on its way to what its spec asks for
    FAILED = "Failed"  # will not get there without a change
    CURRENT = "Current"  # is what its spec asks for
    TERMINATING = "Terminating"  # has a deletionTimestamp
    NOT_FOUND = "NotFound"  # is not on the server
    UNKNOWN = "Unknown"  # cannot be judged; the message says why


@dataclass(frozen=True, slots=True)
class Verdict:
    state: State
    message: str
    look_again: float | None = None  # seconds after which time alone may change the verdict


def assess(obj: Object, *, now: datetime, pods: Sequence[Object] = ()) -> Verdict:
    """Return the verdict on `obj`. A malformed object is UNKNOWN, with the reason as message.

    Args:
        now: UTC; only unscheduled pods depend on it.
        pods: the pods that a workload in progress generated, if the caller has them.
    """
    raise NotImplementedError
