"""Strategic merge as kyaml's merge2 does it: fields by name, lists by the merge keys of the type, `$patch` directives.

What it does beyond the idea is kept, since manifests rely on it: every list with merge keys of the patched object is
rebuilt, items of the patch first; a field that is null without a word (`a:`) goes, one that says `null` or `~` stays.
Source: kyaml `yaml/walk`, `yaml/merge2`.
"""

from collections.abc import Sequence
from enum import Enum

from fluvial.kustomize.errors import KustomizeError
from fluvial.kustomize.fields import (
    bare_node,
    clear,
    expect,
    get,
    is_empty,
    is_null,
    match_element,
    set_field,
    set_scalar,
    settle_style,
    text_of,
)
from fluvial.kustomize.schema import Schema, Schemas
from fluvial.kustomize.values import NULL
from fluvial.yamldoc.nodes import MAPPING, SCALAR, SEQUENCE, Node

DIRECTIVE = "$patch"


class Directive(Enum):
    """What `$patch` says about a mapping or list of a patch."""

    MERGE = "merge"
    REPLACE = "replace"
    DELETE = "delete"


class _KeptNull(Node):
    """A null that stays in the result because the object says it in so many words."""

    __slots__ = ()


def merge(dest: Node, patch: Node, schemas: Schemas) -> Node | None:
    """Merge `patch` into `dest`, in place, and return the result; None if the patch deletes the whole object.

    Raises:
        KustomizeError: a scalar meets a mapping or the like, or a `$patch` that is unknown.
    """
    return _walk(dest, patch, None, schemas)


def _walk(dest: Node | None, patch: Node | None, schema: Schema | None, schemas: Schemas) -> Node | None:
    if schema is None:
        schema = _schema_of(dest, schemas) or _schema_of(patch, schemas)
    if patch is None and dest is not None:
        return _tidy(dest, schema, schemas)
    first = dest if not is_null(dest) else patch
    kind = MAPPING if first is None or first.tag == NULL else first.kind
    expect(dest, kind)
    expect(patch, kind)
    if kind == MAPPING:
        return _walk_map(dest, patch, schema, schemas)
    if kind == SEQUENCE:
        if schema is not None and schema.merge_keys is not None:
            return _walk_list(dest, patch, schema, schemas)
        _take_style(dest, patch)
    return patch if patch is not None else dest


def _schema_of(node: Node | None, schemas: Schemas) -> Schema | None:
    """Return the type of an object, also of one inside another: whatever has apiVersion and kind."""
    if node is None or node.kind != MAPPING:
        return None
    kind, api_version = node.content.get("kind"), node.content.get("apiVersion")
    if kind is None or api_version is None:
        return None
    return schemas.of(text_of(api_version), text_of(kind))


def _tidy(dest: Node, schema: Schema | None, schemas: Schemas) -> Node | None:
    """Walk what the patch does not mention: `_walk(dest, None)`, without asking at every step."""
    if dest.tag == NULL:
        return _KeptNull(SCALAR, NULL, 0, dest.value) if dest.value else None
    if dest.kind == SEQUENCE:
        return dest if schema is None or schema.merge_keys is None else _walk_list(dest, None, schema, schemas)
    if dest.kind != MAPPING:
        return dest
    if schema is None:
        schema = _schema_of(dest, schemas)
    for key, child in list(dest.content.items()):
        if child.kind == SCALAR and child.tag != NULL:
            if child.style == 0:
                settle_style(child)
            continue
        kept = _tidy(child, schema.field(key) if schema is not None else None, schemas)
        set_field(dest, key, kept, keep_null=isinstance(kept, _KeptNull))
    return dest


def _take_style(dest: Node | None, patch: Node | None) -> None:
    if dest is not None and patch is not None and dest.kind != SCALAR and not dest.content:
        dest.style = patch.style


def _walk_map(dest: Node | None, patch: Node | None, schema: Schema | None, schemas: Schemas) -> Node | None:
    result = _choose_map(dest, patch)
    if result is None or result.kind != MAPPING:
        return result
    names = dict.fromkeys(result.content)
    if patch is not None and patch.kind == MAPPING:
        names.update(dict.fromkeys(patch.content))
    for name in names:
        theirs = patch.content.get(name) if patch is not None and patch.kind == MAPPING else None
        value = _walk(result.content.get(name), theirs, schema.field(name) if schema is not None else None, schemas)
        brings_key = patch is not None and theirs is not None and value is theirs
        key_is_text = brings_key and patch is not None and name not in (patch.odd or ())
        set_field(result, name, value, keep_null=isinstance(value, _KeptNull), key_is_text=key_is_text)
    return result


