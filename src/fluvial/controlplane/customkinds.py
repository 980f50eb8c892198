"""From a CustomResourceDefinition to the resources that it serves."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from fluvial.controlplane.resources import Custom, CustomColumn, Resource, ScalePaths, Subresource, version_rank
from fluvial.controlplane.schemas import Kind, compile_crd
from fluvial.objects import Object

_VERBS = frozenset({"create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"})
_SUBRESOURCE_VERBS = frozenset({"get", "patch", "update"})


def resources_of(crd: Object) -> tuple[Resource, ...]:
    """Return the served versions of a definition.

    Raises:
        SchemaError: a schema is not structural.
    """
    spec = crd["spec"]
    kinds = compile_crd(crd)
    stored = next(v["name"] for v in spec["versions"] if v.get("storage"))
    served = [v for v in spec["versions"] if v.get("served")]
    versions = {f"{spec['group']}/{v['name']}": kinds[v["name"]] for v in served}
    return tuple(_resource(crd, version, f"{spec['group']}/{stored}", versions) for version in served)


def _resource(crd: Object, version: dict[str, Any], stored: str, versions: Mapping[str, Kind]) -> Resource:
    spec = crd["spec"]
    names, group, name = spec["names"], spec["group"], version["name"]
    kind = versions[f"{group}/{name}"]
    return Resource(
        group=group,
        version=name,
        plural=names["plural"],
        kind=names["kind"],
        singular=names.get("singular") or names["kind"].lower(),
        namespaced=spec["scope"] == "Namespaced",
        verbs=_VERBS,
        short_names=tuple(names.get("shortNames") or ()),
        categories=tuple(names.get("categories") or ()),
        list_kind=names.get("listKind") or f"{names['kind']}List",
        storage=crd["metadata"]["name"],
        storage_version=stored,
        subresources=_subresources(version, group, names["kind"]),
        load=_always(kind),
        siblings=versions.get,
        custom=_custom(crd, version),
    )


def _always(kind: Kind) -> Callable[[], Kind]:
    return lambda: kind


def _subresources(version: dict[str, Any], group: str, kind: str) -> dict[str, Subresource]:
    declared = version.get("subresources") or {}
    found = {}
    if declared.get("status") is not None:
        found["status"] = Subresource("status", _SUBRESOURCE_VERBS, kind, group, version["name"])
    if declared.get("scale") is not None:
        found["scale"] = Subresource("scale", _SUBRESOURCE_VERBS, "Scale", "autoscaling", "v1")
    return found


def _custom(crd: Object, version: dict[str, Any]) -> Custom:
    scale = (version.get("subresources") or {}).get("scale")
    columns = tuple(
        CustomColumn(
            name=column["name"],
            type=column["type"],
            path=column["jsonPath"],
            format=column.get("format") or "",
            description=column.get("description") or "",
            priority=column.get("priority") or 0,
        )
        for column in version.get("additionalPrinterColumns") or ()
    )
    deprecation = ""
    if version.get("deprecated"):
        spec = crd["spec"]
        kind, group = spec["names"]["kind"], spec["group"]
        deprecation = version.get("deprecationWarning") or f"{group}/{version['name']} {kind} is deprecated"
        better = [v["name"] for v in spec["versions"] if v.get("served") and not v.get("deprecated")]
        better = sorted((v for v in better if version_rank(v) < version_rank(version["name"])), key=version_rank)
        if better and not version.get("deprecationWarning"):
            deprecation += f"; use {group}/{better[0]} {kind}"
    return Custom(
        crd=crd["metadata"]["name"],
        schema=(version.get("schema") or {}).get("openAPIV3Schema") or {"type": "object"},
        columns=columns,
        scale=None if scale is None else _scale(scale),
        selectable=frozenset(field["jsonPath"].lstrip(".") for field in version.get("selectableFields") or ()),
        deprecation=deprecation,
    )


def _scale(scale: dict[str, Any]) -> ScalePaths:
    return ScalePaths(
        replicas=_path(scale["specReplicasPath"]),
        status_replicas=_path(scale["statusReplicasPath"]),
        selector=_path(scale.get("labelSelectorPath") or ""),
    )


def _path(text: str) -> tuple[str, ...]:
    return tuple(part for part in text.split(".") if part)
