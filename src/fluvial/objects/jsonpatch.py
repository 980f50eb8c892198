"""JSON patches (RFC 6902)."""

from collections.abc import Sequence
from typing import Any


class PatchError(ValueError):
    """A patch that cannot be applied; the text is what the API server answers with status 422 (or 400)."""


def apply_json_patch(document: Any, patch: Sequence[Any]) -> Any:
    """Return `document` with the operations of `patch` applied in order; the argument is left as it is.

    Raises:
        PatchError: an operation is malformed, points at nothing, or a `test` failed. Nothing is half applied.
    """
    raise NotImplementedError
