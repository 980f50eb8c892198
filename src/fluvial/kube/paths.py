"""Where a kind and its objects are on a server, and names that cannot be there."""

from fluvial.kube.errors import ApiError
from fluvial.kube.resources import Resource
from fluvial.wire import build_path


def collection_path(resource: Resource, namespace: str | None) -> str:
    """Return the path of a kind in one namespace, or in all (None, or a kind without namespaces)."""
    within = namespace or "" if resource.namespaced else ""
    return build_path(resource.group, resource.version, resource.plural, namespace=within)


def object_path(resource: Resource, namespace: str, name: str) -> str:
    """Return the path of one object."""
    if not name or name in (".", "..") or "/" in name:
        raise ApiError(400, "BadRequest", f'"{name}" is not a name that an object can have')
    within = namespace if resource.namespaced else ""
    return build_path(resource.group, resource.version, resource.plural, namespace=within, name=name)


def needs_namespace(resource: Resource, namespace: str, text: str) -> None:
    """Refuse, with client-go's `text`, an object of a namespaced kind that names no namespace."""
    if resource.namespaced and not namespace:
        raise ApiError(400, "BadRequest", text)
