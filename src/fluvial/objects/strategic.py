"""Strategic merge patches: a merge patch that knows how each list merges (apimachinery's util/strategicpatch).

Written for the server's side: directives in the patch are carried out, and nulls that find nothing to delete vanish.
"""

from typing import Any, Protocol

from fluvial.gotext import format_float
from fluvial.objects.copying import deep_copy
from fluvial.objects.equality import same_json
from fluvial.objects.jsonpatch import PatchError

_DIRECTIVE = "$patch"
_RETAIN_KEYS = "$retainKeys"
_DELETE_ITEMS = "$deleteFromPrimitiveList/"
_ORDER = "$setElementOrder/"


class PatchSchema(Protocol):
    """What strategic merge needs to know of the type of one field.

    For a type that is not known give a schema without merge key and strategy: its maps merge, its lists are replaced.
    """

    @property
    def merge_key(self) -> str:
        """`x-kubernetes-patch-merge-key` of this list; empty if it has none."""

    @property
    def strategy(self) -> str:
        """`x-kubernetes-patch-strategy` of this field: "", "merge", "replace", "retainKeys" or "merge,retainKeys"."""

    def field(self, name: str) -> "PatchSchema":
        """Return the schema of the field `name` of this map, or of the maps in this list."""


def strategic_merge(live: dict[str, Any], patch: dict[str, Any], schema: PatchSchema) -> dict[str, Any]:
    """Return `live` with `patch` merged in; both are left as they are.

    Raises:
        PatchError: a malformed directive, an item without its merge key; with apimachinery's message.
    """
    return _merge_map(deep_copy(live), deep_copy(patch), schema)


def _merge_map(live: dict[str, Any], patch: dict[str, Any], schema: PatchSchema) -> dict[str, Any]:
    directive = patch.pop(_DIRECTIVE, None)
    if directive is not None:
        if directive == "replace":
            return patch
        if directive == "delete":
            return {}
        raise PatchError(f"unknown patch type: {directive} in map: {_shown({**patch, _DIRECTIVE: directive})}")
    _retain_keys(live, patch)
    for key in [key for key in patch if key.startswith("$setElementOrder")]:
        _merge_ordered(live, patch, _field_of(key, _ORDER, "setElementOrder list"), patch.pop(key), schema)
    for key, value in patch.items():
        if key.startswith("$deleteFromPrimitiveList"):
            name = _field_of(key, _DELETE_ITEMS, "primitive list")
            _delete_items(live, name, value)
        elif value is None:
            live.pop(key, None)
        else:
            _merge_field(live, key, value, schema)
    return live


def _merge_field(live: dict[str, Any], key: str, value: Any, schema: PatchSchema) -> None:
    old = live.get(key)
    if isinstance(old, dict) and isinstance(value, dict):
        field = schema.field(key)
        live[key] = value if _strategy(field) == "replace" else _merge_map(old, value, field)
    elif isinstance(old, list) and isinstance(value, list):
        field = schema.field(key)
        live[key] = _merge_list(old, value, field) if _strategy(field) == "merge" else value
    elif isinstance(value, dict) and _DIRECTIVE in value:
        live.pop(key, None)
    else:
        live[key] = _without_directives(_without_nulls(value))


def _strategy(schema: PatchSchema) -> str:
    """Return the strategy apart from retainKeys, which the directive in the patch speaks for."""
    return ",".join(part for part in schema.strategy.split(",") if part not in ("retainKeys", ""))


def _field_of(key: str, prefix: str, what: str) -> str:
    if not key.startswith(prefix):
        raise PatchError(f"invalid patch format of {what}")
    return key.removeprefix(prefix)


def _retain_keys(live: dict[str, Any], patch: dict[str, Any]) -> None:
    if _RETAIN_KEYS not in patch:
        return
    kept = patch.pop(_RETAIN_KEYS)
    if not isinstance(kept, list):
        raise PatchError("invalid patch format of retainKeys")
    for key, value in patch.items():
        if value is not None and key not in kept and not key.startswith((_DELETE_ITEMS, _ORDER)):
            raise PatchError("invalid patch format of retainKeys")
    for key in [key for key in live if key not in kept]:
        del live[key]


def _delete_items(live: dict[str, Any], key: str, items: Any) -> None:
    old = live.get(key)
    if items is None:
        live.pop(key, None)
    elif isinstance(old, list) and isinstance(items, list):
        _check_alike(old, items)
        live[key] = [item for item in old if not any(same_json(item, gone) for gone in items)]


def _merge_ordered(live: dict[str, Any], patch: dict[str, Any], key: str, order: Any, schema: PatchSchema) -> None:
    """Merge the list `key` and give it the order that `$setElementOrder` asks for; the patch's comes before live's."""
    field = schema.field(key)
    merge_key = field.merge_key
    has_old, has_new = key in live, key in patch
    old, new = live.get(key, []), patch.pop(key, [])
    for found in (order, old, new):
        if not isinstance(found, list):
            raise PatchError(f"expected a []interface {{}}, but received a {_go_type(found)}")
    _check_order(new, order, merge_key)
    if not has_old and not has_new:
        return
    if not has_new:
        merged = old
    elif not has_old:
        merged = _without_directives(new)
    else:
        merged = _merge_list(old, new, field) if _strategy(field) == "merge" else new
    _check_alike(old, new, some=True)
    live[key] = _in_order(merged, order, old, merge_key)


