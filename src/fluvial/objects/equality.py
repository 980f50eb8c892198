"""When two values mean the same to Kubernetes."""

from typing import Any


def same_json(a: Any, b: Any) -> bool:
    """Tell whether `a` and `b` are the same JSON value; unlike Python's `==`, true is not 1."""
    if isinstance(a, dict):
        return (
            isinstance(b, dict)
            and len(a) == len(b)
            and all(key in b and same_json(value, b[key]) for key, value in a.items())
        )
    if isinstance(a, list):
        return isinstance(b, list) and len(a) == len(b) and all(map(same_json, a, b))
    if isinstance(a, bool) or isinstance(b, bool):
        return a is b
    return bool(a == b)


def semantic_equal(a: Any, b: Any) -> bool:
    """Tell whether `a` and `b` differ at most in null, absent and empty maps and lists, as apimachinery's
    `equality.Semantic.DeepEqual` treats nil and empty alike.
    """
    if _is_empty(a) and _is_empty(b):
        return True
    if isinstance(a, dict) and isinstance(b, dict):
        return all(semantic_equal(a.get(key), b.get(key)) for key in a.keys() | b.keys())
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(semantic_equal, a, b))
    return same_json(a, b)


def _is_empty(value: Any) -> bool:
    return value is None or (isinstance(value, dict | list) and not value)
