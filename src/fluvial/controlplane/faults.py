"""Outages on demand: what a test may make of one request.

Latency, refusals, lost replies and cut bodies below HTTP belong to `net.MemoryTransport`; this hook stands inside the
server, knows the verb and the object, works over sockets too, and can strike between the write and its reply.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from fluvial.controlplane.audit import AuditRecord
from fluvial.wire.status import Status


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerFault:
    """What happens to one request.

    Attributes:
        delay: seconds before it is handled.
        answer: a Status sent instead; nothing is done.
        retry_after: seconds, as the Retry-After header of `answer`.
        lose_reply: it is carried out, then the connection breaks.
        cut_watches: every running watch ends first.
        compact: everything that happened is forgotten first; watches and lists of old revisions get 410.
        reply_delay: seconds between the write and its reply.
    """

    delay: float = 0.0
    answer: Status | None = None
    retry_after: int = 0
    lose_reply: bool = False
    cut_watches: bool = False
    compact: bool = False
    reply_delay: float = 0.0


Faults = Callable[[AuditRecord], ServerFault | None]
"""Asked about each request before it is handled; the record's `status` is 0."""
