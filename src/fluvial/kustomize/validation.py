"""`validators:` may refuse the resources, but not change them. Source: api `KustTarget.runValidators`."""

from collections.abc import Callable

from fluvial.kustomize.errors import KustomizeError
from fluvial.kustomize.resmap import ResMap
from fluvial.kustomize.values import to_json

_VALIDATED_BY = "validated-by"


def check_unchanged(resources: ResMap, validate: Callable[[ResMap], None]) -> None:
    """Run a validator.

    Raises:
        KustomizeError: it refuses, or changed something else than the label `validated-by`.
    """
    before = {item.id: to_json(item.copy().node) for item in resources}
    validate(resources)
    if len(before) != len(resources):
        raise KustomizeError("validator shouldn't modify the resource map: lists have different number of entries")
    for item in resources:
        copy = item.copy()
        labels = copy.labels
        if _VALIDATED_BY in labels:
            labels.pop(_VALIDATED_BY)
            copy.set_labels(labels)
        was = before.get(item.id)
        if was is None:
            raise KustomizeError(
                f"validator shouldn't modify the resource map: id in self missing from other; id: {item.id}"
            )
        if was != to_json(copy.node):
            raise KustomizeError(f"validator shouldn't modify the resource map: nodes unequal: {item.id}")
