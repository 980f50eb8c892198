"""Everything that kustomize-controller watches, and who is looked at when something there moves.

Kustomizations themselves, sources, ConfigMaps and Secrets that carry the watch label, and the metadata of every managed
kind by owner label. All under the controller's own identity; what a tenant could learn from an object is read
elsewhere, under the tenant's.
"""

import asyncio
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from fluvial.api import Artifact, names
from fluvial.api.inventory import inventory_id
from fluvial.apply import Live, Owner, taken_over
from fluvial.controllers.kustomize.settings import Settings
from fluvial.kube import Client
from fluvial.objects import GroupKind, Object, Ref, condition_is_true, dig, labels
from fluvial.runtime import Cache, Change, Controller, Informer, Key, drop_managed_fields, key_of, own_changes

_BY_SOURCE: Final = "source"
_BY_DEPENDENCY: Final = "dependsOn"
_BY_VARIABLES: Final = "substituteFrom"
_BY_OWNER: Final = "owner"
_SOURCES: Final = (names.GIT_REPOSITORY, names.OCI_REPOSITORY, names.BUCKET)
SETTLE_STEP: Final = 0.01  # seconds; a watch tells when it is complete, but not when it fails
FOLLOWED: Final = 64  # single objects that are watched by name; the rest is read at each interval
_CRDS: Final = ("apiextensions.k8s.io/v1", "CustomResourceDefinition")


@dataclass(slots=True)
class _Managed:
    """The watch of one managed kind, and the Kustomizations that have objects of it."""

    informer: Informer
    users: set[Key] = field(default_factory=set)
    end: list[Callable[[], None]] = field(default_factory=list)


