"""What an object is called, and how to reach into it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

Object: TypeAlias = dict[str, Any]


def split_api_version(api_version: str) -> tuple[str, str]:
    """Return (group, version); the core group is the empty string."""
    group, slash, version = api_version.partition("/")
    return (group, version) if slash else ("", api_version)


def dig(obj: Any, *keys: str | int, default: Any = None) -> Any:
    """Return what lies under `keys` (names of maps, indices of lists); `default` where the way ends or at a null."""
    for key in keys:
        if isinstance(obj, dict):
            obj = obj.get(key)
        elif isinstance(obj, list) and isinstance(key, int) and -len(obj) <= key < len(obj):
            obj = obj[key]
        else:
            return default
    return default if obj is None else obj


def labels(obj: Mapping[str, Any]) -> dict[str, str]:
    """Return `metadata.labels`, the map itself; a new empty one where the object has none."""
    found = dig(obj, "metadata", "labels")
    return found if isinstance(found, dict) else {}


def annotations(obj: Mapping[str, Any]) -> dict[str, str]:
    """Return `metadata.annotations`, the map itself; a new empty one where the object has none."""
    found = dig(obj, "metadata", "annotations")
    return found if isinstance(found, dict) else {}


@dataclass(frozen=True, slots=True, order=True)
class GroupKind:
    """A kind without its version, as Kubernetes prints it: `Deployment.apps`, or `Secret` for the core group."""

    group: str
    kind: str

    def __str__(self) -> str:
        return f"{self.kind}.{self.group}" if self.group else self.kind


@dataclass(frozen=True, slots=True, order=True)
class Ref:
    """Names one object of a cluster. Two refs that differ only in version name the same object and are equal."""

    group: str
    version: str = field(compare=False)
    kind: str
    namespace: str  # empty for a cluster-scoped object
    name: str

    @classmethod
    def of(cls, obj: Mapping[str, Any]) -> "Ref":
        """Return the ref of `obj`; parts that it doesn't have, or that aren't text, are empty."""
        group, version = split_api_version(_text(obj.get("apiVersion")))
        metadata = obj.get("metadata")
        metadata = metadata if isinstance(metadata, dict) else {}
        return cls(
            group, version, _text(obj.get("kind")), _text(metadata.get("namespace")), _text(metadata.get("name"))
        )

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def group_kind(self) -> GroupKind:
        return GroupKind(self.group, self.kind)

    def __str__(self) -> str:
        """Return `Kind/namespace/name`, or `Kind/name` for a cluster-scoped object, as Flux names objects."""
        return f"{self.kind}/{self.namespace}/{self.name}" if self.namespace else f"{self.kind}/{self.name}"


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
