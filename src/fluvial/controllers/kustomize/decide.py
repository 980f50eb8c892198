"""Decisions, as functions of what was observed; the tests are rows. What counts as drift is decided in `drift`.

Order of the first decision and texts: kustomize-controller `Reconcile`. What is ours is said where it stands.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

from fluvial.api import Artifact, Kustomization, Reason, names
from fluvial.apply import Live, digest_of, owns_all, unpacked
from fluvial.controllers.kustomize import report
from fluvial.controllers.kustomize.observe import Observation, SourceState
from fluvial.gotext import format_duration
from fluvial.objects import GroupKind, Object, Ref, annotations, condition_is_true, dig, get_condition, labels
from fluvial.runtime import Key

FULL_COMPARE_INTERVALS: Final = 10
FULL_COMPARE_LEAST: Final = 3600.0  # seconds
GUARDED_FROM: Final = 10  # objects; a smaller inventory may lose more than half


class Kind(Enum):
    """What to do first."""

    FORGET = "forget"  # it is gone
    FINALIZE = "finalize"  # it is being deleted
    ADOPT = "adopt"  # it has no finalizer yet
    SUSPENDED = "suspended"
    STALL = "stall"  # only a change of the object helps
    DELAY = "delay"  # something it needs is not there yet
    BLOCKED = "blocked"  # a dependency is not ready
    PROCEED = "proceed"


@dataclass(frozen=True, slots=True, kw_only=True)
class First:
    """The first decision.

    Args:
        after: seconds until the next look, where one is due by time.
        observed: observedGeneration advances although nothing was applied.
        told: severity of the event, or "" for none.
    """

    kind: Kind
    reason: str = ""
    message: str = ""
    after: float | None = None
    observed: bool = False
    told: str = ""


def first(seen: Observation, *, requeue_dependency: float) -> First:
    """Decide what to do before anything is fetched."""
    if seen.obj is None:
        return First(kind=Kind.FORGET)
    deleted = dig(seen.obj, "metadata", "deletionTimestamp") is not None
    if deleted:
        return First(kind=Kind.FINALIZE)
    if seen.ks is None:
        return First(kind=Kind.STALL, reason=Reason.INVALID_SPEC, message=seen.invalid, observed=True, told="error")
    if names.FINALIZER not in dig(seen.obj, "metadata", "finalizers", default=[]):
        return First(kind=Kind.ADOPT)
    if seen.ks.suspend:
        return First(kind=Kind.SUSPENDED)
    if seen.unsupported:
        text = report.unsupported(seen.unsupported)
        return First(kind=Kind.STALL, reason=Reason.UNSUPPORTED, message=text, observed=True, told="error")
    return _source(seen, seen.ks, requeue_dependency) or _dependencies(seen, seen.ks, requeue_dependency)


def _source(seen: Observation, ks: Kustomization, requeue_dependency: float) -> First | None:
    match seen.source:
        case SourceState.DENIED | SourceState.GATED:
            text = report.access_denied(ks) if seen.source is SourceState.DENIED else report.gate_disabled(ks)
            return First(kind=Kind.STALL, reason=Reason.ACCESS_DENIED, message=text, told="error")
        case SourceState.MISSING:
            text = report.source_not_found(ks)
            return First(kind=Kind.DELAY, reason=Reason.ARTIFACT_FAILED, message=text, after=ks.retry_interval)
        case SourceState.NO_ARTIFACT:
            text = f"Source artifact not found, retrying in {format_duration(requeue_dependency)}"
            return First(kind=Kind.DELAY, reason=Reason.ARTIFACT_FAILED, message=text, after=requeue_dependency)
    return None


def _dependencies(seen: Observation, ks: Kustomization, requeue_dependency: float) -> First:
    assert seen.artifact is not None
    for dependency, found in seen.dependencies:
        problem = dependency_problem(ks, seen.artifact, str(dependency), found)
        if problem:
            return First(
                kind=Kind.BLOCKED,
                reason=Reason.DEPENDENCY_NOT_READY,
                message=problem,
                after=requeue_dependency,
                told="info",
            )
    return First(kind=Kind.PROCEED)


def dependency_problem(ks: Kustomization, artifact: Artifact, name: str, found: Object | None) -> str:
    """Why the dependency `name` keeps `ks` waiting, in Flux's words; "" when it does not."""
    if found is None:
        plain = name.rpartition("/")[2]
        return f"dependency '{name}' not found: kustomizations.{names.KUSTOMIZE_GROUP} \"{plain}\" not found"
    observed = dig(found, "status", "observedGeneration", default=0) == dig(found, "metadata", "generation")
    if not dig(found, "status", "conditions", default=[]) or not observed:
        return f"dependency '{name}' is not ready"
    if not condition_is_true(found, names.READY):
        return f"dependency '{name}' is not ready"
    source = dig(found, "spec", "sourceRef", default={})
    namespace = source.get("namespace") or dig(found, "metadata", "namespace", default="")
    same = (source.get("kind"), source.get("name"), namespace) == (ks.source.kind, ks.source.name, ks.source.namespace)
    if same and dig(found, "status", "lastAppliedRevision", default="") != artifact.revision:
        return f"dependency '{name}' revision is not up to date"
    return ""


