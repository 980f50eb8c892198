"""A tree of files and a kustomization in, an ordered list of objects out.

`build` does what `kustomize build` of v5.8 does without plugins, as a function: no file system, no network, no clock.
Behaviour follows sigs.k8s.io/kustomize api and kyaml v0.21 (differences: docs/parity.md, "kustomize").
"""

from fluvial.kustomize.api import Built, Options, build, build_tracked, check_manifest, render
from fluvial.kustomize.errors import KustomizeError, NotSupported
from fluvial.kustomize.kustomization import FILE_NAMES, lenient_value

__all__ = [
    "FILE_NAMES",
    "Built",
    "KustomizeError",
    "NotSupported",
    "Options",
    "build",
    "build_tracked",
    "check_manifest",
    "lenient_value",
    "render",
]
