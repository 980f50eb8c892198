"""YAML text from values."""

from collections.abc import Iterable
from typing import Any


def dump(value: Any) -> str:
    """Return `value` as sigs.k8s.io/yaml's Marshal writes it: keys in natural order, lists not indented."""
    raise NotImplementedError


def dump_all(values: Iterable[Any]) -> str:
    """Return the documents joined by `---` lines."""
    return "---\n".join(dump(value) for value in values)


def dump_kustomize(value: Any) -> str:
    """Return `value` as `kustomize build` prints a resource."""
    raise NotImplementedError
