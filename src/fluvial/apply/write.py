"""Writing one object: take over, recreate where asked for, apply."""

from dataclasses import dataclass
from typing import Final

from fluvial.apply.changes import Action
from fluvial.apply.cluster import Cluster
from fluvial.apply.dryrun import Finding, takeover_patch
from fluvial.apply.errors import is_denied, is_passing
from fluvial.apply.masking import masked_text
from fluvial.apply.ownership import Live
from fluvial.apply.switches import left_alone
from fluvial.apply.waiting import until_gone
from fluvial.kube import ApiError, KubeError
from fluvial.objects import Object, Ref
from fluvial.runtime import patiently

_TRIES: Final = 5  # each lost to another writer of the same object


@dataclass(frozen=True, slots=True)
class Written:
    """The outcome for one object: its live form, or the problem."""

    asked: Ref
    ref: Ref
    action: Action
    live: Object | None = None
    problem: str = ""
    denied: bool = False
    passing: bool = False


async def write(cluster: Cluster, finding: Finding) -> Written:
    """Do what `finding` found; errors of the server come back as `problem`, in Flux's words."""
    asked = Ref.of(finding.desired)
    try:
        if finding.recreate:
            await _delete_first(cluster, finding)
        elif finding.takeover:
            await _take_over(cluster, finding)
    except KubeError as error:
        return _failed(cluster, finding, _where(finding), error)
    except TimeoutError:
        text = f"{finding.ref} immutable field detected, failed to wait for object to be deleted: timed out"
        return Written(asked, finding.ref, Action.UNKNOWN, problem=text)
    try:
        applied = await patiently(
            lambda: cluster.client.apply(finding.desired, field_manager=cluster.manager, force=True)
        )
    except KubeError as error:
        return _failed(cluster, finding, "apply failed", error)
    return Written(asked, Ref.of(applied.object), finding.action, applied.object)


def _where(finding: Finding) -> str:
    if finding.recreate:
        return "immutable field detected, failed to delete object"
    return "metadata.managedFields cleanup failed"


def _failed(cluster: Cluster, finding: Finding, what: str, error: KubeError) -> Written:
    problem = f"{finding.ref} {what}: {cluster.clean(masked_text(str(error), finding.desired))}"
    asked = Ref.of(finding.desired)
    denied, passing = is_denied(error), is_passing(error)
    return Written(asked, finding.ref, Action.UNKNOWN, problem=problem, denied=denied, passing=passing)


async def _take_over(cluster: Cluster, finding: Finding) -> None:
    ref, patch = finding.ref, list(finding.takeover)
    for left in range(_TRIES, 0, -1):
        try:
            await _send(cluster, ref, patch)
            return
        except ApiError as error:
            if error.is_not_found:
                return  # gone since: the apply creates it
            if not (error.is_conflict or error.is_invalid) or left == 1:
                raise
        live = await patiently(
            lambda: cluster.client.get(ref.api_version, ref.kind, ref.namespace, ref.name, metadata_only=True)
        )
        patch = [] if live is None else takeover_patch(cluster, finding.desired, live)
        if not patch:
            return


async def _send(cluster: Cluster, ref: Ref, patch: list[Object]) -> None:
    """Send a patch that names the version it was made for, so that a repeat of what was done is a conflict."""
    await patiently(lambda: cluster.client.patch(ref, patch, kind="json", field_manager=cluster.manager))


async def _delete_first(cluster: Cluster, finding: Finding) -> None:
    """Delete what the finding was about, if a fresh look still allows it.

    Raises:
        TimeoutError: it is not gone in time.
    """
    ref, uid = finding.ref, finding.live.uid if finding.live is not None else ""
    for left in range(_TRIES, 0, -1):
        found = await patiently(
            lambda: cluster.client.get(ref.api_version, ref.kind, ref.namespace, ref.name, metadata_only=True)
        )
        live = cluster.live(found) if found is not None else None
        if live is None or live.uid != uid:
            return  # gone since, or another already: the apply decides
        if left_alone(live):
            raise ApiError(409, "Conflict", "the object was opted out of reconciliation meanwhile")
        try:
            await _delete(cluster, live)
            break
        except ApiError as error:
            if not error.is_conflict or left == 1:
                raise
    if not await until_gone(cluster, ref, uid, cluster.wait_timeout):
        raise TimeoutError


async def _delete(cluster: Cluster, live: Live) -> None:
    await patiently(lambda: cluster.client.delete(live.ref, uid=live.uid, resource_version=live.resource_version))
