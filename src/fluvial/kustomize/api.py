"""What callers see of a build: its options, its result, and the functions."""

from collections.abc import Iterable, MutableMapping
from dataclasses import dataclass
from typing import Any, Literal

from fluvial.objects import Object
from fluvial.stdx import Tree


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How to build; the defaults are Flux's.

    Args:
        order: `none` keeps the order in which objects were met (Flux, `--reorder none`); `legacy` puts namespaces and
            CRDs first (the default of the command). `sortOptions` in the kustomization wins over both.
        root_only: refuse files outside of the folder of the kustomization that names them, as the command does by
            default. Either way nothing outside of the tree can be read.
    """

    order: Literal["none", "legacy"] = "none"
    root_only: bool = False


FLUX = Options()


@dataclass(frozen=True, slots=True)
class Built:
    """The objects of a build, and the files that it really read: equal files mean an equal build."""

    objects: list[Object]
    read: frozenset[str]


def build(tree: Tree, path: str, *, options: Options = FLUX) -> list[Object]:
    """Build the kustomization in the folder `path` of `tree`.

    Raises:
        KustomizeError: with file, line where known, field and remedy; NotSupported for what is not built.
    """
    return build_tracked(tree, path, options=options).objects


def build_tracked(
    tree: Tree, path: str, *, options: Options = FLUX, parsed: MutableMapping[bytes, Any] | None = None
) -> Built:
    """Build as `build` does, and tell which files were read.

    Args:
        parsed: parsed files by content, kept by the caller between builds (bound it); the values are opaque.
    """
    raise NotImplementedError


def render(objects: Iterable[Object]) -> str:
    """Return the text that `kustomize build` prints for `objects`; documents are joined by `---` lines."""
    raise NotImplementedError
