"""Find, set, create and remove fields of a node: kyaml's small filters as functions.

Source: kyaml `yaml/fns.go` (FieldMatcher, FieldSetter, FieldClearer, PathGetter, ElementMatcher).
"""

from collections.abc import Iterable, Sequence

from fluvial.kustomize.errors import KustomizeError
from fluvial.kustomize.values import NULL, STR, reads_as_other
from fluvial.yamldoc.nodes import DOUBLE, LITERAL, MAP, MAPPING, SCALAR, SEQ, SEQUENCE, SINGLE, SUSPECT, Node, plain_tag

_KIND_NAMES = {MAPPING: "MappingNode", SEQUENCE: "SequenceNode", SCALAR: "ScalarNode"}


class WrongKind(KustomizeError):
    """A scalar where a mapping is needed, or the like; `actual` is the kind that was met."""

    actual: int = 0


def is_null(node: Node | None) -> bool:
    """Tell whether there is no node, or one that says null."""
    return node is None or node.tag == NULL


def is_empty(node: Node | None) -> bool:
    """Tell whether there is no node, or null, or a mapping or sequence without content."""
    return node is None or node.tag == NULL or (node.kind != SCALAR and not node.content)


def expect(node: Node | None, kind: int) -> None:
    """Refuse a node of another kind; null passes."""
    if node is not None and node.kind != kind and node.tag != NULL:
        error = WrongKind(
            f"wrong node kind: expected {_KIND_NAMES[kind]} but got {_KIND_NAMES.get(node.kind, 'nothing')}"
        )
        error.actual = node.kind
        raise error


def text_node(text: str) -> Node:
    """Return a node that is a string whatever its text looks like."""
    return Node(SCALAR, STR, LITERAL if "\n" in text else 0, text)


def bare_node(text: str) -> Node:
    """Return a node that means what `text` means unquoted, as kyaml's NewScalarRNode does."""
    return Node(SCALAR, "", 0, text)


def new_node(kind: int, tag: str = "") -> Node:
    """Return an empty node of `kind`."""
    return Node(kind, tag, 0, "", {} if kind == MAPPING else [] if kind == SEQUENCE else None)


def get(node: Node | None, name: str) -> Node | None:
    """Return the value of a field; None where there is none, or the node is null.

    Raises:
        WrongKind: the node is not a mapping.
    """
    if node is None or node.tag == NULL:
        return None
    if node.kind != MAPPING:
        expect(node, MAPPING)
    found: Node | None = node.content.get(name)
    return found


def text_of(node: Node | None) -> str:
    """Return the text of a scalar as it was written, "" for none or null (kyaml's GetValue)."""
    return "" if node is None or node.tag == NULL else node.value


def set_field(
    node: Node, name: str, value: Node | None, *, keep_null: bool = False, key_is_text: bool = False
) -> Node | None:
    """Give a field a value, as kyaml's FieldSetter: an existing field keeps its style; None or null removes it.

    A new field's key is written plainly, unless `key_is_text` says that it comes with its quotes.
    """
    if value is None or (value.tag == NULL and not keep_null):
        clear(node, name)
        return None
    settle_style(value)
    if node.kind != MAPPING:
        expect(node, MAPPING)
        return None  # a null that is no mapping: kyaml writes into it, and it stays null
    field: Node | None = node.content.get(name)
    if field is None:
        if key_is_text:
            node.content[name] = value
        else:
            add_field(node, name, value)
        return value
    if field is not value:
        value.style = field.style
        field.assign(value)
    return field


def settle_style(value: Node) -> None:
    """Quote a text that would be something else unquoted, where nothing was said of its style."""
    if value.style == 0 and value.kind == SCALAR and value.tag in ("", STR) and reads_as_other(value.value):
        value.style = DOUBLE


def add_field(node: Node, name: str, value: Node) -> None:
    """Add a field that is not there yet; its key is written plainly, so it had better read back as text."""
    node.content[name] = value
    if name and name[0] in SUSPECT and plain_tag(name) != STR:
        node.odd = {**(node.odd or {}), name: "bare"}


def set_scalar(node: Node, value: Node) -> None:
    """Make a scalar another one, in place; its style stays. A null value changes nothing."""
    settle_style(value)
    expect(node, SCALAR)
    if value.tag == NULL:
        return
    value.style = node.style
    node.assign(value)


def clear(node: Node | None, name: str) -> Node | None:
    """Remove a field and return what it was."""
    if node is None or node.tag == NULL:
        return None
    if node.kind != MAPPING:
        expect(node, MAPPING)
    removed: Node | None = node.content.pop(name, None)
    return removed


def lookup(node: Node | None, path: Iterable[str]) -> Node | None:
    """Follow field names, indices, `-` (the last item) and `[key=value]`; None where the way ends."""
    for part in path:
        part = part.strip()
        if part:
            node = _step(node, part)
        if node is None:
            return None
    return node


def lookup_create(node: Node, path: Sequence[str], kind: int) -> Node | None:
    """Follow `path` and make what is missing: the last part of `kind`, those before as the next part asks."""
    here: Node | None = node
    parts = [part for part in (part.strip() for part in path) if part]
    for index, part in enumerate(parts):
        if here is None:
            return None
        following = parts[index + 1] if index + 1 < len(parts) else ""
        if is_list_part(part):
            here = _element_create(here, part)
        elif part == "-" or part == "*" or is_index(part):
            here = _step(here, part)
        else:
            found = get(here, part)
            here = found if found is not None else set_field(here, part, new_node(part_kind(following, kind)))
    return here


