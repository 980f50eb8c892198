"""Carrying out one reconcile, in the order build → preflight → write-ahead inventory → apply → prune → health.

Source of the order and of what is told when: kustomize-controller `reconcile`; the write-ahead inventory and the
preflight over all stages are ours.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from fluvial.api import Artifact, Kustomization, Reason, names
from fluvial.api.inventory import MAX_INVENTORY_BYTES, inventory_size
from fluvial.apply import (
    Action,
    ChangeSet,
    Cluster,
    Options,
    PreflightFailed,
    PruneFailed,
    Record,
    StageFailed,
    carry_out,
    is_passing,
    preflight,
    prune,
)
from fluvial.artifacts import ArtifactError, ArtifactNotFound
from fluvial.build import BuildError, PathNotFound
from fluvial.controllers.kustomize import decide, report
from fluvial.controllers.kustomize.building import VariablesError, Versions, build_error_text, inputs_of
from fluvial.controllers.kustomize.fetching import SourceMoved, fetch_while_current
from fluvial.controllers.kustomize.healthwait import STATELESS
from fluvial.controllers.kustomize.judging import note_corrections, proven_records, sort_out
from fluvial.controllers.kustomize.memory import Memory
from fluvial.controllers.kustomize.report import Draft, Told
from fluvial.controllers.kustomize.target import Target, make_target, remembered
from fluvial.controllers.kustomize.world import World, owner_of
from fluvial.controllers.kustomize.writer import write_status
from fluvial.gotext import format_duration
from fluvial.kube import ApiError, KubeError
from fluvial.objects import GroupKind, Object, Ref, condition_is_true, get_condition
from fluvial.runtime import JobFailed, Key, WorkerDied
from fluvial.telemetry import Logger

CLAIM_SECONDS: Final = 10.0  # how long a prune waits for other Kustomizations of the same source
CLAIM_LOOK: Final = 0.25  # seconds between two looks at them
LOOKED_AT: Final = 20  # objects that are read one by one before a wait begins
SECONDS_PER_OBJECT: Final = 0.1
_SETTLE: Final = 10.0  # seconds to wait for the watches of an inventory's kinds; without them objects are dry-run


class Failure(Exception):
    """The run ends here, and is tried again.

    Args:
        after: seconds until then; None: the retry interval.
        quiet: no event, as for what is only not there yet.
        passing: the API server was away or busy: tried again with backoff, at the retry interval at the latest.
    """

    def __init__(
        self, reason: str, message: str, *, after: float | None = None, quiet: bool = False, passing: bool = False
    ) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.after = after
        self.quiet = quiet
        self.passing = passing


class Postponed(Exception):
    """The run goes on a little later: others have to say first which objects are theirs now, or the source moved."""


@dataclass(slots=True, kw_only=True)
class Run:
    """One reconcile under way.

    Args:
        obj: the Kustomization as it was last written; `draft` is what it is to become.
        started: loop time.
        tick: an interval is over.
        changes: what was applied, also by a run that failed afterwards.
    """

    world: World
    key: Key
    ks: Kustomization
    memory: Memory
    artifact: Artifact
    log: Logger
    obj: Object
    draft: Draft
    cluster: Cluster
    started: float
    tick: bool
    target: Target | None = None
    changes: ChangeSet = field(default_factory=ChangeSet)

    async def save(self) -> None:
        """Write the draft; nothing is sent when nothing changed."""
        self.obj = await write_status(self.world, self.memory, self.obj, self.draft.obj)
        self.draft = Draft(self.obj, self.world.deps.clock.now())

    async def progress(self, what: str) -> None:
        """Show what is being done; once a run, since the next step is some milliseconds away."""
        ready = get_condition(self.draft.obj, names.READY) or {}
        if (ready.get("status"), ready.get("reason")) != ("Unknown", Reason.PROGRESSING):
            self.draft.progressing(report.timed(what, self.ks, self.artifact.revision))
            await self.save()

    def tell(self, message: str, severity: report.Severity = "info", *, reason: str = "") -> None:
        """Record an event about this revision."""
        self.world.tell(
            self.obj,
            Told(
                severity=severity,
                message=message,
                reason=reason,
                revision=self.artifact.revision,
                origin=self.artifact.origin_revision,
            ),
        )


async def bring_about(run: Run) -> None:
    """Build, apply and prune. Health is left to be checked.

    Raises:
        Failure, Postponed
    """
    try:
        run.target = await _target(run)
        await _apply_in_time(run, run.target)
    except KubeError as error:
        if isinstance(error, ApiError) and (error.is_unauthorized or error.is_forbidden):
            run.memory.doubt = "an authorisation error"
        raise Failure(Reason.RECONCILIATION_FAILED, str(error), passing=is_passing(error)) from error


async def _apply_in_time(run: Run, target: Target) -> None:
    # Flux's timeout bounds the waits alone; many objects on a slow server are no reason to stop half way.
    limit = run.ks.timeout + SECONDS_PER_OBJECT * len(target.refs)
    try:
        async with asyncio.timeout(limit):
            await _apply(run, target)
    except TimeoutError:
        text = f"apply and prune took longer than {format_duration(limit)}"
        raise Failure(Reason.RECONCILIATION_FAILED, text) from None


# -- build


async def _target(run: Run) -> Target:
    memory, ks = run.memory, run.ks
    checks = [] if ks.wait else decide.health_refs(ks, (), (), await _namespaced(run))
    run.world.watches.follow(run.key, run.cluster.client, [*variable_refs(ks), *checks])
    versions = watched_versions(run.world, ks)
    if versions is not None and memory.inputs is not None:
        inputs = inputs_of(ks, run.artifact, versions, run.world.account(ks))
        if inputs == memory.inputs:
            return remembered(memory, inputs)
    if ks.generation != ks.observed_generation:
        await run.progress("Fetching manifests")
    try:
        tree = await fetch_while_current(run.world, ks, run.artifact)
    except SourceMoved:
        raise Postponed from None
    except ArtifactNotFound:
        wait = run.world.settings.requeue_dependency
        text = f"Source is not ready, artifact not found, retrying in {format_duration(wait)}"
        raise Failure(Reason.ARTIFACT_FAILED, text, after=wait, quiet=True) from None
    except ArtifactError as error:
        raise Failure(Reason.ARTIFACT_FAILED, str(error)) from error
    except (WorkerDied, JobFailed, MemoryError) as error:
        text = f"failed to extract archive: {str(error) or repr(error)}"
        raise Failure(Reason.ARTIFACT_FAILED, text) from error
    try:
        target = await make_target(run.world, run.cluster, memory, ks, run.artifact, tree)
    except PathNotFound as error:
        raise Failure(Reason.ARTIFACT_FAILED, str(error)) from error
    except BuildError as error:
        raise Failure(Reason.BUILD_FAILED, build_error_text(error)) from error
    except VariablesError as error:
        raise Failure(Reason.BUILD_FAILED, str(error)) from error
    except PreflightFailed as error:
        raise Failure(Reason.RECONCILIATION_FAILED, str(error)) from error
    for warning in target.warnings:
        run.tell(warning, "error", reason="SubstitutionChangedIdentity")
    return target


def variable_refs(ks: Kustomization) -> list[Ref]:
    """The objects of `substituteFrom`."""
    return [Ref("", "v1", each.kind, ks.ref.namespace, each.name) for each in ks.substitute_from]


def watched_versions(world: World, ks: Kustomization) -> Versions | None:
    """What the watches tell of the objects of `substituteFrom`; None where they don't."""
    key = Key(ks.ref.namespace, ks.ref.name)
    found: list[tuple[str, str, str]] = []
    for ref in variable_refs(ks):
        version = world.watches.version(key, ref)
        if version is None:
            return None
        if version != ("", ""):
            found.append((f"{ref.kind}/{ref.name}", *version))
    return tuple(found)


