"""`spec.commonMetadata`: labels and annotations for every object, set after the build and before the apply."""

from collections.abc import Iterable, Mapping

from fluvial.objects import Object


def set_common_metadata(objects: Iterable[Object], labels: Mapping[str, str], annotations: Mapping[str, str]) -> None:
    """Put `labels` and `annotations` on every object, in place; they win over what the object has."""
    for obj in objects:
        for name, values in (("labels", labels), ("annotations", annotations)):
            if values:
                metadata = obj.setdefault("metadata", {})
                metadata[name] = {**(metadata.get(name) or {}), **values}
