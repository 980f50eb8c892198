"""Built-in kinds: the resources that kube-apiserver 1.36 serves by default, their types and OpenAPI documents."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache, cached_property
from typing import Any, NamedTuple

from fluvial.controlplane.schemas import openapi
from fluvial.controlplane.schemas.data import definitions, groups, shapes
from fluvial.controlplane.schemas.errors import DecodeError, FieldError
from fluvial.controlplane.schemas.kind import Decoded, Kind
from fluvial.controlplane.schemas.patching import FieldPatch, patch_of_definition
from fluvial.controlplane.schemas.rules import Rules, rules_of
from fluvial.controlplane.schemas.rules.metadata import finalizer_errors, metadata_errors, metadata_update_errors
from fluvial.controlplane.schemas.rules.warnings import warnings_of
from fluvial.controlplane.schemas.shapes import Mistyped, struct
from fluvial.managedfields import FieldSet, Schemas, TypeSchema
from fluvial.objects import GroupKind, Object

# Kinds whose status subresource sets all of metadata back as well.
_STATUS_RESETS_METADATA = frozenset(
    ("FlowSchema", "PriorityLevelConfiguration", "ServiceCIDR", "VolumeAttachment", "ResourceClaim", "APIService")
)


class Resource(NamedTuple):
    """One built-in resource as discovery tells it; a subresource has a slash in `name`."""

    group: str
    version: str
    name: str  # "deployments", "deployments/status"
    kind: str
    singular: str
    namespaced: bool
    verbs: tuple[str, ...]
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    response_group: str = ""  # group and version of `kind` where they differ (scale: autoscaling/v1)
    response_version: str = ""


class BuiltinKind:
    """One built-in kind in one version; see `Kind`."""

    def __init__(self, api_version: str, kind: str, definition: str, types: Schemas, *, namespaced: bool) -> None:
        self.api_version = api_version
        self.group_kind = GroupKind(api_version.rpartition("/")[0], kind)
        self.definition = definition
        self.namespaced = namespaced
        self._types = types

    @cached_property
    def types(self) -> TypeSchema:
        return self._types.named(self.definition)

    @cached_property
    def patch(self) -> FieldPatch:
        return patch_of_definition(self.definition)

    @property
    def rules(self) -> Sequence[str]:
        return ()

    @cached_property
    def empty(self) -> Object:
        return struct(self.definition).read({}, (), [])

    @cached_property
    def _rules(self) -> Rules:
        return rules_of(self.api_version, self.group_kind.kind)

    def reset_fields(self, subresource: str = "") -> FieldSet | None:
        kind = self.group_kind.kind
        if subresource == "":
            if kind == "CertificateSigningRequest":
                return FieldSet.of(("f:spec",), ("f:status",))
            return FieldSet.of(("f:status",)) if "status" in (shapes().get(self.definition) or {}) else None
        if subresource != "status":
            return None
        paths: list[tuple[str, ...]] = [("f:spec",)]
        if kind in _STATUS_RESETS_METADATA:
            paths.append(("f:metadata",))
        elif kind == "Deployment":
            paths.append(("f:metadata", "f:labels"))
        elif kind == "Pod":
            paths += [("f:metadata", "f:deletionTimestamp"), ("f:metadata", "f:ownerReferences")]
        return FieldSet.of(*paths)

    def decode(self, obj: Object) -> Decoded:
        problems: list[str] = []
        return Decoded(self._read(obj, problems, defaulting=False), problems)

    def default(self, obj: Object) -> Object:
        return self._read(obj, [], defaulting=True)

    def stored(self, obj: Object) -> Object:
        return self._read(obj, [], defaulting=True)

    def _read(self, obj: Object, problems: list[str], *, defaulting: bool) -> Object:
        try:
            return struct(self.definition, defaulting).read(obj, (), problems)
        except Mistyped as error:
            kind, version = self.group_kind.kind, self.api_version.rpartition("/")[2]
            text = f'{kind} in version "{version}" cannot be handled as a {kind}: {error.message}'
            raise DecodeError(text) from error

    def validate_create(self, obj: Object) -> list[FieldError]:
        rules = self._rules
        return [
            *metadata_errors(obj, namespaced=self.namespaced, name_check=rules.name),
            *finalizer_errors(obj.get("metadata") or {}),
            *rules.object(obj),
        ]

    def validate_update(self, old: Object, new: Object, subresource: str = "") -> list[FieldError]:
        errors = list(metadata_update_errors(old, new))
        if not subresource:
            errors += self._rules.object(new)
            errors += self._rules.change(old, new)
        return errors

    def warnings(self, obj: Object, old: Object | None = None) -> list[str]:
        return warnings_of(obj, old)


class BuiltinKinds:
    """All built-in kinds. Cheap to make; data is read when first asked for."""

    def __init__(self) -> None:
        self._kinds: dict[tuple[str, str], BuiltinKind | None] = {}

    @cached_property
    def _schemas(self) -> Schemas:
        return Schemas(definitions(), {})

    @cached_property
    def _resources(self) -> tuple[Resource, ...]:
        return tuple(_resources(groups()))

    @cached_property
    def _definition_of(self) -> Mapping[tuple[str, str], str]:
        return _definitions_by_kind(self._resources)

    @cached_property
    def _namespaced(self) -> frozenset[tuple[str, str]]:
        return frozenset(
            (f"{r.group}/{r.version}" if r.group else r.version, r.kind)
            for r in self._resources
            if r.namespaced and "/" not in r.name
        )

    def groups(self) -> Sequence[Mapping[str, Any]]:
        """Return the items of aggregated discovery (APIGroupDiscovery), the core group first."""
        return groups()

    def resources(self) -> Sequence[Resource]:
        """Return all resources and subresources in discovery's order of groups and versions."""
        return self._resources

    def get(self, api_version: str, kind: str) -> Kind | None:
        """Return a kind, None when it is not built in."""
        key = (api_version, kind)
        if key not in self._kinds:
            definition = self._definition_of.get(key)
            if definition is None:
                return None
            namespaced = key in self._namespaced
            self._kinds[key] = BuiltinKind(api_version, kind, definition, self._schemas, namespaced=namespaced)
        return self._kinds[key]

    def openapi_v2(self) -> bytes:
        """Return the JSON document of /openapi/v2 for the built-in kinds."""
        return openapi.document_v2(self._resources, self._definition_of)

    def openapi_v3_paths(self) -> Mapping[str, str]:
        """Return path (`apis/apps/v1`) to content hash (upper-case hex), for the index at /openapi/v3."""
        return openapi.paths_v3(self._resources)

    def openapi_v3(self, path: str) -> bytes | None:
        """Return the JSON document of /openapi/v3/`path`, None when there is none."""
        return openapi.document_v3(path, self._resources, self._definition_of)


