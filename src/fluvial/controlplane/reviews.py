"""Questions that are answered and not stored: who am I, may I, whose token is this.

While access control is off everything is allowed to everybody who got in.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fluvial.controlplane.bodies import read_object
from fluvial.controlplane.commit import managed_create
from fluvial.controlplane.core import Core
from fluvial.controlplane.errors import StatusError
from fluvial.controlplane.request import Answer, Call, User
from fluvial.controlplane.writing import read_options
from fluvial.objects import Object
from fluvial.wire import status

Judge = Callable[[Core, Call, Object], dict[str, Any]]


def is_review(resource_name: str) -> bool:
    """Tell whether a resource is a question."""
    return resource_name in _REVIEWS


def handle_review(core: Core, call: Call) -> Answer:
    """POST of a review; answers with its status filled in."""
    read_options(call, "CreateOptions")
    obj = read_object(call)
    verdict = _REVIEWS[call.resource.storage](core, call, obj)
    if call.resource.storage == "selfsubjectreviews.authentication.k8s.io":
        obj["metadata"] = {"creationTimestamp": core.timestamp()}
    elif "rulesreviews" not in call.resource.plural:
        obj = managed_create(core, call, obj)
    return Answer(201, {**obj, "status": verdict})


def _who(core: Core, call: Call, obj: Object) -> dict[str, Any]:
    return {"userInfo": user_info(call.user)}


def user_info(user: User) -> dict[str, Any]:
    """Return an identity as authentication.k8s.io/v1 UserInfo."""
    found: dict[str, Any] = {"username": user.name}
    if user.uid:
        found["uid"] = user.uid
    if user.groups:
        found["groups"] = list(user.groups)
    if user.extra:
        found["extra"] = {key: list(values) for key, values in user.extra.items()}
    return found


def _access(core: Core, call: Call, obj: Object) -> dict[str, Any]:
    spec = obj.get("spec") or {}
    if not spec.get("resourceAttributes") and not spec.get("nonResourceAttributes"):
        text = "Invalid value: null: exactly one of nonResourceAttributes or resourceAttributes must be specified"
        cause = status.Cause("FieldValueInvalid", text, "spec.resourceAttributes")
        raise StatusError(status.invalid("", "", [cause], call.resource.group))
    return {"allowed": True}


def _rules(core: Core, call: Call, obj: Object) -> dict[str, Any]:
    return {
        "resourceRules": [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}],
        "nonResourceRules": [{"verbs": ["*"], "nonResourceURLs": ["*"]}],
        "incomplete": False,
    }


def _token(core: Core, call: Call, obj: Object) -> dict[str, Any]:
    user = core.authenticate((obj.get("spec") or {}).get("token") or "")
    if user is None:
        return {"user": {}, "error": "invalid bearer token"}
    audiences = ["https://kubernetes.default.svc"]
    return {"authenticated": True, "user": user_info(user), "audiences": audiences}


_REVIEWS: dict[str, Judge] = {
    "selfsubjectreviews.authentication.k8s.io": _who,
    "tokenreviews.authentication.k8s.io": _token,
    "selfsubjectaccessreviews.authorization.k8s.io": _access,
    "subjectaccessreviews.authorization.k8s.io": _access,
    "localsubjectaccessreviews.authorization.k8s.io": _access,
    "selfsubjectrulesreviews.authorization.k8s.io": _rules,
}
