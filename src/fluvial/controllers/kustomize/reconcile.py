"""One look at one Kustomization: observe, decide, act, report."""

from fluvial.api import Artifact, Kustomization, Reason
from fluvial.apply import PruneFailed
from fluvial.controllers.kustomize import act, decide, report
from fluvial.controllers.kustomize.act import Failure, Postponed, Run
from fluvial.controllers.kustomize.finalize import finalize
from fluvial.controllers.kustomize.healthwait import Checks, HealthResult, HealthWait
from fluvial.controllers.kustomize.judging import check_discovery, rejudge
from fluvial.controllers.kustomize.memory import Memory, Waiting
from fluvial.controllers.kustomize.observe import Observation, observe
from fluvial.controllers.kustomize.report import Draft, Told
from fluvial.controllers.kustomize.world import World, owner_of
from fluvial.controllers.kustomize.writer import Replaced, write_finalizer, write_status
from fluvial.gotext import format_duration
from fluvial.kube import KubeError
from fluvial.objects import Object, Ref
from fluvial.runtime import Key, LeadershipLost, Result
from fluvial.telemetry import Logger

_EARLY = 0.001  # seconds; a timer may fire that much before its time


async def reconcile(world: World, key: Key, log: Logger) -> Result:
    """Look at `key`.

    Raises:
        KubeError, PruneFailed, LeadershipLost: look again later, with backoff.
    """
    check_discovery(world)
    seen = await observe(world, key)
    memory = seen.memory
    if memory is None:
        world.forget(key)
        return Result()
    memory.running = True
    started = world.now()
    try:
        return await _look(world, seen, memory, log)
    except Replaced:
        log.info("Kustomization was replaced or deleted meanwhile")
        return Result()
    except (KubeError, PruneFailed, LeadershipLost):
        raise
    except Exception as error:
        await _unexpected(world, memory.latest or seen.obj, memory, error, log)
        raise
    finally:
        memory.running = False
        rejudge(world, key, memory)
        labels = {"kind": "Kustomization", "name": key.name, "namespace": key.namespace}
        if key in world.memories:
            world.deps.metrics.observe("gotk_reconcile_duration_seconds", labels, world.now() - started)


async def _unexpected(world: World, obj: Object | None, memory: Memory, error: Exception, log: Logger) -> None:
    """Show on the object that a look ended by an error that nobody foresaw, which is a bug of ours.

    Its kind alone is told: its text may hold anything. The controller's log has both, and the look is repeated.
    """
    if obj is None:
        return
    text = f"internal error: {type(error).__name__}, see the controller's log"
    news = report.ready_message(obj) != text
    draft = Draft(obj, world.deps.clock.now())
    draft.failed(Reason.RECONCILIATION_FAILED, text)
    try:
        obj = await write_status(world, memory, obj, draft.obj)
    except (KubeError, Replaced, LeadershipLost) as second:
        log.error("cannot tell of an internal error", error=second)
    if news:
        world.tell(obj, Told(severity="error", message=text))


async def _look(world: World, seen: Observation, memory: Memory, log: Logger) -> Result:
    if (waiting := memory.waiting) is not None:
        if _is_still_wanted(world, seen, waiting):
            assert seen.ks is not None
            if waiting.task.done():
                memory.waiting = None
                return await _end_wait(world, seen, seen.ks, memory, waiting, log)
            if not memory.dirty:
                return Result()
            world.end_wait(memory)  # the same run goes on after the correction
        else:
            _cancel_wait(world, seen, memory)
    decision = decide.first(seen, requeue_dependency=world.settings.requeue_dependency)
    assert seen.obj is not None
    match decision.kind:
        case decide.Kind.FINALIZE:
            return await finalize(world, seen.key, seen.obj, seen.ks, memory, log)
        case decide.Kind.SUSPENDED:
            return await _suspended(world, seen.obj, memory, log)
        case decide.Kind.ADOPT:
            await write_finalizer(world, memory, seen.obj, present=True)
            return await _look(world, await observe(world, seen.key), memory, log)
        case decide.Kind.PROCEED:
            assert seen.ks is not None
            assert seen.artifact is not None
            memory.blocked = ""
            return await _proceed(world, seen, seen.ks, memory, seen.artifact, log)
        case _:
            return await _refuse(world, seen.obj, memory, decision, seen.artifact, log)


