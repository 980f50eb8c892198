"""Patches: strategic merge and JSON 6902, inline or from a file, with or without a target.

Source: api `PatchTransformer`, `PatchStrategicMergeTransformer`, `PatchJson6902Transformer`, `filters/patchjson6902`.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fluvial.gotext import go_quote
from fluvial.kustomize.documents import resources_from
from fluvial.kustomize.errors import KustomizeError
from fluvial.kustomize.files import Root
from fluvial.kustomize.ids import Selector
from fluvial.kustomize.records import Patch
from fluvial.kustomize.resmap import ResMap, apply_patch
from fluvial.kustomize.resource import ALLOW_KIND_CHANGE, ALLOW_NAME_CHANGE, Resource
from fluvial.kustomize.schema import Schemas
from fluvial.kustomize.values import to_json, to_node
from fluvial.objects import PatchError, apply_json_patch
from fluvial.yamldoc import YamlError, load

Operations = list[Any]
_SHOWN = 60  # characters of an inline patch in errors


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedPatch:
    """An entry of `patches`, read: either objects to merge or operations to apply."""

    merges: tuple[Resource, ...]
    operations: Operations | None
    target: Selector | None
    source: str  # for errors: the path, or the text
    file: str = ""


def load_patch(patch: Patch, root: Root) -> LoadedPatch:
    """Read an entry of `patches`.

    Raises:
        KustomizeError: neither or both of path and patch, no such file, or a text that is no patch.
    """
    text = patch.patch.strip()
    if not text and not patch.path:
        raise KustomizeError("must specify one of patch and path in\n" + _shown(patch), field="patches")
    if text and patch.path:
        raise KustomizeError("patch and path can't be set at the same time\n" + _shown(patch), field="patches")
    if text:
        data, source, file = text.encode(), f"[patch: {_beginning(text)}]", ""
    else:
        file = root.path(patch.path)
        try:
            data = root.load(patch.path)
        except KustomizeError as error:
            raise error.within(f"failed to get the patch file from path({patch.path})") from error
        source = f"[path: {go_quote(patch.path)}]"
    merges, operations = _either(data, root, source, file)
    if merges and patch.options is not None:
        for merge in merges:
            if patch.options.allow_name_change:
                merge.enable(ALLOW_NAME_CHANGE)
            if patch.options.allow_kind_change:
                merge.enable(ALLOW_KIND_CHANGE)
    return LoadedPatch(merges=tuple(merges), operations=operations, target=patch.target, source=source, file=file)


def _beginning(text: str) -> str:
    """Return the first line, quoted: the rest may hold what is not for others' eyes."""
    line = text.partition("\n")[0][:_SHOWN]
    return go_quote(line if line == text else line + "…")


def _either(data: bytes, root: Root, source: str, file: str) -> tuple[list[Resource], Operations | None]:
    try:
        return resources_from(data, root.store), None
    except KustomizeError as error:
        problem = error
    try:
        return [], operations_in(data)  # a list, which no object is
    except KustomizeError:
        why = f": {problem.message}" if problem.line else ""
        raise KustomizeError(
            f"unable to parse SM or JSON patch from {source}{why}",
            file=file,
            line=problem.line if file else 0,
            field="patches",
        ) from problem


def operations_in(data: bytes) -> Operations:
    """Return the operations of a JSON patch, written as JSON or YAML.

    Raises:
        KustomizeError: it is no list of operations.
    """
    if not data:
        raise KustomizeError("empty json patch operations")
    try:
        value = json.loads(data) if data.startswith(b"[") else load(data)
    except (YamlError, ValueError) as cause:
        raise KustomizeError(str(cause), line=getattr(cause, "line", 0)) from cause
    if value is None:
        return []
    if not isinstance(value, list):
        raise KustomizeError(f"json: cannot unmarshal {_json_kind(value)} into Go value of type jsonpatch.Patch")
    for item in value:
        if item is not None and not isinstance(item, dict):
            raise KustomizeError(f"json: cannot unmarshal {_json_kind(item)} into Go value of type jsonpatch.Operation")
    return value


def _json_kind(value: Any) -> str:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int | float):
        return "number"
    return "object" if isinstance(value, dict) else "array" if isinstance(value, list) else "string"


def _shown(patch: Patch) -> str:
    lines = [f"path: {patch.path}"] if patch.path else []
    if patch.target is not None:
        lines.append(f"target: {patch.target}")
    return "\n".join(lines)


