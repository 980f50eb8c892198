"""From an object to the fields it sets, and from a set of fields to the object without them."""

from typing import Any

from fluvial.managedfields.fieldset import EMPTY, FieldSet
from fluvial.managedfields.listkeys import index_items, item_element
from fluvial.managedfields.types import ListType, MapType, TypeSchema
from fluvial.managedfields.values import LIST, MAP, SCALAR, shape_of


def fields_of(value: Any, schema: TypeSchema) -> FieldSet:
    """Return the fields that an applied configuration sets: its leaves, list items and entries of maps.

    Declared fields that hold something are not members themselves, unlike in `compare.everything`.
    """
    return _fields_of(value, schema)[1]


def _fields_of(value: Any, schema: TypeSchema) -> tuple[bool, FieldSet]:
    """Return whether `value` itself is a member, and what lies below it."""
    shape = shape_of(schema, value)
    if shape == SCALAR:
        return True, EMPTY
    if shape == MAP and schema.map is not None:
        if schema.map.atomic:
            return True, EMPTY
        return False, _fields_of_map(value, schema.map) if value.__class__ is dict else EMPTY
    if shape == LIST and schema.list is not None:
        if schema.list.atomic:
            return True, EMPTY
        return False, _fields_of_list(value, schema.list) if value.__class__ is list else EMPTY
    return False, EMPTY


def _fields_of_map(value: dict[str, Any], maps: MapType) -> FieldSet:
    members = []
    children = {}
    types, declared = maps.types, maps.declared
    for name, content in value.items():
        element = "f:" + name
        schema = types[name]
        member, below = _fields_of(content, schema) if schema is not None else (True, EMPTY)
        if member or name not in declared or content is None or (content.__class__ is dict and not content):
            members.append(element)
        if below:
            children[element] = below
    return FieldSet(frozenset(members), children)


def _fields_of_list(value: list[Any], lists: ListType) -> FieldSet:
    index = index_items(lists, value)
    children = {}
    for element, items in index.items():
        if len(items) == 1 and (below := _fields_of(items[0], lists.element)[1]):
            children[element] = below
    return FieldSet(frozenset(index), children)


def remove_fields(value: Any, fields: FieldSet, schema: TypeSchema) -> Any:
    """Return `value` without `fields`. A container that loses all it had becomes null, as upstream."""
    if not fields:
        return value
    shape = shape_of(schema, value)
    if shape == MAP and schema.map is not None:
        return _remove_from_map(value, fields, schema.map)
    if shape == LIST and schema.list is not None:
        return _remove_from_list(value, fields, schema.list)
    return value


def _remove_from_map(value: Any, fields: FieldSet, maps: MapType) -> Any:
    if value.__class__ is not dict or not value or maps.atomic:
        return None
    kept: dict[str, Any] = {}
    for name, content in value.items():
        element = "f:" + name
        if element in fields.members:
            continue
        below = fields.children.get(element)
        if below is not None:
            schema = maps.types[name]
            if schema is not None:
                content = remove_fields(content, below, schema)
        kept[name] = content
    return kept or None


def _remove_from_list(value: Any, fields: FieldSet, lists: ListType) -> Any:
    if value.__class__ is not list or not value or lists.atomic:
        return None
    kept = []
    for item in value:
        try:
            element = item_element(lists, item)
        except ValueError:
            kept.append(item)
            continue
        if element in fields.members:
            continue
        below = fields.children.get(element)
        kept.append(item if below is None else remove_fields(item, below, lists.element))
    return kept or None


def with_named_fields(fields: FieldSet, schema: TypeSchema | None) -> FieldSet:
    """Return `fields` with every declared field that leads to one of them made a member as well."""
    if not fields.children:
        return fields
    maps = schema.map if schema is not None else None
    lists = schema.list if schema is not None else None
    named = []
    children = {}
    for element, below in fields.children.items():
        inner: TypeSchema | None = None
        if element[0] == "f" and maps is not None:
            if element[2:] in maps.declared:
                named.append(element)
            inner = maps.types[element[2:]]
        elif element[0] == "k" and lists is not None:
            inner = lists.element
        children[element] = with_named_fields(below, inner)
    return FieldSet(fields.members.union(named), children)


def follow_schema(fields: FieldSet, schema: TypeSchema) -> FieldSet:
    """Return `fields` as they stand under today's schema: of what has become atomic only the root is left.

    Returns the same object when nothing changes. Source: typed.ReconcileFieldSetWithSchema.
    """
    if not fields.children:
        return fields
    if schema.map is not None:
        if schema.map.deduced:
            return fields
    elif schema.scalar is not None or schema.list is None:
        return fields
    members: set[str] | None = None
    children: dict[str, FieldSet] | None = None
    for element, below in fields.children.items():
        inner = _type_at(schema, element)
        if inner is None:
            continue
        if _became_atomic(inner):
            members = members or set(fields.members)
            members.add(element)
            children = children or dict(fields.children)
            del children[element]
        elif (followed := follow_schema(below, inner)) is not below:
            children = children or dict(fields.children)
            children[element] = followed
    if children is None:
        return fields
    return FieldSet(fields.members if members is None else frozenset(members), children)


def _type_at(schema: TypeSchema, element: str) -> TypeSchema | None:
    if schema.map is not None:
        types = schema.map.types
        return types[element[2:]] if element[0] == "f" else types.others
    return schema.list.element if schema.list is not None else None


def _became_atomic(schema: TypeSchema) -> bool:
    if schema.map is not None:
        return schema.map.atomic and not schema.map.deduced
    return schema.scalar is None and schema.list is not None and schema.list.atomic
