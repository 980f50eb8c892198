"""One request on its way through the chain: who asks, what for, and how the answer is to look."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fluvial.controlplane.resources import Resource
from fluvial.wire import Verb
from fluvial.wire.media import Negotiated


@dataclass(frozen=True, slots=True)
class User:
    """An authenticated identity."""

    name: str
    groups: tuple[str, ...] = ()
    uid: str = ""
    extra: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


ADMIN = User("system:admin", ("system:masters", "system:authenticated"))
ANONYMOUS = User("system:anonymous", ("system:unauthenticated",))


@dataclass(slots=True, kw_only=True)
class Call:
    """A request for a resource.

    Attributes:
        warnings: texts that the answer carries as Warning headers; every step may add some.
        dry_run: nothing is stored.
    """

    verb: Verb
    resource: Resource
    namespace: str
    name: str
    subresource: str
    user: User
    user_agent: str
    query: Mapping[str, str]
    content_type: str = ""
    body: bytes = b""
    form: Negotiated = field(default_factory=Negotiated)
    dry_run: bool = False
    field_manager: str = ""
    warnings: list[str] = field(default_factory=list)

    @property
    def manager(self) -> str:
        """The field manager: as asked for, else the first word of the user agent, as upstream."""
        if self.field_manager:
            return self.field_manager
        return self.user_agent.partition("/")[0][:128] or "unknown"


@dataclass(slots=True)
class Answer:
    """What a request comes to: a status and a JSON value or its bytes."""

    code: int
    body: Any  # a dict, or bytes of JSON
    headers: dict[str, str] = field(default_factory=dict)
