"""Resource paths of the Kubernetes API, built by the client and parsed by the server.

The rules are those of k8s.io/apiserver `endpoints/request/requestinfo.go`.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote, unquote

# `/api/v1/namespaces/X/status` addresses the namespace itself; any other third part is a resource inside it.
_NAMESPACE_SUBRESOURCES = frozenset({"status", "finalize"})


@dataclass(frozen=True, slots=True)
class ResourcePath:
    """What a resource path addresses; `group` is "" for the core group, `name` is "" for a collection.

    `deprecated_watch` marks the old `/api/v1/watch/...` form, which always watches.
    """

    group: str
    version: str
    resource: str
    namespace: str = ""
    name: str = ""
    subresource: str = ""
    deprecated_watch: bool = False
    rest: tuple[str, ...] = ()

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version


def build_path(
    group: str, version: str, resource: str, *, namespace: str = "", name: str = "", subresource: str = ""
) -> str:
    """Return the path of a collection (no `name`), an object or a subresource, each segment percent-encoded."""
    parts = ["/apis", group, version] if group else ["/api", version]
    if namespace:
        parts += ["namespaces", quote(namespace, safe="")]
    parts.append(resource)
    if name:
        parts.append(quote(name, safe=""))
        if subresource:
            parts.append(subresource)
    return "/".join(parts)


def parse_path(path: str) -> ResourcePath | None:
    """Return what `path` addresses, or None when it is no resource path (discovery, /version, /healthz, ...).

    Namespaces and names are decoded. An object of kind Namespace has `namespace` equal to its name, as in upstream.
    """
    parts = [unquote(part) if "%" in part else part for part in path.strip("/").split("/")]
    if len(parts) < 3:
        return None
    if parts[0] == "api":
        group, version, rest = "", parts[1], parts[2:]
    elif parts[0] == "apis" and len(parts) >= 4:
        group, version, rest = parts[1], parts[2], parts[3:]
    else:
        return None
    watch = rest[0] == "watch"
    if watch:
        rest = rest[1:]
        if not rest:
            return None
    namespace = ""
    if rest[0] == "namespaces" and len(rest) > 1:
        namespace = rest[1]
        if len(rest) > 2 and rest[2] not in _NAMESPACE_SUBRESOURCES:
            rest = rest[2:]
    return ResourcePath(
        group=group,
        version=version,
        resource=rest[0],
        namespace=namespace,
        name=rest[1] if len(rest) > 1 else "",
        subresource=rest[2] if len(rest) > 2 else "",
        deprecated_watch=watch,
        rest=tuple(rest[3:]),
    )
