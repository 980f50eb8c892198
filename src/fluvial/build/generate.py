"""The kustomization to build: the one in the folder, or a generated one, with the fields of the spec laid over it.

Source: fluxcd/pkg `kustomize/kustomize_generator.go`, `filters.go`.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Any

from fluvial.build.errors import BuildError
from fluvial.kustomize import FILE_NAMES, KustomizeError, check_manifest, lenient_value
from fluvial.stdx import Tree, clean_path
from fluvial.stdx.ignore import Matcher, default_matcher, load_patterns, read_patterns
from fluvial.yamldoc import YamlError, load

Value = dict[str, Any]
Parsed = MutableMapping[bytes, Any]

_REMOTE = ("git::", "gh:", "ssh://", "https://", "http://", "git@", "github.com:", "github.com/")
_HEAD = {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization"}


@dataclass(frozen=True, slots=True)
class Looked:
    """What the generator looked at: see `inputs.Inputs`."""

    read: set[str] = field(default_factory=set)
    scanned: set[str] = field(default_factory=set)
    missing: set[str] = field(default_factory=set)


def generate(
    tree: Tree, folder: str, spec: Mapping[str, Any], *, ignore: str | None, parsed: Parsed, looked: Looked
) -> Value:
    """Return the kustomization of `folder` as a value.

    Args:
        ignore: more ignore patterns, as `flux build --ignore-paths`; with any text, also an empty one, the
            `.sourceignore` files of the folder count too. None in a controller: the source has been filtered.
        parsed: where files that had to be parsed are kept for the build that follows.
        looked: is given what was looked at.
    Raises:
        BuildError: a file that is no manifest, a kustomization that cannot be read, a component that is not local.
    """
    patterns = [] if ignore is None else [*load_patterns(tree.subtree(folder)), *read_patterns(ignore)]
    matcher = None if ignore is None else default_matcher(patterns)
    found = next((path for path in _file_paths(folder) if tree.is_file(path)), None)
    if found is None:
        looked.scanned.add(folder)
        value = _scanned(tree, folder, matcher if patterns else None, parsed, looked)
    else:
        looked.read.add(found)
        value = _existing(tree[found], found)
        if not value.get("resources"):
            value["buildMetadata"] = ["originAnnotations"]
    if matcher is not None:
        _filter(value, tree, folder, matcher)
    _overlay(value, tree, folder, spec, looked)
    return value


def _file_paths(folder: str) -> Iterator[str]:
    return (clean_path(f"{folder}/{name}") for name in FILE_NAMES)


def _existing(data: bytes, path: str) -> Value:
    try:
        return {**_HEAD, **lenient_value(load(data))}
    except YamlError as cause:
        raise BuildError(f"error converting YAML to JSON: {cause}", file=path, line=cause.line) from cause
    except KustomizeError as cause:
        raise BuildError(
            f"error unmarshaling JSON: while decoding JSON: {cause}", file=path, field=cause.field
        ) from cause


def _scanned(tree: Tree, folder: str, matcher: Matcher | None, parsed: Parsed, looked: Looked) -> Value:
    resources = [f"./{path}" for path in _manifests(tree, folder, "", matcher, parsed, looked)]
    # kustomize refuses a kustomization with nothing in it; a namespace that nothing is in counts as something
    return {**_HEAD, **({"resources": resources} if resources else {"namespace": "_placeholder"})}


def _manifests(
    tree: Tree, folder: str, below: str, matcher: Matcher | None, parsed: Parsed, looked: Looked
) -> Iterator[str]:
    """Yield the manifests under `folder`, relative to it, in the order of a walk; a kustomization's folder as one."""
    here = clean_path(f"{folder}/{below}")
    for name in tree.listdir(here):
        relative = f"{below}/{name}" if below else name
        path = clean_path(f"{folder}/{relative}")
        if tree.is_dir(path):
            if any(map(tree.is_file, _file_paths(path))):
                yield relative
            else:
                yield from _manifests(tree, folder, relative, matcher, parsed, looked)
        elif name.endswith((".yaml", ".yml")) and not (matcher is not None and matcher.excludes(relative)):
            looked.read.add(path)
            try:
                check_manifest(tree[path], parsed=parsed)
            except KustomizeError as cause:
                raise BuildError(
                    f"failed to decode Kubernetes YAML from {path}: {cause}", file=path, line=cause.line
                ) from cause
            yield relative


