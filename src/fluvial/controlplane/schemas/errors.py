"""Mistakes in objects, with the words of kube-apiserver.

    Exception
    ├── DecodeError    the body is not an object of this kind: answer 400 BadRequest with `message`
    └── (FieldError)   a value, not an exception: one broken rule; a list of them becomes a 422 Invalid

The functions that make a FieldError are those of apimachinery's util/validation/field, with its texts.
"""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from fluvial.gotext import format_float, go_json, go_quote
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


def required(field: str, detail: str = "") -> FieldError:
    """A value must be given."""
    return FieldError("FieldValueRequired", field, _with("Required value", detail))


def invalid(field: str, value: Any, detail: str) -> FieldError:
    """A value breaks a rule."""
    return FieldError("FieldValueInvalid", field, _with(f"Invalid value: {shown(value)}", detail))


def mistyped(field: str, value: Any, detail: str) -> FieldError:
    """A value has the wrong type for its schema."""
    return FieldError("FieldValueTypeInvalid", field, _with(f"Invalid value: {shown(value)}", detail))


def not_supported(field: str, value: Any, supported: Iterable[str]) -> FieldError:
    """A value is none of a list, which the message gives in the order of `supported`."""
    texts = ", ".join(map(go_quote, supported))
    detail = f"supported values: {texts}" if texts else ""
    return FieldError("FieldValueNotSupported", field, _with(f"Unsupported value: {shown(value)}", detail))


def duplicate(field: str, value: Any) -> FieldError:
    """A value stands twice where each may stand once."""
    return FieldError("FieldValueDuplicate", field, f"Duplicate value: {shown(value)}")


def forbidden(field: str, detail: str) -> FieldError:
    """A value may not be given here or now."""
    return FieldError("FieldValueForbidden", field, _with("Forbidden", detail))


def too_long(field: str, limit: int) -> FieldError:
    """A text is longer than `limit` bytes."""
    detail = f"may not be more than {limit} {'byte' if limit == 1 else 'bytes'}"
    return FieldError("FieldValueTooLong", field, f"Too long: {detail}")


def too_many(field: str, actual: int, limit: int) -> FieldError:
    """A list has more than `limit` items."""
    detail = f"must have at most {limit} {'item' if limit == 1 else 'items'}"
    return FieldError("FieldValueTooMany", field, f"Too many: {actual}: {detail}")


def not_found(field: str, value: Any) -> FieldError:
    """A value names what does not exist."""
    return FieldError("FieldValueNotFound", field, f"Not found: {shown(value)}")


def shown(value: Any) -> str:
    """Return a value as messages show it: texts quoted, numbers plain, everything else as JSON."""
    if isinstance(value, str):
        return go_quote(value)
    if isinstance(value, float):
        return format_float(value)
    return _json(value)


class Internal(dict[str, Any]):
    """A value in the form of the server's internal Go type: messages show its keys as they are, in their order."""


def _json(value: Any) -> str:
    if isinstance(value, Internal):
        return "{" + ",".join(f"{go_json(k)}:{_json(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_json, value)) + "]"
    return go_json(value)


def _with(text: str, detail: str) -> str:
    return f"{text}: {detail}" if detail else text
