"""Waiting for Deployments, and telling how each fared."""

import asyncio
from collections.abc import Sequence

from fluvial.cli.errors import Failure
from fluvial.cli.fetch import computed, until
from fluvial.cli.session import Session
from fluvial.health import State
from fluvial.objects import Object, Ref

_FOR_THE_LINES = 0.2  # seconds


async def rolled_out(session: Session, names: Sequence[str]) -> bool:
    """Wait until the Deployments are Current or have failed, and print a line for each; True when all are Current.

    The command's own timeout ends the wait; then the lines that are still due are printed as "not ready".
    """
    async with asyncio.TaskGroup() as group:
        tasks = [(name, group.create_task(_wait(session, name), name=f"rollout {name}")) for name in sorted(names)]
    outcomes = [(name, task.result()) for name, task in tasks]
    for name, words in outcomes:
        line = f"{name}: deployment {words}"
        (session.say.success if words == "ready" else session.say.failure)(line)
    return all(words == "ready" for _, words in outcomes)


async def _wait(session: Session, name: str) -> str:
    ref = Ref("apps", "v1", "Deployment", session.namespace, name)
    last = State.IN_PROGRESS

    def done(obj: Object) -> bool:
        nonlocal last
        last = computed(session, obj).state
        return last not in (State.IN_PROGRESS, State.UNKNOWN)

    # A little earlier than the whole command ends, so that the lines can still be printed.
    limit = session.deadline - _FOR_THE_LINES if session.deadline is not None else None
    try:
        async with asyncio.timeout_at(limit):
            await until(await session.client(), ref, done)
    except TimeoutError:
        return "not ready"
    except Failure:
        return "not found"
    return "ready" if last is State.CURRENT else "not ready"
