"""Writing a Kustomization's own status and finalizer."""

from typing import Final

from fluvial.api import names
from fluvial.controllers.kustomize.memory import Memory
from fluvial.controllers.kustomize.world import World
from fluvial.objects import Object
from fluvial.runtime import Replaced, StatusWriter

_OWNED: Final = frozenset({names.READY, names.RECONCILING, names.STALLED, names.HEALTHY})

__all__ = ["Replaced", "write_finalizer", "write_status"]


async def write_status(world: World, memory: Memory, base: Object, draft: Object) -> Object:
    """See `StatusWriter.write_status`."""
    return await _writer(world, memory).write_status(base, draft)


async def write_finalizer(world: World, memory: Memory, base: Object, *, present: bool) -> Object:
    """See `StatusWriter.write_finalizer`."""
    return await _writer(world, memory).write_finalizer(base, names.FINALIZER, present=present)


def _writer(world: World, memory: Memory) -> StatusWriter:
    def note(obj: Object) -> None:
        memory.latest = obj

    return StatusWriter(
        client=world.deps.client,
        leadership=world.deps.leadership,
        manager=names.KUSTOMIZE_STATUS_MANAGER,
        owned=_OWNED,
        note=note,
    )
