"""Field selectors: the text of `--field-selector`, as apimachinery's fields package has it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fluvial.objects.identity import dig
from fluvial.objects.selectors import SelectorError


@dataclass(frozen=True, slots=True)
class FieldSelector:
    """`metadata.name=x,status.phase!=Running`: terms (path, is_equal, value) that all must hold."""

    terms: tuple[tuple[str, bool, str], ...] = ()

    @classmethod
    def parse(cls, text: str) -> "FieldSelector":
        r"""Parse the text; `\`, `,` and `=` in a value are escaped by a backslash.

        Raises:
            SelectorError: with the message of apimachinery's fields.ParseSelector.
        """
        terms = []
        for part in sorted(_split(text)):
            if not part:
                continue
            at, operator = _operator(part)
            if not operator:
                raise SelectorError(f"invalid selector: '{text}'; can't understand '{part}'")
            path, value = part[:at], _unescape(part[at + len(operator) :])
            if path or value:
                terms.append((path, operator != "!=", value))
        return cls(tuple(terms))

    def matches(self, obj: Mapping[str, Any]) -> bool:
        """Tell whether `obj` has these values; an absent field is the empty string."""
        return all((_value(obj, path) == value) is equal for path, equal, value in self.terms)

    def exact(self, path: str) -> str | None:
        """Return the value that `path` must have; None if the selector asks for none."""
        return next((value for field, equal, value in self.terms if field == path and equal), None)

    def __str__(self) -> str:
        return ",".join(f"{path}{'=' if equal else '!='}{_escape(value)}" for path, equal, value in self.terms)


def _value(obj: Mapping[str, Any], path: str) -> str:
    found = dig(obj, *path.split("."), default="")
    if isinstance(found, bool):
        return "true" if found else "false"
    return found if isinstance(found, str) else str(found)


def _split(text: str) -> list[str]:
    parts, start, escaped = [], 0, False
    for index, char in enumerate(text):
        if escaped:
            escaped = False
        elif char == "\\":
            escaped = True
        elif char == ",":
            parts.append(text[start:index])
            start = index + 1
    return [*parts, text[start:]]


def _operator(part: str) -> tuple[int, str]:
    for index in range(len(part)):
        for operator in ("!=", "==", "="):
            if part.startswith(operator, index):
                return index, operator
    return 0, ""


def _escape(value: str) -> str:
    return value.replace("\\", "\\\\").replace(",", "\\,").replace("=", "\\=")


def _unescape(value: str) -> str:
    result: list[str] = []
    escaped = False
    for char in value:
        if escaped:
            if char not in "\\,=":
                raise SelectorError(f"invalid field selector: invalid escape sequence: \\{char}")
            result.append(char)
            escaped = False
        elif char == "\\":
            escaped = True
        elif char in ",=":
            raise SelectorError(f"invalid field selector: unescaped character in value: {ord(char)}")
        else:
            result.append(char)
    if escaped:
        raise SelectorError("invalid field selector: invalid escape sequence: \\")
    return "".join(result)