@cache
def builtin_kinds() -> BuiltinKinds:
    """Return the built-in kinds: the same immutable object each time, what it has read included."""
    return BuiltinKinds()


def _resources(discovered: Sequence[Mapping[str, Any]]) -> Iterator[Resource]:
    for group in discovered:
        name = group["metadata"].get("name", "")
        for version in group["versions"]:
            for item in version["resources"]:
                yield _resource(name, version["version"], item, item["resource"], item)
                for sub in item.get("subresources", ()):
                    yield _resource(name, version["version"], item, f"{item['resource']}/{sub['subresource']}", sub)


def _resource(group: str, version: str, item: Mapping[str, Any], name: str, own: Mapping[str, Any]) -> Resource:
    kind = own.get("responseKind") or {}
    is_subresource = own is not item
    return Resource(
        group=group,
        version=version,
        name=name,
        kind=kind.get("kind", ""),
        singular="" if is_subresource else item.get("singularResource", ""),
        namespaced=item["scope"] == "Namespaced",
        verbs=tuple(own.get("verbs", ())),
        short_names=() if is_subresource else tuple(item.get("shortNames", ())),
        categories=() if is_subresource else tuple(item.get("categories", ())),
        response_group=kind.get("group", ""),
        response_version=kind.get("version", ""),
    )


def _definitions_by_kind(resources: Sequence[Resource]) -> dict[tuple[str, str], str]:
    """Find the definition of each kind by the name that its Go package gives it: no definition has to be decoded."""
    known = {}
    suffixes: dict[str, list[str]] = {}
    for name in definitions():
        version, _, kind = name.rpartition(".")
        suffixes.setdefault(f"{version.rpartition('.')[2]}.{kind}", []).append(name)
    for resource in resources:
        group = resource.response_group or resource.group
        version = resource.response_version or resource.version
        api_version = f"{group}/{version}" if group else version
        if (api_version, resource.kind) in known:
            continue
        # apiregistration.k8s.io is in …pkg.apis.apiregistration.v1, apps in io.k8s.api.apps.v1, core in …core.v1.
        package = (group or "core").partition(".")[0]
        for name in suffixes.get(f"{version}.{resource.kind}", ()):
            if name.split(".")[-3] == package:
                known[api_version, resource.kind] = name
    return known
