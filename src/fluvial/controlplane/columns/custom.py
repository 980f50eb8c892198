"""Columns of custom resources: JSONPath as kubectl's, from additionalPrinterColumns.

The subset: fields, `['name']`, indices, `[*]` and filters `[?(@.a == "b")]`. A path that leads nowhere is an empty
cell.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

from fluvial.controlplane.columns.layout import Layout, age
from fluvial.controlplane.resources import Custom, CustomColumn
from fluvial.gotext import format_float, go_json, parse_rfc3339
from fluvial.objects import Object
from fluvial.wire import Column

Step = Callable[[Any], Iterator[Any]]

_TOKEN = re.compile(
    r"""\.?(?:
        (?P<field>[A-Za-z0-9_$\-/]+(?:\\\.[A-Za-z0-9_\-/]+)*)
      | \[(?P<quote>['"])(?P<name>.+?)(?P=quote)\]
      | \[(?P<index>-?[0-9]+)\]
      | (?P<all>\[\*\]|\*)
      | \[\?\(\s*@(?P<path>[^=!<>\s]*)\s*(?:(?P<op>==|!=)\s*(?P<value>"[^"]*"|'[^']*'|[^)\s]+))?\s*\)\]
    )""",
    re.VERBOSE,
)


def custom_layout(custom: Custom, name: Column, age_column: Column) -> Layout:
    """Return the layout of a custom resource; without columns of its own it shows its age."""
    if not custom.columns:
        return Layout((name, age_column), lambda obj, now: [obj["metadata"].get("name", ""), _age(obj, now)])
    columns = (name, *(_column(column) for column in custom.columns))
    paths = [(column.type, _compiled(column.path)) for column in custom.columns]

    def cells(obj: Object, now: datetime) -> Sequence[Any]:
        return [obj["metadata"].get("name", ""), *(_cell(kind, path, obj, now) for kind, path in paths)]

    return Layout(columns, cells)


def _age(obj: Object, now: datetime) -> str:
    return age(obj["metadata"].get("creationTimestamp"), now)


def _column(column: CustomColumn) -> Column:
    text = column.description or f"Custom resource definition column (in JSONPath format): {column.path}"
    return Column(column.name, column.type, column.format, text, column.priority)


def _cell(kind: str, path: Sequence[Step], obj: Object, now: datetime) -> Any:
    found: list[Any] = [obj]
    for step in path:
        found = [value for held in found for value in step(held)]
    if not found or found[0] is None:
        return None
    value = found[0]
    if kind == "string":
        return _text(value)
    if kind == "date":
        return _date(value, now)
    return _typed(kind, value)


def _date(value: Any, now: datetime) -> Any:
    if not isinstance(value, str):
        return None
    try:
        parse_rfc3339(value)
    except ValueError:
        return "<invalid>"
    return age(value, now)


def _typed(kind: str, value: Any) -> Any:
    if kind == "integer" and isinstance(value, int | float) and not isinstance(value, bool):
        return int(value)
    if kind == "number" and isinstance(value, int | float) and not isinstance(value, bool):
        return value
    if kind == "boolean" and isinstance(value, bool):
        return value
    return None


def _text(value: Any) -> str:
    """Return a value as Go's text templates print it."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return format_float(value)
    if isinstance(value, list | dict):
        return go_json(value)
    return str(value)


@lru_cache(maxsize=1024)
def _compiled(path: str) -> tuple[Step, ...]:
    """Compile a path; what we cannot read leads nowhere."""
    text = path.strip().removeprefix("{").removesuffix("}").removeprefix("$")
    steps: list[Step] = []
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None or match.end() == position:
            return (lambda value: iter(()),)
        steps.append(_step(match))
        position = match.end()
    return tuple(steps)


def _step(match: re.Match[str]) -> Step:
    field, name, index = match["field"], match["name"], match["index"]
    if field is not None:
        return _field(field.replace("\\.", "."))
    if name is not None:
        return _field(name)
    if index is not None:
        return _index(int(index))
    if match["all"]:
        return _all
    value = match["value"]
    return _filter(_compiled(match["path"]), match["op"], None if value is None else value.strip("'\""))


def _field(name: str) -> Step:
    def step(value: Any) -> Iterator[Any]:
        if isinstance(value, dict) and name in value:
            yield value[name]

    return step


def _index(index: int) -> Step:
    def step(value: Any) -> Iterator[Any]:
        if isinstance(value, list) and -len(value) <= index < len(value):
            yield value[index]

    return step


def _all(value: Any) -> Iterator[Any]:
    if isinstance(value, list):
        yield from value
    elif isinstance(value, dict):
        yield from value.values()


def _filter(path: Sequence[Step], operator: str | None, wanted: str | None) -> Step:
    def step(value: Any) -> Iterator[Any]:
        for item in value if isinstance(value, list) else ():
            found: list[Any] = [item]
            for inner in path:
                found = [result for held in found for result in inner(held)]
            if operator is None:
                if found:
                    yield item
            elif any((_text(result) == wanted) is (operator == "==") for result in found):
                yield item

    return step
