"""Whatever is sent, the answer is a Status or an object, never a failure of ours."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fluvial.controlplane import ControlPlane
from fluvial.controlplane import Settings as PlaneSettings
from fluvial.net import ServerRequest
from fluvial.testing import VirtualClock, chance, run

PATHS = st.sampled_from(
    [
        "/api/v1/namespaces",
        "/api/v1/namespaces/default",
        "/api/v1/namespaces/default/configmaps",
        "/api/v1/namespaces/default/configmaps/a",
        "/api/v1/namespaces/default/pods",
        "/api/v1/namespaces/default/pods/a",
        "/api/v1/namespaces/default/pods/a/status",
        "/api/v1/namespaces/default/pods/a/binding",
        "/api/v1/namespaces/default/pods/a/eviction",
        "/api/v1/namespaces/default/services",
        "/api/v1/namespaces/default/services/kubernetes",
        "/api/v1/namespaces/default/secrets",
        "/api/v1/namespaces/default/events",
        "/apis/events.k8s.io/v1/namespaces/default/events",
        "/api/v1/namespaces/default/persistentvolumeclaims",
        "/apis/apps/v1/namespaces/default/deployments",
        "/apis/apps/v1/namespaces/default/deployments/a",
        "/apis/apps/v1/namespaces/default/deployments/a/scale",
        "/apis/apps/v1/namespaces/default/statefulsets",
        "/apis/apps/v1/namespaces/default/daemonsets",
        "/apis/batch/v1/namespaces/default/jobs",
        "/apis/batch/v1/namespaces/default/cronjobs",
        "/apis/autoscaling/v1/namespaces/default/horizontalpodautoscalers",
        "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
        "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/a.example.com",
        "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
        "/apis/authentication.k8s.io/v1/tokenreviews",
        "/apis/coordination.k8s.io/v1/namespaces/default/leases/a",
        "/openapi/v3/x",
        "/apis//v1/x",
        "/%ff/%00",
    ]
)
KEYS = st.sampled_from(
    [
        "apiVersion",
        "kind",
        "metadata",
        "name",
        "namespace",
        "labels",
        "annotations",
        "finalizers",
        "ownerReferences",
        "spec",
        "status",
        "template",
        "selector",
        "matchLabels",
        "containers",
        "image",
        "replicas",
        "ports",
        "port",
        "type",
        "data",
        "stringData",
        "versions",
        "names",
        "group",
        "scope",
        "plural",
        "schema",
        "openAPIV3Schema",
        "properties",
        "uid",
        "resourceVersion",
        "managedFields",
        "target",
        "deleteOptions",
        "conditions",
        "a",
    ]
)
LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(["", "a", "default", "v1", "apps/v1", "Pod", "object", "\x00", "é" * 300, "10Gi", "-1"]),
)  # fmt: skip
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=5)),
    max_leaves=25,
)
BODIES = st.one_of(
    st.binary(max_size=60), st.dictionaries(KEYS, VALUES, max_size=7).map(lambda v: json.dumps(v).encode())
)
TYPES = st.sampled_from(
    [
        "",
        "application/json",
        "application/yaml",
        "application/merge-patch+json",
        "application/json-patch+json",
        "application/strategic-merge-patch+json",
        "application/apply-patch+yaml",
        "application/vnd.kubernetes.protobuf",
        ";;;=",
    ]
)
QUERIES = st.one_of(
    st.just(""),
    st.just("fieldManager=f&force=true"),
    st.dictionaries(
        st.sampled_from(
            [
                "fieldManager",
                "force",
                "dryRun",
                "fieldValidation",
                "limit",
                "continue",
                "labelSelector",
                "fieldSelector",
                "resourceVersion",
                "resourceVersionMatch",
                "propagationPolicy",
                "gracePeriodSeconds",
                "includeObject",
                "pretty",
            ]
        ),
        st.sampled_from(
            ["", "x", "true", "All", "-1", "0", "1", "a=b", "a in (b", "metadata.name=a", "%ff", "Exact", "eyJ9"]
        ),
        max_size=3,
    ).map(lambda pairs: "&".join(f"{k}={v}" for k, v in pairs.items())),
)
REQUESTS = st.lists(
    st.tuples(
        st.sampled_from(["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "TRACE"]), PATHS, QUERIES, TYPES, BODIES
    ),
    min_size=1,
    max_size=8,
)


@settings(max_examples=150)
@given(REQUESTS)
def test_odd_requests_are_refused_politely(requests: list[tuple[str, str, str, str, bytes]]) -> None:
    async def main() -> None:
        plane = ControlPlane(clock=VirtualClock(), chance=chance())
        await plane.start()
        try:
            for method, path, query, kind, body in requests:
                headers = {"content-type": kind, "accept": "application/json"}
                answer = await plane.handle(ServerRequest(method, path, query, headers, body))
                assert answer.status < 500 or b"Internal error" not in bytes(answer.body), answer.body
        finally:
            await plane.stop()

    run(main())  # a failure of ours would reach the loop's handler and fail here too


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000,
        b'{"metadata":' * 50_000,
        b'{"metadata":{"name":"a"},"data":{"k":"' + b"\xff\xfe" + b'"}}',
        b'{"metadata":{"name":"a","name":"b"}}',
        b"null",
        b"[]",
        b'"text"',
        b"1e999",
    ],
)
def test_bodies_that_break_parsers_are_bad_requests(drive: Any, body: bytes) -> None:
    async def scenario(api: Any) -> None:
        for kind in ("application/json", "application/yaml"):
            reply = await api.send("POST", "/api/v1/namespaces/default/configmaps", body, content_type=kind)
            assert reply.code in (201, 400, 409, 422), reply.json
        path = "/api/v1/namespaces/default/configmaps/a?fieldManager=f"
        for kind in ("application/apply-patch+yaml", "application/merge-patch+json", "application/json-patch+json"):
            reply = await api.patch(path, body, kind)
            assert reply.code in (200, 201, 400, 404, 422), reply.json

    drive(scenario)


def test_a_body_over_the_limit_is_refused_with_a_status(drive: Any) -> None:
    async def scenario(api: Any) -> None:
        limit = PlaneSettings().body_limit
        reply = await api.send("POST", "/api/v1/namespaces/default/configmaps", b" " * (limit + 1))
        assert (reply.code, reply.json["reason"]) == (413, "RequestEntityTooLarge")
        assert reply.message == "Request entity too large: limit is 3145728"

    drive(scenario)
