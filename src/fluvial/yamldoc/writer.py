"""YAML text from values, byte for byte as sigs.k8s.io/yaml's Marshal writes it (which `kustomize build` prints)."""

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from fluvial.gotext import format_float, json_float
from fluvial.yamldoc.order import in_order
from fluvial.yamldoc.quoting import WIDTH, is_simple_key, on_one_line, over_lines


def dump(value: Any) -> str:
    """Return `value` as one document: keys in natural order, lists at the indentation of their key, a final newline.

    Lines are broken at the first space beyond column 80, as Go does. Numbers take the way through JSON that they take
    in Go: `1000.0` is written `1000`, an integer beyond 64 bits as a float.

    Raises:
        ValueError: NaN, an infinity, or a value that JSON has no form for.
    """
    writer = _Writer()
    writer.document(value)
    return "".join(writer.parts)


def dump_all(values: Iterable[Any]) -> str:
    """Return the documents joined by `---` lines."""
    writer = _Writer()
    for index, value in enumerate(values):
        if index:
            writer.parts.append("---\n")
        writer.document(value)
    return "".join(writer.parts)


@lru_cache(maxsize=8192)  # few shapes of maps, met again and again; keys are no secrets
def _layout(keys: tuple[str, ...]) -> tuple[tuple[str, str | None, int], ...]:
    """Return the keys in the order in which they are written, each with its text, colon included (None for one that
    doesn't fit before it), and the width of that text with a space behind it.
    """
    texts = ((name, f"{on_one_line(name)}:" if is_simple_key(name) else None) for name in in_order(keys))
    return tuple((name, text, len(text or "") + 1) for name, text in texts)


def _number(value: float) -> str:
    if isinstance(value, int):
        if -(2**63) <= value < 2**64:
            return str(value)
        value = float(value)
    text = json_float(value)
    if "e" in text or "." in text:
        return format_float(value)
    whole = int(text)
    return str(whole) if -(2**63) <= whole < 2**64 else format_float(value)


class _Writer:
    """Collects the text of documents; holds what it learned about strings for as long as it lives."""

    __slots__ = ("_lines", "parts")

    def __init__(self) -> None:
        self.parts: list[str] = []
        self._lines: dict[str, str | None] = {}  # `on_one_line` of strings met before

    def document(self, value: Any) -> None:
        if type(value) is dict and value:
            self._map(value, 0, "")
        elif type(value) is list and value:
            for element in value:
                self._item(element, 0, "- ")
        else:
            self.parts.append(self._scalar(value, 2, 0) + "\n")

    def _map(self, value: dict[str, Any], indent: int, lead: str) -> None:
        """Write a map whose keys stand at `indent`; `lead` stands for the indentation of the first."""
        put, known = self.parts.append, self._lines.get
        pad = " " * indent
        for name, key, width in _layout(tuple(value)):
            item = value[name]
            kind = type(item)
            if key is None:
                self._long_key(name, item, indent, lead)
            elif kind is str:
                text = known(item)
                if text is None or (indent + width + len(text) > WIDTH and " " in item):
                    text = self._text(item, indent + 2, indent + width)
                put(f"{lead}{key} {text}\n")
            elif kind is dict and item:
                put(f"{lead}{key}\n")
                self._map(item, indent + 2, pad + "  ")
            elif kind is list and item:
                put(f"{lead}{key}\n")
                for element in item:
                    self._item(element, indent, pad + "- ")
            else:
                put(f"{lead}{key} {self._scalar(item, indent + 2, indent + width)}\n")
            lead = pad

    def _long_key(self, name: str, item: Any, indent: int, lead: str) -> None:
        pad = " " * indent
        self.parts.append(f"{lead}? {over_lines(name, indent + 2, indent + 2)}\n")
        self._item(item, indent, f"{pad}: ")

    def _item(self, item: Any, indent: int, lead: str) -> None:
        """Write what follows a dash (or the colon of a long key) at `indent`; `lead` holds that sign."""
        if type(item) is dict and item:
            self._map(item, indent + 2, lead)
        elif type(item) is list and item:
            for element in item:
                self._item(element, indent + 2, lead + "- ")
                lead = " " * (indent + 2)
        else:
            self.parts.append(f"{lead}{self._scalar(item, indent + 2, indent + 2)}\n")

    def _scalar(self, value: Any, indent: int, column: int) -> str:
        if isinstance(value, str):
            return self._text(value, indent, column)
        if value is None:
            return "null"
        if value is True or value is False:
            return "true" if value else "false"
        if isinstance(value, int | float):
            return _number(value)
        if isinstance(value, dict | list):
            return "{}" if isinstance(value, dict) else "[]"
        raise ValueError(f"json: unsupported type: {type(value).__name__}")

    def _text(self, value: str, indent: int, column: int) -> str:
        text = self._lines.get(value)
        if text is None:
            text = on_one_line(value)
            if text is None:
                return over_lines(value, indent, column)
            if len(value) < 256 and len(self._lines) < 65536:
                self._lines[value] = text
        if column + len(text) > WIDTH and " " in value:
            return over_lines(value, indent, column)
        return text
