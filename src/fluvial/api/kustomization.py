"""A Kustomization as its controller reads it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from fluvial.api import names
from fluvial.api.inventory import read_inventory
from fluvial.api.names import KUSTOMIZATION, KUSTOMIZE_V1, SOURCE_GROUP
from fluvial.api.reading import Fields
from fluvial.objects import Object, Ref, split_api_version

MIN_TIMEOUT: Final = 30.0  # seconds; also how much shorter than the interval the default timeout is


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceRef:
    """`spec.sourceRef`, its namespace filled in."""

    kind: str
    name: str
    namespace: str
    local: bool = True  # the manifest names no namespace

    def __str__(self) -> str:
        """As Flux prints it: `GitRepository/name`, or `GitRepository/ns/name` where the manifest names a namespace."""
        return f"{self.kind}/{self.name}" if self.local else f"{self.kind}/{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Dependency:
    """An entry of `spec.dependsOn`, its namespace filled in."""

    namespace: str
    name: str
    ready_expr: str = ""

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SubstituteFrom:
    """An entry of `spec.postBuild.substituteFrom`; the object lies in the Kustomization's namespace."""

    kind: str  # Secret or ConfigMap
    name: str
    optional: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Kustomization:
    """The typed view; `obj` keeps everything, unknown fields too, and `spec` is its spec for the build."""

    obj: Object
    ref: Ref  # always of version v1, whatever version the object was read in
    uid: str
    generation: int
    deleted: bool  # deletionTimestamp is set
    spec: Mapping[str, Any]

    source: SourceRef
    path: str
    interval: float  # seconds, like all durations here
    retry_interval: float
    timeout: float
    prune: bool
    deletion_policy: str
    suspend: bool
    force: bool
    wait: bool
    health_checks: tuple[Ref, ...]  # namespace "" where the manifest names none: cluster-scoped, or our own namespace
    depends_on: tuple[Dependency, ...]
    service_account: str
    target_namespace: str
    common_labels: Mapping[str, str]
    common_annotations: Mapping[str, str]
    post_build: bool
    substitute: Mapping[str, str]
    substitute_from: tuple[SubstituteFrom, ...]
    substitute_always: bool

    # status
    observed_generation: int
    last_applied_revision: str
    last_attempted_revision: str
    inventory: tuple[Ref, ...]

    @classmethod
    def parse(cls, obj: Object) -> "Kustomization":
        """The view of `obj`, of any served version.

        Raises:
            InvalidObject: a field that no controller can read; stall the object and wait for a change.
        """
        metadata, spec, status = (Fields(obj.get(key), key) for key in ("metadata", "spec", "status"))
        namespace = metadata.text("namespace")
        group, version = split_api_version(KUSTOMIZE_V1)
        interval = spec.required_duration("interval")
        retry, timeout = spec.duration("retryInterval"), spec.duration("timeout")
        common, post_build = spec.child("commonMetadata"), spec.child("postBuild")
        return cls(
            obj=obj,
            ref=Ref(group, version, KUSTOMIZATION, namespace, metadata.text("name")),
            uid=metadata.text("uid"),
            generation=metadata.integer("generation"),
            deleted=metadata.has("deletionTimestamp"),
            spec=spec.values,
            source=_source(spec.child("sourceRef"), namespace),
            path=spec.text("path"),
            interval=interval,
            retry_interval=interval if retry is None else retry,
            timeout=max(interval - MIN_TIMEOUT if timeout is None else timeout, MIN_TIMEOUT),
            prune=spec.flag("prune"),
            deletion_policy=spec.text("deletionPolicy") or names.POLICY_MIRROR_PRUNE,
            suspend=spec.flag("suspend"),
            force=spec.flag("force"),
            wait=spec.flag("wait"),
            health_checks=tuple(_health_check(check) for check in spec.children("healthChecks")),
            depends_on=tuple(_dependency(item, namespace) for item in spec.children("dependsOn")),
            service_account=spec.text("serviceAccountName"),
            target_namespace=spec.text("targetNamespace"),
            common_labels=common.text_map("labels"),
            common_annotations=common.text_map("annotations"),
            post_build=spec.has("postBuild"),
            substitute=post_build.text_map("substitute"),
            substitute_from=tuple(_substitute_from(item) for item in post_build.children("substituteFrom")),
            substitute_always=post_build.text("substituteStrategy") == "Always",
            observed_generation=status.integer("observedGeneration"),
            last_applied_revision=status.text("lastAppliedRevision"),
            last_attempted_revision=status.text("lastAttemptedRevision"),
            inventory=read_inventory(obj),
        )

    @property
    def deletes_on_removal(self) -> bool:
        """Whether the applied objects go when this Kustomization does. Source: `finalizerShouldDeleteResources`."""
        if self.suspend or not self.inventory:
            return False
        if self.deletion_policy == names.POLICY_MIRROR_PRUNE:
            return self.prune
        return self.deletion_policy in (names.POLICY_DELETE, names.POLICY_WAIT)


def _source(fields: Fields, namespace: str) -> SourceRef:
    own = fields.text("namespace")
    return SourceRef(kind=fields.text("kind"), name=fields.text("name"), namespace=own or namespace, local=not own)


def source_object_ref(source: SourceRef) -> Ref:
    """The object that a `sourceRef` names; every source kind lives in one group and is read as v1."""
    return Ref(SOURCE_GROUP, "v1", source.kind, source.namespace, source.name)


def _dependency(fields: Fields, namespace: str) -> Dependency:
    return Dependency(
        namespace=fields.text("namespace") or namespace,
        name=fields.text("name"),
        ready_expr=fields.text("readyExpr"),
    )


def _substitute_from(fields: Fields) -> SubstituteFrom:
    return SubstituteFrom(kind=fields.text("kind"), name=fields.text("name"), optional=fields.flag("optional"))


def _health_check(fields: Fields) -> Ref:
    # A check without apiVersion means a workload, as in v1beta1 (kustomize-controller `ReferenceToObjMetadataSet`).
    group, version = split_api_version(fields.text("apiVersion") or "apps/v1")
    return Ref(group, version, fields.text("kind"), fields.text("namespace"), fields.text("name"))
