"""Two rarely used plugins: adding a value at a path, and a service account for GKE.

Source: api `ValueAddTransformer`, `filters/valueadd`, `filters/iampolicygenerator`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from fluvial.kustomize.documents import resources_from
from fluvial.kustomize.errors import KustomizeError
from fluvial.kustomize.fields import bare_node, expect, lookup_create, set_scalar
from fluvial.kustomize.fieldspec import FieldSpecs, split_path
from fluvial.kustomize.files import Root, Store
from fluvial.kustomize.filters import namespace
from fluvial.kustomize.godecode import Kind, ListOf, Struct, decode
from fluvial.kustomize.ids import Selector
from fluvial.kustomize.records import SELECTOR
from fluvial.kustomize.resmap import ResMap
from fluvial.kustomize.resource import Resource
from fluvial.stdx import Tree
from fluvial.yamldoc import YamlError, load
from fluvial.yamldoc.nodes import SCALAR


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where to put the value: a field, or the element of a file path in it (1-based, 0 = the whole field)."""

    selector: Selector | None = None
    field_path: str = ""
    file_path_position: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Additions:
    """A value and its targets, some of them in a file."""

    value: str = ""
    targets: list[Target] = field(default_factory=list)
    target_file_path: str = ""


_TARGETS = ListOf(
    Struct(
        "Target",
        Target,
        {"selector": SELECTOR, "fieldPath": Kind.TEXT, "filePathPosition": Kind.POSITION},
    )
)
_ADDITIONS = Struct(
    "ValueAddTransformerPlugin",
    Additions,
    {"value": Kind.TEXT, "targets": _TARGETS, "targetFilePath": Kind.TEXT},
)


def load_additions(config: Mapping[str, Any], root: Root) -> Additions:
    """Read the config; the value defaults to the folder's name.

    Raises:
        KustomizeError: no target, or one without a field.
    """
    adding: Additions = decode(config, _ADDITIONS, strict=False)
    targets = list(adding.targets)
    if adding.target_file_path:
        try:
            more = decode(load(root.load(adding.target_file_path)), _ADDITIONS, strict=False)
        except YamlError as cause:
            raise KustomizeError(str(cause), file=root.path(adding.target_file_path), line=cause.line) from cause
        targets += more.targets
    if not targets:
        raise KustomizeError("must specify at least one target", field="targets")
    for target in targets:
        if not target.field_path:
            raise KustomizeError("fieldPath cannot be empty", field="fieldPath")
        if target.file_path_position < 0:
            raise KustomizeError(
                f"value of FilePathPosition ({target.file_path_position}) cannot be negative", field="filePathPosition"
            )
    return replace(adding, value=adding.value.strip() or root.folder.rpartition("/")[2], targets=targets)


def add_values(resources: ResMap, adding: Additions) -> None:
    """Put the value into the field of every object that a target selects."""
    for target in adding.targets:
        chosen = list(resources) if target.selector is None else resources.select(target.selector)
        for item in chosen:
            if target.field_path == "metadata/namespace":
                namespace.set_in_object(
                    item, FieldSpecs(), namespace.setter(adding.value, False), namespace.DEFAULT_ONLY
                )
            else:
                _add(item, adding.value, target)


def _add(item: Resource, value: str, target: Target) -> None:
    path = split_path(target.field_path)
    node = lookup_create(item.node, path, SCALAR)
    if node is None:
        return
    expect(node, SCALAR)
    if target.file_path_position:
        value = insert_part(node.value, target.file_path_position - 1, value)
    if value:
        set_scalar(node, bare_node(value))


def insert_part(path: str, position: int, part: str) -> str:
    """Return the file path with `part` inserted at `position` (0-based); an absolute one stays absolute."""
    root, parts = ("/" if path.startswith("/") else ""), [piece for piece in path.split("/") if piece]
    position = min(position, len(parts))
    return root + "/".join((*parts[:position], part, *parts[position:]))


def iam_policy(config: Mapping[str, Any]) -> list[Resource]:
    """Return the service account that binds a GKE workload to a Google service account.

    Raises:
        KustomizeError: another cloud.
    """
    cloud = str(config.get("cloud") or "")
    if cloud != "gke":
        raise KustomizeError(f"cloud provider {cloud} not supported yet", field="cloud")
    service = config.get("kubernetesService") or {}
    account = config.get("serviceAccount") or {}
    email = f"{account.get('name', '')}@{account.get('projectId', '')}.iam.gserviceaccount.com"
    lines = [
        "apiVersion: v1",
        "kind: ServiceAccount",
        "metadata:",
        "  annotations:",
        f"    iam.gke.io/gcp-service-account: {email}",
        f"  name: {service.get('name', '')}",
    ]
    if service.get("namespace"):
        lines.append(f"  namespace: {service['namespace']}")
    return resources_from("\n".join(lines).encode(), Store(Tree({}), None))
