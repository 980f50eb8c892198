"""Roles and their bindings."""

from collections.abc import Callable, Iterator
from typing import Any

from fluvial.controlplane.schemas.errors import FieldError, Internal, invalid, not_supported, required
from fluvial.controlplane.schemas.rules.checks import named
from fluvial.controlplane.schemas.rules.names import path_segment, subdomain
from fluvial.controlplane.schemas.rules.table import Rules
from fluvial.objects import same_json

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


Errors = Iterator[FieldError]


def _binding_errors(obj: Values) -> Errors:
    ref = obj["roleRef"]
    if ref.get("apiGroup") != GROUP:
        yield not_supported("roleRef.apiGroup", ref.get("apiGroup"), (GROUP,))
    kinds = ("Role", "ClusterRole") if obj["kind"] == "RoleBinding" else ("ClusterRole",)
    if ref.get("kind") not in kinds:
        yield not_supported("roleRef.kind", ref.get("kind"), kinds)
    if not ref.get("name"):
        yield required("roleRef.name")
    else:
        yield from named(ref["name"], "roleRef.name", path_segment)
    for index, subject in enumerate(obj.get("subjects") or ()):
        yield from _subject_errors(subject, f"subjects[{index}]", obj["kind"] == "RoleBinding")


def _subject_errors(subject: Values, path: str, namespaced: bool) -> Errors:
    kind, name = subject.get("kind"), subject.get("name") or ""
    if not name:
        yield required(f"{path}.name")
    if kind == "ServiceAccount":
        if name:
            yield from named(name, f"{path}.name", subdomain)
        if subject.get("apiGroup"):
            yield not_supported(f"{path}.apiGroup", subject["apiGroup"], ("",))
        if not namespaced and not subject.get("namespace"):
            yield required(f"{path}.namespace")
    elif kind in ("User", "Group"):
        if subject.get("apiGroup") != GROUP:
            yield not_supported(f"{path}.apiGroup", subject.get("apiGroup"), (GROUP,))
    else:
        yield not_supported(f"{path}.kind", kind, ("ServiceAccount", "User", "Group"))


def _binding_changes(old: Values, new: Values) -> Errors:
    if not same_json(old.get("roleRef"), new.get("roleRef")):
        ref = new.get("roleRef") or {}
        shown = {"APIGroup": ref.get("apiGroup"), "Kind": ref.get("kind"), "Name": ref.get("name")}
        yield invalid("roleRef", Internal(shown), "cannot change roleRef")


def _role_errors(obj: Values) -> Errors:
    namespaced = obj["kind"] == "Role"
    for index, rule in enumerate(obj.get("rules") or ()):
        at = f"rules[{index}]"
        urls = rule.get("nonResourceURLs") or []
        if not rule.get("verbs"):
            yield required(f"{at}.verbs", "verbs must contain at least one value")
        if urls:
            if namespaced:
                yield invalid(f"{at}.nonResourceURLs", urls, "namespaced rules cannot apply to non-resource URLs")
            if rule.get("apiGroups") or rule.get("resources") or rule.get("resourceNames"):
                text = "rules cannot apply to both regular resources and non-resource URLs"
                yield invalid(f"{at}.nonResourceURLs", urls, text)
            continue
        if not rule.get("apiGroups"):
            yield required(f"{at}.apiGroups", "resource rules must supply at least one api group")
        if not rule.get("resources"):
            yield required(f"{at}.resources", "resource rules must supply at least one resource")


RULES: dict[tuple[str, str], Rules] = {
    ("v1", "Role"): Rules(object=_role_errors, name=path_segment),
    ("v1", "ClusterRole"): Rules(object=_role_errors, name=path_segment),
    ("v1", "RoleBinding"): Rules(object=_binding_errors, change=_binding_changes, name=path_segment),
    ("v1", "ClusterRoleBinding"): Rules(object=_binding_errors, change=_binding_changes, name=path_segment),
}
