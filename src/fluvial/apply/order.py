"""The order in which objects are applied, and the stages that wait for what later ones need.

Source: fluxcd/pkg `ssa/sort.go`, `ssa/utils/is.go` and `ApplyAllStaged`.
"""

from collections.abc import Collection, Iterable
from enum import Enum
from itertools import groupby
from typing import Final, TypeVar

from fluvial.objects import GroupKind, Ref

_FIRST: Final = (
    "CustomResourceDefinition",
    "Namespace",
    "ClusterRole",
    "ClusterClass",
    "RuntimeClass",
    "PriorityClass",
    "StorageClass",
    "VolumeSnapshotClass",
    "IngressClass",
    "GatewayClass",
    "ClusterRoleBinding",
    "ResourceQuota",
    "ServiceAccount",
    "Role",
    "RoleBinding",
    "ConfigMap",
    "Secret",
    "Service",
    "LimitRange",
    "Deployment",
    "StatefulSet",
    "CronJob",
    "PodDisruptionBudget",
)
_LAST: Final = ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration")
_RANK: Final = {kind: index - len(_FIRST) for index, kind in enumerate(_FIRST)} | {
    kind: index + 1 for index, kind in enumerate(_LAST)
}

Item = TypeVar("Item")


class Stage(Enum):
    """The stages, in order. The first two wait until what they applied can be used."""

    DEFINITIONS = "definitions"  # CRDs, namespaces, cluster roles
    CLASSES = "classes"  # kinds whose name ends in Class
    CUSTOM = "custom"  # --custom-apply-stage-kinds
    REST = "rest"

    @property
    def waits(self) -> bool:
        return self in (Stage.DEFINITIONS, Stage.CLASSES)


STAGES: Final = tuple(Stage)


def stage_of(ref: Ref, custom: Collection[GroupKind] = ()) -> Stage:
    """The stage in which `ref` is applied."""
    kind = ref.kind.lower()
    if (
        (kind == "customresourcedefinition" and ref.group == "apiextensions.k8s.io")
        or (kind == "namespace" and ref.group == "")
        or (kind == "clusterrole" and ref.group == "rbac.authorization.k8s.io")
    ):
        return Stage.DEFINITIONS
    if ref.kind.endswith("Class"):
        return Stage.CLASSES
    return Stage.CUSTOM if ref.group_kind in custom else Stage.REST


def rank(ref: Ref) -> tuple[int, str, str, str, str]:
    """The sort key of `ref` inside a stage."""
    return (_RANK.get(ref.kind, 0), ref.group, ref.kind, ref.namespace, ref.name)


def waves(items: Iterable[tuple[Ref, Item]]) -> list[list[Item]]:
    """Sorted `items` cut where the order between kinds matters; one wave may be applied all at once."""
    ordered = sorted(items, key=lambda pair: rank(pair[0]))
    return [[item for _, item in group] for _, group in groupby(ordered, key=lambda pair: rank(pair[0])[0])]
