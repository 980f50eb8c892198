"""From what happened to conditions, status fields and events: Flux's words in Flux's order, as functions of values.

A `Draft` goes through the steps of Flux's sub-reconcilers one by one, but is written once, at the end. What Flux writes
only to say that nothing happened is left out (docs/parity.md, "source-controller").
"""

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal

from fluvial.api import Artifact, Reason, event, names
from fluvial.objects import (
    Object,
    annotations,
    condition_is_true,
    delete_condition,
    dig,
    get_condition,
    set_condition,
)

# Ready is made of these, in this order of importance within a rank.
_SUMMARY: Final = (
    names.STORAGE_OPERATION_FAILED,
    names.FETCH_FAILED,
    names.INCLUDE_UNAVAILABLE,
    names.ARTIFACT_OUTDATED,
    names.ARTIFACT_IN_STORAGE,
    names.SOURCE_VERIFIED,
    names.STALLED,
    names.RECONCILING,
)
_NEGATIVE: Final = frozenset(_SUMMARY) - {names.ARTIFACT_IN_STORAGE, names.SOURCE_VERIFIED}
_FAILURES: Final = (names.FETCH_FAILED, names.INCLUDE_UNAVAILABLE, names.STORAGE_OPERATION_FAILED)
_RANKS: Final[Mapping[tuple[str, bool], int]] = {  # (status, negative polarity) → which decides Ready; lowest first
    ("True", True): 0,
    ("False", False): 1,
    ("True", False): 2,
    ("False", True): 3,
}

