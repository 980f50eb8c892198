"""Examining objects before anything is written: one dry-run each, and a read only where the dry-run left a question.

Source: fluxcd/pkg `ssa/manager_apply.go`, its requests put in another order: there every object is read first.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from fluvial.apply.changes import Action
from fluvial.apply.cluster import Cluster, each
from fluvial.apply.compare import Desired, Difference, by_metadata, whole
from fluvial.apply.errors import dry_run_text, is_denied, is_passing
from fluvial.apply.immutable import may_recreate, refused_as_immutable, says_immutable
from fluvial.apply.masking import masked_text
from fluvial.apply.ownership import CLEANED_ANNOTATIONS, CLEANED_LABELS, Live, digest_of
from fluvial.apply.switches import created_only, left_alone, merged
from fluvial.apply.undeclared import is_built_in, undeclared_fields, without_fields
from fluvial.kube import ApiError, Applied, KubeError
from fluvial.managedfields import metadata_removal, take_over
from fluvial.objects import Object, Ref, dig
from fluvial.runtime import patiently

# From so many unknown objects of one kind and namespace on, one list of metadata is cheaper than a read each.
_LIST_FROM: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the Kustomization asks for.

    Args:
        force: recreate any object whose change is refused as immutable (`spec.force`).
    """

    force: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What is to be done with one object, or why it cannot be.

    Args:
        live: what is known of the live object, None when there is none.
        takeover: JSON patch to be sent before the apply.
        recreate: delete it first.
        dropped: fields that were left out, since the kind does not have them.
        problem: Flux's text; everything else is void then. `denied`: it is for want of rights.
            `passing`: the server was away or busy.
    """

    ref: Ref
    desired: Object
    action: Action = Action.UNKNOWN
    live: Live | None = None
    takeover: tuple[Object, ...] = ()
    recreate: bool = False
    dropped: tuple[str, ...] = ()
    problem: str = ""
    denied: bool = False
    passing: bool = False

    @property
    def writes(self) -> bool:
        return self.action.changed


@dataclass(frozen=True, slots=True)
class _Answer:
    """The dry-run of one object.

    Args:
        live: what is known of the live object.
        raw: the object as it was read, with `whole` False its metadata alone.
    """

    ref: Ref
    desired: Object
    live: Live | None
    raw: Object | None = None
    whole: bool = False
    dry: Object | None = None
    created: bool = False
    error: KubeError | None = None
    dropped: tuple[str, ...] = ()
    settled: Finding | None = None

    @property
    def open(self) -> bool:
        """Whether the live object has to be looked at, and nobody knows it."""
        return self.settled is None and self.live is None and not self.created


async def examine(cluster: Cluster, objects: Sequence[Object], options: Options) -> list[Finding]:
    """Find out what an apply of each of `objects` would do; nothing is written (but see `Cluster.migrate`)."""
    answers = await each(objects, lambda obj: _ask(cluster, obj), cluster.limit)
    answers = await _look_up(cluster, answers)
    return await each(answers, lambda answer: _conclude(cluster, answer, options), cluster.limit)


async def _ask(cluster: Cluster, desired: Object) -> _Answer:
    ref = Ref.of(desired)
    if left_alone(desired):
        return _Answer(ref, desired, None, settled=Finding(ref=ref, desired=desired, action=Action.SKIPPED))
    live, raw = cluster.known(ref), None
    try:
        if live is None and (created_only(desired) or cluster.migrate):
            raw = await _read(cluster, ref, metadata_only=True)
            live = None if raw is None else cluster.live(raw)
        if _skips(desired, live):
            return _Answer(ref, desired, live, settled=_skipped(ref, desired, live))
        if cluster.migrate and live is not None and _is_outdated(live):
            live, raw = await _migrate(cluster, ref), None
        dry, dropped, desired = await _dry_run(cluster, ref, desired)
    except KubeError as error:
        return _Answer(ref, desired, live, raw, error=error)
    return _Answer(ref, desired, live, raw, dry=dry.object, created=dry.created, dropped=dropped)


async def _dry_run(cluster: Cluster, ref: Ref, desired: Object) -> tuple[Applied, tuple[str, ...], Object]:
    """The dry-run, the fields that had to be left out for it, and the manifest without them."""

    async def ask(obj: Object) -> Applied:
        return await patiently(
            lambda: cluster.client.apply(obj, field_manager=cluster.manager, force=True, dry_run=True)
        )

    try:
        return await ask(desired), (), desired
    except ApiError as error:
        fields = undeclared_fields(error) if is_built_in(ref) else []
        reduced = without_fields(desired, fields) if fields else None
        if reduced is None:
            raise
        return await ask(reduced), tuple(fields), reduced


def _skips(desired: Object, live: Live | None) -> bool:
    return live is not None and (left_alone(live) or created_only(desired))


def _skipped(ref: Ref, desired: Object, live: Live | None) -> Finding:
    return Finding(ref=ref, desired=desired, action=Action.SKIPPED, live=live)


async def _read(cluster: Cluster, ref: Ref, *, metadata_only: bool) -> Object | None:
    return await patiently(
        lambda: cluster.client.get(ref.api_version, ref.kind, ref.namespace, ref.name, metadata_only=metadata_only)
    )


def _is_outdated(live: Live) -> bool:
    return any(mark.api_version != live.ref.api_version for mark in live.marks)


async def _migrate(cluster: Cluster, ref: Ref) -> Live | None:
    """Rewrite the entries of other API versions, so that a field defaulted in a newer version cannot fail the apply.

    Done before the dry-run, which would fail, so this is the one write that a failed preflight may leave behind.
    """
    live = await _read(cluster, ref, metadata_only=True)
    if live is None:
        return None
    entries = [{**entry, "apiVersion": ref.api_version} for entry in dig(live, "metadata", "managedFields", default=[])]
    patch = [{"op": "replace", "path": "/metadata/managedFields", "value": entries}, _same_version(live)]
    cluster.gate()
    return cluster.live(await cluster.client.patch(ref, patch, kind="json", field_manager=cluster.manager))


def _same_version(live: Object) -> Object:
    """The operation that makes a JSON patch fail with 409 when the object is no longer the one that was read."""
    version = dig(live, "metadata", "resourceVersion", default="")
    return {"op": "replace", "path": "/metadata/resourceVersion", "value": version}


# -- looking at live objects that no cache knows


async def _look_up(cluster: Cluster, answers: list[_Answer]) -> list[_Answer]:
    groups: dict[tuple[str, str, str], list[_Answer]] = defaultdict(list)
    for answer in answers:
        if answer.open:
            groups[answer.ref.api_version, answer.ref.kind, answer.ref.namespace].append(answer)
    found: dict[Ref, _Answer] = {}
    for group in groups.values():
        found.update({answer.ref: answer for answer in await _look_up_group(cluster, group)})
    return [found.get(answer.ref, answer) for answer in answers]


async def _look_up_group(cluster: Cluster, group: Sequence[_Answer]) -> list[_Answer]:
    if len(group) >= _LIST_FROM:
        listed = await _listed(cluster, group[0].ref)
        if listed is not None:
            return [_looked_up(cluster, answer, listed.get(answer.ref), whole=False) for answer in group]

    async def read(answer: _Answer) -> _Answer:
        try:
            return _looked_up(cluster, answer, await _read(cluster, answer.ref, metadata_only=False), whole=True)
        except KubeError:
            return answer  # the refused dry-run, if there was one, is what the user is told

    return await each(group, read, cluster.limit)


def _looked_up(cluster: Cluster, answer: _Answer, raw: Object | None, *, whole: bool) -> _Answer:
    return answer if raw is None else replace(answer, raw=raw, whole=whole, live=cluster.live(raw))


async def _listed(cluster: Cluster, ref: Ref) -> dict[Ref, Object] | None:
    try:
        found = await patiently(
            lambda: cluster.client.list(ref.api_version, ref.kind, ref.namespace or None, metadata_only=True)
        )
    except KubeError:
        return None  # an identity that may read objects need not be one that may list them
    return {Ref.of(obj): obj for obj in found.items}


# -- the conclusion


async def _conclude(cluster: Cluster, answer: _Answer, options: Options) -> Finding:
    if answer.settled is not None:
        return answer.settled
    if _skips(answer.desired, answer.live):
        return _skipped(answer.ref, answer.desired, answer.live)
    if answer.error is not None:
        return await _refused(cluster, answer, answer.error, options)
    if answer.created or answer.dry is None:
        ref = Ref.of(answer.dry or answer.desired)
        return Finding(ref=ref, desired=answer.desired, action=Action.CREATED, dropped=answer.dropped)
    try:
        return replace(await _existing(cluster, answer, answer.dry), dropped=answer.dropped)
    except (KubeError, ValueError) as error:
        text = cluster.clean(masked_text(str(error), answer.desired))
        problem = f"{answer.ref} {text}"
        denied, passing = is_denied(error), is_passing(error)
        return Finding(ref=answer.ref, desired=answer.desired, problem=problem, denied=denied, passing=passing)


async def _existing(cluster: Cluster, answer: _Answer, dry: Object) -> Finding:
    ref, desired, live, raw = answer.ref, answer.desired, answer.live, answer.raw
    difference = Difference.UNSURE
    if live is not None:
        difference = by_metadata(
            live, cluster.live(dry), desired=_desired(cluster, ref, desired, live), now=cluster.clock.now()
        )
    if difference is Difference.UNSURE or live is None:
        if (
            raw is None
            or not answer.whole
            or dig(raw, "metadata", "resourceVersion") != cluster.live(dry).resource_version
        ):
            raw = await _read(cluster, ref, metadata_only=False)
        if raw is None:  # deleted between two requests: the apply creates it
            return Finding(ref=ref, desired=desired, action=Action.CREATED)
        live = cluster.live(raw)
        if _skips(desired, live):
            return _skipped(ref, desired, live)
        difference = Difference.SOME if whole(raw, dry) else Difference.NONE
    takeover: list[Object] = []
    if needs_takeover(desired, live):
        raw = raw or await _read(cluster, ref, metadata_only=True)
        takeover = takeover_patch(cluster, desired, raw) if raw is not None else []
    changed = difference is Difference.SOME or bool(takeover)
    action = Action.CONFIGURED if changed else Action.UNCHANGED
    return Finding(ref=Ref.of(dry), desired=desired, action=action, live=live, takeover=tuple(takeover))


def _desired(cluster: Cluster, ref: Ref, desired: Object, live: Live) -> Desired:
    record = cluster.records.get(ref)
    if record is None or record.live.ours != live.ours or record.live.uid != live.uid:
        return Desired.UNKNOWN
    return Desired.SAME if record.payload == digest_of(desired) else Desired.CHANGED


def needs_takeover(desired: Object, live: Live) -> bool:
    """Whether others' fields, or what they left on the object, are to become ours."""
    if merged(desired) or merged(live):
        return False
    left = any(key in live.labels for key in CLEANED_LABELS) or any(
        key in live.annotations for key in CLEANED_ANNOTATIONS
    )
    return left or bool(live.foreign)


