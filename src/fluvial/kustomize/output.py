"""From the resources of a finished build to its objects: build notes removed, annotations made text.

Source: api `krusty.Kustomizer.Run` (its end), `Resource.RemoveBuildAnnotations`, `Resource.AsYAML`.
"""

from collections.abc import Iterable

from fluvial.kustomize.errors import KustomizeError
from fluvial.kustomize.fieldspec import FieldSpec, FieldSpecs
from fluvial.kustomize.filters.metadata import add_entry
from fluvial.kustomize.filters.origins import MANAGED_BY_LABEL, ORIGIN_ANNOTATIONS, TRANSFORMER_ANNOTATIONS
from fluvial.kustomize.ids import Gvk
from fluvial.kustomize.resmap import ResMap
from fluvial.kustomize.resource import BUILD_NOTES, ORIGIN, TRANSFORMATIONS, Resource
from fluvial.kustomize.values import to_json
from fluvial.objects import Object

_LABELS = FieldSpecs([FieldSpec(Gvk(), "metadata/labels", True)])
_MANAGED_BY = "app.kubernetes.io/managed-by"
UPSTREAM_VERSION = "v5.8.1"  # what the label has always named; tools look for it


def values_of(resources: ResMap, build_metadata: Iterable[str]) -> list[Object]:
    """Return the objects.

    Raises:
        KustomizeError: an object has no JSON value; it is named.
    """
    wanted = frozenset(build_metadata)
    dropped = set(BUILD_NOTES)
    if ORIGIN_ANNOTATIONS not in wanted:
        dropped.add(ORIGIN)
    if TRANSFORMER_ANNOTATIONS not in wanted:
        dropped.add(TRANSFORMATIONS)
    keeps_all = {ORIGIN_ANNOTATIONS, TRANSFORMER_ANNOTATIONS} <= wanted
    objects = []
    for item in resources:
        if MANAGED_BY_LABEL in wanted:
            add_entry(item.node, _MANAGED_BY, f"kustomize-{UPSTREAM_VERSION}", _LABELS)
        _settle_annotations(item, dropped, touch_empty=not keeps_all)
        try:
            objects.append(to_json(item.node))
        except KustomizeError as error:
            raise error.within(f"{item.id}") from error
    return objects


def _settle_annotations(item: Resource, dropped: set[str], *, touch_empty: bool) -> None:
    """Remove what the build noted; what remains becomes text, whatever it was, and an empty map goes."""
    annotations = item.annotations
    if annotations or touch_empty:
        item.set_annotations({key: value for key, value in annotations.items() if key not in dropped})