Severity = Literal["info", "error", "trace"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """An event to be recorded. A trace becomes a Kubernetes Event only."""

    severity: Severity
    reason: str
    message: str
    metadata: Mapping[str, str] = field(default_factory=dict)


class Draft:
    """A source whose status is being written; what it was made from stays as it is."""

    def __init__(self, obj: Object, now: datetime) -> None:
        # What is answered for is the object as it was at the beginning, whatever others write meanwhile.
        self.generation = int(dig(obj, "metadata", "generation", default=0) or 0)
        self._requested = annotations(obj).get(names.REQUESTED_AT)
        self._now = now
        self.go_on(obj)

    def go_on(self, written: Object) -> None:
        """Continue on what a write returned: it holds what was drafted so far, and what others wrote."""
        self.obj: Object = {**written, "status": copy.deepcopy(written.get("status") or {})}
        self._written = written

    @property
    def status(self) -> dict[str, Any]:
        status: dict[str, Any] = self.obj["status"]
        return status

    def at(self, now: datetime) -> None:
        """Let what follows carry a later time."""
        self._now = now

    # -- steps, in the order of a look

    def begin(self) -> None:
        """A look begins."""
        observed = int(self.status.get("observedGeneration") or 0)
        if self.generation != observed:
            self._progress(f"processing object: new generation {observed} -> {self.generation}", drift=False)
        else:
            self._progress("reconciliation in progress", drift=False)
        self._drop(names.STORAGE_OPERATION_FAILED)

    def without_artifact(self, *, disappeared: bool) -> None:
        """Storage holds nothing that the status could name."""
        self.status.pop("artifact", None)
        self._progress("building artifact" + (": disappeared from storage" if disappeared else ""), drift=True)
        self._drop(names.ARTIFACT_IN_STORAGE)

    def with_artifact(self, artifact: Artifact) -> None:
        """Storage holds the artifact that the status names; its URL is on the host of now."""
        if dig(self.status, "artifact", "url") != artifact.url:
            self.status["artifact"] = {**self.status["artifact"], "url": artifact.url}

    def looking_upstream(self) -> None:
        """The upstream is asked; what an earlier failure to verify said does not count any more."""
        verified = get_condition(self.obj, names.SOURCE_VERIFIED)
        if verified is not None and verified.get("status") == "False":
            self._drop(names.SOURCE_VERIFIED)

    def fetch_failed(self, reason: str, message: str) -> None:
        """The upstream could not be read."""
        self._mark(names.FETCH_FAILED, "True", reason, message)

    def unchanged(self, revision: str) -> None:
        """The reference leads to the artifact in storage; nothing was fetched."""
        self._drop(names.ARTIFACT_OUTDATED)
        self._drop(names.FETCH_FAILED)
        self._in_storage(revision)

    def fetched(self, revision: str, *, known: bool, had_artifact: bool) -> None:
        """A commit is here; `known`: the artifact in storage is of the same revision."""
        self._drop(names.ARTIFACT_OUTDATED)
        self._drop(names.FETCH_FAILED)
        self._drop(names.SOURCE_VERIFIED)  # verification is refused before, so whatever is left was asked for once
        self.status.pop("sourceVerificationMode", None)
        if not known:
            message = f"new upstream revision '{revision}'"
            if had_artifact:
                self._mark(names.ARTIFACT_OUTDATED, "True", Reason.NEW_REVISION, message)
            self._progress(f"building artifact: {message}", drift=True)

    def storage_failed(self, reason: str, message: str) -> None:
        """The artifact could not be stored; what was stored before stays named."""
        self._mark(names.STORAGE_OPERATION_FAILED, "True", reason, message)

    def stored(self, artifact: Artifact, spec_ignore: str | None) -> None:
        """A new artifact is in storage."""
        self.status["artifact"] = artifact.as_object()
        for key in ("includedArtifacts", "observedInclude", "observedRecurseSubmodules", "observedSparseCheckout"):
            self.status.pop(key, None)
        if spec_ignore is None:
            self.status.pop("observedIgnore", None)
        else:
            self.status["observedIgnore"] = spec_ignore
        self._drop(names.STORAGE_OPERATION_FAILED)
        self.up_to_date(artifact.revision)

    def up_to_date(self, revision: str) -> None:
        """The artifact in storage is what would be made now."""
        self._drop(names.ARTIFACT_OUTDATED)
        self._in_storage(revision)

    # -- endings

    def succeeded(self) -> None:
        """The look is done."""
        self._drop(names.RECONCILING)
        self._drop(names.STALLED)
        self._observed()
        self._close()

    def will_retry(self) -> None:
        """The look failed and is repeated by backoff."""
        self._drop(names.STALLED)
        self._retrying()
        self._close()

    def stalled(self, reason: str, message: str) -> None:
        """Only a change of the object helps."""
        self._mark(names.STALLED, "True", reason, message)
        self._observed()
        self._close()

    def refused(self, reason: str, message: str) -> None:
        """The object asks for what is not built, or cannot be read: nothing is fetched, the last artifact stays."""
        for type_ in (names.STORAGE_OPERATION_FAILED, names.FETCH_FAILED, names.ARTIFACT_OUTDATED):
            self._drop(type_)
        self.stalled(reason, message)

    def rested(self) -> None:
        """The object is suspended; as in Flux the request is answered and the generation observed."""
        self._drop(names.STALLED)
        self._retrying()
        self._observed()
        self._close()

    # -- parts of these

    def _close(self) -> None:
        if self._requested is not None:
            self.status["lastHandledReconcileAt"] = self._requested
        self._summarize()
        self._keep_times()

    def _keep_times(self) -> None:
        """A condition that only in between said something else has not changed for anybody who reads the object."""
        for condition in self.status.get("conditions") or ():
            before = get_condition(self._written, condition["type"])
            if before is not None and all(before.get(key) == condition[key] for key in ("status", "reason", "message")):
                condition["lastTransitionTime"] = before["lastTransitionTime"]

    def _observed(self) -> None:
        if self.status.get("conditions"):
            self.status["observedGeneration"] = self.generation

    def _retrying(self) -> None:
        reconciling = get_condition(self.obj, names.RECONCILING)
        if reconciling is not None:
            message = str(reconciling.get("message") or "")
            self._mark(names.RECONCILING, "True", Reason.PROGRESSING_WITH_RETRY, message)

    def _in_storage(self, revision: str) -> None:
        self._mark(names.ARTIFACT_IN_STORAGE, "True", Reason.SUCCEEDED, f"stored artifact for revision '{revision}'")

    def _progress(self, message: str, *, drift: bool) -> None:
        """Flux's `ProgressiveStatus`: Ready is doubted only when something differs or was never known."""
        self._mark(names.RECONCILING, "True", Reason.PROGRESSING, message)
        ready = get_condition(self.obj, names.READY)
        if drift or ready is None or ready.get("status") == "Unknown":
            self._mark(names.READY, "Unknown", Reason.PROGRESSING, message)

    def _summarize(self) -> None:
        """Make Ready of the others; a failed verification, were there one, would go before all."""
        found = [each for type_ in _SUMMARY if (each := get_condition(self.obj, type_)) is not None]
        if not found:
            return
        top = min(found, key=_rank)  # the first of the best rank, since `found` is in the order of importance
        status = str(top.get("status"))
        if top["type"] in _NEGATIVE and status in ("True", "False"):
            status = "False" if status == "True" else "True"
        self._mark(names.READY, status, str(top.get("reason") or ""), str(top.get("message") or ""))

    def _mark(self, type_: str, status: str, reason: str, message: str) -> None:
        set_condition(self.obj, type_, status, reason, message, now=self._now, observed_generation=self.generation)

    def _drop(self, type_: str) -> None:
        delete_condition(self.obj, type_)


def _rank(condition: Mapping[str, Any]) -> int:
    return _RANKS.get((str(condition.get("status")), condition["type"] in _NEGATIVE), 4)


def is_ready(obj: Object) -> bool:
    """Tell whether Ready is True."""
    return condition_is_true(obj, names.READY)


def was_handled(obj: Object) -> bool:
    """Tell whether the request annotation, if there is one, was answered already."""
    requested = annotations(obj).get(names.REQUESTED_AT)
    return requested is None or requested == dig(obj, "status", "lastHandledReconcileAt", default="")


def is_stalled_as(obj: Object, reason: str, message: str) -> bool:
    """Tell whether the object was stalled for just this, at its present generation: it need not be told again."""
    stalled = get_condition(obj, names.STALLED)
    generation = dig(obj, "metadata", "generation")
    return (
        stalled is not None
        and (stalled.get("status"), stalled.get("reason"), stalled.get("message")) == ("True", reason, message)
        and dig(obj, "status", "observedGeneration") == generation
    )


def outcome_event(before: Object, after: Object, title: str) -> Told | None:
    """The event of a look that ended well: a new artifact, or the recovery from a failure; None if neither.

    Args:
        title: the first line of the commit's message, or the revision when no commit was fetched.
    """
    artifact = Artifact.of(after)
    if artifact is None:
        return None
    had = Artifact.of(before)
    if had is None or had.digest != artifact.digest:
        reason = Reason.NEW_ARTIFACT
    elif any(get_condition(before, type_) for type_ in _FAILURES):
        reason = Reason.SUCCEEDED
    else:
        return None
    metadata = {event.META_REVISION: artifact.revision, event.META_DIGEST: artifact.digest}
    return Told(severity="info", reason=reason, message=f"stored artifact for commit '{title}'", metadata=metadata)