class Watches:
    """The watches of one controller. Callbacks are given once, before `start`."""

    def __init__(self, settings: Settings, client: Client, cache: Cache) -> None:
        self._settings = settings
        self._client = client
        self._cache = cache
        self._managed: dict[GroupKind, _Managed] = {}
        self._sources: dict[str, Informer] = {}
        self._crds: Informer | None = None
        self._followed: dict[Key, dict[Ref, Informer]] = {}
        self._followed_as: dict[Key, str] = {}  # the identity that watches
        self._matches = taken_over(settings.override_managers)
        self._slim = self._make_slim()
        self.on_managed: Callable[[Ref, Live | None, set[Key]], None] = lambda ref, live, keys: None
        self.on_doubt: Callable[[Iterable[Key], str], None] = lambda keys, why: None
        self.on_return: Callable[[], None] = lambda: None
        self.own = cache.informer(
            client,
            names.KUSTOMIZE_V1,
            names.KUSTOMIZATION,
            settings.watch_namespace,
            labels=settings.watch_label_selector,
            transform=drop_managed_fields,
        )
        self.own.add_index(_BY_SOURCE, source_of)
        self.own.add_index(_BY_DEPENDENCY, dependencies_of)
        self.own.add_index(_BY_VARIABLES, variables_of)

    def start(
        self, controller: Controller, is_blocked: Callable[[Key], bool], log_cycle: Callable[[str], None]
    ) -> None:
        """Connect every watch to the queue of `controller`.

        Args:
            is_blocked: whether a Kustomization waits for a dependency.
            log_cycle: told when dependencies form a circle.
        """
        controller.watch(self.own, when=own_changes)
        controller.watch(
            self.own,
            when=_progressed,
            which=lambda change: (key for key in self.dependents(change.key) if is_blocked(key)),
        )
        kinds = [*_SOURCES, *([names.EXTERNAL_ARTIFACT] if self._settings.gate("ExternalArtifact") else [])]
        for kind in kinds:
            informer = self._cache.informer(
                self._client, names.SOURCE_V1, kind, self._settings.watch_namespace, transform=drop_managed_fields
            )
            self._sources[kind] = informer
            controller.watch(informer, when=_new_revision, which=self._consumers(log_cycle))
        if not self._settings.gate("DisableConfigWatchers"):
            for kind in ("ConfigMap", "Secret"):
                informer = self._cache.informer(
                    self._client,
                    "v1",
                    kind,
                    self._settings.watch_namespace,
                    labels=self._settings.watch_configs_label_selector,
                    metadata_only=True,
                    transform=drop_managed_fields,
                )
                controller.watch(informer, when=_moved, which=self._users_of)

        self._tell_returns()

    def _tell_returns(self) -> None:
        """Call `on_return` when the server is back after it was away: it may be another one."""
        away = False

        def on_state() -> None:
            nonlocal away
            if self.own.error is not None and not self.own.connected:
                away = True
            elif self.own.connected and away:
                away = False
                self.on_return()

        self.own.subscribe_state(on_state)

    # -- Kustomizations and their sources

    def kustomization(self, key: Key) -> Object | None:
        return self.own.get(key.namespace, key.name)

    def dependents(self, key: Key) -> list[Key]:
        """The Kustomizations that depend on `key`."""
        return [key_of(obj) for obj in self.own.by_index(_BY_DEPENDENCY, str(key))]

    def source(self, ref: Ref) -> Object | None:
        """The source as the watch has it; None also for a kind that is not watched."""
        informer = self._sources.get(ref.kind)
        return informer.get(ref.namespace, ref.name) if informer is not None else None

    def on_source(self, ref: Ref, callback: Callable[[Change], None]) -> Callable[[], None]:
        """Call `callback` for the source as it is and for each change of it; returns the function that ends it."""
        informer = self._sources.get(ref.kind)
        if informer is None:
            return lambda: None

        def on_change(change: Change) -> None:
            if (change.key.namespace, change.key.name) == (ref.namespace, ref.name):
                callback(change)

        return informer.subscribe(on_change)

    def claimed_by_others(self, owner: Key) -> Callable[[Ref], bool]:
        """Tells whether the inventory of another Kustomization than `owner` names an object, as of now.

        One on its way out claims nothing: two that end together would each leave the object to the other.
        """
        named: set[str] = set()
        for obj in self.own.list():
            if key_of(obj) != owner and dig(obj, "metadata", "deletionTimestamp") is None:
                named.update(entry.get("id", "") for entry in dig(obj, "status", "inventory", "entries", default=[]))
        return lambda ref: inventory_id(ref) in named

    def siblings_behind(self, key: Key, revision: str) -> list[Object]:
        """The other Kustomizations of the source of `key` that have not attempted `revision`."""
        own = self.kustomization(key)
        if own is None:
            return []
        return [
            obj
            for name in source_of(own)
            for obj in self.own.by_index(_BY_SOURCE, name)
            if key_of(obj) != key and dig(obj, "status", "lastAttemptedRevision") != revision
        ]

    def has(self, owner: Key, ref: Ref) -> bool:
        """Whether `owner` exists and its inventory names `ref`."""
        obj = self.kustomization(owner)
        wanted = inventory_id(ref)
        entries = dig(obj or {}, "status", "inventory", "entries", default=[])
        return any(entry.get("id") == wanted for entry in entries)

    def owner_of(self, live: Live) -> Key | None:
        """Whom the owner labels of an object name."""
        name, namespace = live.labels.get(names.OWNER_NAME_LABEL), live.labels.get(names.OWNER_NAMESPACE_LABEL)
        return Key(namespace, name) if name and namespace else None

    def _consumers(self, log_cycle: Callable[[str], None]) -> Callable[[Change], list[Key]]:
        def which(change: Change) -> list[Key]:
            artifact = Artifact.of(change.object)
            if artifact is None:
                return []
            name = f"{change.object.get('kind')}/{change.key}"
            found = [obj for obj in self.own.by_index(_BY_SOURCE, name) if not _is_at(obj, artifact.revision)]
            ordered, circle = in_dependency_order(found)
            if circle:
                log_cycle(circle)
            return ordered

        return which

    def _users_of(self, change: Change) -> list[Key]:
        name = f"{change.object.get('kind')}/{change.key}"
        return in_dependency_order(self.own.by_index(_BY_VARIABLES, name))[0]

    # -- single objects of others: variables, and explicit health checks

    def follow(self, key: Key, client: Client, wanted: Collection[Ref]) -> None:
        """Watch the versions of these objects, and of no others, for `key`, under its own identity."""
        followed = self._followed.setdefault(key, {})
        same = self._followed_as.get(key) == client.identity
        for ref in [ref for ref in followed if ref not in wanted or not same]:
            self._cache.release(followed.pop(ref))
        for ref in wanted:
            if ref not in followed and sum(map(len, self._followed.values())) < FOLLOWED:
                followed[ref] = self._cache.informer(
                    client,
                    ref.api_version,
                    ref.kind,
                    ref.namespace,
                    fields=f"metadata.name={ref.name}",
                    metadata_only=True,
                    transform=drop_managed_fields,
                )
        self._followed_as[key] = client.identity
        if not followed:
            del self._followed[key], self._followed_as[key]

    def version(self, key: Key, ref: Ref) -> tuple[str, str] | None:
        """(uid, resourceVersion) of a followed object, empty when it is not there; None where no watch tells."""
        informer = self._followed.get(key, {}).get(ref)
        if informer is None or not _is_proof(informer):
            return None
        metadata = (informer.get(ref.namespace, ref.name) or {}).get("metadata") or {}
        return str(metadata.get("uid", "")), str(metadata.get("resourceVersion", ""))

    # -- managed objects

    def manage(self, key: Key, kinds: Iterable[tuple[GroupKind, str]]) -> None:
        """Watch the metadata of these kinds (with the API version to read them in) for `key`, and no longer others."""
        wanted = dict(kinds)
        for kind, managed in list(self._managed.items()):
            if kind not in wanted and key in managed.users:
                managed.users.discard(key)
                if not managed.users:
                    self._end(kind)
        for kind, api_version in wanted.items():
            found = self._managed.get(kind) or self._begin(kind, api_version)
            found.users.add(key)

    def live(self, ref: Ref) -> Live | None:
        """The object as its watch has it, or None."""
        managed = self._managed.get(ref.group_kind)
        return _live_of(managed.informer.get(ref.namespace, ref.name)) if managed is not None else None

    def is_proof(self, kind: GroupKind) -> bool:
        """Whether the watch of `kind` is complete, and not broken: absence and sameness mean something."""
        managed = self._managed.get(kind)
        if managed is None:
            return False
        return _is_proof(managed.informer)

    def is_behind(self, kind: GroupKind, version: str) -> bool:
        """Whether the watch of `kind` has not come to `version` yet."""
        managed = self._managed.get(kind)
        return managed is not None and is_older(managed.informer.resource_version, version)

    async def settle(self, kinds: Iterable[GroupKind], seconds: float) -> None:
        """Wait until the watches of `kinds` are complete; not for those that failed, and not beyond `seconds`.

        What is not complete then proves nothing, and costs dry-runs.
        """
        waiting = [self._managed[kind].informer for kind in kinds if kind in self._managed]
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while loop.time() < end:
            waiting = [informer for informer in waiting if not informer.synced and informer.error is None]
            if not waiting:
                return
            await asyncio.sleep(SETTLE_STEP)

    def owned(self, owner: Owner) -> list[Ref]:
        """The live objects of all watched kinds that carry the labels of `owner`."""
        name = f"{owner.namespace}/{owner.name}"
        return [
            live.ref
            for managed in self._managed.values()
            for obj in managed.informer.by_index(_BY_OWNER, name)
            if (live := _live_of(obj)) is not None
        ]

    def _begin(self, kind: GroupKind, api_version: str) -> _Managed:
        if self._crds is None:
            # Not at the start: an identity that may not watch CRDs would never be in sync, and can do without.
            self._crds = self._cache.informer(self._client, *_CRDS, metadata_only=True, transform=drop_managed_fields)
            self._crds.subscribe(self._on_crd, replay=False)
        informer = self._cache.informer(
            self._client,
            api_version,
            kind.kind,
            labels=names.OWNER_NAME_LABEL,
            metadata_only=True,
            transform=self._slim,
        )
        informer.add_index(_BY_OWNER, _owner_of)
        managed = self._managed[kind] = _Managed(informer)
        managed.end.append(informer.subscribe(self._on_managed, replay=False))
        epoch = informer.epoch

        def on_state() -> None:
            nonlocal epoch
            if epoch and informer.epoch > epoch:
                self.on_doubt(sorted(managed.users), f"the watch of {kind} began anew")
            epoch = informer.epoch

        managed.end.append(informer.subscribe_state(on_state))
        return managed

    def _end(self, kind: GroupKind) -> None:
        managed = self._managed.pop(kind)
        for end in managed.end:
            end()
        self._cache.release(managed.informer)

    def _on_managed(self, change: Change) -> None:
        ref = Ref.of(change.object)
        live = None if change.type == "DELETED" else _live_of(change.object)
        keys = {key for obj in (change.object, change.old) if obj is not None for key in _owner_keys(obj)}
        self.on_managed(ref, live, keys)

    def _on_crd(self, change: Change) -> None:
        old = change.old
        if old is not None and dig(old, "metadata", "generation") == dig(change.object, "metadata", "generation"):
            return
        group = change.key.name.partition(".")[2]
        users = {key for kind, managed in self._managed.items() if kind.group == group for key in managed.users}
        self.on_doubt(sorted(users), f"the definition of {change.key.name} changed")

    def _make_slim(self) -> Callable[[Object], Object]:
        matches = self._matches

        def slim(obj: Object) -> Object:
            """Keep identity and labels, and what `Live` tells of the rest."""
            metadata = obj.get("metadata") or {}
            kept = ("name", "namespace", "uid", "resourceVersion", "labels")
            return {
                "apiVersion": obj.get("apiVersion"),
                "kind": obj.get("kind"),
                "metadata": {name: metadata[name] for name in kept if name in metadata},
                "live": Live.of(obj, matches),
            }

        return slim


