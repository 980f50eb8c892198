"""What an apply would change: each object against the cluster, by a server-side dry-run that writes nothing.

Source of the behaviour: fluxcd/pkg `ssa/manager_diff.go` and flux2 `internal/build/diff.go`.
"""

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fluvial.api import inventory, names
from fluvial.apply import (
    MANAGER,
    Action,
    created_only,
    dry_run_text,
    left_alone,
    masked_pair,
    masked_text,
    rank,
    refused_as_immutable,
    whole,
)
from fluvial.insight.encrypted import MASK
from fluvial.insight.report import report
from fluvial.kube import ApiError, Client, KubeError
from fluvial.objects import Object, Ref, annotations, dig, labels

_VOLATILE = ("managedFields",)


@dataclass(frozen=True, slots=True)
class Planned:
    """What an apply would do with one object; `before` and `after` are set for a change of an existing one.

    `problem` is what the server says against it; the action means nothing then.
    """

    ref: Ref
    action: Action
    before: Object | None = None
    after: Object | None = None
    problem: str = ""

    @property
    def text(self) -> str:
        """What `flux diff` prints of it; empty for an object that stays as it is."""
        if self.action is Action.CONFIGURED:
            return f"► {self.ref} drifted\n" + report(self.before, self.after)
        if self.action in (Action.CREATED, Action.SKIPPED, Action.DELETED):
            return f"► {self.ref} {self.action.value}\n"
        return ""

    @property
    def changes(self) -> bool:
        """Whether the cluster would differ afterwards."""
        return self.action in (Action.CREATED, Action.CONFIGURED, Action.DELETED)


async def planned(client: Client, obj: Object, *, force: bool = False) -> Planned:
    """Return what an apply of `obj` by kustomize-controller would do.

    Args:
        force: an object that must be recreated would be, as `spec.force` asks.
    """
    ref = Ref.of(obj)
    try:
        live = await client.get(ref.api_version, ref.kind, ref.namespace, ref.name)
    except KubeError:
        live = None  # the dry-run tells better what is wrong
    if left_alone(obj) or left_alone(live) or (live is not None and created_only(obj)):
        return Planned(ref, Action.SKIPPED)
    try:
        applied = await client.apply(obj, field_manager=MANAGER, force=True, dry_run=True)
    except KubeError as error:
        if (
            live is not None
            and isinstance(error, ApiError)
            and refused_as_immutable(error)
            and (force or _forced(obj, live))
        ):
            return Planned(ref, Action.CREATED)
        return Planned(ref, Action.UNKNOWN, problem=dry_run_text(ref, error, masked_text(str(error), obj)))
    found = Ref.of(applied.object)
    if applied.created or live is None:
        return Planned(found, Action.CREATED)
    if not whole(live, applied.object):
        return Planned(found, Action.UNCHANGED)
    return _shown(found, obj, _still(live), _still(applied.object))


def _forced(obj: Object, live: Object) -> bool:
    found = [marks.get(names.SWITCH_FORCE, "") for each in (obj, live) for marks in (labels(each), annotations(each))]
    return any(value.lower() == names.ENABLED for value in found)


def _still(obj: Object) -> Object:
    metadata = {key: value for key, value in obj["metadata"].items() if key not in _VOLATILE}
    return {**obj, "metadata": metadata}


def _shown(ref: Ref, wanted: Object, live: Object, merged: Object) -> Planned:
    """Return the change with secret values masked; a Secret with encrypted values is compared by its keys alone."""
    if ref.group == "" and ref.kind == "Secret":
        before, after = masked_pair(live, merged)
        if _is_encrypted(wanted):
            before, after = _keys_only(live), _keys_only(merged)
            if dig(before, "data", default={}).keys() == dig(after, "data", default={}).keys():
                return Planned(ref, Action.UNCHANGED)
        return Planned(ref, Action.CONFIGURED, before, after)
    return Planned(ref, Action.CONFIGURED, live, merged)


def _is_encrypted(obj: Object) -> bool:
    for value in dig(obj, "data", default={}).values():
        try:
            if MASK.encode() in base64.b64decode(value):
                return True
        except (binascii.Error, ValueError):
            continue
    return False


def _keys_only(obj: Object) -> Object:
    return {**obj, "data": dict.fromkeys(dig(obj, "data", default={}), "*****")}


def stale(kustomization: Mapping[str, Any], applied: Sequence[Planned]) -> list[Planned]:
    """Return the deletions of what the inventory names and the new build does not, in the order of application."""
    kept = {one.ref for one in applied}
    gone = [ref for ref in inventory.read_inventory(dict(kustomization)) if ref not in kept]
    return [Planned(ref, Action.DELETED) for ref in sorted(gone, key=rank)]
