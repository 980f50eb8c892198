"""Reading typed values out of an object, with the field's path in every error."""

from collections.abc import Mapping, Sequence
from typing import Any

from fluvial.api.errors import InvalidObject
from fluvial.gotext import parse_duration


class Fields:
    """A mapping inside an object, together with its path for error messages."""

    __slots__ = ("path", "values")

    def __init__(self, values: object, path: str) -> None:
        if values is None:
            values = {}
        if not isinstance(values, Mapping):
            raise InvalidObject(path, "must be an object")
        self.values: Mapping[str, Any] = values
        self.path = path

    def _at(self, key: str) -> str:
        return f"{self.path}.{key}" if self.path else key

    def has(self, key: str) -> bool:
        return self.values.get(key) is not None

    def child(self, key: str) -> "Fields":
        return Fields(self.values.get(key), self._at(key))

    def text(self, key: str, default: str = "") -> str:
        value = self.values.get(key)
        if value is None:
            return default
        if not isinstance(value, str):
            raise InvalidObject(self._at(key), "must be a string")
        return value

    def flag(self, key: str, default: bool = False) -> bool:
        value = self.values.get(key)
        if value is None:
            return default
        if not isinstance(value, bool):
            raise InvalidObject(self._at(key), "must be true or false")
        return value

    def integer(self, key: str, default: int = 0) -> int:
        value = self.values.get(key)
        if value is None:
            return default
        if not isinstance(value, int) or isinstance(value, bool):
            raise InvalidObject(self._at(key), "must be an integer")
        return value

    def duration(self, key: str) -> float | None:
        """Seconds, or None when absent."""
        text = self.text(key)
        if not text:
            return None
        try:
            seconds = parse_duration(text)
        except ValueError as error:
            raise InvalidObject(self._at(key), str(error)) from error
        return seconds

    def required_duration(self, key: str) -> float:
        seconds = self.duration(key)
        if seconds is None:
            raise InvalidObject(self._at(key), "is required")
        return seconds

    def items(self, key: str) -> Sequence[Any]:
        value = self.values.get(key)
        if value is None:
            return ()
        if not isinstance(value, Sequence) or isinstance(value, str | bytes):
            raise InvalidObject(self._at(key), "must be a list")
        return value

    def children(self, key: str) -> "list[Fields]":
        return [Fields(item, f"{self._at(key)}[{index}]") for index, item in enumerate(self.items(key))]

    def texts(self, key: str) -> tuple[str, ...]:
        values = self.items(key)
        if not all(isinstance(value, str) for value in values):
            raise InvalidObject(self._at(key), "must be a list of strings")
        return tuple(values)

    def text_map(self, key: str) -> dict[str, str]:
        values = self.child(key).values
        if not all(isinstance(value, str) for value in values.values()):
            raise InvalidObject(self._at(key), "must map names to strings")
        return dict(values)
