"""Copies of JSON values."""

from typing import Any, TypeVar

T = TypeVar("T", dict[str, Any], list[Any], Any)


def deep_copy(value: T) -> T:
    """Return a copy that shares nothing that can change. For JSON values only: no tuples, dates, classes."""
    copied: T = _copied(value)
    return copied


def _copied(value: Any) -> Any:
    # a third of the time of copy.deepcopy, which also looks for cycles; texts are most of the leaves
    kind = type(value)
    if kind is dict:
        return {key: item if type(item) is str else _copied(item) for key, item in value.items()}
    if kind is list:
        return [item if type(item) is str else _copied(item) for item in value]
    return value
