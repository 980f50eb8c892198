"""Kinds without types, until the schemas are there."""

from collections.abc import Sequence
from typing import Any

from fluvial.controlplane.schemas import BuiltinKinds, Decoded, FieldError, Kind, Resource
from fluvial.managedfields import DEDUCED
from fluvial.objects import GroupKind, Object

ALL = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")


class OpenKind:
    def __init__(self, api_version: str, kind: str) -> None:
        self.api_version = api_version
        self.group_kind = GroupKind(api_version.rpartition("/")[0], kind)
        self.types = DEDUCED
        self.patch: Any = None
        self.rules: Sequence[str] = ()

    def reset_fields(self, subresource: str = "") -> Any:
        return None

    def decode(self, obj: Object) -> Decoded:
        return Decoded(obj, ())

    def default(self, obj: Object) -> Object:
        return obj

    def validate_create(self, obj: Object) -> list[FieldError]:
        return []

    def validate_update(self, old: Object, new: Object, subresource: str = "") -> list[FieldError]:
        return []


class InterimKinds(BuiltinKinds):
    def resources(self) -> Sequence[Resource]:
        rows = []
        for group, version, plural, kind, namespaced, status in (
            ("", "v1", "namespaces", "Namespace", False, True),
            ("", "v1", "configmaps", "ConfigMap", True, False),
            ("", "v1", "secrets", "Secret", True, False),
            ("", "v1", "events", "Event", True, False),
            ("", "v1", "services", "Service", True, True),
            ("", "v1", "serviceaccounts", "ServiceAccount", True, False),
            ("", "v1", "pods", "Pod", True, True),
            ("apps", "v1", "deployments", "Deployment", True, True),
            ("apps", "v1", "replicasets", "ReplicaSet", True, True),
            ("apiextensions.k8s.io", "v1", "customresourcedefinitions", "CustomResourceDefinition", False, True),
            ("coordination.k8s.io", "v1", "leases", "Lease", True, False),
        ):
            rows.append(Resource(group, version, plural, kind, kind.lower(), namespaced, ALL))
            if status:
                rows.append(
                    Resource(group, version, f"{plural}/status", kind, "", namespaced, ("get", "patch", "update"))
                )
        return rows

    def get(self, api_version: str, kind: str) -> Kind | None:
        return OpenKind(api_version, kind)


def compile_crd(crd: Object) -> dict[str, Kind]:
    from fluvial.controlplane.schemas import compile_crd as compiled

    try:
        return dict(compiled(crd))
    except NotImplementedError:
        group, kind = crd["spec"]["group"], crd["spec"]["names"]["kind"]
        return {v["name"]: OpenKind(f"{group}/{v['name']}", kind) for v in crd["spec"]["versions"]}