async def _namespaced(run: Run) -> dict[GroupKind, bool]:
    """Whether the kinds of `healthChecks` have namespaces."""
    found: dict[GroupKind, bool] = {}
    for ref in run.ks.health_checks:
        resource = await run.cluster.client.resource(ref.api_version, ref.kind)
        found[ref.group_kind] = resource.namespaced
    return found


def _remember_target(run: Run, target: Target) -> None:
    memory = run.memory
    memory.inputs, memory.build_key, memory.build_used = target.inputs, target.key, target.used
    memory.order, memory.digest = target.refs, target.digest
    memory.payloads = dict(target.payloads)
    memory.manifests = target.packed_manifests()
    kept = memory.records.keys() & target.payloads.keys()
    run.world.remember(run.key, memory, {ref: memory.records[ref] for ref in kept})
    memory.skipped = {ref: payload for ref, payload in memory.skipped.items() if ref in target.payloads}


# -- apply


async def _apply(run: Run, target: Target) -> None:
    world, memory, ks = run.world, run.memory, run.ks
    await _watch(run, target)
    first_look = not memory.records and not memory.order
    _remember_target(run, target)
    if first_look and decide.was_applied(run.obj, target.digest):
        _adopt(run, target)
    compare = report.wants_full(run.obj) or decide.compare_is_due(
        compared=memory.compared,
        not_before=memory.compare_after,
        now=world.now(),
        doubt=memory.doubt,
        tick=run.tick,
    )
    compare_all = compare or memory.compared is None
    doubt = memory.doubt
    if compare_all:
        memory.doubt = ""  # what comes up from here on is another doubt, and this comparison does not settle it
    try:
        await _bring_in_order(run, target, compare=compare)
    except BaseException:
        memory.doubt = memory.doubt or doubt
        raise
    if compare_all:
        memory.compared = world.now()
        memory.compare_after = decide.next_compare(world.now(), world.interval(ks.interval))