# -- what has to be sent


def settled_by_record(
    payloads: Mapping[Ref, str], records: Mapping[Ref, str], in_order: Collection[Ref]
) -> frozenset[Ref]:
    """Objects that need no request: the manifest is what we applied, and the watch shows nothing against it.

    Args:
        payloads: digest of each manifest of the plan.
        records: digest of each manifest as it was applied last.
        in_order: objects about which the watch is quiet.
    """
    return frozenset(ref for ref, payload in payloads.items() if records.get(ref) == payload and ref in in_order)


def proven(desired: Object, live: Live | None, owner_labels: Mapping[str, str]) -> bool:
    """Whether an object that another process applied, from an equal build, is as that process left it.

    The build's digest proves the values; this proves that nobody has taken one of them over since.
    """
    if live is None or live.deleting or live.foreign or live.ours is None:
        return False
    if any(live.labels.get(key) != value for key, value in (*owner_labels.items(), *labels(desired).items())):
        return False
    if any(live.annotations.get(key) != value for key, value in annotations(desired).items()):
        return False
    return owns_all(unpacked(live.our_fields), desired)


def was_applied(obj: Object, digest: str) -> bool:
    """Whether status says that manifests of this digest were the last to be applied, and well.

    A run that was cut off proves nothing: it may have taken over fields that hold somebody else's values.
    """
    history = dig(obj, "status", "history", default=[])
    return bool(
        history
        and get_condition(obj, names.RECONCILING) is None
        and history[0].get("digest") == digest
        and history[0].get("lastReconciledStatus") == Reason.RECONCILIATION_SUCCEEDED
    )


def is_tick(obj: Object, ks: Kustomization, artifact: Artifact, *, is_due: bool) -> bool:
    """Whether this look is one that Flux would have too, so that what was left until then is corrected."""
    return (
        is_due
        or ks.generation != ks.observed_generation
        or ks.last_applied_revision != artifact.revision
        or not report.handled_request(obj)
    )


def compare_is_due(*, compared: float | None, not_before: float, now: float, doubt: str, tick: bool) -> bool:
    """Whether every object is to be compared by dry-run, whatever the watches say."""
    if doubt and tick:
        return True
    return compared is not None and now >= not_before and tick


def next_compare(now: float, interval: float) -> float:
    """The loop time from which the next full comparison is due; the caller spreads it."""
    return now + max(FULL_COMPARE_INTERVALS * interval, FULL_COMPARE_LEAST)


# -- prune


