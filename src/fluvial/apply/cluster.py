"""What carrying out a plan needs from the world, as one record."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeVar

from fluvial.apply.ownership import MANAGER, Live, taken_over
from fluvial.kube import Client
from fluvial.managedfields import ManagerMatch
from fluvial.objects import Object, Ref
from fluvial.stdx import Clock

WRITES_IN_FLIGHT: Final = 16  # per API server; the client bounds it over all plans, this bounds one plan
WAIT_TIMEOUT: Final = 60.0  # seconds that a stage waits for its CRDs, namespaces and classes

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Record:
    """What we remember of one object that we applied or found in order: the manifest, and the look of it afterwards."""

    payload: str  # digest of the manifest as it was sent
    live: Live


def _unknown(ref: Ref) -> Live | None:
    return None


def _as_it_is(text: str) -> str:
    return text


def _always() -> None:
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """One cluster under one identity.

    Args:
        known: the live object as a cache that is in sync has it, or None for "not known".
        records: what was remembered of earlier applies.
        gate: called before each batch of writes; raises when we may no longer write (our lease is too old).
        clean: takes values of Secrets out of the server's words, such as those that variables brought into other kinds.
        migrate: rewrite managedFields entries of other API versions first (Flux's gate MigrateAPIVersion).
    """

    client: Client
    clock: Clock
    known: Callable[[Ref], Live | None] = _unknown
    records: Mapping[Ref, Record] = field(default_factory=dict)
    gate: Callable[[], None] = _always
    clean: Callable[[str], str] = _as_it_is
    manager: str = MANAGER
    matches: tuple[ManagerMatch, ...] = taken_over()
    migrate: bool = False
    limit: int = WRITES_IN_FLIGHT
    wait_timeout: float = WAIT_TIMEOUT

    def live(self, obj: Object) -> Live:
        """What the metadata of `obj` tells."""
        return Live.of(obj, self.matches, self.manager)


async def each(items: Iterable[Item], work: Callable[[Item], Awaitable[Result]], limit: int) -> list[Result]:
    """Run `work` on every item, at most `limit` at once; results in the order of the items.

    The first exception cancels the rest and is raised itself.
    """
    todo = list(enumerate(items))
    results: dict[int, Result] = {}

    async def lane() -> None:
        while todo:
            index, item = todo.pop(0)
            results[index] = await work(item)

    try:
        async with asyncio.TaskGroup() as group:
            for number in range(min(limit, len(todo))):
                group.create_task(lane(), name=f"apply-{number}")
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None
    return [results[index] for index in sorted(results)]
