"""From results to conditions, status fields and events: Flux's words in Flux's order, as functions of values.

Source: kustomize-controller `kustomization_controller.go`; what it writes only to say that nothing happened is left
out (docs/parity.md, "kustomize-controller").
"""

import copy
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal

from fluvial.api import Artifact, Kustomization, Reason, event, names
from fluvial.api.history import Snapshot, upsert_history
from fluvial.api.inventory import write_inventory
from fluvial.gotext import format_duration
from fluvial.objects import Object, Ref, annotations, condition_is_true, delete_condition, dig, get_condition
from fluvial.objects import set_condition as put_condition

IN_PROGRESS: Final = "Reconciliation in progress"
TERMINAL: Final = "Reconciliation failed terminally due to configuration error"
Severity = Literal["info", "error"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """An event to be recorded."""

    severity: Severity
    message: str
    reason: str = ""  # "" = the Ready reason at that time
    revision: str = ""
    origin: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)

    def details(self) -> dict[str, str]:
        """Metadata with the revisions in it."""
        out = dict(self.metadata)
        if self.revision:
            out[event.META_REVISION] = self.revision
        if self.origin:
            out[event.META_ORIGIN_REVISION] = self.origin
        return out


class Draft:
    """A Kustomization whose status is being written; what it was made from stays as it is."""

    def __init__(self, obj: Object, now: datetime) -> None:
        self.obj: Object = {**obj, "metadata": copy.deepcopy(obj.get("metadata") or {})}
        self.obj["status"] = copy.deepcopy(obj.get("status") or {})
        self._now = now

    @property
    def status(self) -> dict[str, Any]:
        status: dict[str, Any] = self.obj["status"]
        return status

    def mark(self, type_: str, status: str, reason: str, message: str) -> None:
        put_condition(self.obj, type_, status, reason, message, now=self._now)

    def drop(self, type_: str) -> None:
        delete_condition(self.obj, type_)

    # -- the steps of a run

    def progressing(self, message: str) -> None:
        """A run that will apply or wait begins, or goes on."""
        self.mark(names.READY, "Unknown", Reason.PROGRESSING, IN_PROGRESS)
        self.mark(names.RECONCILING, "True", Reason.PROGRESSING, message)

    def checking_health(self, message: str) -> None:
        """The wait for health begins."""
        self.mark(names.READY, "Unknown", Reason.PROGRESSING, IN_PROGRESS)
        self.mark(names.RECONCILING, "True", Reason.PROGRESSING, message)
        self.mark(names.HEALTHY, "Unknown", Reason.PROGRESSING, message)

    def failed(self, reason: str, message: str) -> None:
        """The run failed and will be retried."""
        self.mark(names.READY, "False", reason, message)
        if reason == Reason.HEALTH_CHECK_FAILED:
            self.mark(names.HEALTHY, "False", reason, message)
        reconciling = get_condition(self.obj, names.RECONCILING)
        if reconciling is not None:
            self.mark(names.RECONCILING, "True", Reason.PROGRESSING_WITH_RETRY, str(reconciling.get("message", "")))

    def stalled(self, reason: str, message: str, *, observed: bool) -> None:
        """Only a change of the object helps.

        Args:
            observed: advance observedGeneration, as Flux does for some of these reasons.
        """
        self.mark(names.READY, "False", reason, message)
        self.mark(names.STALLED, "True", reason, message)
        if observed:
            self.status["observedGeneration"] = dig(self.obj, "metadata", "generation", default=0)

    def succeeded(self, artifact: Artifact) -> None:
        """What the artifact holds is applied, pruned and healthy."""
        self.status["lastAppliedRevision"] = artifact.revision
        self._put("lastAppliedOriginRevision", artifact.origin_revision)
        self.attempted(artifact.revision)
        self.mark(names.READY, "True", Reason.RECONCILIATION_SUCCEEDED, f"Applied revision: {artifact.revision}")
        self.drop(names.RECONCILING)
        self.drop(names.STALLED)
        self.status["observedGeneration"] = dig(self.obj, "metadata", "generation", default=0)

    def observed_if_ready(self) -> None:
        """Flux's last step of every look: an object that is Ready is not being reconciled any more."""
        if condition_is_true(self.obj, names.READY):
            self.drop(names.RECONCILING)
            self.status["observedGeneration"] = dig(self.obj, "metadata", "generation", default=0)

    def attempted(self, revision: str) -> None:
        self.status["lastAttemptedRevision"] = revision

    def healthy(self, message: str | None) -> None:
        """Health was checked with this result; None: there is nothing to check."""
        if message is None:
            self.drop(names.HEALTHY)
        else:
            self.mark(names.HEALTHY, "True", Reason.SUCCEEDED, message)

    def inventory(self, refs: Iterable[Ref]) -> None:
        self.status["inventory"] = write_inventory(refs)

    def record(self, digest: str, started: float, ended: float, reason: str, artifact: Artifact) -> None:
        """Put the outcome into the history; `started` and `ended` are loop times."""
        metadata = {event.META_REVISION: artifact.revision}
        if artifact.origin_revision:
            metadata[event.META_ORIGIN_REVISION] = artifact.origin_revision
        snapshot = Snapshot(
            digest=digest, at=self._now, duration=round(ended - started, 6), status=reason, metadata=metadata
        )
        self.status["history"] = upsert_history(self.status.get("history") or [], snapshot)

    def handled(self) -> None:
        """The request annotation of this moment counts as served."""
        requested = annotations(self.obj).get(names.REQUESTED_AT)
        if requested is not None:
            self.status["lastHandledReconcileAt"] = requested

    def _put(self, key: str, value: str) -> None:
        if value:
            self.status[key] = value
        else:
            self.status.pop(key, None)


