"""managedFields seen through the scale subresource, which knows one field: spec.replicas.

Source: apimachinery's managedfields.ScaleHandler.
"""

from collections.abc import Mapping
from typing import Any

from fluvial.managedfields.entries import Managed, decode, encode
from fluvial.managedfields.fieldset import FieldSet, Path
from fluvial.managedfields.updater import Owned

Entry = dict[str, Any]
Paths = Mapping[str, Path | None]  # apiVersion of the parent to its replicas field; None: it has none

_SCALE_VERSION = "autoscaling/v1"
_REPLICAS: Path = ("f:spec", "f:replicas")


def scale_fields_from_parent(managed_fields: list[Entry] | None, paths: Paths) -> list[Entry]:
    """Return the managedFields of the Scale object: entries of the parent that own its replicas field.

    Raises:
        ValueError: an entry is malformed.
    """
    parent = decode(managed_fields)
    scale = Managed()
    for key, owned in parent.owners.items():
        path = paths.get(owned.api_version)
        if path is not None and path in owned.fields:
            scale.owners[key] = Owned(FieldSet.of(_REPLICAS), _SCALE_VERSION, owned.applied)
            scale.times[key] = parent.times[key]
    return encode(scale)


def scale_fields_to_parent(
    parent_fields: list[Entry] | None, scale_fields: list[Entry] | None, *, api_version: str, paths: Paths
) -> list[Entry]:
    """Return the parent's managedFields after a write through scale left the Scale object with `scale_fields`.

    Args:
        api_version: in which the parent was asked for its scale.
    Raises:
        ValueError: an entry is malformed.
    """
    parent, scale = decode(parent_fields), decode(scale_fields)
    result = Managed()
    for key, owned in parent.owners.items():
        if owned.api_version not in paths:
            continue  # a version that is not served any more
        path = paths[owned.api_version]
        if path is None or path not in owned.fields or scale.owners.pop(key, None) is not None:
            kept = owned
        else:
            # Somebody else set the replicas through scale.
            kept = Owned(owned.fields - FieldSet.of(path), owned.api_version, owned.applied)
        if kept.fields:
            result.owners[key] = kept
            result.times[key] = parent.times[key]
    replicas = paths.get(api_version)
    for key, owned in scale.owners.items():
        if _REPLICAS in owned.fields and replicas is not None:
            result.owners[key] = Owned(FieldSet.of(replicas), api_version, owned.applied)
            # Upstream takes the time from the parent, which has none for a manager that is new there.
            result.times[key] = parent.times.get(key)
    return encode(result)
