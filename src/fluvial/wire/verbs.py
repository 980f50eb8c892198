"""From an HTTP method to the verb that authorisation, discovery and audit speak of."""

from __future__ import annotations

from typing import Literal

from fluvial.wire.paths import ResourcePath

Verb = Literal["get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"]

_BY_METHOD: dict[str, Verb] = {"POST": "create", "PUT": "update", "PATCH": "patch"}
_FALSE = frozenset({"", "0", "false"})


def is_true(value: str) -> bool:
    """Read a query flag as the API server does: everything but "0" and "false" (any case) is true."""
    return value.lower() not in _FALSE


def verb_of(method: str, path: ResourcePath, *, watch: bool) -> Verb | None:
    """Return the verb of a request, or None when the method means nothing to resources.

    Args:
        watch: the value of the `watch` query flag; it counts only for collections.
    """
    if method in ("GET", "HEAD"):
        if path.deprecated_watch:
            return "watch"
        if path.name:
            return "get"
        return "watch" if watch else "list"
    if method == "DELETE":
        return "delete" if path.name else "deletecollection"
    return _BY_METHOD.get(method)
