"""What can go wrong between us and an API server, one class per reaction.

```
KubeError
├── ApiError             the server said no; `reason` tells what to do
│   └── Expired          410: the resourceVersion is too old, list again
├── Unreachable          no reply; `maybe_done` tells whether a write may have happened
├── NotServed            the kind is not there, and discovery was complete
├── DiscoveryIncomplete  the kind may be there: an aggregated API did not answer
└── ConfigError          the kubeconfig or the pod's files cannot be used; a person has to act
```
"""

from collections.abc import Mapping, Sequence
from typing import Any

from fluvial.objects import Object


class KubeError(Exception):
    """Anything that the Kubernetes client raises."""


class ApiError(KubeError):
    """The server answered with a status of 400 or more.

    Attributes:
        status: the HTTP code.
        reason: Kubernetes' machine word, such as "NotFound", "Conflict", "AlreadyExists", "Invalid"; may be empty.
        message: the server's own text, which is also `str(error)`.
        details: `Status.details` as sent, or {}.
        retry_after: seconds that the server asked to wait, or 0.
    """

    def __init__(
        self, status: int, reason: str, message: str, details: Mapping[str, Any] | None = None, retry_after: float = 0.0
    ) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason
        self.message = message
        self.details: Mapping[str, Any] = details or {}
        self.retry_after = retry_after

    @property
    def is_not_found(self) -> bool:
        return self.status == 404

    @property
    def is_already_exists(self) -> bool:
        return self.reason == "AlreadyExists"

    @property
    def is_conflict(self) -> bool:
        """A stale resourceVersion, a failed precondition or a server-side apply conflict (but not AlreadyExists)."""
        return self.status == 409 and self.reason != "AlreadyExists"

    @property
    def is_invalid(self) -> bool:
        return self.status == 422

    @property
    def is_forbidden(self) -> bool:
        return self.status == 403

    @property
    def is_unauthorized(self) -> bool:
        return self.status == 401

    @property
    def is_too_many_requests(self) -> bool:
        return self.status == 429

    @property
    def is_server_error(self) -> bool:
        """The server failed; the same request may work later."""
        return self.status >= 500

    @property
    def causes(self) -> Sequence[Mapping[str, str]]:
        """`Status.details.causes`: for each, `reason`, `message`, `field` where the server gave them."""
        found = self.details.get("causes")
        return found if isinstance(found, list) else []


class Expired(ApiError):
    """410 Gone: the resourceVersion or the continue token is too old. List again."""


class Unreachable(KubeError):
    """No reply came.

    Attributes:
        maybe_done: True when the request may have been carried out: read before you repeat a write.
    """

    def __init__(self, message: str, *, maybe_done: bool) -> None:
        super().__init__(message)
        self.maybe_done = maybe_done


class NotServed(KubeError):
    """The server has no such kind, and discovery answered completely. Text as kubectl's and Flux's REST mapper."""

    def __init__(self, api_version: str, kind: str) -> None:
        super().__init__(f'no matches for kind "{kind}" in version "{api_version}"')
        self.api_version = api_version
        self.kind = kind


class DiscoveryIncomplete(KubeError):
    """Some API groups did not answer: what was not found may exist all the same. Try again later.

    Attributes:
        failed: group/version → what went wrong.
        found: the `Resource`s of the groups that did answer.
    """

    def __init__(self, failed: Mapping[str, str], found: Sequence[Any] = ()) -> None:
        listed = ", ".join(f"{group_version}: {why}" for group_version, why in sorted(failed.items()))
        super().__init__(f"unable to retrieve the complete list of server APIs: {listed}")
        self.failed = dict(failed)
        self.found = list(found)


class ConfigError(KubeError):
    """A kubeconfig, a credential plugin or the pod's own files cannot be used. The text names file and field."""


def api_error(status: int, body: Object | None, text: str, retry_after: float) -> ApiError:
    """Build the error for a reply; `body` is the decoded `Status` where the server sent one."""
    if body is not None and body.get("kind") == "Status":
        reason = str(body.get("reason") or "")
        message = str(body.get("message") or reason or f"the server answered {status}")
        details = body.get("details")
        details = details if isinstance(details, dict) else {}
        status = int(body.get("code") or status)
    else:
        reason = _REASONS.get(status, "")
        message = f"the server answered {status}: {text}" if text else f"the server answered {status}"
        details = {}
    told = details.get("retryAfterSeconds")
    if isinstance(told, int | float) and not retry_after:
        retry_after = float(told)
    kind = Expired if status == 410 else ApiError
    return kind(status, reason, message, details, retry_after)


_REASONS = {
    400: "BadRequest",
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    405: "MethodNotAllowed",
    406: "NotAcceptable",
    409: "Conflict",
    410: "Expired",
    413: "RequestEntityTooLarge",
    415: "UnsupportedMediaType",
    422: "Invalid",
    429: "TooManyRequests",
    500: "InternalError",
    503: "ServiceUnavailable",
    504: "Timeout",
}
