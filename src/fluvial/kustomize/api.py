"""What callers see of a build: its options, its result, and the functions."""

from collections.abc import Iterable, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any, Literal

from fluvial.kustomize.accumulate import Accumulator, SchemaChoice, Target
from fluvial.kustomize.documents import objects_in
from fluvial.kustomize.errors import KustomizeError
from fluvial.kustomize.files import Root, Store
from fluvial.kustomize.filters.order import LEGACY, sort
from fluvial.kustomize.filters.origins import MANAGED_BY_LABEL
from fluvial.kustomize.output import values_of
from fluvial.kustomize.records import SortOptions
from fluvial.objects import Object
from fluvial.stdx import Tree, clean_path
from fluvial.yamldoc import dump_all


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How to build; the defaults are Flux's.

    Args:
        order: `none` keeps the order in which objects were met (Flux, `--reorder none`); `legacy` puts namespaces and
            CRDs first (the default of the command). `sortOptions` in the kustomization wins over both.
        root_only: refuse files outside of the folder of the kustomization that names them, as the command does by
            default. Either way nothing outside of the tree can be read.
        keep_built_in_schema: with `openapi.path`, know Kubernetes' own types beside the custom ones. The command,
            given a custom schema, forgets its own.
        managed_by_label: label every object as `buildMetadata: [managedByLabel]` does.
    """

    order: Literal["none", "legacy"] = "none"
    root_only: bool = False
    keep_built_in_schema: bool = True
    managed_by_label: bool = False


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
    tree: Tree,
    path: str,
    *,
    options: Options = FLUX,
    kustomization: Mapping[str, Any] | None = None,
    parsed: MutableMapping[bytes, Any] | None = None,
) -> Built:
    """Build as `build` does, and tell which files were read.

    Args:
        kustomization: stands in place of the kustomization file of `path`, which need not exist then.
        parsed: parsed files by content, kept by the caller between builds (bound it); the values are opaque.
    """
    store = Store(tree, parsed)
    folder = clean_path(path.lstrip("/"))
    if not tree.is_dir(folder):
        what = "file is not directory" if tree.is_file(folder) else "no such directory in the source"
        raise KustomizeError(f"must build at directory: '{folder}': {what}")
    try:
        objects = _objects(Root(store, folder, root_only=options.root_only), options, kustomization)
    except RecursionError as cause:
        raise KustomizeError("kustomizations and the objects in them are nested too deeply", file=folder) from cause
    return Built(objects, frozenset(store.read))


def _objects(root: Root, options: Options, kustomization: Mapping[str, Any] | None) -> list[Object]:
    choice = SchemaChoice(keep_built_in=options.keep_built_in_schema)
    target = Target(root, choice, instead=kustomization)
    choice.offer(target.file, root)
    resources = target.finish(target.accumulate(Accumulator()))
    if target.file.sort_options is not None:
        sort(resources, target.file.sort_options)
    elif options.order == LEGACY:
        sort(resources, SortOptions(order=LEGACY))
    metadata = [*(target.file.build_metadata or ()), *([MANAGED_BY_LABEL] if options.managed_by_label else [])]
    return values_of(resources, metadata)


def check_manifest(data: bytes, *, parsed: MutableMapping[bytes, Any] | None = None) -> None:
    """Refuse a file that is not YAML of Kubernetes objects.

    Args:
        parsed: as in `build_tracked`; what is parsed here need not be parsed again there.
    Raises:
        KustomizeError: with the line where it is known.
    """
    nodes = None if parsed is None else parsed.get(data)
    if nodes is None:
        nodes = objects_in(data)
        if parsed is not None:
            parsed[data] = nodes


def render(objects: Iterable[Object]) -> str:
    """Return the text that `kustomize build` prints for `objects`; documents are joined by `---` lines."""
    return dump_all(objects)