async def _refuse(
    world: World, obj: Object, memory: Memory, decision: decide.First, artifact: Artifact | None, log: Logger
) -> Result:
    """Report what keeps the object from being reconciled."""
    draft = Draft(obj, world.deps.clock.now())
    if decision.kind is decide.Kind.STALL:
        draft.stalled(decision.reason, decision.message, observed=decision.observed)
    else:
        draft.failed(decision.reason, decision.message)
    draft.handled()
    before = report.ready_reason(obj), memory.blocked
    obj = await write_status(world, memory, obj, draft.obj)
    memory.blocked = decision.message if decision.kind is decide.Kind.BLOCKED else ""
    log.info(decision.message)
    # Flux repeats the event at every look; here it is told once for each cause.
    if decision.told and before != (decision.reason, memory.blocked):
        message = decision.message
        if decision.kind is decide.Kind.BLOCKED:
            wait = format_duration(world.settings.requeue_dependency)
            message = f"Dependencies do not meet ready condition, retrying in {wait}"
        severity: report.Severity = "error" if decision.told == "error" else "info"
        revision = artifact.revision if artifact is not None else ""
        world.tell(obj, Told(severity=severity, message=message, revision=revision))
    if decision.after is None:
        return Result()
    memory.due = world.now() + decision.after
    return Result(decision.after)


async def _suspended(world: World, obj: Object, memory: Memory, log: Logger) -> Result:
    """Nothing is done, but that it was seen is written, as Flux does."""
    log.info("Reconciliation is suspended for this object")
    draft = Draft(obj, world.deps.clock.now())
    draft.handled()
    draft.observed_if_ready()
    await write_status(world, memory, obj, draft.obj)
    return Result()


# -- a run


def _run_of(
    world: World, seen: Observation, ks: Kustomization, memory: Memory, artifact: Artifact, log: Logger, *, tick: bool
) -> Run:
    assert seen.obj is not None
    return Run(
        world=world,
        key=seen.key,
        ks=ks,
        memory=memory,
        artifact=artifact,
        log=log,
        obj=seen.obj,
        draft=Draft(seen.obj, world.deps.clock.now()),
        cluster=world.cluster(ks, memory),
        started=world.now(),
        tick=tick,
    )


async def _proceed(
    world: World, seen: Observation, ks: Kustomization, memory: Memory, artifact: Artifact, log: Logger
) -> Result:
    assert seen.obj is not None
    tick = decide.is_tick(seen.obj, ks, artifact, is_due=world.now() >= memory.due - _EARLY)
    memory.dirty = False
    if tick:
        memory.warned.clear()
    run = _run_of(world, seen, ks, memory, artifact, log, tick=tick)
    try:
        await act.bring_about(run)
    except Failure as failure:
        return await _fail(run, failure)
    except Postponed:
        await run.save()
        return Result(act.CLAIM_LOOK)
    try:
        checks = await act.health_to_check(run)
    except KubeError as error:
        return await _fail(run, Failure(Reason.HEALTH_CHECK_FAILED, str(error)))
    if checks:
        return await _check_health(run, checks)
    if (ks.wait or ks.health_checks) and not act.was_healthy(run.obj):
        return await _health_known(run, HealthResult("", 0.0))
    return await _succeed(run)


async def _check_health(run: Run, refs: list[Ref]) -> Result:
    """Begin to wait for health; the worker is free meanwhile."""
    world, ks, memory = run.world, run.ks, run.memory
    assert run.target is not None
    try:
        seen = act.changed_objects(run.changes) | await act.look_at(run, refs)
    except KubeError as error:
        return await _fail(run, Failure(Reason.HEALTH_CHECK_FAILED, str(error)))
    checks = Checks(
        refs=refs,
        owned=frozenset(run.target.refs),
        seen=seen,
        ttl_jobs=decide.ttl_jobs(run.target.objects([ref for ref in refs if ref.kind == "Job"])),
        timeout=ks.timeout,
        fail_fast=not world.settings.gate("DisableFailFastBehavior"),
        everywhere=not world.account(ks),
    )
    wait = HealthWait(checks, owner_of(ks), run.cluster.client, world.deps.cache, world.deps.clock)
    if wait.is_over():
        result = wait.conclude_at_once()
        if act.was_healthy(run.obj) and not memory.changed:
            memory.healthy |= result.versions
            return await _succeed(run)
        return await _health_known(run, result)
    run.draft.checking_health(report.timed("Running health checks", ks, run.artifact.revision))
    await run.save()
    key = run.key
    task = world.spawn(wait.run(), f"health of {key}")
    task.add_done_callback(lambda done: None if done.cancelled() else world.enqueue(key))
    memory.waiting = Waiting(
        wait=wait,
        task=task,
        artifact=run.artifact,
        generation=ks.generation,
        started=run.started,
        request=report.request_of(run.obj),
        inputs=memory.inputs,
    )
    return Result()


def _is_still_wanted(world: World, seen: Observation, waiting: Waiting) -> bool:
    """Whether the run that waits is still the right one."""
    ks = seen.ks
    if ks is None or ks.deleted or ks.generation != waiting.generation or report.request_of(ks.obj) != waiting.request:
        return False
    versions = act.watched_versions(world, ks)
    if versions is not None and waiting.inputs is not None and versions != waiting.inputs.variables:
        return False
    return seen.artifact is not None and seen.artifact.digest == waiting.artifact.digest


