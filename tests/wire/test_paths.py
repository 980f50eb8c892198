"""Paths: what is built is parsed back, and namespaces are told from what lies in them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluvial.wire import ResourcePath, build_path, parse_path, verb_of

NAMES = st.text(min_size=1, max_size=20).filter(lambda text: text not in (".", ".."))


@pytest.mark.parametrize(
    ("path", "expect"),
    [
        ("/api/v1/namespaces", ResourcePath("", "v1", "namespaces")),
        ("/api/v1/namespaces/x", ResourcePath("", "v1", "namespaces", "x", "x")),
        ("/api/v1/namespaces/x/status", ResourcePath("", "v1", "namespaces", "x", "x", "status")),
        ("/api/v1/namespaces/x/finalize", ResourcePath("", "v1", "namespaces", "x", "x", "finalize")),
        ("/api/v1/namespaces/x/pods", ResourcePath("", "v1", "pods", "x")),
        ("/api/v1/namespaces/x/pods/p/log", ResourcePath("", "v1", "pods", "x", "p", "log")),
        ("/api/v1/nodes/n", ResourcePath("", "v1", "nodes", "", "n")),
        ("/apis/apps/v1/deployments", ResourcePath("apps", "v1", "deployments")),
        (
            "/apis/apps/v1/namespaces/x/deployments/d/scale",
            ResourcePath("apps", "v1", "deployments", "x", "d", "scale"),
        ),
        ("/api/v1/watch/pods", ResourcePath("", "v1", "pods", deprecated_watch=True)),
        ("/api/v1/nodes/n/proxy/a/b", ResourcePath("", "v1", "nodes", "", "n", "proxy", rest=("a", "b"))),
        ("/api", None),
        ("/api/v1", None),
        ("/apis/apps", None),
        ("/apis/apps/v1", None),
        ("/version", None),
        ("/", None),
    ],
)
def test_a_path_is_told_apart(path: str, expect: ResourcePath | None) -> None:
    assert parse_path(path) == expect


@given(NAMES, NAMES, st.sampled_from(["", "status", "scale"]), st.sampled_from(["", "apps", "example.com"]))
def test_what_is_built_is_parsed_back(namespace: str, name: str, sub: str, group: str) -> None:
    path = build_path(group, "v1", "things", namespace=namespace, name=name, subresource=sub)
    assert parse_path(path) == ResourcePath(group, "v1", "things", namespace, name, sub)


def test_the_verb_follows_from_method_name_and_watch() -> None:
    collection, one = ResourcePath("", "v1", "pods"), ResourcePath("", "v1", "pods", "x", "p")
    assert verb_of("GET", collection, watch=False) == "list"
    assert verb_of("GET", collection, watch=True) == "watch"
    assert verb_of("GET", one, watch=True) == "get"
    assert verb_of("DELETE", collection, watch=False) == "deletecollection"
    assert verb_of("DELETE", one, watch=False) == "delete"
    assert verb_of("OPTIONS", one, watch=False) is None
