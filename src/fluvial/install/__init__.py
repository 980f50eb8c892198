"""Renders and applies Fluvial's own manifests, and bootstraps.

Bootstrapping is not built yet. Manifests are Flux's in names, labels, ports, probes and the order of arguments; the
image is one of your own, since none is published.
"""

from fluvial.install.applying import (
    Outcome,
    apply,
    remove_components,
    remove_crds,
    remove_finalizers,
    remove_namespace,
)
from fluvial.install.existing import ClusterInfo, cluster_info
from fluvial.install.manifests import render, render_text
from fluvial.install.options import COMPONENTS, PLANNED, InstallError, Options

__all__ = [
    "COMPONENTS",
    "PLANNED",
    "ClusterInfo",
    "InstallError",
    "Options",
    "Outcome",
    "apply",
    "cluster_info",
    "remove_components",
    "remove_crds",
    "remove_finalizers",
    "remove_namespace",
    "render",
    "render_text",
]