def _check_order(new: list[Any], order: list[Any], merge_key: str) -> None:
    """Demand that the patch's items come in the order asked for; items to delete don't count, other directives only
    as far as upstream's loop looks.
    """
    items = [item for item in new if not (merge_key and item.get(_DIRECTIVE) == "delete")] if order else []
    at = place = 0
    while at < len(items) and place < len(order):
        if isinstance(items[at], dict) and _DIRECTIVE in items[at]:
            at += 1
            continue
        if same_json(_identity(items[at], merge_key), _identity(order[place], merge_key)):
            at += 1
        place += 1
    if at < len(items):
        raise PatchError(
            f"The order in patch list:\n{_shown(new)}\n doesn't match $setElementOrder list:\n{_shown(order)}\n"
        )


def _merge_list(old: list[Any], new: list[Any], field: PatchSchema) -> list[Any]:
    if not old and not new:
        return old
    merge_key = field.merge_key
    if _check_alike(old, new) is not dict:
        merged = old + [item for item in new if not any(same_json(item, other) for other in old)]
        return _in_order(_distinct(merged), new, old, "")
    if not merge_key:
        raise PatchError("cannot merge lists without merge key for Struct")
    old, new = _carry_out_directives(old, new, merge_key)
    merged = list(old)
    for item in new:
        index = _find(merged, _identity(item, merge_key), merge_key)
        if index is None:
            merged.append(item)
        else:
            merged[index] = _merge_map(merged[index], item, field)
    return _in_order(merged, new, old, merge_key)


def _carry_out_directives(old: list[Any], new: list[Any], merge_key: str) -> tuple[list[Any], list[Any]]:
    """Return the list to merge into, without what the patch deletes, and the patch's items that are no directives."""
    plain, replace = [], False
    for item in new:
        directive = item.get(_DIRECTIVE)
        if directive is None:
            plain.append(item)
        elif directive == "delete":
            gone = _identity(item, merge_key)
            old = [other for other in old if not same_json(other.get(merge_key), gone)]
        elif directive == "replace":
            replace = True
        elif directive == "merge":
            raise PatchError("merging lists cannot yet be specified in the patch")
        else:
            raise PatchError(f"unknown patch type: {directive} in map: {_shown(item)}")
    return (plain, []) if replace else (old, plain)


def _in_order(merged: list[Any], wanted: list[Any], live: list[Any], merge_key: str) -> list[Any]:
    """Interleave the items named in `wanted`, in that order, with the others, in the order of `live`."""
    ours = [item for item in merged if _find(wanted, _identity(item, merge_key), merge_key) is not None]
    others = [item for item in merged if _find(wanted, _identity(item, merge_key), merge_key) is None]
    ours.sort(key=lambda item: _place(wanted, item, merge_key))
    others.sort(key=lambda item: _place(live, item, merge_key))
    result: list[Any] = []
    while ours and others:
        left, right = _place(live, others[0], merge_key), _place(live, ours[0], merge_key)
        result.append(others.pop(0) if 0 <= left < right else ours.pop(0))
    return result + ours + others


def _place(items: list[Any], item: Any, merge_key: str) -> int:
    index = _find(items, _identity(item, merge_key), merge_key)
    return -1 if index is None else index


def _find(items: list[Any], identity: Any, merge_key: str) -> int | None:
    for index, item in enumerate(items):
        if merge_key and not isinstance(item, dict):
            raise PatchError(f"value for key {index} is not a map")
        value = item.get(merge_key) if merge_key else item
        if value is not None and same_json(value, identity):
            return index
    return None


def _identity(item: Any, merge_key: str) -> Any:
    if not merge_key:
        return item
    if not isinstance(item, dict):
        raise PatchError(f"expected a map[string]interface {{}}, but received a {_go_type(item)}")
    if merge_key not in item:
        raise PatchError(f"map: {_shown(item)} does not contain declared merge key: {merge_key}")
    return item[merge_key]


def _distinct(items: list[Any]) -> list[Any]:
    kept: list[Any] = []
    for item in items:
        if not any(same_json(item, other) for other in kept):
            kept.append(item)
    return kept


def _check_alike(*lists: list[Any], some: bool = False) -> type | None:
    """Return the one type of all items; `some` makes it an error that there are none."""
    kinds = {type(item) for items in lists for item in items}
    if list in kinds:
        raise PatchError("lists of lists are not supported")
    if len(kinds) > 1:
        raise PatchError(f"list element types are not identical: {_shown(list(lists))}")
    if not kinds and some:
        raise PatchError("no elements in any of the given slices")
    return next(iter(kinds), None)


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nulls(item) for key, item in value.items() if item is not None}
    return [_without_nulls(item) for item in value] if isinstance(value, list) else value


def _without_directives(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: _without_directives(item)
            for key, item in value.items()
            if not (isinstance(item, dict) and _DIRECTIVE in item)
        }
    if isinstance(value, list):
        return [_without_directives(item) for item in value if not (isinstance(item, dict) and _DIRECTIVE in item)]
    return value


def _shown(value: Any) -> str:
    """Return `value` as Go's %v prints it."""
    if isinstance(value, dict):
        return "map[" + " ".join(f"{key}:{_shown(value[key])}" for key in sorted(value)) + "]"
    if isinstance(value, list):
        return "[" + " ".join(map(_shown, value)) + "]"
    if value is None or isinstance(value, bool):
        return {None: "<nil>", True: "true", False: "false"}[value]
    return format_float(value) if isinstance(value, float) else str(value)


def _go_type(value: Any) -> str:
    names = {dict: "map[string]interface {}", list: "[]interface {}", str: "string", bool: "bool", int: "int64"}
    return names.get(type(value), "float64" if isinstance(value, float) else "%!s(<nil>)")