def _cancel_wait(world: World, seen: Observation, memory: Memory) -> None:
    world.end_wait(memory)
    if seen.obj is None or seen.ks is None or seen.ks.deleted:
        return
    source = seen.ks.source
    cause = f"{source.kind}/{source.namespace}/{source.name}"
    if seen.ks.generation != seen.ks.observed_generation and seen.ks.observed_generation > 0:
        cause = f"Kustomization/{seen.key}"
    text = f"Health checks canceled due to new reconciliation triggered by {cause}"
    world.tell(seen.obj, Told(severity="info", message=text, reason=Reason.HEALTH_CHECK_CANCELED))


async def _end_wait(
    world: World, seen: Observation, ks: Kustomization, memory: Memory, waiting: Waiting, log: Logger
) -> Result:
    run = _run_of(world, seen, ks, memory, waiting.artifact, log, tick=True)
    run.started = waiting.started
    result = await _health_known(run, waiting.task.result())
    if memory.dirty:
        world.enqueue(seen.key)
    return result


async def _health_known(run: Run, result: HealthResult) -> Result:
    run.memory.healthy |= result.versions
    took = format_duration(round(result.seconds, 6))
    if result.problem:
        text = f"health check failed after {took}: {result.problem}"
        return await _fail(run, Failure(Reason.HEALTH_CHECK_FAILED, text))
    message = f"Health check passed in {took}"
    if not act.was_healthy(run.obj) or (run.memory.changed and run.artifact.revision != run.ks.last_applied_revision):
        run.tell(message)
    return await _succeed(run, health=message)


# -- the end of a run


async def _succeed(run: Run, *, health: str = "") -> Result:
    world, ks, memory = run.world, run.ks, run.memory
    drifted, memory.changed, memory.prune_from = memory.changed, False, None
    memory.troubles, memory.trouble = 0, ""
    fresh = not report.is_ready(run.obj) or ks.last_applied_revision != run.artifact.revision
    if health:
        run.draft.healthy(health)
    elif not ks.wait and not ks.health_checks:
        run.draft.healthy(None)
    run.draft.succeeded(run.artifact)
    if fresh or drifted:
        run.draft.record(memory.digest, run.started, world.now(), Reason.RECONCILIATION_SUCCEEDED, run.artifact)
    run.draft.handled()
    await run.save()
    memory.origin = (str(ks.source), ks.path)
    if fresh or drifted:
        done = report.finished(world.now() - run.started, ks, run.artifact)
        run.log.info(done.message, revision=run.artifact.revision)
        world.tell(run.obj, done)
    if run.tick or fresh or drifted:
        memory.due = world.now() + world.interval(ks.interval)
    return _later(ks.interval, memory.due - world.now())


async def _fail(run: Run, failure: Failure) -> Result:
    world, memory = run.world, run.memory
    known = failure.passing and failure.message == memory.trouble
    run.draft.failed(failure.reason, failure.message)
    if failure.reason != Reason.ARTIFACT_FAILED:
        run.draft.attempted(run.artifact.revision)
    if memory.order and failure.reason in (
        Reason.RECONCILIATION_FAILED,
        Reason.PRUNE_FAILED,
        Reason.HEALTH_CHECK_FAILED,
    ):
        run.draft.record(memory.digest, run.started, world.now(), failure.reason, run.artifact)
    run.draft.handled()
    await run.save()
    memory.prune_from = None
    after = _retry_after(run, failure)
    took, wait = format_duration(round(world.now() - run.started, 6)), format_duration(after)
    if failure.quiet or known:
        run.log.info(failure.message)
    else:
        text = f"Reconciliation failed after {took}, next try in {wait}"
        run.log.error(text, error=failure.message, revision=run.artifact.revision)
        run.tell(failure.message, "error")
    memory.due = world.now() + after
    return _later(after, after)


def _retry_after(run: Run, failure: Failure) -> float:
    """Flux waits for the retry interval, an hour perhaps, when the API server was away for a second; we don't."""
    settings, memory = run.world.settings, run.memory
    after = run.ks.retry_interval if failure.after is None else failure.after
    if not failure.passing:
        memory.troubles, memory.trouble = 0, ""
        return after
    memory.troubles, memory.trouble = memory.troubles + 1, failure.message
    backoff = settings.min_retry_delay * 2.0 ** min(memory.troubles, 30)
    return min(after, backoff, settings.max_retry_delay)


def _later(interval: float, seconds: float) -> Result:
    """Look again in `seconds`; an interval of nothing means no next time, as in controller-runtime."""
    return Result(max(0.0, seconds)) if interval > 0 else Result()
