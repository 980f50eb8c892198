"""Writing a source's own status and finalizer: one request each, and nothing where nothing changed.

Source: fluxcd/pkg `runtime/patch`: conditions of others are kept, ours win, a conflict is settled on the new state.
"""

import asyncio
from typing import Any, Final

from fluvial.api import names
from fluvial.controllers.source.world import World
from fluvial.kube import ApiError
from fluvial.objects import Object, Ref, dig, make_merge_patch
from fluvial.runtime import drop_managed_fields, key_of

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
_TRIES: Final = 5
_PAUSE: Final = 0.1  # seconds between tries


class Replaced(Exception):
    """The object is gone, or another of the same name took its place: what was found out is of no use."""


async def write_status(world: World, base: Object, draft: Object) -> Object:
    """Bring the status of an object from `base` to `draft`; returns the object as it is then.

    Raises:
        Replaced, LeadershipLost, KubeError
    """
    before, after = base.get("status") or {}, draft.get("status") or {}
    patch = make_merge_patch(before, after)
    for left in range(_TRIES, 0, -1):
        if not patch:
            return base
        try:
            return await _send(world, base, {"status": patch}, subresource="status")
        except ApiError as error:
            if not error.is_conflict or left == 1:
                raise
        await asyncio.sleep(_PAUSE if left < _TRIES else 0)
        base = await _read_again(world, base)
        patch = make_merge_patch(base.get("status") or {}, rebased(base.get("status") or {}, before, after))
    return base


def rebased(current: Object, before: Object, after: Object) -> Object:
    """Make on `current` the changes between `before` and `after`; the conditions of others stay as they are."""
    merged = dict(current)
    for key in sorted((before.keys() | after.keys()) - {"conditions"}):
        if before.get(key) != after.get(key):
            if key in after:
                merged[key] = after[key]
            else:
                merged.pop(key, None)
    ours = [each for each in after.get("conditions") or () if each.get("type") in OWNED]
    others = [each for each in current.get("conditions") or () if each.get("type") not in OWNED]
    merged["conditions"] = [*ours, *others]
    return merged


async def write_finalizer(world: World, base: Object, *, present: bool) -> Object:
    """Add or remove our finalizer; returns the object as it is then.

    Raises:
        Replaced, LeadershipLost, KubeError
    """
    for left in range(_TRIES, 0, -1):
        current: list[str] = list(dig(base, "metadata", "finalizers") or ())
        if (names.FINALIZER in current) == present:
            return base
        wanted = [*current, names.FINALIZER] if present else [each for each in current if each != names.FINALIZER]
        try:
            return await _send(world, base, {"metadata": {"finalizers": wanted or None}})
        except ApiError as error:
            if not error.is_conflict or left == 1:
                raise
        base = await _read_again(world, base)
    return base


async def _send(world: World, base: Object, patch: dict[str, Any], *, subresource: str = "") -> Object:
    world.deps.leadership.check()
    # The version makes the write fail on anything that was not seen, such as a condition of somebody else's.
    metadata = {**patch.get("metadata", {}), "resourceVersion": dig(base, "metadata", "resourceVersion", default="")}
    try:
        written = await world.deps.client.patch(
            Ref.of(base),
            {**patch, "metadata": metadata},
            kind="merge",
            subresource=subresource,
            field_manager=names.SOURCE_CONTROLLER,
        )
    except ApiError as error:
        if error.is_not_found:
            raise Replaced from error
        raise
    written = drop_managed_fields(written)
    world.note(key_of(written), written)
    return written


async def _read_again(world: World, base: Object) -> Object:
    ref = Ref.of(base)
    found = await world.deps.client.get(ref.api_version, ref.kind, ref.namespace, ref.name)
    if found is None or dig(found, "metadata", "uid") != dig(base, "metadata", "uid"):
        raise Replaced
    return found
