"""One build: the request, its result, and the order of the steps."""

from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any

from fluvial.objects import Object
from fluvial.stdx import Tree


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildRequest:
    """What one build depends on, and nothing else.

    Args:
        tree: the artifact's files.
        path: `spec.path`; it cannot leave the tree.
        spec: the Kustomization's spec as it is stored, old fields (`patchesStrategicMerge`, `patchesJson6902`) too.
        variables: what `substituteFrom` gave (`merge_variables` without the inline part, which is read from `spec`).
        strict: a variable neither defined nor given a default is an error (Flux's gate StrictPostBuildSubstitutions).
    """

    tree: Tree
    path: str
    spec: Mapping[str, Any]
    variables: Mapping[str, str]
    strict: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildResult:
    """The objects to apply, in order, and what is worth remembering of the build.

    Args:
        read: the files of the tree that were really read, and `read_digest` over their paths and contents: with equal
            spec and variables an equal digest means an equal result.
        digest: `sha256:…` of the manifests' text, as Flux writes it into `status.history`.
        warnings: one sentence for each object whose identity or set of keys a substitution changed.
    """

    objects: list[Object]
    read: frozenset[str]
    read_digest: str
    digest: str
    warnings: tuple[str, ...]


def build(request: BuildRequest, *, parsed: MutableMapping[bytes, Any] | None = None) -> BuildResult:
    """Generate the kustomization file where there is none, lay the spec over it, build, and substitute variables.

    Args:
        parsed: parsed files by content, kept by the caller between builds (bound it); the values are opaque.
    Raises:
        BuildError: with Flux's message. The request must change before a retry can help.
    """
    raise NotImplementedError
