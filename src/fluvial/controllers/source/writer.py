"""Writing a source's own status and finalizer."""

from typing import Final

from fluvial.api import names
from fluvial.controllers.source.world import World
from fluvial.objects import Object
from fluvial.runtime import Replaced, StatusWriter, key_of

OWNED: Final = frozenset(
    {
        names.READY,
        names.RECONCILING,
        names.STALLED,
        names.STORAGE_OPERATION_FAILED,
        names.FETCH_FAILED,
        names.INCLUDE_UNAVAILABLE,
        names.ARTIFACT_OUTDATED,
        names.ARTIFACT_IN_STORAGE,
        names.SOURCE_VERIFIED,
    }
)

__all__ = ["OWNED", "Replaced", "write_finalizer", "write_status"]


async def write_status(world: World, base: Object, draft: Object) -> Object:
    """See `StatusWriter.write_status`."""
    return await _writer(world).write_status(base, draft)


async def write_finalizer(world: World, base: Object, *, present: bool) -> Object:
    """See `StatusWriter.write_finalizer`."""
    return await _writer(world).write_finalizer(base, names.FINALIZER, present=present)


def _writer(world: World) -> StatusWriter:
    return StatusWriter(
        client=world.deps.client,
        leadership=world.deps.leadership,
        manager=names.SOURCE_CONTROLLER,
        owned=OWNED,
        note=lambda obj: world.note(key_of(obj), obj),
    )