def _filter(value: Value, tree: Tree, folder: str, matcher: Matcher) -> None:
    for name in ("resources", "components", "crds"):
        if name in value:
            value[name] = [
                entry
                for entry in value[name]
                if (name != "crds" and "://" in entry) or not _is_excluded(entry, tree, folder, matcher)
            ]


def _is_excluded(entry: str, tree: Tree, folder: str, matcher: Matcher) -> bool:
    path = clean_path(f"{folder}/{entry}")
    is_dir = tree.is_dir(path)
    if not is_dir and not tree.is_file(path):
        raise BuildError(f"lstat {path}: no such file or directory", file=path)
    relative = path.removeprefix(f"{folder}/") if folder != "." else path
    return not relative.startswith("..") and matcher.excludes(relative, is_dir=is_dir)


# --- the fields of the spec


def _overlay(value: Value, tree: Tree, folder: str, spec: Mapping[str, Any], looked: Looked) -> None:
    for theirs, ours in (("targetNamespace", "namespace"), ("namePrefix", "namePrefix"), ("nameSuffix", "nameSuffix")):
        if spec.get(theirs):
            value[ours] = spec[theirs]
    _extend(value, "patches", (_patch(entry, entry.get("patch") or "") for entry in spec.get("patches") or ()))
    _extend(value, "components", _components(tree, folder, spec, looked))
    _extend(value, "patchesStrategicMerge", map(json.dumps, spec.get("patchesStrategicMerge") or ()))
    _extend(
        value,
        "patchesJson6902",
        (_patch(entry, json.dumps(entry.get("patch") or [])) for entry in spec.get("patchesJson6902") or ()),
    )
    _merge_images(value, spec.get("images") or ())
    if spec.get("buildMetadata"):
        value["buildMetadata"] = list(spec["buildMetadata"])


def _extend(value: Value, field: str, entries: Iterable[Any]) -> None:
    added = list(entries)
    if added:
        value[field] = [*(value.get(field) or ()), *added]


def _patch(entry: Mapping[str, Any], text: str) -> Value:
    patch: Value = {"patch": text}
    if entry.get("target") is not None:
        fields = ("group", "version", "kind", "name", "namespace", "labelSelector", "annotationSelector")
        patch["target"] = {field: entry["target"][field] for field in fields if entry["target"].get(field)}
    return patch


def _components(tree: Tree, folder: str, spec: Mapping[str, Any], looked: Looked) -> Iterator[str]:
    for component in spec.get("components") or ():
        if component.lower().startswith(_REMOTE) or component.lower().removeprefix("file://").startswith("/"):
            raise BuildError(f"component path '{component}' must be local and relative", field="spec.components")
        path = clean_path(f"{folder}/{component}")
        if spec.get("ignoreMissingComponents") and not tree.is_dir(path) and not tree.is_file(path):
            looked.missing.add(path)
            continue
        yield component


def _merge_images(value: Value, images: Iterable[Mapping[str, Any]]) -> None:
    """Lay images over those of the file, field by field; tag and digest are one field: they exclude each other."""
    merged: list[Value] = [dict(image) for image in value.get("images") or ()]
    for image in images:
        name = image.get("name") or ""
        present = next((known for known in merged if (known.get("name") or "") == name), None)
        if present is None:
            merged.append(
                {field: image[field] for field in ("name", "newName", "newTag", "digest") if image.get(field)}
            )
            continue
        if image.get("newName"):
            present["newName"] = image["newName"]
        if image.get("newTag") or image.get("digest"):
            present["newTag"], present["digest"] = image.get("newTag") or "", image.get("digest") or ""
    if merged:
        value["images"] = merged
