"""Defaults and rules of built-in kinds, one module per group; a group's module is read when first asked for.

Source: `SetDefaults_*` of k8s.io/kubernetes `pkg/apis/*/v1/defaults.go` and `Validate*` of `pkg/apis/*/validation`.
"""

from collections.abc import Callable
from importlib import import_module
from types import ModuleType
from typing import Any

from fluvial.controlplane.schemas.rules.table import GENERAL, Rules

__all__ = ["Rules", "defaults_of", "rules_of"]

# By the folder of the Go package that a type lives in; the API group is the same word or starts with it.
_MODULES = frozenset(
    (
        "admissionregistration",
        "apiextensions",
        "apiregistration",
        "apps",
        "autoscaling",
        "batch",
        "coordination",
        "core",
        "discovery",
        "networking",
        "policy",
        "rbac",
        "scheduling",
        "storage",
    )
)


def rules_of(api_version: str, kind: str) -> Rules:
    """Return the rules of a kind; one that has none of its own has those of its metadata."""
    group, _, version = api_version.rpartition("/")
    module = _module(group.partition(".")[0] or "core")
    table: dict[tuple[str, str], Rules] = getattr(module, "RULES", {})
    return table.get((version, kind), GENERAL)


def defaults_of(definition: str) -> Callable[[dict[str, Any]], None] | None:
    """Return what fills in the defaults of a type, in place, after those of its fields; None: it has none."""
    *_, package, version, name = definition.split(".")
    table: dict[str, Callable[[dict[str, Any]], None]] = getattr(_module(package), "DEFAULTS", {})
    return table.get(f"{version}.{name}")


def _module(name: str) -> ModuleType | None:
    return import_module(f"{__name__}.{name}") if name in _MODULES else None
