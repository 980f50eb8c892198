"""The rules of metadata, the same for every kind but for how its objects may be named."""

from collections.abc import Iterator, Mapping
from typing import Any

from fluvial.controlplane.schemas.errors import FieldError, forbidden, invalid, required, too_long
from fluvial.controlplane.schemas.rules.names import Check, dns_label, label_value, qualified_name, subdomain
from fluvial.gotext import go_quote
from fluvial.objects import Object

IMMUTABLE = "field is immutable"
_ANNOTATIONS_LIMIT = 256 * 1024  # bytes
_STANDARD_FINALIZERS = frozenset(("kubernetes", "orphan", "foregroundDeletion"))


def metadata_errors(obj: Object, *, namespaced: bool, name_check: Check = subdomain) -> Iterator[FieldError]:
    """Yield what is wrong with the metadata of a new object."""
    metadata = obj.get("metadata") or {}
    generate, name = metadata.get("generateName") or "", metadata.get("name") or ""
    if generate:
        # A generated name ends in five letters and digits, so a trailing hyphen is fine.
        for problem in name_check(generate[:-1] + "a" if generate.endswith("-") else generate):
            yield invalid("metadata.generateName", generate, problem)
    if not name:
        yield required("metadata.name", "name or generateName is required")
    else:
        for problem in name_check(name):
            yield invalid("metadata.name", name, problem)
    namespace = metadata.get("namespace") or ""
    if namespaced and not namespace:
        yield required("metadata.namespace")
    elif namespaced:
        for problem in dns_label(namespace):
            yield invalid("metadata.namespace", namespace, problem)
    elif namespace:
        yield forbidden("metadata.namespace", "not allowed on this type")
    yield from _common_errors(metadata)
    for finalizer in metadata.get("finalizers") or ():
        for problem in qualified_name(finalizer):
            yield invalid("metadata.finalizers", finalizer, problem)


def metadata_update_errors(old: Object, new: Object) -> Iterator[FieldError]:
    """Yield what is wrong with the metadata of a changed object."""
    before, after = old.get("metadata") or {}, new.get("metadata") or {}
    if before.get("deletionTimestamp"):
        added = sorted(set(after.get("finalizers") or ()) - set(before.get("finalizers") or ()))
        if added:
            names = ", ".join(map(go_quote, added))
            text = "no new finalizers can be added if the object is being deleted, found new finalizers"
            yield forbidden("metadata.finalizers", f"{text} []string{{{names}}}")
    if not after.get("resourceVersion"):
        yield invalid("metadata.resourceVersion", after.get("resourceVersion", ""), "must be specified for an update")
    for field in ("name", "namespace", "uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds"):
        if after.get(field) != before.get(field):
            yield invalid(f"metadata.{field}", after.get(field, ""), IMMUTABLE)
    yield from _common_errors(after)


def embedded_metadata_errors(metadata: Mapping[str, Any], path: str) -> Iterator[FieldError]:
    """Yield what is wrong with the metadata of a resource inside another. Its name may be anything."""
    yield from label_errors(metadata.get("labels") or {}, f"{path}.labels")
    yield from annotation_errors(metadata.get("annotations") or {}, f"{path}.annotations")


def finalizer_errors(metadata: Mapping[str, Any]) -> Iterator[FieldError]:
    """Yield finalizers without a domain, which built-in kinds refuse."""
    for index, finalizer in enumerate(metadata.get("finalizers") or ()):
        if "/" not in finalizer and finalizer not in _STANDARD_FINALIZERS:
            text = "name is neither a standard finalizer name nor is it fully qualified"
            yield invalid(f"metadata.finalizers[{index}]", finalizer, text)


def label_errors(labels: Mapping[str, Any], path: str) -> Iterator[FieldError]:
    """Yield what is wrong with keys and values of labels."""
    for key, value in labels.items():
        for problem in qualified_name(key):
            yield invalid(path, key, problem)
        for problem in label_value(value):
            yield invalid(path, value, problem)


def _common_errors(metadata: Mapping[str, Any]) -> Iterator[FieldError]:
    yield from label_errors(metadata.get("labels") or {}, "metadata.labels")
    yield from annotation_errors(metadata.get("annotations") or {}, "metadata.annotations")
    controllers = []
    for owner in metadata.get("ownerReferences") or ():
        path = "metadata.ownerReferences"
        if not owner.get("apiVersion"):
            yield invalid(f"{path}.apiVersion", "", "version must not be empty")
        for field in ("kind", "name", "uid"):
            if not owner.get(field):
                yield invalid(f"{path}.{field}", "", "must not be empty")
        if owner.get("controller"):
            controllers.append(f"{owner.get('kind')}/{owner.get('name')}")
    if len(controllers) > 1:
        text = (
            'Only one reference can have Controller set to true. Found "true" in references for '
            f"{controllers[0]} and {controllers[1]}"
        )
        yield invalid("metadata.ownerReferences", metadata["ownerReferences"], text)


def annotation_errors(annotations: Mapping[str, Any], path: str) -> Iterator[FieldError]:
    """Yield what is wrong with keys of annotations, and with their size."""
    for key in annotations:
        for problem in qualified_name(key.lower()):
            yield invalid(path, key, problem)
    if sum(len(k.encode()) + len(v.encode()) for k, v in annotations.items()) > _ANNOTATIONS_LIMIT:
        yield too_long(path, _ANNOTATIONS_LIMIT)
