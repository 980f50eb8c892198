"""One look at one GitRepository: observe, decide, act, report."""

import asyncio

from fluvial.api import Artifact, GitRepository, Reason, names, normal_revision
from fluvial.controllers.source.act import StorageFailed, clean_up, discard, store, tidy
from fluvial.controllers.source.decide import First, content_changed, first, refusal
from fluvial.controllers.source.observe import Seen, Shelf, Stored, check_storage, look_upstream, read_object
from fluvial.controllers.source.report import Draft, Told, is_ready, is_stalled_as, outcome_event, was_handled
from fluvial.controllers.source.world import World
from fluvial.controllers.source.writer import Replaced, write_finalizer, write_status
from fluvial.kube import KubeError
from fluvial.objects import Object, get_condition
from fluvial.runtime import Key, LeadershipLost, Result, jitter
from fluvial.sources import Checkout, SourceFailure, Unchanged
from fluvial.telemetry import Logger

_SLOW = 2.0  # seconds after which a look that was asked for says that it is under way


class Failed(Exception):
    """The look failed and was told; the queue tries again by backoff."""


async def reconcile(world: World, key: Key, log: Logger) -> Result:
    """Look at one GitRepository.

    Raises:
        Failed, KubeError, LeadershipLost: try again later.
    """
    obj = world.read(key)
    if obj is None:
        _forget(world, key)
        return Result()
    started = asyncio.get_running_loop().time()
    try:
        return await _look(world, read_object(obj), log)
    except Replaced:
        log.info("the object was deleted or replaced meanwhile")
        return Result()
    except (Failed, KubeError, LeadershipLost):
        raise
    except Exception as error:
        await _unexpected(world, world.read(key), error, log)
        raise
    finally:
        labels = {"kind": names.GIT_REPOSITORY, "name": key.name, "namespace": key.namespace}
        took = asyncio.get_running_loop().time() - started
        if world.read(key) is not None:
            world.deps.metrics.observe("gotk_reconcile_duration_seconds", labels, took)


async def _unexpected(world: World, obj: Object | None, error: Exception, log: Logger) -> None:
    """Show on the object that a look ended by an error that nobody foresaw, which is a bug of ours.

    Its kind alone is told: its text may hold anything. The controller's log has both, and the look is repeated.
    """
    if obj is None:
        return
    text = f"internal error: {type(error).__name__}, see the controller's log"
    failed = get_condition(obj, names.FETCH_FAILED) or {}
    draft = Draft(obj, world.deps.clock.now())
    draft.fetch_failed(Reason.FAILED, text)
    draft.will_retry()
    try:
        await write_status(world, obj, draft.obj)
    except (KubeError, Replaced, LeadershipLost) as second:
        log.error("cannot tell of an internal error", error=second)
    if failed.get("message") != text:
        _tell(world, obj, Told(severity="error", reason=Reason.FAILED, message=text))


async def set_aside(world: World, key: Key, crashes: int, log: Logger) -> None:
    """Stall an object that was in flight at several crashes in a row, until it changes."""
    obj = world.read(key)
    if obj is None:
        return
    draft = Draft(obj, world.deps.clock.now())
    message = f"set aside: the controller crashed {crashes} times in a row while it reconciled this object"
    draft.refused(Reason.QUARANTINED, message)
    _tell(world, obj, Told(severity="error", reason=Reason.QUARANTINED, message=message))
    await write_status(world, obj, draft.obj)


async def _look(world: World, seen: Seen, log: Logger) -> Result:
    match first(seen):
        case First.CLEAN_UP:
            return await _delete(world, seen)
        case First.ADOPT:
            obj = await write_finalizer(world, seen.obj, present=True)
            return await _look(world, read_object(obj), log)
        case First.REST:
            log.info("reconciliation is suspended for this object")
            draft = Draft(seen.obj, world.deps.clock.now())
            draft.rested()
            await write_status(world, seen.obj, draft.obj)
            return Result()
        case First.REFUSE:
            return await _refuse(world, seen)
        case First.RECONCILE:
            assert seen.source is not None
            return await _renew(world, seen.obj, seen.source, log)


async def _delete(world: World, seen: Seen) -> Result:
    if not seen.has_finalizer:
        return Result()
    try:
        told = clean_up(world, seen.obj)
    except StorageFailed as failure:
        _tell(world, seen.obj, Told(severity="error", reason=failure.reason, message=str(failure)))
        raise Failed(str(failure)) from failure
    _tell(world, seen.obj, told)
    await write_finalizer(world, seen.obj, present=False)
    return Result()


async def _refuse(world: World, seen: Seen) -> Result:
    reason = Reason.UNSUPPORTED if seen.unsupported else Reason.INVALID_SPEC
    message = refusal(seen)
    draft = Draft(seen.obj, world.deps.clock.now())
    draft.refused(reason, message)
    if not is_stalled_as(seen.obj, reason, message):
        _tell(world, seen.obj, Told(severity="error", reason=reason, message=message))
    await write_status(world, seen.obj, draft.obj)
    return Result()


