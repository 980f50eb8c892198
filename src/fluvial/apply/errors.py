"""What can go wrong while a plan is carried out.

```
ApplyError
├── PreflightFailed   a dry-run was refused: nothing was written; every object that failed is named
├── StageFailed       a write was refused, or what a stage waits for did not come; `changes` were made
└── PruneFailed       some objects could not be deleted; they stay in the inventory
```
Texts are Flux's, since alerts match on them. Values of Secrets are masked before an error is made. `denied` tells that
the server refused for want of rights, so that nothing known before counts any more; `passing` that every problem is one
of a server that was away or busy, so that the same may work in a moment.
"""

from collections.abc import Sequence

from fluvial.apply.changes import ChangeSet
from fluvial.kube import ApiError, Unreachable
from fluvial.objects import Ref


class ApplyError(Exception):
    """Anything that this package raises; the text goes to the user."""


class PreflightFailed(ApplyError):
    """Nothing was written. It takes another revision, spec or cluster; try again at the retry interval, not before."""

    def __init__(self, problems: Sequence[str], *, denied: bool = False, passing: bool = False) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)
        self.denied = denied
        self.passing = passing


class StageFailed(ApplyError):
    """Part of the plan was carried out."""

    def __init__(
        self, problems: Sequence[str], changes: ChangeSet, *, denied: bool = False, passing: bool = False
    ) -> None:
        done = str(changes.changed)
        super().__init__("\n".join(problems) + (f"\n{done}" if done else ""))
        self.problems = tuple(problems)
        self.changes = changes
        self.denied = denied
        self.passing = passing


class PruneFailed(ApplyError):
    """Objects in `survivors` were not deleted."""

    def __init__(
        self, problems: Sequence[str], changes: ChangeSet, survivors: Sequence[Ref], *, passing: bool = False
    ) -> None:
        super().__init__("delete failed, errors: " + "".join(f"{problem};" for problem in problems))
        self.problems = tuple(problems)
        self.changes = changes
        self.survivors = tuple(survivors)
        self.passing = passing


def dry_run_text(ref: Ref, error: Exception, message: str) -> str:
    """Flux's text for a refused dry-run. Source: fluxcd/pkg `ssa/errors/errors.go`."""
    if isinstance(error, ApiError):
        if not ref.namespace and error.status == 400 and "an empty namespace may not be set" in error.message:
            # Flux sends the request all the same, to a path that no server has.
            return f"{ref} namespace not specified: the server could not find the requested resource"
        if error.is_not_found:
            return f"{ref} not found: {message}" if ref.namespace else f"{ref} namespace not specified: {message}"
        reason = error.reason
        if any(cause.get("reason") == "FieldManagerConflict" for cause in error.causes):
            reason = "FieldManagerConflict"
        if reason and reason != "Unknown":
            return f"{ref} dry-run failed ({reason}): {message}"
    return f"{ref} dry-run failed: {message}"


def is_denied(error: Exception) -> bool:
    """Whether the server refused because of who asked."""
    return isinstance(error, ApiError) and (error.is_forbidden or error.is_unauthorized)


def is_passing(error: Exception) -> bool:
    """Whether the server was away or busy. A webhook that fails is somebody's to mend, and answers 500 too."""
    if isinstance(error, ApiError):
        return error.is_too_many_requests or (error.is_server_error and "webhook" not in error.message)
    return isinstance(error, Unreachable)