def _is_proof(informer: Informer) -> bool:
    """Whether a watch is complete, and not broken; between two requests of a healthy one it is both."""
    return informer.synced and (informer.connected or informer.error is None)


def _live_of(obj: Object | None) -> Live | None:
    found: Any = obj.get("live") if obj is not None else None
    return found if isinstance(found, Live) else None


def _owner_keys(obj: Object) -> list[Key]:
    found = labels(obj)
    name, namespace = found.get(names.OWNER_NAME_LABEL), found.get(names.OWNER_NAMESPACE_LABEL)
    return [Key(namespace, name)] if name and namespace else []


def _owner_of(obj: Object) -> list[str]:
    return [str(key) for key in _owner_keys(obj)]


# -- what a Kustomization refers to; functions of the module, since an index is known by its function


def source_of(obj: Object) -> list[str]:
    """`Kind/namespace/name` of the source."""
    source = dig(obj, "spec", "sourceRef", default={})
    namespace = source.get("namespace") or dig(obj, "metadata", "namespace", default="")
    return [f"{source.get('kind')}/{namespace}/{source.get('name')}"]


def dependencies_of(obj: Object) -> list[str]:
    """`namespace/name` of each dependency."""
    own = dig(obj, "metadata", "namespace", default="")
    return [f"{item.get('namespace') or own}/{item.get('name')}" for item in dig(obj, "spec", "dependsOn", default=[])]