async def _bring_in_order(run: Run, target: Target, *, compare: bool) -> None:
    world, memory, ks = run.world, run.memory, run.ks
    sorted_out = sort_out(world, run.key, memory, target, compare=compare, tick=run.tick)
    stale = [ref for ref in ks.inventory if ref not in target.payloads]
    _tell_strangers(run, target)
    if sorted_out.todo:
        await _carry_out(run, target, sorted_out.todo)
        note_corrections(world, memory, sorted_out.overwrites)
    run.draft.attempted(run.artifact.revision)
    survivors = await _prune(run, target, stale) if stale else []
    run.draft.inventory([*target.refs, *survivors])


async def _watch(run: Run, target: Target) -> None:
    kinds = {ref.group_kind: ref.api_version for ref in (*run.ks.inventory, *target.refs)}
    run.world.watches.manage(run.key, sorted(kinds.items()))
    await run.world.watches.settle(kinds, _SETTLE)


def _adopt(run: Run, target: Target) -> None:
    """Take over what an earlier process, ours or Flux's, applied from equal manifests."""
    records = {}
    for ref in proven_records(run.world, run.memory, target, owner_of(run.ks).labels):
        live = run.world.watches.live(ref)
        if live is not None:
            records[ref] = Record(target.payloads[ref], live)
    run.world.remember(run.key, run.memory, records)


async def _carry_out(run: Run, target: Target, todo: frozenset[Ref]) -> None:
    world, ks, memory = run.world, run.ks, run.memory
    await run.progress("Detecting drift")
    options = Options(force=ks.force)
    resolved = await target.only(run.cluster, todo, world)
    try:
        checked = await preflight(run.cluster, resolved, options)
        if checked.writes:
            await _write_ahead(run, target)
        run.changes = await carry_out(run.cluster, checked, options)
    except PreflightFailed as error:
        memory.doubt = "an authorisation error" if error.denied else memory.doubt
        raise Failure(Reason.RECONCILIATION_FAILED, str(error), passing=error.passing) from error
    except StageFailed as error:
        memory.doubt = "an authorisation error" if error.denied else memory.doubt
        run.changes = error.changes
        _remember_changes(run, target)
        raise Failure(Reason.RECONCILIATION_FAILED, str(error), passing=error.passing) from error
    _remember_changes(run, target)
    log_output = run.changes.by_action() if world.settings.gate("GroupChangeLog") else run.changes.as_map()
    run.log.info("server-side apply completed", output=log_output, revision=run.artifact.revision)
    if applied := str(run.changes.changed):
        memory.changed = True
        run.tell(applied)
    clean = memory.redactor.clean
    dropped = [
        f"{change.ref} {clean(field)}" for change in run.changes for field in change.dropped if change.action.changed
    ]
    if dropped:
        run.tell("fields that these kinds do not have were left out:\n" + "\n".join(dropped), "error")


async def _write_ahead(run: Run, target: Target) -> None:
    """Name every planned object in the inventory before the first of them is written.

    The revision counts as attempted from here on, and not before: others then look at the inventory for what moved.
    """
    old = run.ks.inventory
    named = set(old)
    added = [ref for ref in target.refs if ref not in named]
    if not added:
        return
    union = [*old, *added]
    if inventory_size(union) > MAX_INVENTORY_BYTES:
        text = f"the inventory of {len(union)} objects would take more than {MAX_INVENTORY_BYTES} bytes of status"
        raise Failure(Reason.RECONCILIATION_FAILED, f"{text}; split the Kustomization")
    run.draft.inventory(union)
    run.draft.attempted(run.artifact.revision)
    await run.save()


def _remember_changes(run: Run, target: Target) -> None:
    memory = run.memory
    records = dict(memory.records)
    for change in run.changes:
        payload = target.payloads.get(change.ref)
        if payload is None:
            continue
        if change.action is Action.SKIPPED:
            records.pop(change.ref, None)
            memory.skipped[change.ref] = payload
        elif change.live is not None:
            memory.skipped.pop(change.ref, None)
            records[change.ref] = Record(payload, change.live)
    run.world.remember(run.key, memory, records)


