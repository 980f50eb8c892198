"""Building a Flux Kustomization from files on this machine, as its controller would from the artifact."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from fluvial.api import names
from fluvial.build import BuildError, BuildRequest, build, merge_variables, set_common_metadata
from fluvial.cli import kinds
from fluvial.cli.debug import substitute_from
from fluvial.cli.errors import Failure
from fluvial.cli.localfiles import KUSTOMIZATION_FILES, read_tree
from fluvial.cli.session import Session
from fluvial.insight import masked
from fluvial.objects import Object, dig, labels
from fluvial.stdx import Tree
from fluvial.stdx.ignore import Matcher, load_patterns, read_patterns
from fluvial.yamldoc import YamlError, dump, load, load_all


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalBuild:
    """One build.

    Args:
        file: holds the Kustomization; None = it is read from the cluster.
        given: the Kustomization itself, for one found in another's build; what the cluster has of it wins.
        dry_run: do without the cluster; variables from it are left out.
        local_sources: `Kind/namespace/name` of a source to the folder where it lies.
        may_be_new: a Kustomization that the cluster lacks is no error when there is a file.
    """

    name: str
    namespace: str
    path: Path
    file: Path | None = None
    given: Object | None = None
    ignore: tuple[str, ...] = ()
    dry_run: bool = False
    strict: bool = False
    recursive: bool = False
    local_sources: Mapping[str, Path]
    may_be_new: bool = False

    def child(self, kustomization: Object) -> "LocalBuild":
        """Return the build of a Kustomization that this build made.

        Raises:
            Failure: no folder was given for its source.
        """
        spec, metadata = kustomization["spec"], kustomization["metadata"]
        ref, namespace = spec["sourceRef"], str(metadata.get("namespace", ""))
        key = f"{ref['kind']}/{ref.get('namespace') or namespace}/{ref['name']}"
        folder = self.local_sources.get(key)
        if folder is None:
            raise Failure(f"cannot get local path for {key} of kustomization {metadata['name']}")
        path = folder / str(spec.get("path", "")).lstrip("/")
        return replace(self, name=metadata["name"], namespace=namespace, path=path, file=None, given=kustomization)


@dataclass(frozen=True, slots=True)
class LocalResult:
    """The Kustomization that was built, with the status that the cluster has, and its objects."""

    kustomization: Object
    objects: list[Object]


def is_kustomization(obj: Object) -> bool:
    """Tell whether `obj` is a Flux Kustomization, in whatever version."""
    return str(obj.get("apiVersion", "")).startswith(f"{names.KUSTOMIZE_GROUP}/") and obj.get("kind") == "Kustomization"


def is_same(one: Object, other: Object) -> bool:
    """Tell whether two Kustomizations have one name and namespace."""
    keys = ("name", "namespace")
    return all((one["metadata"].get(key) or "") == (other["metadata"].get(key) or "") for key in keys)


async def build_local(session: Session, wanted: LocalBuild) -> LocalResult:
    """Build one Kustomization, without its children.

    Raises:
        Failure: with flux's text for what could not be read or built.
    """
    kustomization = await _kustomization(session, wanted)
    spec = kustomization.get("spec", {})
    also = tuple(str(component) for component in spec.get("components", ()))
    tree, path = read_tree(wanted.path, also)
    variables: dict[str, str] = {}
    if not wanted.dry_run and spec.get("postBuild"):
        variables = merge_variables(await substitute_from(session, kustomization), {})
    request = BuildRequest(
        tree=_without_ignored(tree, path, wanted.ignore),
        path=path,
        spec=spec,
        variables=variables,
        strict=wanted.strict,
    )
    try:
        objects = [masked(_owned(obj, kustomization)) for obj in build(request).objects]
    except BuildError as error:
        raise Failure(str(error)) from error
    common = spec.get("commonMetadata") or {}
    set_common_metadata(objects, common.get("labels") or {}, common.get("annotations") or {})
    return LocalResult(kustomization, objects)


async def _kustomization(session: Session, wanted: LocalBuild) -> Object:
    live = None if wanted.dry_run else await _live(session, wanted)
    if wanted.file is not None:
        found = _from_file(wanted.file, wanted.name, wanted.namespace)
        if live is not None and dig(live, "status", "inventory", default=None) is not None:
            found["status"] = live["status"]
        return found
    if live is not None:
        return live
    assert wanted.given is not None
    return wanted.given


async def _live(session: Session, wanted: LocalBuild) -> Object | None:
    kind = kinds.KUSTOMIZATION
    client = await session.client()
    live = await client.get(kind.api_version, kind.kind, wanted.namespace, wanted.name)
    if live is None and wanted.given is None and not wanted.may_be_new:
        missing = f'kustomizations.{names.KUSTOMIZE_GROUP} "{wanted.name}" not found'
        raise Failure(f"failed to get kustomization object: {missing}")
    return live


def _from_file(path: Path, name: str, namespace: str) -> Object:
    try:
        documents = load_all(path.read_bytes())
    except OSError as error:
        raise Failure(
            f"failed to get kustomization object: failed to read kustomization file {path}: {error.strerror}"
        ) from error
    except YamlError as error:
        raise Failure(
            f"failed to get kustomization object: failed to unmarshall kustomization file {path}: {error}"
        ) from error
    for document in documents:
        obj = document.value
        if not isinstance(obj, dict) or not is_kustomization(obj) or dig(obj, "metadata", "name") != name:
            continue
        if (dig(obj, "metadata", "namespace", default="") or namespace) == namespace:
            return obj
    raise Failure(
        f"failed to get kustomization object: failed find kustomization with name '{name}' and namespace '{namespace}' "
        f"in file '{path}'"
    )


def _owned(obj: Object, kustomization: Object) -> Object:
    metadata = kustomization["metadata"]
    owner = {
        names.OWNER_NAME_LABEL: metadata["name"],
        names.OWNER_NAMESPACE_LABEL: str(metadata.get("namespace") or ""),
    }
    return {**obj, "metadata": {**obj["metadata"], "labels": {**labels(obj), **owner}}}


def _without_ignored(tree: Tree, path: str, ignore: tuple[str, ...]) -> Tree:
    """Leave out what `.sourceignore` files in the folder and `--ignore-paths` exclude, and the mention of it."""
    inside = tree.subtree(path)
    matcher = Matcher((*load_patterns(inside), *read_patterns("\n".join(ignore))))
    gone = {name for name in inside if matcher.excludes(name) and name not in KUSTOMIZATION_FILES}
    if not gone:
        return tree
    prefix = "" if path == "." else f"{path}/"
    files = {
        name: data
        for name, data in tree.items()
        if name.removeprefix(prefix) not in gone or not name.startswith(prefix)
    }
    for name in KUSTOMIZATION_FILES:
        if prefix + name in files:
            files[prefix + name] = _without_resources(files[prefix + name], gone)
    return Tree(files)


def _without_resources(data: bytes, gone: set[str]) -> bytes:
    value: Any = load(data)
    if isinstance(value, dict) and isinstance(value.get("resources"), list):
        kept = [each for each in value["resources"] if str(each).removeprefix("./") not in gone]
        value = {**value, "resources": kept}
    return dump(value).encode()
