"""JSON patches (RFC 6902) as the API server applies them (evanphx/json-patch v4), with its messages.

Where that library is laxer than the RFC we follow the library, since kubectl users and kustomize patches rely on it:
`replace` of an absent key of a map adds it, negative indices count from the end, `copy` of an absent key adds null.
"""

import re
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from fluvial.gotext import go_quote
from fluvial.objects.copying import deep_copy
from fluvial.objects.equality import same_json


class PatchError(ValueError):
    """A patch that cannot be applied; the text is what the API server answers with status 422 (or 400)."""


_MISSING = "missing value"
_NUMBER = re.compile(r"[-+]?[0-9]{1,18}\Z")
_Container = dict[str, Any] | list[Any]


def apply_json_patch(document: Any, patch: Sequence[Any]) -> Any:
    """Return `document` with the operations of `patch` applied in order; the argument is left as it is.

    Raises:
        PatchError: an operation is malformed, points at nothing, or a `test` failed. Nothing is half applied.
    """
    root = deep_copy(document)
    for operation in patch:
        if not isinstance(operation, dict):
            raise PatchError("json: cannot unmarshal a JSON patch operation that is not an object")
        kind = operation.get("op")
        apply = _OPERATIONS.get(kind) if isinstance(kind, str) else None
        if apply is None:
            raise PatchError(f"Unexpected kind: {kind if isinstance(kind, str) else 'unknown'}")
        root = apply(root, operation)
    return root


def _add(root: Any, operation: dict[str, Any]) -> Any:
    path = _path(operation, "add", bare=True)
    place = _find(root, path)
    if place is None:
        raise PatchError(f'add operation does not apply: doc is missing path: "{path}": {_MISSING}')
    _insert(*place, deep_copy(operation.get("value")), f"error in add for path: '{path}'")
    return root


def _remove(root: Any, operation: dict[str, Any]) -> Any:
    path = _path(operation, "remove", bare=True)
    place = _find(root, path)
    if place is None:
        raise PatchError(f'remove operation does not apply: doc is missing path: "{path}": {_MISSING}')
    _delete(*place, f"error in remove for path: '{path}'")
    return root


def _replace(root: Any, operation: dict[str, Any]) -> Any:
    path = _path(operation, "replace")
    value = deep_copy(operation.get("value"))
    if path == "":
        if not isinstance(value, dict | list):
            raise PatchError("replace operation value must be object or array: %!w(<nil>)")
        return value
    place = _find(root, path)
    if place is None:
        raise PatchError(f"replace operation does not apply: doc is missing path: {path}: {_MISSING}")
    container, key = place
    if isinstance(container, dict):
        container[key] = value
        return root
    try:
        container[_index(container, key)] = value
    except _BadIndexError:
        raise PatchError(f"replace operation does not apply: doc is missing key: {path}: {_MISSING}") from None
    return root


def _move(root: Any, operation: dict[str, Any]) -> Any:
    source = _from(operation, "move")
    place = _find(root, source)
    if place is None:
        raise PatchError(f"move operation does not apply: doc is missing from path: {source}: {_MISSING}")
    prefix = f"error in move for path: '{place[1]}'"
    value = _get(*place, prefix)
    _delete(*place, prefix)
    path = _path(operation, "move")
    target = _find(root, path)
    if target is None:
        raise PatchError(f"move operation does not apply: doc is missing destination path: {path}: {_MISSING}")
    _insert(*target, value, f"error in move for path: '{path}'")
    return root


def _copy(root: Any, operation: dict[str, Any]) -> Any:
    source = _from(operation, "copy")
    place = _find(root, source)
    if place is None:
        raise PatchError(f"copy operation does not apply: doc is missing from path: {source}: {_MISSING}")
    value = _get(*place, f"error in copy for from: '{source}'")
    path = _path(operation, "copy", bare=True)
    target = _find(root, path)
    if target is None:
        raise PatchError(f"copy operation does not apply: doc is missing destination path: {path}: {_MISSING}")
    _insert(*target, deep_copy(value), "error while adding value during copy")
    return root


def _test(root: Any, operation: dict[str, Any]) -> Any:
    path = _path(operation, "test")
    if path == "":
        found = root
    else:
        place = _find(root, path)
        if place is None:
            raise PatchError(f"test operation does not apply: is missing path: {path}: {_MISSING}")
        found = _get(*place, f"error in test for path: '{path}'")
    if not same_json(found, operation.get("value")):
        raise PatchError(f"testing value {path} failed: test failed")
    return root


_OPERATIONS: dict[str, Callable[[Any, dict[str, Any]], Any]] = {
    "add": _add,
    "remove": _remove,
    "replace": _replace,
    "move": _move,
    "copy": _copy,
    "test": _test,
}


def _path(operation: dict[str, Any], name: str, *, bare: bool = False) -> str:
    path = operation.get("path")
    if isinstance(path, str):
        return path
    cause = _MISSING if bare else f"operation missing path field: {_MISSING}"
    raise PatchError(f"{name} operation failed to decode path: {cause}")


def _from(operation: dict[str, Any], name: str) -> str:
    source = operation.get("from")
    if isinstance(source, str):
        return source
    raise PatchError(f"{name} operation failed to decode from: operation, missing from field: {_MISSING}")


def _find(root: Any, path: str) -> tuple[_Container, str] | None:
    """Return the map or list that holds what `path` names, and the last token; None if the way there ends."""
    tokens = [token.replace("~1", "/").replace("~0", "~") for token in path.split("/")]
    if len(tokens) < 2:
        return None
    for token in tokens[1:-1]:
        if isinstance(root, dict):
            root = root.get(token)
        elif isinstance(root, list):
            try:
                root = root[_index(root, token)]
            except _BadIndexError:
                return None
        else:
            return None
    return (root, tokens[-1]) if isinstance(root, dict | list) else None


class _BadIndexError(Exception):
    """A token that names no place of a list; the text is the cause as the library words it."""


def _index(items: list[Any], token: str, size: int | None = None) -> int:
    size = len(items) if size is None else size
    if not _NUMBER.match(token):
        raise _BadIndexError(f"strconv.Atoi: parsing {go_quote(token)}: invalid syntax")
    index = int(token)
    if not -size <= index < size:
        raise _BadIndexError(f"Unable to access invalid index: {index}: invalid index referenced")
    return index % size


def _get(container: _Container, key: str, prefix: str) -> Any:
    if isinstance(container, dict):
        return container.get(key)
    try:
        return container[_index(container, key)]
    except _BadIndexError as error:
        _fail(prefix, str(error))


def _insert(container: _Container, key: str, value: Any, prefix: str) -> None:
    if isinstance(container, dict):
        container[key] = value
    elif key == "-":
        container.append(value)
    else:
        try:
            container.insert(_index(container, key, len(container) + 1), value)
        except _BadIndexError as error:
            cause = str(error)
            if cause.startswith("strconv"):
                cause = f"value was not a proper array index: '{key}': {cause}"
            _fail(prefix, cause)


def _delete(container: _Container, key: str, prefix: str) -> None:
    if isinstance(container, dict):
        if key not in container:
            _fail(prefix, f"Unable to remove nonexistent key: {key}: {_MISSING}")
        del container[key]
        return
    try:
        del container[_index(container, key)]
    except _BadIndexError as error:
        _fail(prefix, str(error))


def _fail(prefix: str, cause: str) -> NoReturn:
    raise PatchError(f"{prefix}: {cause}")
