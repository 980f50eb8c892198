"""Roles and their bindings."""

from collections.abc import Callable
from typing import Any

Values = dict[str, Any]

GROUP = "rbac.authorization.k8s.io"


def _binding(obj: Values) -> None:
    if not obj["roleRef"].get("apiGroup"):
        obj["roleRef"]["apiGroup"] = GROUP


def _subject(obj: Values) -> None:
    if not obj.get("apiGroup") and obj.get("kind") in ("User", "Group"):
        obj["apiGroup"] = GROUP


DEFAULTS: dict[str, Callable[[Values], None]] = {
    "v1.ClusterRoleBinding": _binding,
    "v1.RoleBinding": _binding,
    "v1.Subject": _subject,
}
