"""Structural schemas: compiled once, then objects are pruned, defaulted and validated by them.

Source: apiextensions-apiserver `pkg/apiserver/schema` and `validation`, kube-openapi `pkg/validation/validate`.
"""

from fluvial.controlplane.schemas.structural.checks import problems_of_schema
from fluvial.controlplane.schemas.structural.defaulting import fill_defaults, without_nulls
from fluvial.controlplane.schemas.structural.listtypes import list_errors
from fluvial.controlplane.schemas.structural.node import Node, compile_node, rules_below
from fluvial.controlplane.schemas.structural.pruning import prune
from fluvial.controlplane.schemas.structural.validation import validate

__all__ = [
    "Node",
    "compile_node",
    "fill_defaults",
    "list_errors",
    "problems_of_schema",
    "prune",
    "rules_below",
    "validate",
    "without_nulls",
]
