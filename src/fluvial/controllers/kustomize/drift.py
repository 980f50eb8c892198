"""What a change of a managed object means, as a function of values.

The first row that fits answers; with `--drift=interval`, what it would correct is left too. The tests are the rows of
`test_the_table` in `tests/controllers_kustomize/test_drift.py`. "Taken-over managers" are those of
`fluvial.apply.taken_over`: kubectl, before-first-apply, our own updates, and each `--override-manager`. They are
corrected however often they write, unless the object is to be merged (`ssa: Merge`).

| what is seen | answer |
|---|---|
| no record, suspended, being deleted, opted out | ignore |
| our entry, taken-over managers, applied labels and annotations as recorded | noise |
| gone, or left the watch | correct: the dry-run finds out which; created once only (`IfNotPresent`): leave |
| owner labels name another Kustomization that has it in its inventory | leave until the interval |
| another uid, or an entry of a manager that Flux takes over came or changed | correct |
| a field lost to a write through the scale subresource | leave until the interval |
| the first overwrite of a field by another manager | correct |
| the same manager overwrites the same field within 10 minutes | leave, with one Warning |
| the same, and no entry tells who it was | correct, the sixth time leave; a deletion, the eleventh |
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from fluvial.api import names
from fluvial.apply import Live, Mark, Record, created_only, left_alone, merged, unpacked
from fluvial.controllers.kustomize.memory import Overwrite
from fluvial.objects import Object, Ref, annotations, labels

REPEAT_WINDOW: Final = 600.0  # seconds in which a second overwrite means that somebody insists
# A removed field leaves no entry behind, so it may have been a person at a keyboard more than once; but not for ever.
UNNAMED_CORRECTIONS: Final = 5
DELETIONS_CORRECTED: Final = 10


class Answer(Enum):
    """What to do about a change."""

    IGNORE = "ignore"  # not ours to judge
    NOISE = "noise"  # nothing that we applied was touched
    CORRECT = "correct"  # now
    LEAVE = "leave"  # until the next interval
    WARN = "warn"  # leave, and tell who insists on which field


@dataclass(frozen=True, slots=True)
class Judgement:
    """The answer, and whose overwrite of which field it is about."""

    answer: Answer
    overwrite: Overwrite | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What the table needs beside the object itself.

    Args:
        active: the Kustomization exists, is not suspended and not being deleted.
        desired: the manifest as we applied it.
        claimed: the owner labels on the object name another Kustomization that has it in its inventory.
        corrected: overwrites corrected earlier → loop times.
        now: loop time.
        watched: `--drift=watch`; else everything waits for the interval.
    """

    active: bool
    desired: Object | None
    claimed: bool
    corrected: Mapping[Overwrite, tuple[float, ...]]
    now: float
    watched: bool = True


def judge(record: Record | None, live: Live | None, context: Context) -> Judgement:
    """Judge the state of one object.

    Args:
        live: None when it is gone or left the watch.
    """
    verdict = _judge(record, live, context)
    if not context.watched and verdict.answer in (Answer.CORRECT, Answer.WARN):
        return Judgement(Answer.LEAVE)
    return verdict


def _judge(record: Record | None, live: Live | None, context: Context) -> Judgement:
    if record is None or context.desired is None or not context.active or left_alone(context.desired):
        return Judgement(Answer.IGNORE)
    if live is None:
        return _gone(record.live.ref, context)
    if created_only(context.desired) or left_alone(live) or live.deleting:
        return Judgement(Answer.IGNORE)
    if _in_order(record, live, context.desired):
        return Judgement(Answer.NOISE)
    if context.claimed:
        return Judgement(Answer.LEAVE)
    if live.uid != record.live.uid or not _same_foreign(record, live, context.desired):
        return Judgement(Answer.CORRECT)
    return _overwritten(record, live, context)


def _gone(ref: Ref, context: Context) -> Judgement:
    if context.desired is not None and created_only(context.desired):
        return Judgement(Answer.LEAVE)
    return _repeated(Overwrite(ref, "", ""), context, DELETIONS_CORRECTED)


def _in_order(record: Record, live: Live, desired: Object) -> bool:
    return (
        live.uid == record.live.uid
        and live.ours == record.live.ours
        and _same_foreign(record, live, desired)
        and _carries(live.labels, labels(desired))
        and _carries(live.annotations, annotations(desired))
    )


def _same_foreign(record: Record, live: Live, desired: Object) -> bool:
    """Whether nothing came that would be taken over; an object to be merged leaves all other managers alone."""
    return live.foreign == record.live.foreign or merged(desired) or merged(live)


def _carries(found: Mapping[str, str], wanted: Mapping[str, str]) -> bool:
    return all(found.get(key) == value for key, value in wanted.items() if key != names.LAST_APPLIED_ANNOTATION)


def _overwritten(record: Record, live: Live, context: Context) -> Judgement:
    field = first_difference(unpacked(record.live.our_fields), unpacked(live.our_fields))
    writers = changed_writers(live.others, record.live.others)
    if any(mark.subresource == "scale" for mark in writers):
        return Judgement(Answer.LEAVE)
    last = max(writers, key=lambda mark: mark.time, default=None)
    overwrite = Overwrite(live.ref, last.manager if last is not None else "", field)
    return _repeated(overwrite, context, 1 if overwrite.manager else UNNAMED_CORRECTIONS)


def _repeated(overwrite: Overwrite, context: Context, allowed: int) -> Judgement:
    recent = [at for at in context.corrected.get(overwrite, ()) if context.now - at < REPEAT_WINDOW]
    return Judgement(Answer.CORRECT if len(recent) < allowed else Answer.WARN, overwrite)


def changed_writers(now: Iterable[Mark], before: Iterable[Mark]) -> list[Mark]:
    """The entries that are new or changed, without those of status, which cannot hold a field of ours."""
    known = set(before)
    return [mark for mark in now if mark not in known and mark.subresource != "status"]


def first_difference(before: Any, now: Any) -> str:
    """The first path that `before` (a fieldsV1) has and `now` has not, as `.spec.replicas`; "" when none is lost."""
    if not isinstance(before, Mapping):
        return ""
    other = now if isinstance(now, Mapping) else {}
    for key in sorted(before):
        if key == ".":
            continue
        below = first_difference(before[key], other.get(key))
        if below or key not in other:
            return _shown(key) + below
    return ""


def _shown(element: str) -> str:
    kind, _, text = element.partition(":")
    return f".{text}" if kind == "f" else f"[{text}]"
