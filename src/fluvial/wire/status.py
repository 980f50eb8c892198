"""`Status` objects with the texts of kube-apiserver, which people and alerts match on.

Source: k8s.io/apimachinery `api/errors` and what kube-apiserver 1.36 was seen to answer. A builder returns the object
to send; its HTTP status is in `code`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

Status = dict[str, Any]

MODIFIED = "the object has been modified; please apply your changes to the latest version and try again"
NO_SUCH_RESOURCE = "the server could not find the requested resource"


@dataclass(frozen=True, slots=True)
class Cause:
    """One reason within a Status: `reason` for machines, `message` for people, `field` as a path or ""."""

    reason: str
    message: str
    field: str = ""


def qualified(resource: str, group: str) -> str:
    """Return how a message names a resource or a kind: `configmaps`, `deployments.apps`."""
    return f"{resource}.{group}" if group else resource


def make_status(
    code: int,
    reason: str,
    message: str,
    *,
    name: str = "",
    group: str = "",
    kind: str = "",
    uid: str = "",
    causes: Sequence[Cause] = (),
    retry_after: int = 0,
    details: bool = True,
) -> Status:
    """Build a failure; `details` says whether an empty details object is sent too, as some errors do upstream."""
    status: Status = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": message}
    if reason:
        status["reason"] = reason
    found: dict[str, Any] = {}
    for key, value in (("name", name), ("group", group), ("kind", kind), ("uid", uid)):
        if value:
            found[key] = value
    if causes:
        found["causes"] = [_cause(cause) for cause in causes]
    if retry_after:
        found["retryAfterSeconds"] = retry_after
    if found or details:
        status["details"] = found
    status["code"] = code
    return status


def _cause(cause: Cause) -> dict[str, str]:
    pairs = (("reason", cause.reason), ("message", cause.message), ("field", cause.field))
    return {key: value for key, value in pairs if value}


def success(*, name: str, group: str, kind: str, uid: str = "") -> Status:
    """The answer to a DELETE that removed the object at once."""
    details = {key: value for key, value in (("name", name), ("group", group), ("kind", kind), ("uid", uid)) if value}
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}


def not_found(resource: str, name: str, group: str = "") -> Status:
    message = f'{qualified(resource, group)} "{name}" not found'
    return make_status(404, "NotFound", message, name=name, group=group, kind=resource)


def no_such_resource() -> Status:
    """The path names nothing that is served."""
    return make_status(404, "NotFound", NO_SUCH_RESOURCE)


def already_exists(resource: str, name: str, group: str = "") -> Status:
    message = f'{qualified(resource, group)} "{name}" already exists'
    return make_status(409, "AlreadyExists", message, name=name, group=group, kind=resource)


def generate_name_conflict(resource: str, name: str, group: str = "") -> Status:
    """A generated name was taken; asking again helps."""
    subject = f'{qualified(resource, group)} "{name}"'
    message = f"{subject} already exists, the server was not able to generate a unique name for the object"
    return make_status(409, "AlreadyExists", message, name=name, group=group, kind=resource, retry_after=1)


def conflict(resource: str, name: str, group: str = "", why: str = MODIFIED) -> Status:
    message = f'Operation cannot be fulfilled on {qualified(resource, group)} "{name}": {why}'
    return make_status(409, "Conflict", message, name=name, group=group, kind=resource)


def apply_conflict(message: str, causes: Sequence[Cause]) -> Status:
    """Another manager owns fields of a server-side apply; each cause names one field."""
    return make_status(409, "Conflict", message, causes=causes)


def invalid(kind: str, name: str, causes: Sequence[Cause], group: str = "") -> Status:
    """The object breaks rules of its kind; each cause's message starts with the kind of mistake ("Required value")."""
    texts = list(dict.fromkeys(f"{cause.field}: {cause.message}" for cause in causes))
    message = f'{qualified(kind, group)} "{name}" is invalid'
    if texts:
        message += ": " + (texts[0] if len(texts) == 1 else "[" + ", ".join(texts) + "]")
    return make_status(422, "Invalid", message, name=name, group=group, kind=kind, causes=causes)


def bad_request(message: str) -> Status:
    return make_status(400, "BadRequest", message, details=False)


def unauthorized() -> Status:
    return make_status(401, "Unauthorized", "Unauthorized", details=False)


def forbidden(resource: str, name: str, why: str, group: str = "", causes: Sequence[Cause] = ()) -> Status:
    subject = qualified(resource, group)
    if name:
        subject += f' "{name}"'
    return make_status(
        403, "Forbidden", f"{subject} is forbidden: {why}", name=name, group=group, kind=resource, causes=causes
    )


def forbidden_path(user: str, verb: str, path: str) -> Status:
    """A user may not read a path that is no resource."""
    message = f'forbidden: User "{user}" cannot {verb} path "{path}"'
    return make_status(403, "Forbidden", message)


def method_not_allowed() -> Status:
    """The resource does not know this HTTP method."""
    return make_status(405, "MethodNotAllowed", "the server does not allow this method on the requested resource")


def method_not_supported(resource: str, action: str, group: str = "") -> Status:
    message = f'{action} is not supported on resources of kind "{qualified(resource, group)}"'
    return make_status(405, "MethodNotAllowed", message, group=group, kind=resource)


def not_acceptable(supported: Sequence[str]) -> Status:
    message = "406: Not Acceptable\n\nAvailable representations: " + ", ".join(supported)
    return make_status(406, "NotAcceptable", message)


def unsupported_patch_type() -> Status:
    return make_status(415, "UnsupportedMediaType", "415: Unsupported Media Type")


def unsupported_form(supported: Sequence[str]) -> Status:
    """The Accept header asks for a form (`as=`) that is not known."""
    message = "only the following media types are accepted: " + ", ".join(supported)
    return make_status(406, "NotAcceptable", message, details=False)


def unsupported_media_type(supported: Sequence[str]) -> Status:
    message = "the body of the request was in an unknown format - accepted media types include: " + ", ".join(supported)
    return make_status(415, "UnsupportedMediaType", message, details=False)


def expired(message: str) -> Status:
    """A watch or list asked for a revision that is gone; the client lists again."""
    return make_status(410, "Expired", message, details=False)


def too_old_resource_version(requested: int | str, current: int | str) -> Status:
    """A watch asked for a revision that was compacted away."""
    return expired(f"too old resource version: {requested} ({current})")


def too_large_resource_version(requested: int, current: int) -> Status:
    """A client asked for a revision that this server has not seen yet."""
    cause = Cause("ResourceVersionTooLarge", "Too large resource version")
    message = f"Timeout: Too large resource version: {requested}, current: {current}"
    return make_status(504, "Timeout", message, causes=[cause], retry_after=1)


def too_large(limit: int) -> Status:
    message = f"Request entity too large: limit is {limit}"
    return make_status(413, "RequestEntityTooLarge", message, details=False)


def too_many_requests(message: str, retry_after: int = 1) -> Status:
    return make_status(429, "TooManyRequests", message, retry_after=retry_after)


def service_unavailable(message: str) -> Status:
    return make_status(503, "ServiceUnavailable", message, details=False)


def internal_error(message: str) -> Status:
    return make_status(
        500, "InternalError", f"Internal error occurred: {message}", causes=[Cause("", message)], details=False
    )


def timeout(message: str, retry_after: int = 0) -> Status:
    return make_status(504, "Timeout", f"Timeout: {message}", retry_after=retry_after)