def _tell_strangers(run: Run, target: Target) -> None:
    """Report live objects that carry our labels, when the inventory that would name them is lost."""
    if run.memory.compared is not None:
        return
    found = decide.strangers(target.refs, run.world.watches.owned(owner_of(run.ks)), run.ks.inventory)
    if found:
        listed = "\n".join(map(str, found))
        run.tell(f"{len(found)} objects carry our owner labels but are not in the manifests; they are left:\n{listed}")


# -- prune


async def _prune(run: Run, target: Target, stale: Sequence[Ref]) -> list[Ref]:
    """Delete `stale`; returns those that stay in the inventory, since another is about to take them over."""
    world, ks = run.world, run.ks
    if not ks.prune:
        return []  # as in Flux: they leave the inventory for good
    _let_others_claim(run, target, stale)
    if world.settings.prune_guard == "on":
        problem = decide.prune_problem(
            run.obj,
            built=len(target.refs),
            inventory=ks.inventory,
            stale=stale,
            origin_changed=decide.origin_changed(run.obj, run.memory.origin, ks),
        )
        if problem:
            run.draft.inventory([*target.refs, *stale])
            raise Failure(Reason.PRUNE_FAILED, problem)
    claimed = world.watches.claimed_by_others(run.key)
    planned = [ref for ref in stale if not claimed(ref) and world.is_planned_by_others(run.key, ref)]
    unwanted = [ref for ref in stale if ref not in frozenset(planned)]
    if not unwanted:
        return planned
    await run.progress("Pruning")
    try:
        pruned = await prune(run.cluster, unwanted, owner_of(ks), claimed=claimed)
    except PruneFailed as error:
        run.draft.inventory([*target.refs, *planned, *error.survivors])
        raise Failure(Reason.PRUNE_FAILED, str(error), passing=error.passing) from error
    run.memory.changed = True
    run.log.info(f"garbage collection completed: {pruned}", revision=run.artifact.revision)
    run.tell(str(pruned))
    return planned


def _let_others_claim(run: Run, target: Target, stale: Sequence[Ref]) -> None:
    """Wait for the other Kustomizations of this source to write their inventories, since an object may have moved.

    Raises:
        Postponed: some of them have not looked at this revision yet; not beyond a few seconds.
    """
    world, memory = run.world, run.memory
    if memory.prune_from is None:
        memory.prune_from = world.now() + CLAIM_SECONDS
    if world.now() >= memory.prune_from:
        return
    pending = world.watches.siblings_behind(run.key, run.artifact.revision)
    if not any(decide.may_claim(obj, run.key, world.watches.dependents) for obj in pending):
        return
    run.draft.inventory([*target.refs, *stale])
    raise Postponed


# -- health


async def health_to_check(run: Run) -> list[Ref]:
    """What has to become Current before the run has ended well, without what was and is untouched since.

    Raises:
        KubeError: a kind of `healthChecks` is not served.
    """
    assert run.target is not None
    ks, memory = run.ks, run.memory
    namespaced = {} if ks.wait else await _namespaced(run)
    refs = decide.health_refs(ks, run.target.refs, memory.skipped.keys(), namespaced)
    return [ref for ref in refs if not _is_known_healthy(run, ref)]


async def look_at(run: Run, refs: Sequence[Ref]) -> dict[Ref, Object]:
    """Read a few objects that moved since they were Current; most of them still are, and nobody need be told."""
    if len(refs) > LOOKED_AT or run.memory.changed or not was_healthy(run.obj) or not report.is_ready(run.obj):
        return {}
    found: dict[Ref, Object] = {}
    for ref in refs:
        obj = await run.cluster.client.get(ref.api_version, ref.kind, ref.namespace, ref.name)
        if obj is None:
            return {}
        found[ref] = obj
    return found


def _is_known_healthy(run: Run, ref: Ref) -> bool:
    live = run.world.live(run.memory, ref)
    if live is None:
        version = run.world.watches.version(run.key, ref)
        return version is not None and run.memory.healthy.get(ref) == version
    if (ref.group, ref.kind) in STATELESS and not live.deleting:
        return True
    return run.memory.healthy.get(ref) == (live.uid, live.resource_version)


def changed_objects(changes: ChangeSet) -> dict[Ref, Object]:
    """The objects that were written, as the server returned them."""
    return {change.ref: change.object for change in changes if change.object is not None}


def was_healthy(obj: Object) -> bool:
    return condition_is_true(obj, names.HEALTHY)
