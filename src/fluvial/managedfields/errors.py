"""What can go wrong while fields change hands.

Exception
├── ApplyConflict   somebody else owns a field that this apply changes: answer 409, or apply again with force
└── ApplyError      the applied object cannot be merged: answer `code`, retrying cannot help
"""

from typing import Any, NamedTuple


class Conflict(NamedTuple):
    """One field that another manager owns with another value."""

    manager: str  # as people read it: '"kubectl-client-side-apply" using v1'
    field: str  # ".data.key"


class ApplyConflict(Exception):
    """The apply would change fields of other managers. `message` and `causes` are the server's, for its 409 Status.

    The Status has reason "Conflict", code 409 and `details: {"causes": causes}` with no name or kind in it.
    """

    def __init__(self, message: str, conflicts: list[Conflict]) -> None:
        super().__init__(message)
        self.message = message
        self.conflicts = conflicts

    @property
    def causes(self) -> list[dict[str, Any]]:
        """The `details.causes` of the Status, in the order of the message."""
        return [
            {"reason": "FieldManagerConflict", "message": f"conflict with {c.manager}", "field": c.field}
            for c in self.conflicts
        ]


class ApplyError(ValueError):
    """The object does not fit its schema or the request is malformed. `message` is the server's text.

    `code` is 400 with reason "BadRequest", or 500 with an empty reason where kube-apiserver has no better answer
    (an undeclared field or a wrong type in the applied object).
    """

    def __init__(self, message: str, *, code: int = 500, reason: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.reason = reason