def takeover_patch(cluster: Cluster, desired: Object, raw: Object) -> list[Object]:
    """The JSON patch that takes over; empty for nothing to do. It fails with 409 when `raw` is out of date."""
    if not needs_takeover(desired, cluster.live(raw)):
        return []
    patch = metadata_removal(raw, labels=CLEANED_LABELS, annotations=CLEANED_ANNOTATIONS)
    patch += take_over(raw, cluster.matches, manager=cluster.manager)
    return [*patch, _same_version(raw)] if patch else []


async def _refused(cluster: Cluster, answer: _Answer, error: KubeError, options: Options) -> Finding:
    ref, desired, live = answer.ref, answer.desired, answer.live
    problem = dry_run_text(ref, error, cluster.clean(masked_text(str(error), desired)))
    takeover = await _takeover_before(cluster, answer, error)
    if takeover:
        return Finding(ref=ref, desired=desired, action=Action.CONFIGURED, live=live, takeover=tuple(takeover))
    if live is not None and isinstance(error, ApiError) and refused_as_immutable(error):
        allowed, why = may_recreate(desired, live, force=options.force)
        if allowed and await _would_be_accepted(cluster, desired):
            return Finding(ref=ref, desired=desired, action=Action.CREATED, live=live, recreate=True)
        problem += why
    denied, passing = is_denied(error), is_passing(error)
    return Finding(ref=ref, desired=desired, live=live, problem=problem, denied=denied, passing=passing)