def ready_reason(obj: Object) -> str:
    """The reason of the Ready condition, or ""."""
    condition = get_condition(obj, names.READY)
    return str(condition.get("reason", "")) if condition is not None else ""


def ready_message(obj: Object) -> str:
    """The message of the Ready condition, or ""."""
    condition = get_condition(obj, names.READY)
    return str(condition.get("message", "")) if condition is not None else ""


def is_ready(obj: Object) -> bool:
    return condition_is_true(obj, names.READY)


def request_of(obj: Object) -> str:
    """The value of the request annotation, or ""."""
    return annotations(obj).get(names.REQUESTED_AT, "")


def handled_request(obj: Object) -> bool:
    """Whether the request annotation, if there is one, was served already."""
    requested = annotations(obj).get(names.REQUESTED_AT)
    return requested is None or requested == dig(obj, "status", "lastHandledReconcileAt", default="")


def wants_full(obj: Object) -> bool:
    """Whether an unserved request asks for the full comparison."""
    asked = annotations(obj)
    return not handled_request(obj) and asked.get(names.FULL_AT) == asked.get(names.REQUESTED_AT)


# -- Flux's sentences


def timed(what: str, ks: Kustomization, revision: str) -> str:
    """As "Building manifests for revision main@sha1:… with a timeout of 9m30s"."""
    return f"{what} for revision {revision} with a timeout of {format_duration(ks.timeout)}"


def finished(seconds: float, ks: Kustomization, artifact: Artifact) -> Told:
    """The event of every run that ended well; only Git and generic providers show it."""
    took = format_duration(round(seconds, 6))
    return Told(
        severity="info",
        message=f"Reconciliation finished in {took}, next run in {format_duration(ks.interval)}",
        revision=artifact.revision,
        origin=artifact.origin_revision,
        metadata={event.META_COMMIT_STATUS: event.META_COMMIT_STATUS_UPDATE},
    )


def source_not_found(ks: Kustomization) -> str:
    """The API server's words for a missing source, which Flux puts into the condition."""
    plural = {
        names.GIT_REPOSITORY: "gitrepositories",
        names.OCI_REPOSITORY: "ocirepositories",
        names.BUCKET: "buckets",
        names.EXTERNAL_ARTIFACT: "externalartifacts",
    }.get(ks.source.kind, ks.source.kind.lower() + "s")
    return f'{plural}.{names.SOURCE_GROUP} "{ks.source.name}" not found'


def access_denied(ks: Kustomization) -> str:
    source = ks.source
    return (
        f"can't access '{source.kind}/{source.namespace}/{source.name}', cross-namespace references have been blocked"
    )


def gate_disabled(ks: Kustomization) -> str:
    source = ks.source
    return f"can't access '{source.kind}/{source.namespace}/{source.name}', ExternalArtifact feature gate is disabled"


def unsupported(fields: Iterable[str]) -> str:
    return ", ".join(f"{field} is not supported yet" for field in fields)
