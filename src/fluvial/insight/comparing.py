"""What differs between two values, path by path: the comparison that dyff makes for `flux diff`.

Maps are compared key by key. A list whose items carry a unique `name`, `key`, `id` or `manager` (or, in lists of more
than three, another unique text field; or are Kubernetes objects) is compared by that identity, any other list by its
items' values. Source of the behaviour: github.com/homeport/dyff v1.10 `pkg/dyff/core.go`.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, TypeAlias

from fluvial.gotext import go_json

Path: TypeAlias = tuple[str, ...]

_IDENTIFIERS = ("name", "key", "id", "manager")
_GUESS_ABOVE = 3  # a guessed identifier needs more items than this to be believed


class Change(Enum):
    """How something differs; the values are the signs that dyff prints."""

    ADDED = "+"
    REMOVED = "-"
    MODIFIED = "±"
    MOVED = "⇆"


@dataclass(frozen=True, slots=True)
class Detail:
    """One change at a path; ADDED and REMOVED hold a map of the entries or a list of the items concerned."""

    change: Change
    before: Any = None
    after: Any = None


@dataclass(frozen=True, slots=True)
class Difference:
    """Everything that changed directly at one path; the empty path is the root."""

    path: Path
    details: tuple[Detail, ...]


def compare(before: Any, after: Any, path: Path = ()) -> list[Difference]:
    """Return the differences, outer ones before inner ones."""
    if before is None and after is None:
        return []
    if isinstance(before, dict) and isinstance(after, dict):
        return _maps(before, after, path)
    if isinstance(before, list) and isinstance(after, list):
        return _lists(before, after, path)
    if type(before) is type(after) and before == after:
        return []
    return [Difference(path, (Detail(Change.MODIFIED, before, after),))]


def _maps(before: dict[str, Any], after: dict[str, Any], path: Path) -> list[Difference]:
    inner: list[Difference] = []
    for key, value in before.items():
        if key in after:
            inner += compare(value, after[key], (*path, key))
    removed = {key: value for key, value in before.items() if key not in after}
    added = {key: value for key, value in after.items() if key not in before}
    return _pack(path, (), removed, added, inner)


def _pack(path: Path, moved: Sequence[Detail], removed: Any, added: Any, inner: list[Difference]) -> list[Difference]:
    details = list(moved)
    if removed:
        details.append(Detail(Change.REMOVED, before=removed))
    if added:
        details.append(Detail(Change.ADDED, after=added))
    return [Difference(path, tuple(details)), *inner] if details else inner


def _lists(before: list[Any], after: list[Any], path: Path) -> list[Difference]:
    if not before and not after:
        return []
    identify = _identifier(before, after)
    return _by_identity(before, after, path, identify) if identify else _by_value(before, after, path)


def _by_identity(before: list[Any], after: list[Any], path: Path, identify: Callable[[Any], str]) -> list[Difference]:
    old = {identify(item): item for item in reversed(before)}
    new = {identify(item): item for item in reversed(after)}
    inner: list[Difference] = []
    for item in before:
        name = identify(item)
        if name in new:
            inner += compare(item, new[name], (*path, name))
    old_names = [name for name in map(identify, before) if name in new]
    new_names = [name for name in map(identify, after) if name in old]
    places = {name: index for index, name in enumerate(new_names)}
    in_order = all(places[name] == index for index, name in enumerate(old_names))
    moved = () if in_order else (Detail(Change.MOVED, old_names, new_names),)
    removed = [item for item in before if identify(item) not in new]
    added = [item for item in after if identify(item) not in old]
    return _pack(path, moved, removed, added, inner)


def _by_value(before: list[Any], after: list[Any], path: Path) -> list[Difference]:
    if len(before) == 1 and len(after) == 1:
        return compare(before[0], after[0], (*path, "0"))
    old, new = Counter(map(go_json, before)), Counter(map(go_json, after))
    removed = _surplus(before, old, new)
    added = _surplus(after, new, old)
    old_common = [item for item in before if go_json(item) in new]
    new_common = [item for item in after if go_json(item) in old]
    in_order = len(old_common) != len(new_common) or old_common == new_common
    moved = () if in_order else (Detail(Change.MOVED, old_common, new_common),)
    return _pack(path, moved, removed, added, [])


def _surplus(items: list[Any], mine: "Counter[str]", other: "Counter[str]") -> list[Any]:
    """Return the items of which there are more here than there, as often as there are more."""
    found: list[Any] = []
    told: set[str] = set()
    for item in items:
        text = go_json(item)
        if text in told:
            continue
        told.add(text)
        found += [item] * max(0, mine[text] - other[text])
    return found


def _identifier(before: list[Any], after: list[Any]) -> Callable[[Any], str] | None:
    for field in _IDENTIFIERS:
        if _unique(before, field) and _unique(after, field):
            return _field(field)
    for field in sorted(_text_fields(before) & _text_fields(after)):
        if len(before) > _GUESS_ABOVE and _unique(before, field) and _unique(after, field):
            return _field(field)
    if all(map(_object_name, before)) and all(map(_object_name, after)):
        return _object_name
    return None


def _unique(items: list[Any], field: str) -> bool:
    if not all(isinstance(item, dict) for item in items):
        return False
    values = {_scalar(item[field]) for item in items if field in item}
    return bool(values) and len(values) == len(items)


def _text_fields(items: list[Any]) -> set[str]:
    if not all(isinstance(item, dict) for item in items):
        return set()
    return {key for item in items for key, value in item.items() if isinstance(value, str)}


def _field(field: str) -> Callable[[Any], str]:
    return lambda item: _scalar(item[field])


def _scalar(value: Any) -> str:
    return value if isinstance(value, str) else go_json(value)


def _object_name(item: Any) -> str:
    if not isinstance(item, dict) or not isinstance(item.get("metadata"), dict):
        return ""
    metadata = item["metadata"]
    parts = [item.get("apiVersion"), item.get("kind"), metadata.get("namespace"), metadata.get("name")]
    return "/".join(str(part) for part in parts if part) if all((parts[0], parts[1], parts[3])) else ""