def variables_of(obj: Object) -> list[str]:
    """`Kind/namespace/name` of each object of `substituteFrom`."""
    own = dig(obj, "metadata", "namespace", default="")
    found = dig(obj, "spec", "postBuild", "substituteFrom", default=[])
    return [f"{item.get('kind')}/{own}/{item.get('name')}" for item in found]


# -- which changes count


def _new_revision(change: Change) -> bool:
    """Flux's predicate: the artifact appeared, or its revision changed (`SourceRevisionChangePredicate`)."""
    if change.type == "DELETED":
        return False
    new, old = Artifact.of(change.object), Artifact.of(change.old) if change.old is not None else None
    return new is not None and (old is None or old.revision != new.revision)


def _progressed(change: Change) -> bool:
    """A Kustomization changed in what its dependents wait for."""
    if change.old is None:
        return change.type == "ADDED" and not change.initial
    return _progress(change.object) != _progress(change.old)


def _progress(obj: Object) -> tuple[Any, ...]:
    return (
        condition_is_true(obj, names.READY),
        dig(obj, "metadata", "generation"),
        dig(obj, "status", "observedGeneration"),
        dig(obj, "status", "lastAppliedRevision"),
    )


def _moved(change: Change) -> bool:
    return not change.initial


def _is_at(obj: Object, revision: str) -> bool:
    """Whether `obj` is done with `revision`, or at it."""
    busy = condition_is_true(obj, names.READY) or condition_is_true(obj, names.RECONCILING)
    return busy and dig(obj, "status", "lastAttemptedRevision") == revision


def in_dependency_order(objects: Iterable[Object]) -> tuple[list[Key], str]:
    """The keys of `objects`, each after those it depends on; and the circle that was found, or "".

    With a circle the rest keeps the order given. Source: fluxcd/pkg `runtime/dependency/sort.go`, where a circle means
    that nobody is looked at.
    """
    by_key = {str(key_of(obj)): obj for obj in objects}
    done: dict[str, None] = {}
    circle = ""
    for start in by_key:
        path: dict[str, list[str]] = {}  # name → dependencies still to be visited, along the present path
        if start not in done:
            path[start] = dependencies_of(by_key[start])
        while path:
            name = next(reversed(path))
            if not path[name]:
                path.pop(name)
                done[name] = None
                continue
            following = path[name].pop(0)
            if following in path:
                names_on_it = list(path)
                around = [*names_on_it[names_on_it.index(following) :], following]
                circle = circle or "circular dependency detected: " + " -> ".join(around)
            elif following in by_key and following not in done:
                path[following] = dependencies_of(by_key[following])
    return [key_of(by_key[name]) for name in done], circle


def is_older(version: str, than: str) -> bool:
    """Whether one resourceVersion is older than another; False where that can't be told."""
    return version.isdecimal() and than.isdecimal() and int(version) < int(than)
