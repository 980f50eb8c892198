"""Does a value fit its type? The checks that structured-merge-diff makes before it merges, with its messages."""

from typing import Any

from fluvial.managedfields.elements import element_for_people, field_element
from fluvial.managedfields.fieldset import MAX_DEPTH
from fluvial.managedfields.listkeys import item_element
from fluvial.managedfields.types import ListType, MapType, TypeSchema
from fluvial.managedfields.values import LIST, MAP, SCALAR, go_syntax, go_type, go_value, shape_of

Problems = list[tuple[str, str]]  # path, message

_TEXT = frozenset(("string", "untyped"))


def check(value: Any, schema: TypeSchema, *, allow_duplicates: bool = False) -> str:
    """Return what is wrong with `value`, empty when it fits; several mistakes make several lines."""
    problems = _check(value, schema, allow_duplicates, 0)
    if not problems:
        return ""
    texts = [f"{path}: {message}" if path else message for path, message in problems]
    return texts[0] if len(texts) == 1 else "\n".join(["errors:", *(f"  {text}" for text in texts)])


def _check(value: Any, schema: TypeSchema, duplicates: bool, depth: int) -> Problems:
    if depth > MAX_DEPTH:
        return [("", f"exceeded max depth of {MAX_DEPTH}")]
    if value is None:
        return []
    shape = shape_of(schema, value)
    if shape == SCALAR:
        return _check_scalar(value, schema.scalar)
    if shape == MAP and schema.map is not None:
        if value.__class__ is not dict:
            return [("", f"expected map, got &{{{go_value(value)}}}")]
        return _check_map(value, schema.map, duplicates, depth)
    if shape == LIST and schema.list is not None:
        if value.__class__ is not list:
            return [("", f"expected list, got &{{{go_value(value)}}}")]
        return _check_list(value, schema.list, duplicates, depth)
    return [("", "schema error: invalid atom: inlined")]


def _check_scalar(value: Any, scalar: str | None) -> Problems:
    kind = value.__class__
    if scalar == "string":
        if kind is not str:
            return [("", f"expected string, got &value.valueUnstructured{{Value:{go_syntax(value)}}}")]
    elif scalar == "numeric":
        if kind is not int and kind is not float:
            return [("", f"expected numeric (int or float), got {go_type(value)}")]
    elif scalar == "boolean":
        if kind is not bool:
            return [("", f"expected boolean, got &{{{go_value(value)}}}")]
    elif kind is dict or kind is list:
        return [("", f"expected any scalar, got &{{{go_value(value)}}}")]
    return []


def _check_map(value: dict[str, Any], maps: MapType, duplicates: bool, depth: int) -> Problems:
    problems: Problems = []
    types = maps.types
    for name, content in value.items():
        schema = types[name]
        if schema is None:
            problems.append((element_for_people(field_element(name)), "field not declared in schema"))
            break  # upstream stops at the first undeclared field of a map
        if content.__class__ is str and schema.scalar in _TEXT:
            continue  # by far the most frequent leaf
        for path, message in _check(content, schema, duplicates, depth + 1):
            problems.append((element_for_people(field_element(name)) + path, message))
    return problems


def _check_list(value: list[Any], lists: ListType, duplicates: bool, depth: int) -> Problems:
    problems: Problems = []
    element_type = lists.element
    seen: set[str] = set()
    for index, item in enumerate(value):
        element = f"i:{index}"
        if not lists.atomic:
            try:
                element = item_element(lists, item)
            except ValueError as error:
                problems.append(("", f"element {index}: {error}"))
                return problems
            if element in seen and not duplicates:
                problems.append(("", f"duplicate entries for key {element_for_people(element)}"))
            seen.add(element)
        for path, message in _check(item, element_type, duplicates, depth + 1):
            problems.append((element_for_people(element) + path, message))
    return problems