def _choose_map(dest: Node | None, patch: Node | None) -> Node | None:
    """Return the mapping that the merge goes on with; None removes it."""
    _take_style(dest, patch)
    if is_null(dest):
        try:
            directive = take_directive(patch)
        except KustomizeError:
            directive = Directive.MERGE
        return None if directive is Directive.DELETE else patch
    if patch is not None and patch.tag == NULL:
        return None
    return _by_directive(dest, patch)


def _by_directive(dest: Node | None, patch: Node | None) -> Node | None:
    directive = take_directive(patch)
    if directive is Directive.DELETE:
        return None
    return patch if directive is Directive.REPLACE else dest


def take_directive(patch: Node | None) -> Directive:
    """Return what `$patch` says, and remove it from the patch.

    Raises:
        KustomizeError: it says something unknown, or `patch` is a scalar.
    """
    if patch is None:
        return Directive.MERGE
    if patch.kind == SEQUENCE:
        return _take_list_directive(patch)
    if patch.kind != MAPPING:
        raise KustomizeError(f"no implemented strategic merge patch strategy for '!!{patch.tag}'")
    said = patch.content.get(DIRECTIVE)
    if said is None:
        return Directive.MERGE
    directive = _directive(said.value)
    clear(patch, DIRECTIVE)
    return directive


def _take_list_directive(patch: Node) -> Directive:
    for item in patch.content:
        if item.kind == MAPPING and DIRECTIVE in item.content:
            if len(item.content) > 1:
                break  # the item's own directive, not the list's
            value = item.content[DIRECTIVE].value
            directive = _directive(value)
            set_element(patch, None, [DIRECTIVE], [value])
            return directive
    return Directive.MERGE


def _directive(text: str) -> Directive:
    try:
        return Directive(text)
    except ValueError:
        raise KustomizeError(f"unknown patch strategy '{text}'") from None


def _walk_list(dest: Node | None, patch: Node | None, schema: Schema, schemas: Schemas) -> Node | None:
    _take_style(dest, patch)
    if is_null(dest):
        result = patch
    elif patch is not None and patch.tag == NULL:
        result = None
    else:
        result = _by_directive(dest, patch)
    if result is None:
        return None
    keys = schema.merge_keys or ()
    if keys:
        return _merge_items(_key_values(result, patch, keys), keys, result, patch, schema, schemas)
    values = _scalar_values(result, patch)
    return _merge_items(values, ("",), result, patch, schema, schemas)


Values = list[str]  # of one item, by merge key; "" where it has none


def _key_values(dest: Node, patch: Node | None, keys: Sequence[str]) -> list[Values]:
    """Return the merge key values of all items, each once, the patch's first."""
    found: dict[tuple[str, ...], None] = {}
    for source in (patch, dest):
        for item in source.content or () if source is not None else ():
            values = []
            for key in keys:
                field = item.content.get(key) if item.kind == MAPPING else None
                values.append("" if field is None or is_empty(field) else field.value)
            found.setdefault(tuple(values))
    return [list(values) for values in found]


def _scalar_values(dest: Node, patch: Node | None) -> list[Values]:
    found: dict[str, None] = {}
    for source in (patch, dest):
        for item in source.content or () if source is not None else ():
            found.setdefault(item.value)
    return [[value] for value in found]


def _merge_items(
    values_list: list[Values], keys: Sequence[str], dest: Node, patch: Node | None, schema: Schema, schemas: Schemas
) -> Node | None:
    """Merge items with equal keys, and return a list with the items of the patch before the others."""
    merged = Node(SEQUENCE, "", 0, "", [])
    item_schema = schema.items()
    if len(keys) > 1:
        _fill_gaps(values_list)
    valid_keys: list[str] = []
    for values in values_list:
        valid_keys, valid_values = _valid_keys(values_list, values, keys)
        item = _walk(
            _item_of(dest, valid_keys, valid_values), _item_of(patch, valid_keys, valid_values), item_schema, schemas
        )
        if item is None or is_null(item) or (item.kind == MAPPING and not item.content):
            if valid_keys:
                set_element(dest, None, valid_keys, valid_values)
                continue
        else:
            _complete_keys(item, valid_keys, valid_values)
        set_element(merged, item, valid_keys, valid_values)
    if values_list:
        dest = _append_items(merged, dest, valid_keys)
    return None if is_null(dest) else dest