def may_claim(obj: Object, key: Key, dependents: Callable[[Key], Sequence[Key]]) -> bool:
    """Whether a Kustomization that is behind may soon take over objects of `key`; not one that waits for `key`."""
    if dig(obj, "spec", "suspend", default=False) or dig(obj, "metadata", "deletionTimestamp") is not None:
        return False
    if condition_is_true(obj, names.STALLED):
        return False
    waiting = {key}
    todo = [key]
    while todo:
        for each in dependents(todo.pop()):
            if each not in waiting:
                waiting.add(each)
                todo.append(each)
    metadata = obj.get("metadata") or {}
    return Key(metadata.get("namespace") or "", metadata.get("name") or "") not in waiting


def prune_problem(
    obj: Object, *, built: int, inventory: Sequence[Ref], stale: Sequence[Ref], origin_changed: bool
) -> str:
    """Why a prune waits for consent, or "" (Flux prunes in both cases).

    Args:
        built: number of objects in the build.
        origin_changed: `sourceRef` or `path` differ from those of the last run that went well, or may.
    """
    if not stale or annotations(obj).get(names.ALLOW_PRUNE) == "true":
        return ""
    consent = f'annotate the Kustomization with {names.ALLOW_PRUNE}: "true" if that is intended'
    if built == 0:
        return f"the build holds no objects and would delete all {len(stale)} of the inventory; {consent}"
    if origin_changed and len(inventory) >= GUARDED_FROM and built * 2 < len(inventory):
        return (
            f"sourceRef or path changed, the build holds {built} objects where the inventory has {len(inventory)}, "
            f"and {len(stale)} would be deleted; {consent}"
        )
    return ""


def origin_changed(obj: Object, origin: tuple[str, str] | None, ks: Kustomization) -> bool:
    """Whether `sourceRef` or `path` may differ from those of the last run that went well.

    Without a memory of it, any change of the spec that was not carried out yet may be such a change.
    """
    if origin is not None:
        return origin != (str(ks.source), ks.path)
    return ks.generation != ks.observed_generation


def strangers(refs: Iterable[Ref], owned: Iterable[Ref], inventory: Sequence[Ref]) -> list[Ref]:
    """Live objects with our owner labels that an empty inventory does not name, and that are not rendered."""
    if inventory:
        return []
    rendered = set(refs)
    return sorted(ref for ref in owned if ref not in rendered)


# -- health


def health_refs(
    ks: Kustomization, applied: Sequence[Ref], skipped: Collection[Ref], namespaced: Mapping[GroupKind, bool]
) -> list[Ref]:
    """What is waited for: all that was applied with `wait`, else the `healthChecks`; never ourselves."""
    if ks.wait:
        found = [ref for ref in applied if ref not in skipped]
    else:
        found = [_placed(ref, ks, namespaced) for ref in ks.health_checks]
    ourselves = (names.KUSTOMIZATION, ks.ref.namespace, ks.ref.name)
    return [ref for ref in found if (ref.kind, ref.namespace, ref.name) != ourselves]


def _placed(ref: Ref, ks: Kustomization, namespaced: Mapping[GroupKind, bool]) -> Ref:
    if ref.namespace or not namespaced.get(ref.group_kind, True):
        return ref
    return Ref(ref.group, ref.version, ref.kind, ks.ref.namespace, ref.name)


def ttl_jobs(objects: Iterable[Object]) -> frozenset[Ref]:
    """Jobs that the server deletes once they are finished."""
    return frozenset(
        Ref.of(obj)
        for obj in objects
        if obj.get("kind") == "Job"
        and str(obj.get("apiVersion", "")).startswith("batch/")
        and dig(obj, "spec", "ttlSecondsAfterFinished") is not None
    )


def payloads_of(objects: Iterable[Object]) -> dict[Ref, str]:
    """Digest of each manifest."""
    return {Ref.of(obj): digest_of(obj) for obj in objects}
