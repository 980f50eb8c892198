"""Writing the status and the finalizer of a controller's own objects: one request each, none where nothing changed.

Source: fluxcd/pkg `runtime/patch`: conditions of others are kept, ours win, a conflict is settled on the new state.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from fluvial.kube import ApiError, Client
from fluvial.objects import Object, Ref, dig, make_merge_patch
from fluvial.runtime.changes import drop_managed_fields
from fluvial.runtime.leases import Leadership
from fluvial.runtime.patience import patiently

_TRIES: Final = 5
_PAUSE: Final = 0.1  # seconds between tries


class Replaced(Exception):
    """The object is gone, or another of the same name took its place: what was found out is of no use."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusWriter:
    """Writes in the name of one controller.

    Args:
        leadership: asked before each request.
        manager: field manager.
        owned: types of the conditions that are ours; of all others what the server has is kept.
        note: told of each newer state of the object that a request returned, managedFields left out, since a watch
            shows it later.
    """

    client: Client
    leadership: Leadership
    manager: str
    owned: frozenset[str]
    note: Callable[[Object], None]

    async def write_status(self, base: Object, draft: Object) -> Object:
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
                return await self._send(base, {"status": patch}, "status")
            except ApiError as error:
                if not error.is_conflict or left == 1:
                    raise
            await asyncio.sleep(_PAUSE if left < _TRIES else 0)
            base = await self._read_again(base)
            current = base.get("status") or {}
            patch = make_merge_patch(current, rebased(current, before, after, self.owned))
        return base

    async def write_finalizer(self, base: Object, finalizer: str, *, present: bool) -> Object:
        """Add or remove `finalizer`; returns the object as it is then.

        Raises:
            Replaced, LeadershipLost, KubeError
        """
        for left in range(_TRIES, 0, -1):
            current: list[str] = list(dig(base, "metadata", "finalizers") or ())
            if (finalizer in current) == present:
                return base
            wanted = [*current, finalizer] if present else [each for each in current if each != finalizer]
            try:
                return await self._send(base, {"metadata": {"finalizers": wanted or None}}, "")
            except ApiError as error:
                if not error.is_conflict or left == 1:
                    raise
            base = await self._read_again(base)
        return base

    async def _send(self, base: Object, patch: dict[str, Any], subresource: str) -> Object:
        self.leadership.check()
        # The version makes the write fail on anything that was not seen, such as a condition of somebody else's. It
        # makes a repeat harmless, too: what was written although its reply was lost is a conflict, settled by reading.
        version = dig(base, "metadata", "resourceVersion", default="")
        whole = {**patch, "metadata": {**patch.get("metadata", {}), "resourceVersion": version}}
        try:
            written = await patiently(
                lambda: self.client.patch(
                    Ref.of(base), whole, kind="merge", subresource=subresource, field_manager=self.manager
                )
            )
        except ApiError as error:
            if error.is_not_found:
                raise Replaced from error
            raise
        return self._noted(written)

    async def _read_again(self, base: Object) -> Object:
        ref = Ref.of(base)
        found = await patiently(lambda: self.client.get(ref.api_version, ref.kind, ref.namespace, ref.name))
        if found is None or dig(found, "metadata", "uid") != dig(base, "metadata", "uid"):
            raise Replaced
        return self._noted(found)

    def _noted(self, obj: Object) -> Object:
        slim = drop_managed_fields(obj)
        self.note(slim)
        return slim


def rebased(current: Object, before: Object, after: Object, owned: frozenset[str]) -> Object:
    """Make on the status `current` the changes between `before` and `after`; conditions not in `owned` stay as they
    are."""
    merged = dict(current)
    for key in sorted((before.keys() | after.keys()) - {"conditions"}):
        if before.get(key) != after.get(key):
            if key in after:
                merged[key] = after[key]
            else:
                merged.pop(key, None)
    ours = [each for each in after.get("conditions") or () if each.get("type") in owned]
    others = [each for each in current.get("conditions") or () if each.get("type") not in owned]
    merged["conditions"] = [*ours, *others]
    return merged
