"""Built-in kinds: the resources that kube-apiserver 1.36 serves by default, their types and OpenAPI documents."""

from collections.abc import Sequence
from typing import NamedTuple

from fluvial.controlplane.schemas.kind import Kind


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


class BuiltinKinds:
    """All built-in kinds. Cheap to make; data is read when first asked for."""

    def resources(self) -> Sequence[Resource]:
        """Return all resources and subresources in discovery's order of groups and versions."""
        raise NotImplementedError

    def get(self, api_version: str, kind: str) -> Kind | None:
        """Return a kind, None when it is not built in."""
        raise NotImplementedError

    def openapi_v2(self, custom: Sequence[object] = ()) -> bytes:
        """Return the JSON document of /openapi/v2, with the kinds of CRDs added."""
        raise NotImplementedError

    def openapi_v3_paths(self) -> dict[str, str]:
        """Return path (`apis/apps/v1`) to content hash, for the index at /openapi/v3."""
        raise NotImplementedError

    def openapi_v3(self, path: str) -> bytes | None:
        """Return the JSON document of /openapi/v3/`path`, None when there is none."""
        raise NotImplementedError


def builtin_kinds() -> BuiltinKinds:
    """Return the built-in kinds (the same object each time: it is immutable)."""
    raise NotImplementedError
