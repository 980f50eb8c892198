"""What is served: resources by group, version and plural name, built in and of CustomResourceDefinitions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from fluvial.controlplane.schemas import BuiltinKinds, Kind
from fluvial.objects import Object


@dataclass(frozen=True, slots=True, kw_only=True)
class ScalePaths:
    """Where a custom resource keeps what its scale subresource shows, as keys from the root of the object."""

    replicas: tuple[str, ...]
    status_replicas: tuple[str, ...]
    selector: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomColumn:
    """A printer column of a CustomResourceDefinition."""

    name: str
    type: str
    path: str
    format: str = ""
    description: str = ""
    priority: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Custom:
    """What a CustomResourceDefinition says about one of its versions beyond the schema."""

    crd: str
    schema: Mapping[str, Any]
    columns: tuple[CustomColumn, ...]
    scale: ScalePaths | None
    selectable: frozenset[str]
    deprecation: str = ""  # the warning that every answer carries


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """One resource in one version.

    Attributes:
        storage: the name under which the store keeps its objects; the same for all versions and for the two Event
            resources.
        storage_version: the apiVersion that stored objects have.
        subresources: name to the verbs that it takes.
        versions: schemas of all served versions, for managedFields of other versions.
    """

    group: str
    version: str
    plural: str
    kind: str
    singular: str
    namespaced: bool
    verbs: frozenset[str]
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    list_kind: str = ""
    storage: str
    storage_version: str
    subresources: Mapping[str, Subresource] = field(default_factory=dict)
    load: Callable[[], Kind]
    custom: Custom | None = None
    siblings: Callable[[str], Kind | None]

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def schema(self) -> Kind:
        return self.load()

    @property
    def has_status(self) -> bool:
        return "status" in self.subresources

    @property
    def is_stored_version(self) -> bool:
        return self.api_version == self.storage_version

    @property
    def qualified(self) -> str:
        return f"{self.plural}.{self.group}" if self.group else self.plural


@dataclass(frozen=True, slots=True)
class Subresource:
    """One subresource: what it takes and which kind it speaks."""

    name: str
    verbs: frozenset[str]
    kind: str
    group: str
    version: str


# The same objects under two names: (group, plural) to the storage name, and the apiVersion that is stored.
_SHARED_STORAGE = {("events.k8s.io", "events"): ("events", "v1")}
_STORED_VERSIONS = {"horizontalpodautoscalers.autoscaling": "autoscaling/v2"}


class Registry:
    """All resources that are served now. `generation` changes whenever they do; discovery is cached by it."""

    def __init__(self, kinds: BuiltinKinds) -> None:
        self.kinds = kinds
        self.generation = 0
        self._resources: dict[tuple[str, str, str], Resource] = {}
        self._built_in: dict[tuple[str, str], list[Resource]] = {}
        self._custom: dict[str, tuple[Resource, ...]] = {}  # by name of the CustomResourceDefinition
        for resource in _built_in_resources(kinds):
            self._resources[resource.group, resource.version, resource.plural] = resource
            self._built_in.setdefault((resource.group, resource.version), []).append(resource)

    def find(self, group: str, version: str, plural: str) -> Resource | None:
        return self._resources.get((group, version, plural))

    def of_kind(self, api_version: str, kind: str) -> Resource | None:
        """Return the resource that serves a kind."""
        group, _, version = api_version.rpartition("/")
        for resource in self.in_version(group, version):
            if resource.kind == kind:
                return resource
        return None

    def stored(self, storage: str) -> Resource | None:
        """Return the resource whose version is the stored one of `storage` (`deployments.apps`)."""
        plural, _, group = storage.partition(".")
        served = [r for r in self._resources.values() if r.plural == plural and r.group == group]
        return next((r for r in served if r.is_stored_version), served[0] if served else None)

    def in_version(self, group: str, version: str) -> Sequence[Resource]:
        """Return the resources of one group version; empty when it is not served."""
        custom = [r for rows in self._custom.values() for r in rows if (r.group, r.version) == (group, version)]
        return [*self._built_in.get((group, version), ()), *sorted(custom, key=lambda r: r.plural)]

    def group_versions(self) -> dict[str, list[str]]:
        """Return group to its versions, the preferred first; built-in groups first, then custom ones by name."""
        found: dict[str, list[str]] = {}
        for group, version in self._built_in:
            found.setdefault(group, []).append(version)
        custom: dict[str, set[str]] = {}
        for rows in self._custom.values():
            for row in rows:
                custom.setdefault(row.group, set()).add(row.version)
        for group in sorted(custom):
            found[group] = sorted([*found.get(group, []), *custom[group]], key=version_rank)
        return found

    def all(self) -> Iterator[Resource]:
        yield from self._resources.values()

    def add_custom(self, crd: str, rows: Iterable[Resource]) -> None:
        """Serve the versions of a CustomResourceDefinition, in place of what it served before."""
        self._forget(crd)
        self._custom[crd] = tuple(rows)
        for row in self._custom[crd]:
            self._resources[row.group, row.version, row.plural] = row
        self.generation += 1

    def remove_custom(self, crd: str) -> None:
        if crd in self._custom:
            self._forget(crd)
            self.generation += 1

    def custom(self, crd: str) -> Sequence[Resource]:
        """Return what a CustomResourceDefinition serves now."""
        return self._custom.get(crd, ())

    def _forget(self, crd: str) -> None:
        for row in self._custom.pop(crd, ()):
            del self._resources[row.group, row.version, row.plural]


def version_rank(version: str) -> tuple[int, int, int, str]:
    """Sort key of versions as Kubernetes prefers them: v2, v1, v1beta2, v1alpha1, then others by name."""
    digits, stage, minor = _split_version(version)
    if digits < 0:
        return (3, 0, 0, version)
    return ({"": 0, "beta": 1, "alpha": 2}[stage], -digits, -minor, version)


def _split_version(version: str) -> tuple[int, str, int]:
    for stage in ("alpha", "beta"):
        major, found, minor = version.partition(stage)
        if found and major[:1] == "v" and major[1:].isdigit() and minor.isdigit():
            return int(major[1:]), stage, int(minor)
    if version[:1] == "v" and version[1:].isdigit():
        return int(version[1:]), "", 0
    return -1, "", 0


def _built_in_resources(kinds: BuiltinKinds) -> Iterator[Resource]:
    rows = kinds.resources()
    subresources: dict[tuple[str, str, str], dict[str, Subresource]] = {}
    for row in rows:
        plural, _, name = row.name.partition("/")
        if name:
            found = subresources.setdefault((row.group, row.version, plural), {})
            group, version = row.response_group or row.group, row.response_version or row.version
            found[name] = Subresource(name, frozenset(row.verbs), row.kind, group, version)
    for row in rows:
        if "/" in row.name:
            continue
        api_version = f"{row.group}/{row.version}" if row.group else row.version
        name = f"{row.name}.{row.group}" if row.group else row.name
        storage, stored = _SHARED_STORAGE.get((row.group, row.name), (name, _STORED_VERSIONS.get(name, api_version)))
        yield Resource(
            group=row.group,
            version=row.version,
            plural=row.name,
            kind=row.kind,
            singular=row.singular,
            namespaced=row.namespaced,
            verbs=frozenset(row.verbs),
            short_names=row.short_names,
            categories=row.categories,
            list_kind=f"{row.kind}List",
            storage=storage,
            storage_version=stored,
            subresources=subresources.get((row.group, row.version, row.name), {}),
            load=_loader(kinds, api_version, row.kind),
            siblings=_siblings(kinds, row.kind),
        )


def _loader(kinds: BuiltinKinds, api_version: str, kind: str) -> Callable[[], Kind]:
    def load() -> Kind:
        found = kinds.get(api_version, kind)
        if found is None:
            raise LookupError(f"{api_version} {kind} is served but has no schema")
        return found

    return load


def _siblings(kinds: BuiltinKinds, kind: str) -> Callable[[str], Kind | None]:
    return lambda api_version: kinds.get(api_version, kind)


def key_of(namespace: str, name: str) -> str:
    """Return the store's key of an object."""
    return f"{namespace}/{name}" if namespace else name


def key_of_object(obj: Object) -> str:
    metadata = obj["metadata"]
    return key_of(metadata.get("namespace", ""), metadata["name"])