def apply_loaded(resources: ResMap, patch: LoadedPatch, schemas: Schemas) -> None:
    """Apply an entry of `patches`.

    Raises:
        KustomizeError: nothing fits it, or it does not fit the object.
    """
    if patch.merges:
        _apply_merges(resources, patch, schemas)
    elif patch.operations is not None:
        if patch.target is None:
            raise KustomizeError(
                f"must specify a target for JSON patch {patch.source}", file=patch.file, field="patches"
            )
        for item in resources.select(patch.target):
            with resources.changing(item):
                item.remember_id()
                apply_operations(item, patch.operations)


def _apply_merges(resources: ResMap, patch: LoadedPatch, schemas: Schemas) -> None:
    if patch.target is not None:
        if len(patch.merges) > 1:
            raise KustomizeError(
                "Multiple Strategic-Merge Patches in one `patches` entry is not allowed to set `patches.target` field: "
                + patch.source,
                file=patch.file,
            )
        resources.patch_strategically(resources.select(patch.target), patch.merges[0], schemas)
        return
    for merge in patch.merges:
        wanted = merge.original_id
        try:
            target = resources.by_id(wanted)
        except KustomizeError as error:
            raise error.within(f'no resource matches strategic merge patch "{wanted}"').at(patch.file) from error
        with resources.changing(target):
            apply_patch(target, merge, schemas)


def apply_operations(item: Resource, operations: Sequence[Any]) -> None:
    """Apply JSON patch operations to one object; the build's own annotations survive whatever they do.

    Raises:
        KustomizeError: an operation does not apply.
    """
    kept = item.internal_annotations()
    try:
        value = apply_json_patch(to_json(item.node), operations)
    except PatchError as cause:
        raise KustomizeError(str(cause), field="patches") from cause
    if not isinstance(value, dict):
        raise KustomizeError(
            f"json: cannot unmarshal {_json_kind(value)} into Go value of type map[string]interface {{}}"
        )
    item.node = to_node(value)
    item.set_annotations({**item.annotations, **kept})


def load_merges(paths: Sequence[str], text: str, root: Root) -> list[Resource]:
    """Read `patchesStrategicMerge`: each entry is a patch itself, or the path of a file with patches.

    Raises:
        KustomizeError: an entry is neither, or there is no patch in all of them.
    """
    if not paths and not text:
        raise KustomizeError("empty file path and empty patch content", field="patchesStrategicMerge")
    merges: list[Resource] = []
    for entry in paths:
        try:
            merges += resources_from(entry.encode(), root.store)
        except KustomizeError:
            merges += _merges_in_file(entry, root)
    if text:
        merges += resources_from(text.encode(), root.store)
    if not merges:
        raise KustomizeError(
            f"patch appears to be empty; files=[{' '.join(paths)}], Patch={text}", field="patchesStrategicMerge"
        )
    return merges


def _merges_in_file(path: str, root: Root) -> list[Resource]:
    data = root.load(path)
    try:
        return resources_from(data, root.store)
    except KustomizeError as error:
        named = f"{error.message} in File: {path}" if "MalformedYAMLError" in error.message else error.message
        raise KustomizeError(named, file=root.path(path), line=error.line) from error


def apply_merges(resources: ResMap, merges: Sequence[Resource], schemas: Schemas) -> None:
    """Apply `patchesStrategicMerge`: each to the one object with its id.

    Raises:
        KustomizeError: none or several have it.
    """
    for merge in merges:
        target = resources.by_id(merge.original_id)
        resources.patch_strategically([target], merge, schemas)


def load_operations(patch: Patch, text: str, root: Root) -> Operations:
    """Read an entry of `patchesJson6902`.

    Args:
        text: the operations, where the entry has no path.
    Raises:
        KustomizeError: no target name, neither or both of path and text, or no operations in it.
    """
    field = "patchesJson6902"
    if patch.target is None or not patch.target.name:
        raise KustomizeError("must specify the target name", field=field)
    if not patch.path and not text:
        raise KustomizeError("empty file path and empty jsonOp", field=field)
    data = text.encode()
    if patch.path:
        if text:
            raise KustomizeError("must specify a file path or jsonOp, not both", field=field)
        data = root.load(patch.path)
        if not data:
            raise KustomizeError(f"patch file '{patch.path}' empty seems to be empty", field=field)
    try:
        operations = operations_in(data)
    except KustomizeError as error:
        shown = _beginning(text) if text else patch.path
        raise error.within(f"decoding {shown}").at(root.path(patch.path) if patch.path else "") from error
    if not operations:
        raise KustomizeError(f"patch appears to be empty; file={patch.path}, JsonOp={text}", field=field)
    return operations


def apply_json6902(resources: ResMap, target: Selector, operations: Operations) -> None:
    """Apply an entry of `patchesJson6902` to every object that its target selects."""
    for item in resources.select(target):
        with resources.changing(item):
            apply_operations(item, operations)
