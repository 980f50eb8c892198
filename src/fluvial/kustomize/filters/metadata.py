"""Add labels and annotations at the fields that specs name. Source: api `filters/labels`, `filters/annotations`."""

from collections.abc import Mapping

from fluvial.kustomize.fields import set_field
from fluvial.kustomize.fieldspec import Change, FieldSpecs, apply_specs
from fluvial.kustomize.resmap import ResMap
from fluvial.kustomize.values import STR
from fluvial.yamldoc.nodes import MAP, MAPPING, SCALAR, Node


def add_entries(resources: ResMap, entries: Mapping[str, str], specs: FieldSpecs) -> None:
    """Set each entry in every map that `specs` names.

    The fields of one object that had no such entry share one node, as they do upstream: a later layer that changes one
    of them changes them all, and people's overlays rely on it without knowing.
    """
    for item in resources:
        for key in sorted(entries):
            add_entry(item.node, key, entries[key], specs)


def add_entry(node: Node, key: str, value: str, specs: FieldSpecs) -> None:
    """Set one entry in the maps of one object."""
    shared = Node(SCALAR, STR, 0, value)

    def set_it(parent: Node) -> None:
        set_field(parent, key, shared)

    apply_specs(node, specs, Change(set_it, MAPPING, MAP))
