"""Media types, and which representation of an object a client asked for.

Source: k8s.io/apiserver `endpoints/handlers/negotiation`. Protobuf is understood as a wish that is never granted:
clients that name it list JSON too.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

JSON = "application/json"
YAML = "application/yaml"
PROTOBUF = "application/vnd.kubernetes.protobuf"
JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"
STRATEGIC_PATCH = "application/strategic-merge-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"

Format = Literal["json", "yaml"]
Shape = Literal["object", "table", "metadata"]
PatchKind = Literal["json", "merge", "strategic", "apply"]

TABLE = f"{JSON};as=Table;v=v1;g=meta.k8s.io"
METADATA = f"{JSON};as=PartialObjectMetadata;v=v1;g=meta.k8s.io"
METADATA_LIST = f"{JSON};as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"
DISCOVERY = f"{JSON};g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
ACCEPT_TABLE = f"{TABLE},{JSON}"
ACCEPT_METADATA = f"{METADATA},{JSON}"
ACCEPT_METADATA_LIST = f"{METADATA_LIST},{JSON}"
ACCEPT_DISCOVERY = f"{DISCOVERY},{JSON}"

_PATCH_KINDS: dict[str, PatchKind] = {
    JSON_PATCH: "json",
    MERGE_PATCH: "merge",
    STRATEGIC_PATCH: "strategic",
    APPLY_PATCH: "apply",
}
PATCH_TYPES: dict[PatchKind, str] = {kind: media for media, kind in _PATCH_KINDS.items()}

_SHAPES: dict[str, Shape] = {
    "Table": "table",
    "PartialObjectMetadata": "metadata",
    "PartialObjectMetadataList": "metadata",
}
_ANY = frozenset({"*/*", "application/*", JSON})
SERVED = _ANY | {YAML}


@dataclass(frozen=True, slots=True)
class MediaType:
    """One media range of an Accept header, or one Content-Type."""

    name: str
    params: tuple[tuple[str, str], ...] = ()

    def param(self, key: str) -> str:
        return next((value for name, value in self.params if name == key), "")


@dataclass(frozen=True, slots=True)
class Negotiated:
    """The representation to answer with.

    `group_version` is the version that was asked for a Table or metadata ("v1" or "v1beta1" of meta.k8s.io).
    """

    format: Format = "json"
    shape: Shape = "object"
    group_version: str = "meta.k8s.io/v1"
    pretty: bool = False

    @property
    def content_type(self) -> str:
        return JSON if self.format == "json" else YAML


def parse_media_type(text: str) -> MediaType:
    """Parse `type/subtype;key=value;...`; names and keys come back in lower case, values as they are."""
    name, *rest = text.split(";")
    params = []
    for part in rest:
        key, _, value = part.partition("=")
        params.append((key.strip().lower(), value.strip().strip('"')))
    return MediaType(name.strip().lower(), tuple(params))


def parse_accept(accept: str) -> list[MediaType]:
    """Return the ranges of an Accept header, the best first (by `q`, then as written)."""
    ranges = [parse_media_type(part) for part in accept.split(",") if part.strip()]
    return sorted(ranges, key=lambda media: -_quality(media))


def _quality(media: MediaType) -> float:
    try:
        return float(media.param("q") or 1)
    except ValueError:
        return 0.0


@lru_cache(maxsize=256)
def negotiate(accept: str) -> Negotiated | None:
    """Choose the representation of a resource, or None when nothing that was named can be served (answer 406)."""
    if not accept.strip():
        return Negotiated()
    for media in parse_accept(accept):
        chosen = _representation(media)
        if chosen is not None:
            return chosen
    return None


def _representation(media: MediaType) -> Negotiated | None:
    if media.name in _ANY:
        form: Format = "json"
    elif media.name == YAML:
        form = "yaml"
    else:
        return None
    pretty = media.param("pretty") in ("1", "true")
    kind = media.param("as")
    if not kind:
        return Negotiated(form, pretty=pretty)
    shape, group, version = _SHAPES.get(kind), media.param("g"), media.param("v")
    if shape is None or group != "meta.k8s.io" or version not in ("v1", "v1beta1"):
        return None
    return Negotiated(form, shape, f"{group}/{version}", pretty=pretty)


@lru_cache(maxsize=256)
def negotiate_discovery(accept: str) -> Literal["v2", "v2beta1", "legacy"] | None:
    """Choose between aggregated discovery and the old lists; None when nothing that was named can be served."""
    if not accept.strip():
        return "legacy"
    for media in parse_accept(accept):
        if media.name not in _ANY and media.name != YAML:
            continue
        kind = media.param("as")
        if not kind:
            return "legacy"
        if kind == "APIGroupDiscoveryList" and media.param("g") == "apidiscovery.k8s.io" and media.name == JSON:
            version = media.param("v")
            if version == "v2":
                return "v2"
            if version == "v2beta1":
                return "v2beta1"
    return None


def patch_kind(content_type: str) -> PatchKind | None:
    """Return the kind of patch that a Content-Type names, or None (answer 415)."""
    return _PATCH_KINDS.get(parse_media_type(content_type).name)


def body_format(content_type: str) -> Format | None:
    """Return the format of a request body; no Content-Type means JSON, None is one we cannot read (answer 415)."""
    name = parse_media_type(content_type).name
    if name in ("", JSON):
        return "json"
    if name == YAML:
        return "yaml"
    return None
