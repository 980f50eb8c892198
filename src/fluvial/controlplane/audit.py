"""What was asked of the server: one record a request."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRecord:
    """One request that was answered; a watch is told when it starts.

    Attributes:
        verb: of a resource request, else the HTTP method in lower case.
        resource: "" for paths that are no resource; `path` says which.
        impersonator: who asked, when he acts as `user`.
        writes: whether the answer left a change in the store.
    """

    verb: str
    path: str
    group: str = ""
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""
    user: str = ""
    impersonator: str = ""
    user_agent: str = ""
    status: int = 0
    dry_run: bool = False
    writes: bool = False
