"""Writing a Kustomization's own status and finalizer: one request each, and nothing where nothing changed.

Source: fluxcd/pkg `runtime/patch`: conditions of others are kept, ours win, a conflict is settled on the new state.
"""

import asyncio
import copy
from typing import Any, Final

from fluvial.api import names
from fluvial.apply import patiently
from fluvial.controllers.kustomize.memory import Memory
from fluvial.controllers.kustomize.world import World
from fluvial.kube import ApiError
from fluvial.objects import Object, Ref, dig, make_merge_patch

_OWNED: Final = frozenset({names.READY, names.RECONCILING, names.STALLED, names.HEALTHY})
_TRIES: Final = 5
_PAUSE: Final = 0.1  # seconds between tries


class Replaced(Exception):
    """The Kustomization is gone, or another of the same name took its place: what was found out is of no use."""


async def write_status(world: World, memory: Memory, base: Object, draft: Object) -> Object:
    """Bring the status of the object from `base` to `draft`; returns the object as it is then.

    Raises:
        Replaced
        KubeError
    """
    before, after = base.get("status") or {}, draft.get("status") or {}
    patch = make_merge_patch(before, after)
    for left in range(_TRIES, 0, -1):
        if not patch:
            return base if left == _TRIES else _noted(memory, base)
        world.deps.leadership.check()
        try:
            return _noted(memory, await _send(world, base, {"status": patch}, "status"))
        except ApiError as error:
            if error.is_not_found:
                raise Replaced from error
            if not error.is_conflict or left == 1:
                raise
        await asyncio.sleep(_PAUSE if left < _TRIES else 0)
        base = await _again(world, base)
        patch = _rebased(base.get("status") or {}, before, after)
    return base


def _rebased(current: Object, before: Object, after: Object) -> Object:
    """The patch that makes on `current` the changes between `before` and `after`."""
    wanted = copy.deepcopy(after)
    merged = {**current}
    for key in before.keys() | after.keys():
        if before.get(key) != after.get(key) and key != "conditions":
            if key in wanted:
                merged[key] = wanted[key]
            else:
                merged.pop(key, None)
    ours = [condition for condition in wanted.get("conditions") or [] if condition.get("type") in _OWNED]
    others = [each for each in current.get("conditions") or [] if each.get("type") not in _OWNED]
    merged["conditions"] = [*ours, *others]
    return make_merge_patch(current, merged)


async def write_finalizer(world: World, memory: Memory, base: Object, *, present: bool) -> Object:
    """Add or remove our finalizer.

    Raises:
        Replaced
        KubeError
    """
    for left in range(_TRIES, 0, -1):
        current: list[str] = list(dig(base, "metadata", "finalizers", default=[]))
        if (names.FINALIZER in current) == present:
            return base
        wanted = [*current, names.FINALIZER] if present else [each for each in current if each != names.FINALIZER]
        world.deps.leadership.check()
        try:
            return _noted(memory, await _send(world, base, {"metadata": {"finalizers": wanted or None}}, ""))
        except ApiError as error:
            if error.is_not_found:
                raise Replaced from error
            if not error.is_conflict or left == 1:
                raise
        base = await _again(world, base)
    return base


async def _send(world: World, base: Object, patch: dict[str, Any], subresource: str) -> Object:
    # The version makes the write fail on anything that was not seen, such as a condition of somebody else's.
    metadata = {**patch.get("metadata", {}), "resourceVersion": dig(base, "metadata", "resourceVersion", default="")}
    # It makes a repeat harmless, too: what was written although its reply was lost is a conflict, settled by reading.
    return await patiently(
        lambda: world.deps.client.patch(
            Ref.of(base),
            {**patch, "metadata": metadata},
            kind="merge",
            subresource=subresource,
            field_manager=names.KUSTOMIZE_STATUS_MANAGER,
        )
    )


async def _again(world: World, base: Object) -> Object:
    ref = Ref.of(base)
    found = await patiently(lambda: world.deps.client.get(ref.api_version, ref.kind, ref.namespace, ref.name))
    if found is None or dig(found, "metadata", "uid") != dig(base, "metadata", "uid"):
        raise Replaced
    return found


def _noted(memory: Memory, obj: Object) -> Object:
    metadata = obj.get("metadata")
    if isinstance(metadata, dict):
        metadata.pop("managedFields", None)
    memory.latest = obj
    return obj
