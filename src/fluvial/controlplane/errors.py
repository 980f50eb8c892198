"""What the control plane raises.

Exception
├── StatusError     the request is refused: `status` is the answer, as a Status object
├── StoreError      the data folder cannot be used: give another, or the program that wrote it
│   ├── NewerStore  a newer version of this program wrote it; nothing was touched
│   └── ObjectTooLarge  one object is larger than may be; it was not written
└── Compacted       a revision is asked for that the store has forgotten: list again (410)
"""

from fluvial.wire.status import Status


class StatusError(Exception):
    """A request that is refused. `status["code"]` is the HTTP status."""

    def __init__(self, status: Status, headers: dict[str, str] | None = None) -> None:
        super().__init__(status.get("message", ""))
        self.status = status
        self.headers = headers or {}


class StoreError(Exception):
    """The stored state cannot be read or written; retrying cannot help."""


class NewerStore(StoreError):
    """The stored state has a newer schema than this program knows."""


class ObjectTooLarge(StoreError):
    """An object is larger than the store takes; nothing was written."""


class Compacted(Exception):
    """Revisions up to `compacted` are forgotten for this resource."""

    def __init__(self, requested: int, compacted: int) -> None:
        super().__init__(f"revision {requested} was compacted; the oldest is {compacted}")
        self.requested = requested
        self.compacted = compacted