def _complete_keys(item: Node, keys: list[str], values: Values) -> None:
    for key, value in zip(keys, values, strict=False):
        if value and not (item.kind == MAPPING and key in item.content):
            if key:
                set_field(item, key, bare_node(value))
            else:
                set_scalar(item, bare_node(value))


def _fill_gaps(values_list: list[Values]) -> None:
    """Take items for the same that have a key value in common and differ only where one has none.

    An item is compared as it was before others were taken for it; the last one that fits wins, as upstream.
    """
    for i, values in enumerate(values_list):
        for j in range(len(values_list)):
            joined = _joined(values, values_list[j])
            if joined is not None:
                values_list[i] = values_list[j] = joined


def _joined(one: Values, other: Values) -> Values | None:
    common = False
    result: Values = []
    for a, b in zip(one, other, strict=True):
        if a == b:
            common = True
        elif a and b:
            return None
        result.append(a or b)
    return result if common else None


def _valid_keys(values_list: list[Values], values: Values, keys: Sequence[str]) -> tuple[list[str], Values]:
    """Return the keys that any item has a value for, and this item's values for them; all keys if there is none."""
    known = {keys[i] for candidate in values_list for i, value in enumerate(candidate) if value}
    if not known:
        return list(keys), values
    valid_keys = [key for key in keys if key in known]
    return valid_keys, [value for i, value in enumerate(values) if value or keys[i] in known]


def _item_of(source: Node | None, keys: list[str], values: Values) -> Node | None:
    if source is None or source.kind != SEQUENCE:
        return None
    keys, values = _valid_keys([values], values, keys)
    if keys and keys[0] and len(keys) != len(values):
        return None
    return match_element(source, keys, values)


def _append_items(merged: Node, dest: Node, keys: list[str]) -> Node:
    for item in list(dest.content or ()):
        if not keys:
            raise KustomizeError("a list item has none of its merge keys")
        if keys[0] == "":
            set_element(merged, item, [""], [item.value])
            continue
        values: Values = []
        for key in keys:
            field = get(item, key)
            if field is None:
                merged.content.append(item)
            else:
                values.append(field.value)
        if len(keys) > 1:
            set_element(merged, None, keys, values)
        set_element(merged, item, keys, values)
    return merged


def set_element(node: Node, element: Node | None, keys: Sequence[str], values: Sequence[str]) -> None:
    """Replace the items whose fields `keys` are `values` by `element`, append it if there is none; None removes them.

    Null and empty items go on the way, and with no values at all every other item too, as in kyaml's ElementSetter.
    """
    expect(node, SEQUENCE)
    wants_map = bool(keys and keys[0] and values and values[0])
    kept: list[Node] = []
    found = False
    for item in node.content or ():
        if item.tag == NULL or (item.kind == MAPPING and not item.content):
            continue
        if item.kind != MAPPING and wants_map:
            kept.append(item)
        elif not _has_fields(item, keys, values):
            if values:
                kept.append(item)
        else:
            found = True
            if element is not None:
                kept.append(element)
    node.content = kept
    if element is not None and element.tag != NULL and not found:
        kept.append(element)


def _has_fields(item: Node, keys: Sequence[str], values: Sequence[str]) -> bool:
    matched: Node | None = None
    for index, key in enumerate(keys):
        if index < len(values):
            matched = _field_with(item, key, values[index])
        if matched is None:
            return False
    return True


def _field_with(item: Node, key: str, value: str) -> Node | None:
    """Return the field `key` if it has `value`, or any value if that is empty; without a key, the item itself."""
    if not key:
        expect(item, SCALAR)
        return item if text_of(item) == value else None
    field = get(item, key)
    return field if field is not None and (not value or field.value == value) else None
