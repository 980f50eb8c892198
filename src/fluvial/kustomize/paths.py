"""Field paths as written in replacements and vars, and the search for all fields that one means.

Source: kyaml `utils/pathsplitter.go`, `yaml/match.go` (PathMatcher).
"""

import re
from collections.abc import Sequence

from fluvial.kustomize.errors import KustomizeError
from fluvial.kustomize.fields import (
    bare_node,
    elements,
    get,
    is_index,
    is_list_part,
    new_node,
    part_kind,
    set_field,
    split_list_part,
)
from fluvial.kustomize.ids import compile_pattern
from fluvial.kustomize.values import STR, written_style
from fluvial.yamldoc import YamlError
from fluvial.yamldoc.nodes import DOUBLE, MAPPING, SCALAR, SINGLE, Node, first_node, plain_tag

_INDEXED = re.compile(r"(.*)\[([0-9]+)\]\Z", re.DOTALL)


def split_field_path(path: str) -> list[str]:
    """Split at dots, but not at `\\.` nor inside brackets; brackets go unless they hold a `=`."""
    parts = _split_escaped(path)
    result: list[str] = []
    position = 0
    while position < len(parts):
        part = parts[position]
        position += 1
        if not part.startswith("[") or part.endswith("]"):
            result.append(part)
            continue
        bracketed = [part]
        while position < len(parts):
            bracketed.append(parts[position])
            position += 1
            if bracketed[-1].endswith("]"):
                break
        whole = ".".join(bracketed)
        result.append(whole if "=" in whole else whole.strip("[]"))
    return result


def _split_escaped(path: str) -> list[str]:
    parts = path.split(".")
    if len(parts) > 1 and not parts[0]:
        parts = parts[1:]
    result = [parts[0]]
    for part in parts[1:]:
        if result[-1].endswith("\\"):
            result[-1] = result[-1][:-1] + "." + part
        else:
            result.append(part)
    return result


def with_indices(parts: Sequence[str]) -> list[str]:
    """Return `parts` with `ports[0]` taken apart into `ports` and `0`."""
    result: list[str] = []
    for part in parts:
        match = _INDEXED.match(part)
        if match is None:
            result.append(part)
        else:
            result += [piece for piece in match.groups() if piece]
    return result


def match_path(node: Node, path: Sequence[str], create: int) -> list[Node] | None:
    """Return every node that `path` leads to, None if it leads nowhere.

    Args:
        path: names, indices, `*` for all items, and `[key=pattern]` for items whose field matches a regular expression.
        create: make missing fields, the last one of this kind; 0 makes nothing.
    Raises:
        KustomizeError: the path does not fit the node, or an index is beyond the list.
    """
    if not path:
        return [node]
    part = path[0]
    if is_index(part):
        return _at_index(node, path, create)
    if is_list_part(part):
        return _matching_items(node, path, create)
    if part == "*":
        return _joined([match_path(item, path[1:], create) for item in elements(node)])
    return _in_field(node, path, create)


def _joined(results: Sequence[list[Node] | None]) -> list[Node] | None:
    found = [nodes for nodes in results if nodes is not None]
    return [node for nodes in found for node in nodes] if found else None


def _in_field(node: Node, path: Sequence[str], create: int) -> list[Node] | None:
    field = get(node, path[0])
    if field is None:
        if not create:
            return None
        following = path[1] if len(path) > 1 else ""
        field = new_node(part_kind(following, create))
        set_field(node, path[0], field)
    if field.kind == SCALAR and len(path) > 1:
        # text that holds YAML or JSON: matched in a copy, which upstream throws away
        try:
            inner = first_node(field.value)
        except YamlError as cause:
            raise KustomizeError(str(cause)) from cause
        return match_path(inner if inner is not None else Node(SCALAR, "null"), path[1:], create)
    return match_path(field, path[1:], create)


def _at_index(node: Node, path: Sequence[str], create: int) -> list[Node] | None:
    position, items = int(path[0]), elements(node)
    if create and position == len(items):
        following = path[1] if len(path) > 1 else ""
        items.append(new_node(part_kind(following, create)))
    if position >= len(items):
        raise KustomizeError(f"index {position} specified but only {len(items)} elements found")
    return match_path(items[position], path[1:], create)


def _matching_items(node: Node, path: Sequence[str], create: int) -> list[Node] | None:
    key, pattern = split_list_part(path[0])
    search = compile_pattern(pattern)
    found: list[Node] = []
    for item in list(elements(node)):
        if not key:
            if search(written(item)):
                found.append(item)
            continue
        field = item.content.get(key) if item.kind == MAPPING else None
        if field is not None and search(written(field)):
            found += match_path(item, path[1:], create) or []
    if found or not create:
        return found or None
    made = bare_node(pattern)
    elements(node).append(Node(MAPPING, "", 0, "", {key: made}) if key else made)
    if not search(written(made)):
        raise KustomizeError(f"failed to create element for {path[0]!r}: it would not match itself")
    return _matching_items(node, path, create)


def written(node: Node) -> str:
    """Return a scalar as YAML text, which is what list selectors are compared with; "" for anything else."""
    if node.kind != SCALAR:
        return ""
    text, style = node.value, node.style
    if not style & (DOUBLE | SINGLE) and (node.tag != STR or plain_tag(text) == STR):
        style = written_style(text) if node.tag == STR else 0
    elif node.tag == STR and not style & (DOUBLE | SINGLE):
        style = DOUBLE
    if style & SINGLE:
        return "'" + text.replace("'", "''") + "'"
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"' if style & DOUBLE else text
