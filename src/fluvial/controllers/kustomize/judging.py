"""From what the watches tell to which objects need a request; `drift` holds the rules."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from fluvial.api import Reason
from fluvial.apply import Live, Record, created_only, left_alone, unpacked
from fluvial.controllers.kustomize import decide
from fluvial.controllers.kustomize.drift import Answer, Context, Judgement, judge
from fluvial.controllers.kustomize.memory import Memory, Overwrite
from fluvial.controllers.kustomize.report import Told
from fluvial.controllers.kustomize.target import Target
from fluvial.controllers.kustomize.world import World
from fluvial.kube import KubeError
from fluvial.objects import Object, Ref, dig
from fluvial.runtime import Key

_REMEMBERED_OVERWRITES = 1000  # of one Kustomization; the oldest leave


@dataclass(frozen=True, slots=True, kw_only=True)
class Sorted:
    """Which objects of a target need a request, which don't, and whose overwrites are being corrected."""

    todo: frozenset[Ref]
    skipped: frozenset[Ref] = frozenset()  # opted out, and known to be
    overwrites: tuple[Overwrite, ...] = field(default_factory=tuple)


def sort_out(world: World, key: Key, memory: Memory, target: Target, *, compare: bool, tick: bool) -> Sorted:
    """Find the objects of `target` that have to be examined.

    Args:
        compare: all of them, whatever the watches say.
        tick: an interval is over: what was left until then, and kinds that cannot be watched, are looked at too.
    """
    if compare:
        return Sorted(todo=frozenset(target.refs))
    todo: set[Ref] = set()
    skipped: set[Ref] = set()
    overwrites: list[Overwrite] = []
    for ref in target.refs:
        payload = target.payloads[ref]
        record = memory.records.get(ref)
        if record is None:
            if memory.skipped.get(ref) == payload and not _may_differ(world, memory, ref, tick):
                skipped.add(ref)
            else:
                todo.add(ref)
        elif record.payload != payload:
            todo.add(ref)
        elif not world.watches.is_proof(ref.group_kind):
            if tick:
                todo.add(ref)
        else:
            live = world.live(memory, ref)
            if live is not None and live.resource_version == record.live.resource_version:
                continue
            found = judge_object(world, key, memory, ref, live)
            if found.answer is Answer.CORRECT and found.overwrite is not None:
                overwrites.append(found.overwrite)
            if found.answer is Answer.CORRECT or (tick and found.answer in (Answer.LEAVE, Answer.WARN)):
                todo.add(ref)
    return Sorted(todo=frozenset(todo), skipped=frozenset(skipped), overwrites=tuple(overwrites))


def _may_differ(world: World, memory: Memory, ref: Ref, tick: bool) -> bool:
    """Whether an object that was opted out may not be any more."""
    desired = unpacked(memory.manifests[ref])
    if left_alone(desired):
        return False
    live = world.watches.live(ref)
    if live is not None and (left_alone(live) or created_only(desired)):
        return False
    return tick


def judge_object(world: World, key: Key, memory: Memory, ref: Ref, live: Live | None) -> Judgement:
    """Judge one object of one Kustomization by what is known now."""
    obj = world.watches.kustomization(key)
    manifest = memory.manifests.get(ref)
    context = Context(
        active=obj is not None and is_active(obj),
        desired=unpacked(manifest) if manifest is not None else None,
        claimed=live is not None and _claimed(world, key, live),
        corrected=memory.corrected,
        now=world.now(),
        watched=world.settings.drift == "watch",
    )
    return judge(memory.records.get(ref), live, context)


def is_active(obj: Object) -> bool:
    """Neither suspended nor being deleted."""
    return not dig(obj, "spec", "suspend", default=False) and dig(obj, "metadata", "deletionTimestamp") is None


def _claimed(world: World, key: Key, live: Live) -> bool:
    owner = world.watches.owner_of(live)
    return owner is not None and owner != key and world.watches.has(owner, live.ref)


