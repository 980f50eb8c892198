"""From an object in the cluster back to the source it came from."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo

from fluvial.api import names
from fluvial.gotext import parse_rfc3339
from fluvial.insight.errors import InsightError
from fluvial.kube import Client
from fluvial.objects import Object, Ref, dig, get_condition, labels

_HELM_V2 = f"{names.HELM_GROUP}/v2"
_KINDS = ("GitRepository", "OCIRepository", "ExternalArtifact", "HelmRepository")
_ORIGIN_SOURCE = "org.opencontainers.image.source"


class TraceError(InsightError):
    """The chain is broken or was never there; the text says where."""


@dataclass(frozen=True, slots=True)
class Block:
    """One link of the chain: labels and values, the labels padded to `width` when shown."""

    lines: tuple[tuple[str, str], ...]
    width: int


async def trace(client: Client, obj: Object, zone: tzinfo | None = None) -> Sequence[Block]:
    """Return the chain from `obj` to its source.

    Args:
        zone: the time zone for times; None = this machine's.
    Raises:
        TraceError: no Flux object manages `obj`, or a link is gone.
    """
    owner = await _owner(client, obj, names.KUSTOMIZE_GROUP)
    if owner is not None:
        return [_head(obj, 17), *await _kustomization(client, owner, zone)]
    owner = await _owner(client, obj, names.HELM_GROUP)
    if owner is not None:
        return [_head(obj, 16), *await _release(client, owner, zone)]
    raise TraceError("object not managed by Flux")


def draw_trace(blocks: Sequence[Block]) -> str:
    """Return the chain as `flux trace` prints it."""
    texts = ["".join(f"{label:<{block.width}}{value}\n" for label, value in block.lines) for block in blocks]
    return "\n" + "---\n".join(texts)


async def _owner(client: Client, obj: Object, group: str) -> Ref | None:
    """Return the Flux object whose labels `obj` or one of its owners carries."""
    mine = labels(obj)
    if mine.get(f"{group}/name"):
        kind = "Kustomization" if group == names.KUSTOMIZE_GROUP else "HelmRelease"
        return Ref(group, "", kind, mine.get(f"{group}/namespace", ""), mine[f"{group}/name"])
    for reference in dig(obj, "metadata", "ownerReferences", default=[]):
        namespace = str(dig(obj, "metadata", "namespace", default=""))
        above = await client.get(reference["apiVersion"], reference["kind"], namespace, reference["name"])
        if above is None:
            return None
        found = await _owner(client, above, group)
        if found is not None:
            return found
    return None


def _head(obj: Object, width: int) -> Block:
    ref = Ref.of(obj)
    lines = [("Object:", f"{ref.kind}/{ref.name}")]
    if ref.namespace:
        lines.append(("Namespace:", ref.namespace))
    return Block((*lines, ("Status:", "Managed by Flux")), width)


async def _found(client: Client, api_version: str, kind: str, namespace: str, name: str, word: str = "") -> Object:
    obj = await client.get(api_version, kind, namespace, name)
    if obj is None:
        resource = await client.resource(api_version, kind)
        raise TraceError(f'failed to find {word or kind}: {resource.plural}.{resource.group} "{name}" not found')
    return obj


async def _kustomization(client: Client, owner: Ref, zone: tzinfo | None) -> Sequence[Block]:
    kustomization = await _found(
        client, names.KUSTOMIZE_V1, "Kustomization", owner.namespace, owner.name, "kustomization"
    )
    spec = kustomization["spec"]
    lines = [("Kustomization:", owner.name), ("Namespace:", owner.namespace)]
    if spec.get("targetNamespace"):
        lines.append(("Target:", spec["targetNamespace"]))
    lines.append(("Path:", str(spec.get("path", ""))))
    lines.append(("Revision:", str(dig(kustomization, "status", "lastAppliedRevision", default=""))))
    lines += _status(kustomization, zone)
    blocks = [Block(tuple(lines), 17)]
    reference = spec["sourceRef"]
    if reference["kind"] in _KINDS:
        namespace = reference.get("namespace") or owner.namespace
        source = await _found(client, names.SOURCE_V1, reference["kind"], namespace, reference["name"])
        blocks.append(_source(source, zone, 17, failures=True, origins=True))
    return blocks


async def _release(client: Client, owner: Ref, zone: tzinfo | None) -> Sequence[Block]:
    release = await _found(client, _HELM_V2, "HelmRelease", owner.namespace, owner.name)
    lines = [("HelmRelease:", owner.name), ("Namespace:", owner.namespace)]
    if dig(release, "spec", "targetNamespace"):
        lines.append(("Target:", release["spec"]["targetNamespace"]))
    lines.append(("Revision:", str(dig(release, "status", "lastAttemptedRevision", default=""))))
    blocks = [Block((*lines, *_status(release, zone)), 16)]
    chart_name = dig(release, "status", "helmChart", default="")
    if chart_name:
        namespace, _, name = chart_name.rpartition("/")
        blocks.append(_chart(await _found(client, names.SOURCE_V1, "HelmChart", namespace, name), zone))
    inline = dig(release, "spec", "chart", "spec", "sourceRef", default=None)
    reference = inline or dig(release, "spec", "chartRef", default={})
    kind = reference.get("kind")
    if kind in (("GitRepository", "HelmRepository") if inline else ("OCIRepository", "ExternalArtifact")):
        namespace = reference.get("namespace") or owner.namespace
        source = await _found(client, names.SOURCE_V1, kind, namespace, reference["name"])
        width = {"GitRepository": 15, "HelmRepository": 16}.get(kind, 17)
        blocks.append(_source(source, zone, width, failures=kind != "HelmRepository", origins=False))
    return blocks


def _chart(chart: Object, zone: tzinfo | None) -> Block:
    metadata, spec = chart["metadata"], chart["spec"]
    lines = [("HelmChart:", metadata["name"]), ("Namespace:", metadata["namespace"])]
    lines += [("Chart:", str(spec.get("chart", ""))), ("Version:", str(spec.get("version", "")))]
    return Block((*lines, *_revision(chart), *_status(chart, zone)), 16)


def _source(source: Object, zone: tzinfo | None, width: int, *, failures: bool, origins: bool) -> Block:
    """Return the block of a source.

    Args:
        failures: say so when the last reconciliation failed; flux does it for some kinds only.
        origins: show where an OCI artifact was made from.
    """
    ref, spec = Ref.of(source), source.get("spec", {})
    lines = [(f"{ref.kind}:", ref.name), ("Namespace:", ref.namespace)]
    if ref.kind == "ExternalArtifact":
        origin = spec.get("sourceRef")
        if not origin:
            raise TraceError(f"ExternalArtifact {ref.namespace}/{ref.name} is missing spec.sourceRef")
        lines.append(("Source:", f"{origin.get('kind')}/{origin.get('namespace', '')}/{origin.get('name')}"))
    else:
        lines.append(("URL:", str(spec.get("url", ""))))
    lines += _pinned(ref.kind, spec.get("ref") or {})
    lines += _revision(source)
    if origins:
        metadata = dig(source, "status", "artifact", "metadata", default={})
        marks = (("Origin Revision:", names.ORIGIN_REVISION_ANNOTATION), ("Origin Source:", _ORIGIN_SOURCE))
        lines += [(label, metadata[key]) for label, key in marks if metadata.get(key)]
    return Block((*lines, *_status(source, zone, failures=failures)), width)


def _pinned(kind: str, reference: Object) -> Sequence[tuple[str, str]]:
    last = ("Branch:", "branch") if kind == "GitRepository" else ("Digest:", "digest")
    for label, key in (("Tag:", "tag"), ("Tag:", "semver"), last):
        if reference.get(key):
            return [(label, reference[key])]
    return []


def _revision(obj: Object) -> Sequence[tuple[str, str]]:
    artifact = dig(obj, "status", "artifact", default=None)
    return [("Revision:", str(artifact.get("revision", "")))] if artifact else []


def _status(obj: Object, zone: tzinfo | None, *, failures: bool = False) -> Sequence[tuple[str, str]]:
    ready = get_condition(obj, "Ready")
    if ready is None:
        return [("Status:", "Unknown")]
    when = go_time(parse_rfc3339(ready["lastTransitionTime"]), zone)
    failed = failures and ready.get("status") == "False"
    text = "Last reconciliation failed at" if failed else "Last reconciled at"
    return [("Status:", f"{text} {when}"), ("Message:", str(ready.get("message", "")))]


def go_time(moment: datetime, zone: tzinfo | None) -> str:
    """Return a time as Go prints one: `2021-08-01 04:52:56 +0000 UTC`."""
    local = moment.astimezone(zone)
    return local.strftime("%Y-%m-%d %H:%M:%S %z ") + (local.tzname() or "")
