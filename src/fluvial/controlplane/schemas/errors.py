"""Mistakes in objects, with the words of kube-apiserver.

Exception
├── DecodeError    the body is not an object of this kind: answer 400 BadRequest with `message`
└── (FieldError)   a value, not an exception: one broken rule; a list of them becomes a 422 Invalid
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from fluvial.objects import GroupKind


class DecodeError(ValueError):
    """The object cannot be read as its kind: wrong type, or unknown fields under fieldValidation=Strict."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class FieldError(NamedTuple):
    """One broken rule, as apimachinery's field.Error."""

    reason: str  # FieldValueRequired, FieldValueInvalid, FieldValueNotSupported, FieldValueForbidden, …
    field: str  # spec.template.spec.containers[0].name
    body: str  # the message without the field: 'Invalid value: "": must not be empty'

    @property
    def message(self) -> str:
        """The rule as people read it: field, colon, body."""
        return f"{self.field}: {self.body}"

    @property
    def cause(self) -> dict[str, Any]:
        """The entry of `details.causes` in the Status."""
        return {"reason": self.reason, "message": self.body, "field": self.field}


def invalid_message(kind: GroupKind, name: str, errors: Sequence[FieldError]) -> str:
    """Return the message of a 422 Status: `Deployment.apps "x" is invalid: spec.replicas: Invalid value: …`."""
    qualified = f"{kind.kind}.{kind.group}" if kind.group else kind.kind
    texts = list(dict.fromkeys(e.message for e in errors))
    joined = texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"
    return f'{qualified} "{name}" is invalid: {joined}'
