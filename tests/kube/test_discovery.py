"""Which kinds there are, asked as seldom as possible and never answered "gone" without proof."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from fluvial.kube import ApiError, Client, DiscoveryIncomplete, NotServed, Unreachable
from fluvial.net import Fault, ServerRequest
from fluvial.testing import run
from tests.kube.world import APPS, MAP, Server, failure, reply

NEW = [{"resource": "widgets", "responseKind": {"kind": "Widget"}, "scope": "Namespaced", "verbs": ["get"]}]


def outcome(server: Server, use: Callable[[Client], Awaitable[Any]]) -> Any:
    async def main() -> Any:
        client = server.client()
        try:
            return await use(client)
        finally:
            await client.close()

    return run(main())


def looks(server: Server) -> int:
    return server.asked(discovery=True).count("GET /apis")


def test_a_kind_is_told_with_everything_that_discovery_says() -> None:
    found = outcome(Server(), lambda client: client.resource("v1", "Namespace"))
    assert found.api_version == "v1"
    assert (found.plural, found.namespaced, found.singular) == ("namespaces", False, "namespace")
    assert found.short_names == ("ns",)
    assert found.subresources == {"status"}
    assert found.verbs == {"get"}


def test_known_kinds_are_never_asked_for_again_an_unknown_one_is_once() -> None:
    server = Server()

    async def main(client: Client) -> None:
        await asyncio.gather(*[client.resource("v1", "ConfigMap") for _ in range(10)])
        assert looks(server) == 1
        for _ in range(10):
            with pytest.raises(NotServed, match=r'no matches for kind "Widget" in version "x\.io/v1"'):
                await client.resource("x.io/v1", "Widget")
        assert looks(server) == 2

    outcome(server, main)


def test_a_kind_that_comes_later_is_found_after_a_moment_and_at_once_when_asked_freshly() -> None:
    server = Server()

    async def main(client: Client) -> None:
        with pytest.raises(NotServed):
            await client.resource("x.io/v1", "Widget")
        server.groups = {"apps/v1": APPS, "x.io/v1": NEW}
        with pytest.raises(NotServed):
            await client.resource("x.io/v1", "Widget")
        assert (await client.resource("x.io/v1", "Widget", fresh=True)).plural == "widgets"
        server.groups = {**server.groups, "y.io/v1": NEW}
        await asyncio.sleep(1.1)
        assert (await client.resource("y.io/v1", "Widget")).plural == "widgets"
        assert client.discovery_changes == 3

    outcome(server, main)


def test_a_crd_written_by_us_ends_every_earlier_miss() -> None:
    server = Server()
    crds = {"resource": "customresourcedefinitions", "responseKind": {"kind": "CustomResourceDefinition"}}
    group = "apiextensions.k8s.io/v1"
    server.groups = {group: [{**crds, "scope": "Cluster", "verbs": ["create"]}]}
    server.answer("POST", f"/apis/{group}/customresourcedefinitions", reply(201, {}))
    crd = {"apiVersion": group, "kind": "CustomResourceDefinition", "metadata": {"name": "widgets.x.io"}}

    async def main(client: Client) -> None:
        with pytest.raises(NotServed):
            await client.resource("x.io/v1", "Widget")
        server.groups = {**server.groups, "x.io/v1": NEW}
        await client.create(crd)
        assert (await client.resource("x.io/v1", "Widget")).plural == "widgets"

    outcome(server, main)


def test_a_burst_of_questions_is_one_look_and_none_is_answered_by_a_look_from_before_it() -> None:
    server = Server()
    server.latency = 1

    async def main(client: Client) -> None:
        early = [asyncio.create_task(client.resource("x.io/v1", "Widget")) for _ in range(100)]
        await asyncio.sleep(0.5)  # the first look is under way, its answer was made without the kind
        server.groups = {"x.io/v1": NEW}
        late = [asyncio.create_task(client.resource("x.io/v1", "Widget")) for _ in range(100)]
        results = await asyncio.gather(*early, return_exceptions=True)
        assert not [result for result in results if isinstance(result, NotServed)]
        assert {resource.plural for resource in await asyncio.gather(*late)} == {"widgets"}

    outcome(server, main)
    assert looks(server) == 2


def test_an_api_that_does_not_answer_makes_its_kinds_unknown_and_not_gone() -> None:
    server = Server()
    server.groups = {"apps/v1": APPS, "metrics.k8s.io/v1beta1": []}
    server.stale = ("metrics.k8s.io/v1beta1",)

    async def main(client: Client) -> None:
        assert (await client.resource("apps/v1", "Deployment")).plural == "deployments"
        with pytest.raises(DiscoveryIncomplete, match=r"metrics\.k8s\.io/v1beta1"):
            await client.resource("metrics.k8s.io/v1beta1", "PodMetrics")
        with pytest.raises(DiscoveryIncomplete):
            await client.resource("metrics.k8s.io/v1", "PodMetrics")
        with pytest.raises(NotServed):
            await client.resource("x.io/v1", "Widget")
        with pytest.raises(DiscoveryIncomplete) as caught:
            await client.resources()
        assert {resource.kind for resource in caught.value.found} == {"ConfigMap", "Namespace", "Deployment"}

    outcome(server, main)


def test_a_failed_look_is_an_error_for_all_who_wait_and_is_tried_again_later() -> None:
    server = Server()
    server.fault = lambda request: Fault(refuse=True)

    async def main(client: Client) -> None:
        results = await asyncio.gather(*[client.resource("v1", "ConfigMap") for _ in range(5)], return_exceptions=True)
        assert all(isinstance(result, Unreachable) for result in results)
        server.fault = lambda request: None
        assert (await client.resource("v1", "ConfigMap")).plural == "configmaps"

    outcome(server, main)


def test_cancelling_one_who_waits_leaves_the_look_to_the_others() -> None:
    server = Server()
    server.fault = lambda request: Fault(delay=1)

    async def main(client: Client) -> None:
        first = asyncio.create_task(client.resource("v1", "ConfigMap"))
        second = asyncio.create_task(client.resource("v1", "ConfigMap"))
        await asyncio.sleep(0.5)
        first.cancel()
        assert (await second).plural == "configmaps"
        await asyncio.gather(first, return_exceptions=True)

    outcome(server, main)


def legacy(server: Server, broken: str = "") -> None:
    """Make `server` one that has no aggregated discovery."""
    server.answer("GET", "/api", reply(200, {"kind": "APIVersions", "versions": ["v1"]}))
    core = [
        {"name": "configmaps", "kind": "ConfigMap", "namespaced": True, "verbs": ["get"], "singularName": "configmap"},
        {"name": "namespaces", "kind": "Namespace", "namespaced": False, "verbs": ["get"], "shortNames": ["ns"]},
        {"name": "namespaces/status", "kind": "Namespace", "namespaced": False, "verbs": ["get"]},
    ]
    server.answer("GET", "/api/v1", reply(200, {"kind": "APIResourceList", "resources": core}))
    groups = [
        {
            "name": "apps",
            "versions": [{"groupVersion": "apps/v1beta1"}, {"groupVersion": "apps/v1"}],
            "preferredVersion": {"groupVersion": "apps/v1"},
        }
    ]
    server.answer("GET", "/apis", reply(200, {"kind": "APIGroupList", "groups": groups}))
    deployments = [{"name": "deployments", "kind": "Deployment", "namespaced": True, "verbs": ["get"]}]
    for version in ("apps/v1", "apps/v1beta1"):
        answer = (
            failure(503, "ServiceUnavailable", "down") if version == broken else reply(200, {"resources": deployments})
        )
        server.answer("GET", f"/apis/{version}", answer)


def test_a_server_without_aggregated_discovery_is_asked_group_by_group() -> None:
    server = Server()
    legacy(server)

    async def main(client: Client) -> None:
        found = await client.resources()
        assert [(one.api_version, one.kind) for one in found] == [
            ("v1", "ConfigMap"),
            ("v1", "Namespace"),
            ("apps/v1", "Deployment"),
            ("apps/v1beta1", "Deployment"),
        ]
        assert found[1].subresources == {"status"}
        assert found[1].short_names == ("ns",)

    outcome(server, main)


def test_one_broken_group_of_such_a_server_does_not_hide_the_others() -> None:
    server = Server()
    legacy(server, broken="apps/v1beta1")

    async def main(client: Client) -> None:
        assert (await client.resource("apps/v1", "Deployment")).plural == "deployments"
        with pytest.raises(DiscoveryIncomplete, match="down"):
            await client.resource("apps/v1beta1", "Deployment")

    outcome(server, main)


def test_a_forbidden_discovery_is_said_as_it_is() -> None:
    server = Server()
    server.answer("GET", "/apis", failure(403, "Forbidden", "you may not look"))
    with pytest.raises(ApiError, match="you may not look"):
        outcome(server, lambda client: client.get("v1", "ConfigMap", "ns", "a"))


def test_a_404_for_a_path_that_should_be_there_makes_us_look_again() -> None:
    server = Server()

    def moved(request: ServerRequest) -> Any:
        return failure(404, "NotFound", "the server could not find the requested resource")

    server.answer("PATCH", "/apis/apps/v1/namespaces/ns/deployments/a", moved)
    deployment = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": MAP["metadata"]}

    async def main(client: Client) -> None:
        with pytest.raises(ApiError) as caught:
            await client.apply(deployment, field_manager="me")
        assert caught.value.is_not_found

    outcome(server, main)
    assert looks(server) == 2
