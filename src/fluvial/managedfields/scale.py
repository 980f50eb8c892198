"""managedFields seen through the scale subresource, which knows one field: spec.replicas."""

from collections.abc import Mapping
from typing import Any

Entry = dict[str, Any]
Paths = Mapping[str, tuple[str, ...]]  # apiVersion of the parent to the elements of its replicas field


def scale_fields_from_parent(managed_fields: list[Entry], paths: Paths) -> list[Entry]:
    """Return the managedFields of the Scale object: entries of the parent that own its replicas field."""
    raise NotImplementedError


def scale_fields_to_parent(parent: list[Entry], scale: list[Entry], *, api_version: str, paths: Paths) -> list[Entry]:
    """Return the parent's managedFields after a write through scale left the Scale object with `scale`."""
    raise NotImplementedError