async def _renew(world: World, before: Object, source: GitRepository, log: Logger) -> Result:
    """Bring storage and status to where the reference leads now."""
    draft = Draft(before, world.deps.clock.now())
    draft.begin()
    shelf = _inspect(world, before, source, draft, log)
    obj = before
    if shelf.stored in (Stored.MISSING, Stored.CORRUPT):
        # Nobody may find Ready=True while the file is away, so this does not wait for the fetch.
        obj = await write_status(world, obj, draft.obj)
        draft.go_on(obj)
    draft.looking_upstream()
    obj, found = await _upstream(world, obj, source, draft, shelf.artifact)
    draft.at(world.deps.clock.now())
    if isinstance(found, SourceFailure):
        return await _fetch_failed(world, obj, draft, found)
    try:
        title = await _keep(world, source, draft, shelf.artifact, found)
    except StorageFailed as failure:
        draft.storage_failed(failure.reason, world.deps.redactor.clean(str(failure)))
        return await _give_up(world, obj, draft, failure.reason, str(failure))
    draft.succeeded()
    await write_status(world, obj, draft.obj)
    if isinstance(found, Unchanged):
        log.info(f"no changes since last reconciliation: observed revision '{found.found.revision}'")
    if (told := outcome_event(before, draft.obj, title)) is not None:
        log.info(told.message)
        _tell(world, draft.obj, told)
    if not is_ready(draft.obj):
        raise Failed(f"stored artifact for revision '{found.found.revision}', but the object is not ready")
    return Result(jitter(source.interval, world.settings.interval_jitter_percentage, world.deps.chance))


def _inspect(world: World, obj: Object, source: GitRepository, draft: Draft, log: Logger) -> Shelf:
    """Compare status and storage, and put the outcome into the draft.

    Raises:
        Failed: a corrupt archive cannot be removed.
    """
    shelf = check_storage(world.store, source)
    _tell(world, obj, tidy(world, shelf.artifact, log))
    try:
        _tell(world, obj, discard(world, source, shelf))
    except StorageFailed as failure:
        raise Failed(str(failure)) from failure
    if shelf.artifact is None:
        draft.without_artifact(disappeared=shelf.stored is not Stored.NONE)
    else:
        draft.with_artifact(shelf.artifact)
    return shelf


async def _upstream(
    world: World, obj: Object, source: GitRepository, draft: Draft, artifact: Artifact | None
) -> tuple[Object, Unchanged | Checkout | SourceFailure]:
    """Look upstream; while that takes long, the status says that somebody is at it.

    Flux writes that at once. Most looks end sooner than anybody could read it, so it would be a request for nothing.
    """
    usable = artifact is not None and not content_changed(source.ignore, draft.status)
    seen = artifact.revision if artifact is not None and usable else ""
    work = asyncio.create_task(look_upstream(world, source, seen), name=f"fetch {source.ref}")
    try:
        done, _ = await asyncio.wait({work}, timeout=_SLOW)
        if not done and (source.generation != source.observed_generation or not was_handled(obj)):
            obj = await write_status(world, obj, draft.obj)
            draft.go_on(obj)
        return obj, await work
    finally:
        if not work.done():
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)


async def _keep(
    world: World, source: GitRepository, draft: Draft, artifact: Artifact | None, found: Unchanged | Checkout
) -> str:
    """Store what was found unless it is stored already; returns what the event calls the commit.

    Raises:
        StorageFailed
    """
    revision = found.found.revision
    if isinstance(found, Unchanged):
        draft.unchanged(revision)
        return revision
    world.snapshots.put(source.uid, found.snapshot)
    known = artifact is not None and normal_revision(artifact.revision) == revision
    draft.fetched(revision, known=known, had_artifact=artifact is not None)
    if artifact is not None and known and not content_changed(source.ignore, draft.status):
        draft.up_to_date(artifact.revision)
    else:
        draft.stored(await store(world, source, found), source.ignore)
    return found.commit.subject


async def _fetch_failed(world: World, obj: Object, draft: Draft, failure: SourceFailure) -> Result:
    message = world.deps.redactor.clean(str(failure))
    draft.fetch_failed(failure.reason, message)
    if not failure.stalls:
        return await _give_up(world, obj, draft, failure.reason, message)
    draft.stalled(failure.reason, message)
    _tell(world, obj, Told(severity="error", reason=failure.reason, message=message))
    await write_status(world, obj, draft.obj)
    return Result()


async def _give_up(world: World, obj: Object, draft: Draft, reason: str, message: str) -> Result:
    """Tell of a failure and leave the rest to the queue's backoff."""
    draft.will_retry()
    _tell(world, obj, Told(severity="error", reason=reason, message=message))
    await write_status(world, obj, draft.obj)
    raise Failed(message)


def _tell(world: World, obj: Object, told: Told | None) -> None:
    if told is not None:
        world.deps.recorder.record(obj, told.severity, told.reason, told.message, told.metadata)


def _forget(world: World, key: Key) -> None:
    """The object is gone: drop its metric series."""
    world.deps.metrics.forget({"kind": names.GIT_REPOSITORY, "name": key.name, "namespace": key.namespace})
