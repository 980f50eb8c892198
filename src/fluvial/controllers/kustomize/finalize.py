"""The end of a Kustomization: delete what it applied, as its deletion policy says, and let it go.

Source: kustomize-controller `finalize`. Unlike Flux, an account that could not be read is not an account that is gone.
"""

from typing import Final

from fluvial.api import Kustomization, Reason, names
from fluvial.apply import Action, PruneFailed, prune, until_terminated
from fluvial.controllers.kustomize import report
from fluvial.controllers.kustomize.memory import Memory
from fluvial.controllers.kustomize.report import Draft, Told
from fluvial.controllers.kustomize.world import World, owner_of
from fluvial.controllers.kustomize.writer import Replaced, write_finalizer, write_status
from fluvial.objects import Object, dig
from fluvial.runtime import Key, Result
from fluvial.telemetry import Logger

_ELSEWHERE: Final = (
    "spec.kubeConfig is not supported yet: what was applied to the other cluster stays until a controller that knows "
    "the field deletes it; with deletionPolicy: Orphan it is left there"
)

_UNREADABLE = "the object cannot be read, so nothing was deleted: what was applied stays"


async def finalize(
    world: World, key: Key, obj: Object, ks: Kustomization | None, memory: Memory, log: Logger
) -> Result:
    """Carry out one look at a Kustomization that is being deleted.

    Args:
        ks: None when its spec cannot be read: then nothing is deleted.
    Raises:
        PruneFailed, KubeError: try again, with backoff.
    """
    world.end_wait(memory)
    if names.FINALIZER in dig(obj, "metadata", "finalizers", default=[]):
        if ks is not None and ks.deletes_on_removal and ks.spec.get("kubeConfig"):
            await _keep(world, obj, memory, log)
            return Result()
        if ks is not None and ks.deletes_on_removal:
            await _delete(world, key, obj, ks, memory, log)
        if ks is None:
            world.tell(obj, Told(severity="error", message=_UNREADABLE, reason=Reason.INVALID_SPEC))
        try:
            await write_finalizer(world, memory, obj, present=False)
        except Replaced:
            log.info("Kustomization is gone already")
    world.forget(key)
    return Result()


async def _keep(world: World, obj: Object, memory: Memory, log: Logger) -> None:
    """Stall what was applied to another cluster: objects of the same names in this one are not what it means."""
    draft = Draft(obj, world.deps.clock.now())
    draft.stalled(Reason.UNSUPPORTED, _ELSEWHERE, observed=True)
    news = report.ready_message(obj) != _ELSEWHERE
    obj = await write_status(world, memory, obj, draft.obj)
    log.info(_ELSEWHERE)
    if news:
        world.tell(obj, Told(severity="error", message=_ELSEWHERE))


async def _delete(world: World, key: Key, obj: Object, ks: Kustomization, memory: Memory, log: Logger) -> None:
    def tell(message: str, severity: str = "info") -> None:
        world.tell(
            obj,
            Told(
                severity="error" if severity == "error" else "info",
                message=message,
                revision=ks.last_applied_revision,
                origin=str(dig(obj, "status", "lastAppliedOriginRevision", default="")),
            ),
        )

    account = world.account(ks)
    if account and await world.deps.client.get("v1", "ServiceAccount", ks.ref.namespace, account) is None:
        left = "\n".join(map(str, ks.inventory))
        log.error(f"unable to prune objects: \n{left}", error="skiping pruning, failed to find account to impersonate")
        tell(f"unable to prune objects: \n{left}", "error")
        return
    cluster = world.cluster(ks, memory)
    try:
        pruned = await prune(cluster, ks.inventory, owner_of(ks), claimed=world.watches.claimed_by_others(key))
    except PruneFailed:
        tell("pruning for deleted resource failed", "error")
        raise
    if not len(pruned):
        return
    tell(str(pruned))
    if ks.deletion_policy == names.POLICY_WAIT and any(change.action is Action.DELETED for change in pruned):
        late = await until_terminated(cluster, pruned, ks.timeout)
        if late:
            message = "failed to wait for resources termination"
            log.error(message, error=f"{late[0]} termination timeout")
            tell(message, "error")
