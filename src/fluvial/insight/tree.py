"""What a Kustomization manages, and what those things manage in turn, as a tree."""

import base64
import binascii
import gzip
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from fluvial.api import inventory, names
from fluvial.insight.errors import InsightError
from fluvial.kube import Client
from fluvial.objects import Object, Ref, dig
from fluvial.yamldoc import load_all

_HELM_V2 = f"{names.HELM_GROUP}/v2"
_FLUX = "toolkit.fluxcd.io"


class TreeError(InsightError):
    """Something that the tree needs is missing or unreadable; the text names it."""


@dataclass(slots=True)
class Node:
    """One object and what it manages, in the order of its inventory."""

    ref: Ref
    children: "list[Node]" = field(default_factory=list)


async def kustomization_tree(client: Client, kustomization: Object, *, compact: bool = False) -> Node:
    """Return the tree below `kustomization`.

    Args:
        compact: leave out what is not a Flux object.
    Raises:
        TreeError: a Kustomization of the inventory is gone, or a Helm release cannot be read.
    """
    node = Node(Ref.of(kustomization))
    await _grow(client, node, kustomization, compact)
    return node


async def _grow(client: Client, node: Node, kustomization: Object, compact: bool) -> None:
    for ref in inventory.read_inventory(kustomization):
        if (compact and _FLUX not in ref.group) or ref == Ref.of(kustomization):
            continue
        child = Node(ref)
        node.children.append(child)
        if ref.group == names.HELM_GROUP and ref.kind == "HelmRelease":
            child.children = [
                Node(inner) for inner in await _released(client, ref) if not compact or _FLUX in inner.group
            ]
        # What a Kustomization for a remote cluster lists is not on this one.
        if (
            ref.group == names.KUSTOMIZE_GROUP
            and ref.kind == "Kustomization"
            and not dig(kustomization, "spec", "kubeConfig")
        ):
            inner_object = await client.get(names.KUSTOMIZE_V1, ref.kind, ref.namespace, ref.name)
            if inner_object is None:
                raise TreeError(f'failed to find object: kustomizations.{names.KUSTOMIZE_GROUP} "{ref.name}" not found')
            await _grow(client, child, inner_object, compact)


async def _released(client: Client, ref: Ref) -> Sequence[Ref]:
    """Return the objects of the newest Helm release, read from Helm's own Secret; none without a release here."""
    release = await client.get(_HELM_V2, ref.kind, ref.namespace, ref.name)
    namespace = dig(release, "status", "storageNamespace", default="")
    latest = dig(release, "status", "history", 0, default=None)
    if release is None or dig(release, "spec", "kubeConfig") or not namespace or latest is None:
        return []
    secret = await client.get("v1", "Secret", namespace, f"sh.helm.release.v1.{latest['name']}.v{latest['version']}")
    if secret is None:
        return []
    try:
        manifest = _manifest(dig(secret, "data", "release", default=""))
    except (ValueError, binascii.Error, OSError, KeyError) as error:
        where = f"{ref.namespace}/{ref.name}"
        raise TreeError(f"failed to decode the Helm storage object for HelmRelease '{where}': {error}") from error
    refs = []
    for document in load_all(manifest):
        if document.value:
            refs.append(await _placed(client, Ref.of(document.value), str(latest.get("namespace", ""))))
    return [*refs, *await _crds(client, release, refs)]


def _manifest(encoded: str) -> str:
    raw = base64.b64decode(base64.b64decode(encoded, validate=True), validate=True)
    if raw.startswith(b"\x1f\x8b\x08"):
        raw = gzip.decompress(raw)
    return str(json.loads(raw)["manifest"])


async def _placed(client: Client, ref: Ref, namespace: str) -> Ref:
    """Return `ref` in the release's namespace if its kind has namespaces and the manifest named none."""
    if ref.namespace:
        return ref
    from fluvial.kube import NotServed

    try:
        resource = await client.resource(ref.api_version, ref.kind)
    except NotServed:
        return ref
    return Ref(ref.group, ref.version, ref.kind, namespace, ref.name) if resource.namespaced else ref


async def _crds(client: Client, release: Object, known: Sequence[Ref]) -> Sequence[Ref]:
    """Return the CRDs that the release brought from its chart's `crds` folder."""
    policies = [dig(release, "spec", action, "crds", default="") for action in ("install", "upgrade")]
    if not any(policy and policy != "Skip" for policy in policies):
        return []
    metadata = release["metadata"]
    mine = f"{names.HELM_GROUP}/name={metadata['name']},{names.HELM_GROUP}/namespace={metadata['namespace']}"
    found = await client.list("apiextensions.k8s.io/v1", "CustomResourceDefinition", labels=mine)
    return [ref for ref in map(Ref.of, found.items) if ref not in known]


def draw_tree(node: Node) -> str:
    """Return the tree with lines, as `flux tree` draws it."""
    return f"{node.ref}\n" + "".join(_branches(node, ""))


def _branches(node: Node, lead: str) -> Sequence[str]:
    lines: list[str] = []
    for index, child in enumerate(node.children):
        last = index == len(node.children) - 1
        lines.append(f"{lead}{'└── ' if last else '├── '}{child.ref}\n")
        lines += _branches(child, lead + ("    " if last else "│   "))
    return lines


def tree_as_data(node: Node) -> dict[str, Any]:
    """Return the tree as `flux tree -o json` prints it."""
    ref = node.ref
    kind = {"Group": ref.group, "Kind": ref.kind}
    data: dict[str, Any] = {"resource": {"GroupKind": kind, "Name": ref.name, "Namespace": ref.namespace}}
    if node.children:
        data["resources"] = [tree_as_data(child) for child in node.children]
    return data
