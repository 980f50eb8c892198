"""`suspend` and `resume`: stop the reconciliation of objects, and start it again."""

import asyncio
from collections.abc import Sequence

from fluvial.cli import flags, kinds
from fluvial.cli.command import Command
from fluvial.cli.errors import Failure, UsageFailure
from fluvial.cli.failures import explain
from fluvial.cli.fetch import NAME, reconciled, ref_of, until
from fluvial.cli.kinds import FluxKind
from fluvial.cli.reconcile import success_text
from fluvial.cli.session import Session
from fluvial.cli.verbs import by_kind
from fluvial.objects import Object, dig

_KINDS = [kind for kind in kinds.ALL if kind not in (kinds.EXTERNAL_ARTIFACT, kinds.ARTIFACT_GENERATOR)]


def _make_suspend(kind: FluxKind) -> Command:
    async def run(session: Session, arguments: tuple[str, ...], all: bool) -> None:
        await _suspend(session, kind, arguments, all)

    return Command(kind.name, f"Suspend reconciliation of {kind.kind}", run, usage="[name]", aliases=kind.aliases)


async def _suspend(session: Session, kind: FluxKind, names: Sequence[str], everything: bool) -> None:
    if not names and not everything:
        raise UsageFailure(f"{kind.human} name is required")
    if not names:
        if not await _patch_suspend(session, kind, ""):
            raise Failure("no objects found")
        return
    for name in dict.fromkeys(names):
        try:
            found = await _patch_suspend(session, kind, name)
        except Exception as error:
            if explain(error) is None:
                raise
            session.say.failure(f"failed suspending {kind.kind} {name} in {session.namespace} namespace: {error}")
            continue
        if not found:
            session.say.failure(f"{kind.kind} {name} not found in {session.namespace} namespace")


async def _patch_suspend(session: Session, kind: FluxKind, name: str) -> bool:
    objects = await _list(session, kind, name)
    for obj in objects:
        found = str(dig(obj, "metadata", "name"))
        session.say.action(f"suspending {kind.human} {found} in {session.namespace} namespace")
        await _set(session, kind, found, True)
        session.say.success(f"{kind.human} suspended")
    return bool(objects)


async def _list(session: Session, kind: FluxKind, name: str) -> list[Object]:
    client = await session.client()
    fields = f"{NAME}={name}" if name else ""
    return (await client.list(kind.api_version, kind.kind, session.namespace, fields=fields)).items


async def _set(session: Session, kind: FluxKind, name: str, suspend: bool) -> None:
    # What Go's encoder does: false is the zero value, so that resuming removes the field.
    patch = {"spec": {"suspend": True if suspend else None}}
    await (await session.client()).patch(ref_of(session, kind, name), patch, kind="merge", field_manager="flux")


def _make_resume(kind: FluxKind) -> Command:
    async def run(session: Session, arguments: tuple[str, ...], all: bool, wait: bool | None) -> None:
        await _resume(session, kind, arguments, all, wait)

    return Command(kind.name, f"Resume a suspended {kind.kind}", run, usage="[name]", aliases=kind.aliases)


async def _resume(session: Session, kind: FluxKind, names: Sequence[str], everything: bool, wait: bool | None) -> None:
    if not names and not everything:
        raise UsageFailure(f"{kind.human} name is required")
    waits = len(names) == 1 if wait is None else wait
    resumed: list[str] = []
    for name in dict.fromkeys(names) if names else [""]:
        resumed += await _patch_resume(session, kind, name, names[0] if names else "")
    if not waits:
        return
    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(_wait(session, kind, name), name=f"wait for {kind.kind} {name}")
            for name in sorted(resumed)
        ]
    outcomes = [task.result() for task in tasks]
    for name, (obj, failure) in zip(sorted(resumed), outcomes, strict=True):
        if obj is None:
            session.say.failure(f"{kind.kind} {name} reconciliation failed: {failure}")
        else:
            session.say.success(f"{kind.kind} {name} reconciliation completed")
            session.say.success(success_text(kind, obj))
    failed = sum(obj is None for obj, _ in outcomes)
    if failed:
        raise Failure(f"reconciliation failed for {failed} {kind.kind}(s)")


async def _patch_resume(session: Session, kind: FluxKind, name: str, first: str) -> list[str]:
    objects = await _list(session, kind, name)
    if not objects:
        # flux names the first argument here whichever one is missing; goldens hold it.
        missing = f"{kind.kind} object '{first}' not found" if first else f"no {kind.kind} objects found"
        session.say.failure(f"{missing} in {session.namespace} namespace")
        return []
    names = [str(dig(obj, "metadata", "name")) for obj in objects]
    for found in names:
        session.say.action(f"resuming {kind.human} {found} in {session.namespace} namespace")
        await _set(session, kind, found, False)
        session.say.success(f"{kind.human} resumed")
    return names


async def _wait(session: Session, kind: FluxKind, name: str) -> tuple[Object | None, str]:
    session.say.waiting(f"waiting for {kind.kind} reconciliation")
    static = bool(kind.always_ready)
    try:
        client = await session.client()
        return await until(client, ref_of(session, kind, name), lambda obj: reconciled(session, obj, static=static)), ""
    except Exception as error:
        if explain(error) is None:
            raise
        return None, str(error)


suspend = by_kind(
    "suspend",
    "Suspend resources",
    "The suspend sub-commands suspend the reconciliation of a resource.",
    _KINDS,
    _make_suspend,
    shared=[flags.boolean("all", "suspend all resources in that namespace")],
)

_WAIT = "waits for one resource to reconcile before moving to the next one"

resume = by_kind(
    "resume",
    "Resume suspended resources",
    "The resume sub-commands resume a suspended resource.",
    _KINDS,
    _make_resume,
    shared=[flags.boolean("all", "resume all resources in that namespace"), flags.maybe("wait", _WAIT)],
)
