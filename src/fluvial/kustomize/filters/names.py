"""Name prefixes and suffixes. Source: api `PrefixTransformer`, `SuffixTransformer`, and their filters."""

from fluvial.kustomize.fields import bare_node, set_scalar
from fluvial.kustomize.fieldspec import Change, FieldSpecs, apply_path, compiled
from fluvial.kustomize.ids import Gvk
from fluvial.kustomize.resmap import ResMap
from fluvial.kustomize.values import STR
from fluvial.yamldoc.nodes import SCALAR, Node

_KEPT = (
    Gvk(kind="CustomResourceDefinition"),
    Gvk(group="apiregistration.k8s.io", kind="APIService"),
    Gvk(kind="Namespace"),
)


def add_prefix(resources: ResMap, prefix: str, specs: FieldSpecs) -> None:
    """Put `prefix` before the names that `specs` name; kinds whose name means something keep theirs."""
    _rename(resources, prefix, "", specs)


def add_suffix(resources: ResMap, suffix: str, specs: FieldSpecs) -> None:
    """Put `suffix` behind the names that `specs` name; kinds whose name means something keep theirs."""
    _rename(resources, "", suffix, specs)


def _rename(resources: ResMap, prefix: str, suffix: str, specs: FieldSpecs) -> None:
    def set_it(node: Node) -> None:
        set_scalar(node, bare_node(prefix + node.value + suffix))

    change = Change(set_it, SCALAR, STR)
    for item in resources:
        original = item.original_id.gvk
        if any(original.selected_by(kept) for kept in _KEPT):
            continue
        for spec in specs:
            if not original.selected_by(spec.gvk):
                continue
            if spec.path == "metadata/name":
                item.add_prefix(prefix)
                item.add_suffix(suffix)
                if prefix or suffix:
                    item.remember_id()
            if item.gvk.selected_by(spec.gvk):
                apply_path(item.node, compiled(spec.path), spec.create, change)
