"""Differences as text for people, laid out as dyff lays them out under `flux diff`."""

import re
from collections.abc import Sequence
from difflib import SequenceMatcher
from typing import Any

from fluvial.gotext import format_float, go_quote
from fluvial.insight.comparing import Change, Detail, Difference, compare

_WIDTH = 80  # columns; what dyff takes where it finds no terminal
_GAP = "   "
_NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
_RESERVED = {"true", "false", "null", ".nan", ".inf", "-.inf", "+.inf"}
_NUMERIC = re.compile(r"(-|\+)?[0-9.e+]+")

# The order in which a person reads known keys; of several lists the one with most hits holds.
_KEY_ORDERS = (
    ("name", "url", "version", "sha1"),
    ("name", "type", "source"),
    ("apiVersion", "kind", "metadata", "spec", "status"),
    ("name",),
    ("key",),
    ("id",),
)


def report(before: Any, after: Any) -> str:
    """Return what differs between two objects; a lone newline if nothing does."""
    return "".join(_difference(one) for one in compare(before, after)) + "\n"


def _difference(one: Difference) -> str:
    path = ".".join(one.path) if one.path else "(root level)"
    return f"\n{path}\n" + _side_by_side([_detail(detail) for detail in one.details], 0)


def _detail(detail: Detail) -> str:
    if detail.change is Change.ADDED:
        return _entries(detail.after, Change.ADDED, "added", 2)  # dyff indents what is added, not what is removed
    if detail.change is Change.REMOVED:
        return _entries(detail.before, Change.REMOVED, "removed", 0)
    if detail.change is Change.MOVED:
        return _moved(detail.before, detail.after)
    return _modified(detail.before, detail.after)


def _entries(value: Any, change: Change, word: str, indent: int) -> str:
    one, many = ("map entry", "map entries") if isinstance(value, dict) else ("list entry", "list entries")
    head = f"{change.value} {_count(len(value), one, many)} {word}:\n"
    return head + _side_by_side([neat(reordered(value))], indent)


def _moved(before: list[Any], after: list[Any]) -> str:
    old, new = [_one(item) for item in before], [_one(item) for item in after]
    head = f"{Change.MOVED.value} order changed\n"
    longest = max(sum(map(len, texts)) + 2 * (len(texts) - 1) for texts in (old, new))
    if longest < _WIDTH // 2:
        return f"{head}- {', '.join(old)}\n+ {', '.join(new)}\n"
    return head + _columns(["\n".join(old), "\n".join(new)], 2, " ")


def _one(item: Any) -> str:
    return _text(item) if not isinstance(item, dict | list) and item != "" else neat(item)


def _modified(before: Any, after: Any) -> str:
    if isinstance(before, str) and isinstance(after, str):
        return _strings(before, after)
    old, new = _type(before), _type(after)
    head = f"type change from {old} to {new}" if old != new else "value change"
    return f"± {head}\n" + _prefixed("- ", _shown(before)) + _prefixed("+ ", _shown(after))


def _strings(before: str, after: str) -> str:
    if before.strip(" \n") == after.strip(" \n"):
        old, new = (text.replace("\n", "↵\n").replace(" ", "·") for text in (before, after))
        blocks = [_prefixed("- ", old), _prefixed("+ ", new)]
        return "± whitespace only change\n" + _side_by_side(blocks, 0)
    if "\n" in before or "\n" in after:
        return _lines(before, after)
    return "± value change\n" + _prefixed("- ", before) + _prefixed("+ ", after)


def _lines(before: str, after: str) -> str:
    """Show the runs of lines that changed, without the lines between them."""
    runs = _runs(before.splitlines(keepends=True), after.splitlines(keepends=True))
    inserted = sum(sign == "+" for sign, _ in runs)
    deleted = len(runs) - inserted
    counts = f"{_count(inserted, 'insert', 'inserts')}, {_count(deleted, 'deletion', 'deletions')}"
    body = "".join(f"{sign} {line}\n" for sign, run in runs for line in run.removesuffix("\n").split("\n"))
    return f"± value change in multiline text ({counts})\n{body}\n"