async def _takeover_before(cluster: Cluster, answer: _Answer, error: KubeError) -> list[Object]:
    """The take-over that has to come before an apply that is refused only for the sake of others' fields.

    A key of a list that kubectl changed, such as a Service's port, is one item more, which the server calls a
    duplicate: only when the fields are ours does the apply remove it. Whether it works is seen when it is done.
    """
    live, raw = answer.live, answer.raw
    if live is None or not (isinstance(error, ApiError) and error.is_invalid) or says_immutable(error):
        return []
    if not needs_takeover(answer.desired, live) or not await _would_be_accepted(cluster, answer.desired):
        return []
    raw = raw or await _read(cluster, answer.ref, metadata_only=True)
    return takeover_patch(cluster, answer.desired, raw) if raw is not None else []


async def _would_be_accepted(cluster: Cluster, desired: Object) -> bool:
    """Rehearse the creation under another name, so that no object is deleted for one that the server would refuse."""
    ref = Ref.of(desired)
    if ref.group == "" and ref.kind == "Service":
        return True  # its addresses and node ports are still held by the object that would go
    metadata = {**desired["metadata"], "name": f"{ref.name[:200]}-rehearsal"}
    try:
        await cluster.client.create({**desired, "metadata": metadata}, dry_run=True, field_manager=cluster.manager)
    except ApiError as error:
        return not error.is_invalid
    return True


def problems_of(findings: Iterable[Finding]) -> list[str]:
    """The texts of all findings that have a problem."""
    return [finding.problem for finding in findings if finding.problem]
