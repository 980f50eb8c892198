"""Reading: everything that a decision about one Kustomization rests on."""

from dataclasses import dataclass
from enum import Enum

from fluvial.api import Artifact, Dependency, InvalidObject, Kustomization, names, source_object_ref, unsupported_fields
from fluvial.controllers.kustomize.memory import Memory
from fluvial.controllers.kustomize.watches import is_older
from fluvial.controllers.kustomize.world import World
from fluvial.gotext import parse_duration
from fluvial.objects import Object, Ref, dig
from fluvial.runtime import Key


class SourceState(Enum):
    """What is known of the source."""

    READY = "ready"
    MISSING = "missing"
    DENIED = "denied"  # --no-cross-namespace-refs
    GATED = "gated"  # ExternalArtifact without its gate
    NO_ARTIFACT = "no artifact"


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """One Kustomization at one moment.

    Args:
        obj: None when it is gone.
        ks: None when `invalid` tells why it cannot be read.
        dependencies: each with the object as it is now, None where there is none.
    """

    key: Key
    obj: Object | None
    ks: Kustomization | None = None
    memory: Memory | None = None
    invalid: str = ""
    unsupported: tuple[str, ...] = ()
    source: SourceState = SourceState.MISSING
    artifact: Artifact | None = None
    dependencies: tuple[tuple[Dependency, Object | None], ...] = ()


async def observe(world: World, key: Key) -> Observation:
    """Look at everything around the Kustomization `key`.

    Raises:
        KubeError: a read that no watch answers failed.
    """
    obj = world.watches.kustomization(key)
    if obj is None:
        return Observation(key=key, obj=None)
    memory = world.memory(key, str(dig(obj, "metadata", "uid", default="")))
    obj = _newest(memory, obj)
    try:
        ks = Kustomization.parse(_readable(obj))
    except InvalidObject as error:
        return Observation(key=key, obj=obj, memory=memory, invalid=str(error))
    unsupported = tuple(unsupported_fields(obj))
    state, artifact = await _source(world, ks)
    dependencies: tuple[tuple[Dependency, Object | None], ...] = ()
    if artifact is not None and not unsupported and not ks.deleted and not ks.suspend:
        dependencies = await _dependencies(world, ks)
    return Observation(
        key=key,
        obj=obj,
        ks=ks,
        memory=memory,
        unsupported=unsupported,
        source=state,
        artifact=artifact,
        dependencies=dependencies,
    )


def _readable(obj: Object) -> Object:
    """`obj`; on its way out without durations, which nothing depends on then but which may be unreadable."""
    if dig(obj, "metadata", "deletionTimestamp") is None:
        return obj
    spec = {key: value for key, value in dig(obj, "spec", default={}).items() if key != "retryInterval"}
    timeout = {"timeout": spec["timeout"]} if _is_duration(spec.get("timeout")) else {"timeout": None}
    return {**obj, "spec": {**spec, **timeout, "interval": "5m"}}


def _is_duration(value: object) -> bool:
    try:
        return isinstance(value, str) and parse_duration(value) >= 0
    except ValueError:
        return False


def _newest(memory: Memory, obj: Object) -> Object:
    """`obj`, or what our own last write returned while the watch is still behind it."""
    latest = memory.latest
    if latest is None:
        return obj
    if is_older(_version(obj), _version(latest)):
        return latest
    memory.latest = None
    return obj


def _version(obj: Object) -> str:
    return str(dig(obj, "metadata", "resourceVersion", default=""))


async def _source(world: World, ks: Kustomization) -> tuple[SourceState, Artifact | None]:
    source = ks.source
    if world.settings.no_cross_namespace_refs and source.namespace != ks.ref.namespace:
        return SourceState.DENIED, None
    if source.kind == names.EXTERNAL_ARTIFACT and not world.settings.gate("ExternalArtifact"):
        return SourceState.GATED, None
    ref = source_object_ref(source)
    if world.settings.gate("DirectSourceFetch"):
        found = await world.deps.client.get(ref.api_version, ref.kind, ref.namespace, ref.name)
    else:
        found = world.watches.source(ref)
    if found is None:
        return SourceState.MISSING, None
    artifact = Artifact.of(found)
    return (SourceState.NO_ARTIFACT, None) if artifact is None else (SourceState.READY, artifact)


async def _dependencies(world: World, ks: Kustomization) -> tuple[tuple[Dependency, Object | None], ...]:
    return tuple([(each, await _dependency(world, Key(each.namespace, each.name))) for each in ks.depends_on])


async def _dependency(world: World, key: Key) -> Object | None:
    found = world.watches.kustomization(key)
    if found is not None:
        memory = world.memories.get(key)
        return found if memory is None else _newest_of_other(memory, found)
    settings = world.settings
    outside = settings.watch_label_selector or (settings.watch_namespace not in ("", key.namespace))
    if not outside:
        return None
    ref = Ref(names.KUSTOMIZE_GROUP, "v1", names.KUSTOMIZATION, key.namespace, key.name)
    return await world.deps.client.get(ref.api_version, ref.kind, ref.namespace, ref.name)


def _newest_of_other(memory: Memory, found: Object) -> Object:
    latest = memory.latest
    return latest if latest is not None and is_older(_version(found), _version(latest)) else found
