"""A Kustomization, its tree, variables and keys in; the objects to apply out, or the names of what it still needs.

Generate the kustomization file, build it, substitute variables: the pure half of a reconcile. Variables come from the
caller, who has read `substituteFrom`. Behaviour follows fluxcd/pkg `kustomize` and `envsubst`, and kustomize-controller
v1.9 `build` (differences: docs/parity.md, "build").
"""

from fluvial.build.envsubst import lookup_in, substitute
from fluvial.build.errors import BuildError, NotBuilt, PathNotFound
from fluvial.build.inputs import Inputs
from fluvial.build.metadata import set_common_metadata
from fluvial.build.request import BuildRequest, BuildResult, build
from fluvial.build.variables import merge_variables, variables_of

__all__ = [
    "BuildError",
    "BuildRequest",
    "BuildResult",
    "Inputs",
    "NotBuilt",
    "PathNotFound",
    "build",
    "lookup_in",
    "merge_variables",
    "set_common_metadata",
    "substitute",
    "variables_of",
]
