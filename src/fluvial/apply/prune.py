"""Deleting what is no longer in the manifests, each object on a quorum read of its own.

Source: fluxcd/pkg `ssa/manager_delete.go`, with preconditions added: what was read is what is deleted.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from fluvial.apply.changes import Action, Change, ChangeSet
from fluvial.apply.cluster import Cluster, each
from fluvial.apply.errors import PruneFailed, is_passing
from fluvial.apply.order import waves
from fluvial.apply.ownership import Live
from fluvial.apply.prepare import Owner
from fluvial.apply.switches import kept
from fluvial.apply.waiting import until_gone
from fluvial.kube import ApiError, KubeError, NotServed
from fluvial.objects import Object, Ref
from fluvial.runtime import patiently

_TRIES: Final = 8  # decisions about one object that others keep writing


@dataclass(frozen=True, slots=True)
class _Outcome:
    change: Change
    problem: str = ""
    passing: bool = False


def _nobody(ref: Ref) -> bool:
    return False


async def prune(
    cluster: Cluster, refs: Iterable[Ref], owner: Owner, *, claimed: Callable[[Ref], bool] = _nobody
) -> ChangeSet:
    """Delete those of `refs` that still carry the labels of `owner`, dependents first.

    An object that is gone, foreign, opted out or `claimed` by somebody else's inventory is settled without a DELETE.

    Returns:
        deleted and skipped objects; all of `refs` may leave the inventory.
    Raises:
        PruneFailed: the objects in `survivors` may not leave it.
        whatever `cluster.gate` raises.
    """
    done: list[Change] = []
    problems: list[str] = []
    survivors: list[Ref] = []
    passing = True
    for wave in reversed(waves((ref, ref) for ref in refs)):
        cluster.gate()
        outcomes = await each(list(reversed(wave)), lambda ref: _settle(cluster, ref, owner, claimed), cluster.limit)
        for outcome in outcomes:
            done.append(outcome.change)
            if outcome.problem:
                problems.append(outcome.problem)
                survivors.append(outcome.change.ref)
                passing = passing and outcome.passing
    if problems:
        raise PruneFailed(problems, ChangeSet.of(done), survivors, passing=passing)
    return ChangeSet.of(done)


async def _settle(cluster: Cluster, ref: Ref, owner: Owner, claimed: Callable[[Ref], bool]) -> _Outcome:
    if claimed(ref):
        return _Outcome(Change(ref, Action.SKIPPED))
    problem = f"{ref} delete failed: it was written to at each of {_TRIES} tries"
    for _ in range(_TRIES):
        try:
            found = await _read(cluster, ref)
        except KubeError as error:
            return _Outcome(Change(ref, Action.UNKNOWN), f"{ref} query failed: {error}", is_passing(error))
        if found is None:
            return _Outcome(Change(ref, Action.DELETED))
        live = cluster.live(found)
        if not owner.owns(live.labels) or kept(live):
            return _Outcome(Change(ref, Action.SKIPPED, live))
        try:
            await _delete(cluster, live)
            return _Outcome(Change(ref, Action.DELETED, live))
        except ApiError as error:
            if error.is_conflict:
                continue  # it changed since the read: the decision has to be taken again
            return _Outcome(Change(ref, Action.UNKNOWN, live), f"{ref} delete failed: {error}", is_passing(error))
        except KubeError as error:
            return _Outcome(Change(ref, Action.UNKNOWN, live), f"{ref} delete failed: {error}", is_passing(error))
    return _Outcome(Change(ref, Action.UNKNOWN), problem)


async def _read(cluster: Cluster, ref: Ref) -> Object | None:
    """The object by a quorum read, in another version where the one that the inventory names is served no more.

    Raises:
        KubeError: whether it exists could not be told.
    """
    try:
        return await _get(cluster, ref)
    except NotServed:
        for resource in await patiently(lambda: cluster.client.resources()):
            if (resource.group, resource.kind) == (ref.group, ref.kind) and "get" in resource.verbs:
                return await _get(cluster, replace(ref, version=resource.version))
    return None  # discovery answered completely: no kind, no objects


async def _get(cluster: Cluster, ref: Ref) -> Object | None:
    return await patiently(
        lambda: cluster.client.get(ref.api_version, ref.kind, ref.namespace, ref.name, metadata_only=True)
    )


async def _delete(cluster: Cluster, live: Live) -> None:
    if live.deleting:
        return  # asked for already; finalizers hold it
    await patiently(lambda: cluster.client.delete(live.ref, uid=live.uid, resource_version=live.resource_version))


async def until_terminated(cluster: Cluster, changes: ChangeSet, timeout: float) -> list[Ref]:
    """Wait until every deleted object of `changes` is gone; return those that are not after `timeout` seconds."""
    waiting = [change for change in changes if change.action is Action.DELETED and change.live is not None]

    async def wait(change: Change) -> Ref | None:
        uid = change.live.uid if change.live is not None else ""
        ref = change.live.ref if change.live is not None else change.ref
        return None if await until_gone(cluster, ref, uid, timeout) else change.ref

    left: Sequence[Ref | None] = await each(waiting, wait, max(1, len(waiting)))
    return [ref for ref in left if ref is not None]
