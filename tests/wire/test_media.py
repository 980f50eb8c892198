"""Which representation a client gets for what it says it accepts."""

import pytest

from fluvial.wire.media import Negotiated, negotiate, negotiate_discovery, patch_kind

TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"


@pytest.mark.parametrize(
    ("accept", "expect"),
    [
        ("", Negotiated()),
        ("*/*", Negotiated()),
        ("application/json", Negotiated()),
        ("application/yaml", Negotiated("yaml")),
        ("application/vnd.kubernetes.protobuf,application/json", Negotiated()),
        (TABLE, Negotiated("json", "table")),
        (f"{TABLE},application/json", Negotiated("json", "table")),
        ("application/json;q=0.5, application/yaml", Negotiated("yaml")),
        ("application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io", Negotiated("json", "metadata")),
        ("application/json;as=Unknown;v=v1;g=meta.k8s.io,application/json", Negotiated()),
        ("application/json;as=Table;v=v9;g=meta.k8s.io", None),
        ("application/vnd.kubernetes.protobuf", None),
        ("text/html", None),
    ],
)
def test_a_representation_is_chosen(accept: str, expect: Negotiated | None) -> None:
    assert negotiate(accept) == expect


def test_discovery_is_aggregated_for_those_who_ask() -> None:
    v2 = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
    assert negotiate_discovery(f"{v2},application/json") == "v2"
    assert negotiate_discovery(f"application/json;g=apidiscovery.k8s.io;v=v3;as=APIGroupDiscoveryList,{v2}") == "v2"
    assert negotiate_discovery("application/json") == "legacy"
    assert negotiate_discovery("") == "legacy"
    assert negotiate_discovery("text/html") is None


def test_patches_are_told_by_their_media_type() -> None:
    assert patch_kind("application/apply-patch+yaml") == "apply"
    assert patch_kind("application/merge-patch+json; charset=utf-8") == "merge"
    assert patch_kind("application/json") is None