def note_corrections(world: World, memory: Memory, overwrites: tuple[Overwrite, ...]) -> None:
    """Remember that these were corrected now."""
    now = world.now()
    for overwrite in overwrites:
        earlier = memory.corrected.pop(overwrite, ())
        memory.corrected[overwrite] = (*earlier[-10:], now)
    while len(memory.corrected) > _REMEMBERED_OVERWRITES:
        memory.corrected.pop(next(iter(memory.corrected)))


def on_managed(world: World, ref: Ref, live: Live | None, keys: set[Key]) -> None:
    """A managed object changed: look at its Kustomization where that is called for."""
    for key in sorted(keys | world.holders.get(ref, set())):
        memory = world.memories.get(key)
        if memory is None or ref not in memory.records:
            continue
        if memory.running:
            memory.unjudged.add(ref)
        else:
            react(world, key, memory, ref, live)


def react(world: World, key: Key, memory: Memory, ref: Ref, live: Live | None) -> None:
    """Do what the judgement of one object asks for."""
    found = judge_object(world, key, memory, ref, live)
    if found.answer is Answer.CORRECT:
        memory.dirty = True
        world.enqueue(key)
    elif found.answer is Answer.NOISE and live is not None:
        memory.records[ref] = Record(memory.records[ref].payload, live)
    elif found.answer is Answer.WARN and found.overwrite is not None and found.overwrite not in memory.warned:
        memory.warned.add(found.overwrite)
        warn(world, key, found.overwrite)


def warn(world: World, key: Key, overwrite: Overwrite) -> None:
    """Tell that somebody insists on a field of ours."""
    obj = world.watches.kustomization(key)
    if obj is None:
        return
    who = f"the field manager {overwrite.manager}" if overwrite.manager else "somebody"
    memory = world.memories.get(key)
    field_ = memory.redactor.clean(overwrite.field) if memory is not None else overwrite.field
    what = f"{field_} of {overwrite.ref}" if overwrite.field else str(overwrite.ref)
    text = f"{who} keeps changing {what}; it is left until the next interval"
    world.tell(obj, Told(severity="error", message=text, reason=Reason.PROGRESSING))


def rejudge(world: World, key: Key, memory: Memory) -> None:
    """A run is over: judge what the watches told meanwhile."""
    pending, memory.unjudged = memory.unjudged, set()
    for ref in sorted(pending):
        if ref in memory.records and world.watches.is_proof(ref.group_kind):
            react(world, key, memory, ref, world.live(memory, ref))


def on_doubt(world: World, keys: Iterable[Key], why: str) -> None:
    """The watches missed something: compare everything at the next interval."""
    for key in keys:
        memory = world.memories.get(key)
        if memory is not None:
            memory.doubt = why


async def check_server(world: World) -> None:
    """The server is back: if it is of another version, nothing that was known of it counts as proof."""
    try:
        found = str((await world.deps.client.version()).get("gitVersion", ""))
    except KubeError:
        return  # it is away again; the next return asks again
    if world.server_version and found != world.server_version:
        on_doubt(world, list(world.memories), "the server's version changed")
    world.server_version = found


def check_discovery(world: World) -> None:
    """What is served differs from before: compare everything at the next interval."""
    if world.discovery is None:
        world.spawn(check_server(world), "server version")
    now = world.deps.client.discovery_changes
    if world.discovery is not None and now != world.discovery:
        on_doubt(world, list(world.memories), "what the server serves changed")
    world.discovery = now


def proven_records(world: World, memory: Memory, target: Target, owner_labels: dict[str, str]) -> list[Ref]:
    """The objects of a target, applied by another process, that are as that process left them."""
    return [
        ref
        for ref, obj in zip(target.refs, target.objects(target.refs), strict=True)
        if world.watches.is_proof(ref.group_kind) and decide.proven(obj, world.watches.live(ref), owner_labels)
    ]