def _runs(before: Sequence[str], after: Sequence[str]) -> list[tuple[str, str]]:
    """Return the runs of deleted (-) and inserted (+) lines, deletions first where both meet."""
    runs: list[tuple[str, str]] = []
    for tag, i1, i2, j1, j2 in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if tag != "equal":
            runs += [(sign, "".join(run)) for sign, run in (("-", before[i1:i2]), ("+", after[j1:j2])) if run]
    return runs


def _prefixed(prefix: str, text: str) -> str:
    first, *others = text.split("\n")
    return "".join(f"{line}\n" for line in (prefix + first, *(" " * len(prefix) + other for other in others)))


def _type(value: Any) -> str:
    if value is None:
        return "<nil>"
    names = {dict: "map", list: "list", str: "string", bool: "bool", int: "int", float: "float"}
    return names[type(value)]


def _shown(value: Any) -> str:
    return "<nil>" if value is None else neat(value).rstrip("\n")


def _count(number: int, one: str, many: str) -> str:
    word = _NUMBERS[number] if number < len(_NUMBERS) else str(number)
    return f"{word} {one if number == 1 else many}"


def _side_by_side(blocks: Sequence[str], indent: int) -> str:
    """Put blocks next to each other, or below each other where that would be too wide."""
    widest = [max(len(line) for line in block.split("\n")) for block in blocks]
    if indent + (len(blocks) - 1) * len(_GAP) + sum(widest) > _WIDTH:
        return "".join(f"{' ' * indent}{line}\n" for block in blocks for line in block.split("\n"))
    return _columns(blocks, indent, _GAP)


def _columns(blocks: Sequence[str], indent: int, gap: str) -> str:
    columns = [block.split("\n") for block in blocks]
    widths = [max(map(len, column)) for column in columns]
    rows = []
    for row in range(max(map(len, columns))):
        cells = [column[row] if row < len(column) else "" for column in columns]
        padded = (" " * indent + cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
        rows.append(gap.join(padded).rstrip(" "))
    return "\n".join(rows)


def reordered(value: Any) -> Any:
    """Return `value` with the keys of its maps in the order in which a person reads them."""
    if isinstance(value, list):
        return [reordered(item) for item in value]
    if not isinstance(value, dict):
        return value
    hits = [(sum(key in value for key in order), order) for order in _KEY_ORDERS]
    most = max(count for count, _ in hits)
    keys = list(value)
    if most:
        first = [key for key in next(order for count, order in hits if count == most) if key in value]
        keys = first + sorted((key for key in keys if key not in first), key=lambda key: _depth(value[key]))
    return {key: reordered(value[key]) for key in keys}


def _depth(value: Any) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return max((1 + _depth(part) for part in inner), default=0)


def neat(value: Any, prefix: str = "", *, inline: bool = False) -> str:
    """Return `value` as the plain YAML that dyff prints.

    Args:
        inline: the first line goes on a line that has begun, so it gets no prefix.
    """
    if isinstance(value, dict):
        return "".join(
            _entry(key, part, "" if inline and not at else prefix, prefix) for at, (key, part) in _numbered(value)
        )
    if isinstance(value, list):
        return "".join(
            f"{'' if inline and not at else prefix}- {neat(part, prefix + '  ', inline=True)}"
            for at, part in enumerate(value)
        )
    if isinstance(value, str) and "\n" in value:
        lines = value.split("\n")
        return "|\n" + "\n".join(prefix + line for line in lines) + "\n"
    return _text(value) + "\n"


def _numbered(value: dict[str, Any]) -> "enumerate[tuple[str, Any]]":
    return enumerate(value.items())


def _entry(key: str, value: Any, lead: str, prefix: str) -> str:
    if isinstance(value, dict):
        return f"{lead}{key}:" + ("\n" + neat(value, prefix + "  ") if value else " {}\n")
    if isinstance(value, list):
        return f"{lead}{key}:" + ("\n" + neat(value, prefix) if value else " []\n")
    return f"{lead}{key}: " + neat(value, prefix + "  ")


def _text(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return format_float(value)
    if not isinstance(value, str):
        return str(value)
    quoted = (
        value in _RESERVED or value.startswith("-") or _NUMERIC.fullmatch(value) or any(c in value for c in " *&:,")
    )
    return go_quote(value) if quoted else value
