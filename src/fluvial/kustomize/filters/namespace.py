"""Set the namespace of everything, with upstream's exceptions for cluster-scoped kinds and role binding subjects.

Source: api `filters/namespace`, `NamespaceTransformer`.
"""

from collections import Counter
from collections.abc import Callable

from fluvial.kustomize.errors import KustomizeError
from fluvial.kustomize.fields import WrongKind, get, is_null, lookup_create, set_scalar, text_node, text_of
from fluvial.kustomize.fieldspec import Change, FieldSpecs, apply_path, apply_specs, compiled
from fluvial.kustomize.index import Key
from fluvial.kustomize.resmap import ResMap
from fluvial.kustomize.resource import HELM_GENERATED, Resource
from fluvial.kustomize.values import STR
from fluvial.yamldoc.nodes import MAPPING, SCALAR, SEQUENCE, Node

DEFAULT_ONLY, ALL_ACCOUNTS, NONE = "defaultOnly", "allServiceAccounts", "none"
_BINDINGS = ("RoleBinding", "ClusterRoleBinding")
_METADATA_NAMESPACE = compiled("metadata/namespace")


def set_namespace(
    resources: ResMap, namespace: str, specs: FieldSpecs, *, subjects: str = DEFAULT_ONLY, unset_only: bool = False
) -> None:
    """Put every namespaced object, and what `specs` names beside, into `namespace`.

    Args:
        subjects: which subjects of role bindings follow: those named `default`, all service accounts, or none.
        unset_only: leave fields that have a namespace already.
    Raises:
        KustomizeError: two objects would become one, or a field is no scalar.
    """
    counts: Counter[Key] = Counter(item.id.key for item in resources)
    plain = FieldSpecs(spec for spec in specs if spec.path != "metadata/namespace")
    of_v1 = plain, FieldSpecs(spec for spec in plain if spec.path != "metadata/name")
    set_it = setter(namespace, unset_only)
    for item in resources:
        if item.is_gone or item.note(HELM_GENERATED) == "true":
            continue
        counts[item.id.key] -= 1
        item.remember_id()
        set_in_object(item, of_v1[0] if item.api_version == "v1" else of_v1[1], set_it, subjects)
        key = item.id.key
        counts[key] += 1
        if counts[key] != 1:
            raise KustomizeError(f"namespace transformation produces ID conflict: {item.id}")


def setter(namespace: str, unset_only: bool) -> Callable[[Node], None]:
    """Return what sets the namespace in a scalar."""

    def change(node: Node) -> None:
        if not (unset_only and text_of(node)):
            set_scalar(node, text_node(namespace))

    return change


def set_in_object(item: Resource, specs: FieldSpecs, set_it: Callable[[Node], None], subjects: str) -> None:
    """Set the namespace in one object; `specs` are those beside metadata.namespace."""
    node = item.node
    if not item.id.cluster:
        apply_path(node, _METADATA_NAMESPACE, True, Change(set_it, SCALAR))
    if item.kind in _BINDINGS:
        specs = FieldSpecs(
            spec for spec in specs if not (spec.gvk.kind in _BINDINGS and spec.path == "subjects/namespace")
        )
        _set_subjects(node, set_it, subjects)
    try:
        apply_specs(node, specs, Change(set_it, SCALAR, STR))
    except KustomizeError as error:
        cause = error.__cause__
        if isinstance(cause, WrongKind) and cause.actual != SCALAR:
            raise error.within("namespace field specs must target scalar nodes") from error
        raise error.within("namespace transformation failed") from error


def _set_subjects(node: Node, set_it: Callable[[Node], None], mode: str) -> None:
    if mode == NONE:
        return
    found = get(node, "subjects")
    if found is None or is_null(found):
        return
    if found.kind != SEQUENCE:
        raise KustomizeError(
            "setting namespace on (cluster)role binding subjects: wrong node kind: expected SequenceNode"
        )
    field, wanted = ("kind", "ServiceAccount") if mode == ALL_ACCOUNTS else ("name", "default")
    for subject in found.content:
        if subject.kind == MAPPING and text_of(subject.content.get(field)) == wanted:
            namespace = lookup_create(subject, ("namespace",), SCALAR)
            if namespace is not None:
                set_it(namespace)