def part_kind(following: str, last: int) -> int:
    """Return the kind of node that must stand before the path part `following` ("" = the path ends: `last`)."""
    if not following:
        return last
    return SEQUENCE if is_list_part(following) or is_index(following) else MAPPING


def is_list_part(part: str) -> bool:
    """Tell whether `part` is `[key=value]` or `[=value]`."""
    return part.startswith("[") and part.endswith("]")


def is_index(part: str) -> bool:
    """Tell whether `part` is a position in a list."""
    return part.removeprefix("+").isdecimal() and part.isascii()


def split_list_part(part: str) -> tuple[str, str]:
    """Return key and value of `[key=value]`; the key of `[=value]` is empty."""
    key, equals, value = part.removesuffix("]").removeprefix("[").partition("=")
    if not equals:
        raise KustomizeError("list path element must contain fieldName=fieldValue for element to match")
    return key, value


def elements(node: Node | None) -> list[Node]:
    """Return the items of a sequence; null has none.

    Raises:
        WrongKind: the node is not a sequence.
    """
    expect(node, SEQUENCE)
    return node.content if node is not None and node.kind == SEQUENCE else []


def match_element(node: Node, keys: Sequence[str], values: Sequence[str]) -> Node | None:
    """Return the first item whose fields `keys` are `values`; an empty key compares the items themselves."""
    expect(node, SEQUENCE)
    items: list[Node] = node.content or []
    for item in items:
        if not keys or not keys[0]:
            if item.value == (values[0] if values else ""):
                return item
        elif item.kind == MAPPING and _has_values(item, keys, values):
            return item
    return None


def _has_values(item: Node, keys: Sequence[str], values: Sequence[str]) -> bool:
    for key, value in zip(keys, values, strict=False):
        field = item.content.get(key)
        if field is None or field.value != value:
            return False
    return True


def _step(node: Node | None, part: str) -> Node | None:
    if part == "-" or is_index(part):
        items = elements(node)
        if part == "-":
            if not items:
                raise KustomizeError("cannot take the last item of an empty list")
            return items[-1]
        position = int(part)
        return items[position] if position < len(items) else None
    if part.startswith("-") and is_index(part[1:]):
        raise KustomizeError(f"array index {part} cannot be negative")
    if part == "*":
        raise KustomizeError("wildcard is not supported in PathGetter")
    if is_list_part(part):
        key, value = split_list_part(part)
        return None if is_null(node) or node is None else match_element(node, [key], [value])
    return get(node, part)


def _element_create(node: Node, part: str) -> Node:
    key, value = split_list_part(part)
    found = match_element(node, [key], [value])
    if found is not None:
        return found
    made = bare_node(value)
    if key:
        made = Node(MAPPING, "", 0, "", {key: made})
    expect(node, SEQUENCE)
    node.content.append(made)
    return made


def metadata_map(node: Node | None, name: str) -> dict[str, str]:
    """Return labels or annotations as text, whatever their values are; null gives the text it was written as."""
    if node is None or node.kind != MAPPING:
        return {}
    metadata = node.content.get("metadata")
    if metadata is None or metadata.kind != MAPPING:
        return {}
    field = metadata.content.get(name)
    if field is None or field.kind != MAPPING:
        return {}
    return {key: value.value for key, value in field.content.items()}


def set_metadata_map(node: Node, name: str, values: dict[str, str]) -> None:
    """Replace labels or annotations by strings; an empty map removes the field."""
    metadata = lookup_create(node, ("metadata",), MAPPING)
    if metadata is None:
        return
    clear(metadata, name)
    if not values:
        return
    field = Node(MAPPING, "", 0, "", {})
    set_field(metadata, name, field)
    for key in sorted(values):
        set_field(field, key, text_node(values[key]))


def set_annotation(node: Node, key: str, value: str) -> None:
    """Set one annotation, written in single quotes; empty maps in its way are made anew."""
    metadata = node.content.get("metadata")
    if metadata is not None and metadata.kind == MAPPING:
        annotations = metadata.content.get("annotations")
        if annotations is not None and not annotations.content:
            del metadata.content["annotations"]
    if metadata is not None and not metadata.content:
        del node.content["metadata"]
    field = lookup_create(node, ("metadata", "annotations"), MAPPING)
    if field is not None:
        set_field(field, key, Node(SCALAR, STR, SINGLE, value))


def set_text(node: Node, value: str, *path: str) -> None:
    """Set the field at `path` to what `value` means unquoted, making mappings on the way (kyaml's SetMapField)."""
    parent = lookup_create(node, path[:-1], MAPPING) if len(path) > 1 else node
    if parent is not None:
        set_field(parent, path[-1], bare_node(value))


def map_node() -> Node:
    """Return an empty mapping."""
    return Node(MAPPING, MAP, 0, "", {})


def sequence_node() -> Node:
    """Return an empty sequence."""
    return Node(SEQUENCE, SEQ, 0, "", [])
