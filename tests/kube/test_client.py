"""What the client asks, and what it makes of the answers."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import msgspec
import pytest

from fluvial.kube import ApiError, Client, Expired, NotServed, Unreachable
from fluvial.net import Fault, ServerRequest, ServerResponse
from fluvial.objects import Ref
from fluvial.telemetry import Registry
from fluvial.testing import run
from tests.kube.world import API, JSON, MAP, Server, failure, reply

PATH = "/api/v1/namespaces/ns/configmaps/a"
Use = Callable[[Client], Awaitable[Any]]


def outcome(server: Server, use: Use) -> Any:
    """Return what `use` returns or raises, with a client of `server`, on virtual time."""

    async def main() -> Any:
        client = server.client()
        try:
            return await use(client)
        finally:
            await client.close()

    return run(main())


APPLY: Use = lambda client: client.apply(MAP, field_manager="me")  # noqa: E731
CREATE: Use = lambda client: client.create(MAP)  # noqa: E731
GET: Use = lambda client: client.get("v1", "ConfigMap", "ns", "a")  # noqa: E731
MERGE: Use = lambda client: client.patch(Ref.of(MAP), {}, kind="merge")  # noqa: E731


@pytest.mark.parametrize(
    ("use", "line", "content_type"),
    [
        (GET, f"GET {PATH}", ""),
        (CREATE, "POST /api/v1/namespaces/ns/configmaps", "application/json"),
        (lambda c: c.create(MAP, dry_run=True, field_manager="m e"), None, "application/json"),
        (lambda c: c.update(MAP), f"PUT {PATH}", "application/json"),
        (lambda c: c.update(MAP, subresource="status"), f"PUT {PATH}/status", "application/json"),
        (MERGE, f"PATCH {PATH}", "application/merge-patch+json"),
        (lambda c: c.patch(Ref.of(MAP), [], kind="json"), f"PATCH {PATH}", "application/json-patch+json"),
        (
            lambda c: c.patch(Ref.of(MAP), {}, kind="strategic", subresource="scale"),
            f"PATCH {PATH}/scale",
            "application/strategic-merge-patch+json",
        ),
        (APPLY, f"PATCH {PATH}?fieldManager=me", "application/apply-patch+yaml"),
        (
            lambda c: c.apply(MAP, field_manager="me", force=True, dry_run=True, field_validation="Strict"),
            f"PATCH {PATH}?dryRun=All&fieldManager=me&fieldValidation=Strict&force=true",
            "application/apply-patch+yaml",
        ),
        (lambda c: c.get("v1", "Namespace", "ignored", "x"), "GET /api/v1/namespaces/x", ""),
        (lambda c: c.get("apps/v1", "Deployment", "n", "d"), "GET /apis/apps/v1/namespaces/n/deployments/d", ""),
        (lambda c: c.list("apps/v1", "Deployment"), "GET /apis/apps/v1/deployments?limit=500", ""),
        (
            lambda c: c.list("v1", "ConfigMap", "ns", labels="a=b,c", fields="metadata.name=x", limit=0),
            "GET /api/v1/namespaces/ns/configmaps?labelSelector=a%3Db%2Cc&fieldSelector=metadata.name%3Dx",
            "",
        ),
        (lambda c: c.version(), "GET /version", ""),
        (lambda c: c.raw("GET", "/openapi/v2", query={"a": "b c"}), "GET /openapi/v2?a=b%20c", ""),
    ],
)
def test_requests(use: Use, line: str | None, content_type: str) -> None:
    server = Server()
    anything: Callable[[ServerRequest], ServerResponse] = lambda request: reply(200, MAP)  # noqa: E731
    for method in ("GET", "POST", "PUT", "PATCH"):
        for path in (PATH, f"{PATH}/status", f"{PATH}/scale", "/api/v1/namespaces/ns/configmaps", "/openapi/v2"):
            server.answer(method, path, anything)
    server.answer("GET", "/api/v1/namespaces/x", anything)
    server.answer("GET", "/apis/apps/v1/namespaces/n/deployments/d", anything)
    server.answer("GET", "/apis/apps/v1/deployments", anything)
    server.answer("GET", "/version", anything)
    outcome(server, use)
    assert server.asked()[-1] == (line or "POST /api/v1/namespaces/ns/configmaps?dryRun=All&fieldManager=m%20e")
    assert server.requests[-1].headers.get("content-type", "") == content_type
    assert server.requests[-1].headers["user-agent"] == "fluvial"


def test_created_and_changed_are_told_apart() -> None:
    server = Server()
    server.in_turn("PATCH", PATH, reply(201, MAP), reply(200, MAP))
    assert [outcome(server, APPLY).created for _ in range(2)] == [True, False]


def test_a_delete_carries_its_preconditions_and_forgives_absence() -> None:
    server = Server()
    server.answer("DELETE", PATH, failure(404, "NotFound", name="a", kind="configmaps"))
    outcome(server, lambda client: client.delete(Ref.of(MAP), uid="u", resource_version="7"))
    assert msgspec.json.decode(server.requests[-1].body) == {
        "kind": "DeleteOptions",
        "apiVersion": "v1",
        "propagationPolicy": "Background",
        "preconditions": {"uid": "u", "resourceVersion": "7"},
    }
    server.answer("DELETE", PATH, failure(409, "Conflict"))
    with pytest.raises(ApiError) as caught:
        outcome(server, lambda client: client.delete(Ref.of(MAP), uid="u"))
    assert caught.value.is_conflict


def test_absence_of_an_object_is_none_but_absence_of_its_kind_is_not() -> None:
    server = Server()
    server.answer("GET", PATH, failure(404, "NotFound", name="a", kind="configmaps"))
    assert outcome(server, GET) is None

    server = Server()
    path = "/apis/apps/v1/namespaces/n/deployments/d"

    def gone(request: ServerRequest) -> ServerResponse:
        server.groups = {}
        return ServerResponse(404, {"content-type": "text/plain"}, b"404 page not found\n")

    server.answer("GET", path, gone)
    with pytest.raises(NotServed):
        outcome(server, lambda client: client.get("apps/v1", "Deployment", "n", "d"))

    server = Server()  # the kind is served, and still the path is not found: no proof of absence
    with pytest.raises(ApiError):
        outcome(server, lambda client: client.get("apps/v1", "Deployment", "n", "d"))


@pytest.mark.parametrize(
    ("answer", "check"),
    [
        (failure(404, "NotFound"), "is_not_found"),
        (failure(409, "Conflict"), "is_conflict"),
        (failure(409, "AlreadyExists"), "is_already_exists"),
        (failure(403, "Forbidden"), "is_forbidden"),
        (failure(401, "Unauthorized"), "is_unauthorized"),
        (failure(422, "Invalid"), "is_invalid"),
        (failure(429, "TooManyRequests"), "is_too_many_requests"),
        (failure(500, "InternalError"), "is_server_error"),
        (ServerResponse(502, {}, b"<html>"), "is_server_error"),
    ],
)
def test_refusals_have_their_kind(answer: ServerResponse, check: str) -> None:
    server = Server()
    server.answer("POST", "/api/v1/namespaces/ns/configmaps", answer)
    with pytest.raises(ApiError) as caught:
        outcome(server, CREATE)
    kinds = [name for name in dir(ApiError) if name.startswith("is_") and getattr(caught.value, name)]
    assert kinds == [check]


def test_the_servers_message_and_causes_are_kept() -> None:
    server = Server()
    causes = [{"reason": "FieldManagerConflict", "message": 'conflict with "x"', "field": ".data.y"}]
    server.answer("PATCH", PATH, failure(409, "Conflict", "Apply failed with 1 conflict", causes=causes))
    with pytest.raises(ApiError, match="Apply failed with 1 conflict") as caught:
        outcome(server, APPLY)
    assert caught.value.causes == causes


@pytest.mark.parametrize(
    ("use", "method", "path", "repeats"),
    [
        (GET, "GET", PATH, True),
        (APPLY, "PATCH", PATH, True),
        (MERGE, "PATCH", PATH, False),
        (CREATE, "POST", "/api/v1/namespaces/ns/configmaps", False),
        (lambda c: c.create(MAP, dry_run=True), "POST", "/api/v1/namespaces/ns/configmaps", True),
        (lambda c: c.update(MAP), "PUT", PATH, False),
        (lambda c: c.delete(Ref.of(MAP)), "DELETE", PATH, False),
        (lambda c: c.delete(Ref.of(MAP), uid="u"), "DELETE", PATH, True),
    ],
)
def test_a_lost_reply_is_repeated_only_when_twice_is_as_once(use: Use, method: str, path: str, repeats: bool) -> None:
    server = Server()
    server.answer(method, path, reply(200, MAP))
    losses = 1

    def lose_once(request: Any) -> Fault | None:
        nonlocal losses
        if request.method == method and path in request.url and losses:
            losses -= 1
            return Fault(lose_reply=True)
        return None

    server.fault = lose_once
    if repeats:
        outcome(server, use)
        assert len(server.asked()) == 2
    else:
        with pytest.raises(Unreachable) as caught:
            outcome(server, use)
        assert caught.value.maybe_done
        assert len(server.asked()) == 1


def test_a_server_that_cannot_be_reached_is_told_at_once_and_nothing_was_done() -> None:
    server = Server()
    server.fault = lambda request: Fault(refuse=True)
    with pytest.raises(Unreachable) as caught:
        outcome(server, CREATE)
    assert not caught.value.maybe_done


@pytest.mark.parametrize(
    ("use", "method", "path", "code", "repeats"),
    [
        (GET, "GET", PATH, 429, True),
        (CREATE, "POST", "/api/v1/namespaces/ns/configmaps", 429, True),
        (GET, "GET", PATH, 503, True),
        (APPLY, "PATCH", PATH, 503, True),
        (CREATE, "POST", "/api/v1/namespaces/ns/configmaps", 503, False),
        (MERGE, "PATCH", PATH, 500, False),
    ],
)
def test_retry_after_is_obeyed(use: Use, method: str, path: str, code: int, repeats: bool) -> None:
    server = Server()
    server.in_turn(method, path, failure(code, "x", retry_after=3), failure(code, "x", retry_after=2), reply(200, MAP))

    async def main(client: Client) -> float:
        await use(client)
        return asyncio.get_running_loop().time()

    if repeats:
        assert outcome(server, main) == 5
    else:
        with pytest.raises(ApiError) as caught:
            outcome(server, main)
        assert caught.value.retry_after == 3


def test_a_server_that_never_lets_us_in_is_given_up_after_ten_repeats() -> None:
    server = Server()
    server.answer("GET", PATH, failure(429, "TooManyRequests", retry_after=1))
    with pytest.raises(ApiError):
        outcome(server, GET)
    assert len(server.asked()) == 11


def test_a_throttled_flow_holds_back_its_own_requests_and_no_others() -> None:
    server = Server()
    times: list[tuple[float, str]] = []

    def note(request: ServerRequest) -> ServerResponse:
        times.append((asyncio.get_running_loop().time(), request.path.rsplit("/", 1)[1]))
        if len(times) == 1:
            return failure(429, "TooManyRequests", retry_after=10)
        return reply(200, MAP)

    for name in ("a", "b"):
        server.answer("GET", f"/api/v1/namespaces/ns/configmaps/{name}", note)
    server.answer("GET", "/apis/apps/v1/namespaces/ns/deployments/other", note)

    async def main(client: Client) -> None:
        await client.resources()
        first = asyncio.create_task(client.get("v1", "ConfigMap", "ns", "a"))
        await asyncio.sleep(1)
        await asyncio.gather(
            first,
            client.get("v1", "ConfigMap", "ns", "b"),
            client.get("apps/v1", "Deployment", "ns", "other"),
            client.impersonate("tenant").get("v1", "ConfigMap", "ns", "b"),
        )

    outcome(server, main)
    assert sorted(times) == [(0, "a"), (1, "b"), (1, "other"), (10, "a"), (10, "b")]


def test_sixteen_writes_at_most_are_in_flight() -> None:
    server = Server()
    server.answer("POST", "/api/v1/namespaces/ns/configmaps", reply(201, MAP))
    server.answer("GET", PATH, reply(200, MAP))
    server.fault = lambda request: Fault(delay=1) if request.method == "POST" else None

    async def main(client: Client) -> float:
        await client.resources()
        async with asyncio.TaskGroup() as group:
            for _ in range(40):
                group.create_task(client.impersonate("tenant").create(MAP))
            await asyncio.sleep(0.5)
            started = asyncio.get_running_loop().time()
            await client.get("v1", "ConfigMap", "ns", "a")
            assert asyncio.get_running_loop().time() == started
        return asyncio.get_running_loop().time()

    assert outcome(server, main) == 3


def test_a_rate_limit_lets_a_burst_through_and_then_so_many_a_second() -> None:
    server = Server()
    server.answer("GET", "/version", reply(200, {}))

    async def main() -> float:
        client = server.client(qps=10, burst=20)
        await asyncio.gather(*[client.version() for _ in range(50)])
        await client.close()
        return asyncio.get_running_loop().time()

    assert run(main()) == pytest.approx(3.0)


def test_a_list_goes_through_all_its_pages() -> None:
    server = Server()

    def page(request: ServerRequest) -> ServerResponse:
        number = int(request.query.split("continue=")[1]) if "continue=" in request.query else 0
        items = [{"metadata": {"name": f"m{number}-{item}"}} for item in range(2)]
        metadata = {"resourceVersion": "42", "continue": str(number + 1) if number < 2 else ""}
        return reply(200, {"kind": "ConfigMapList", "metadata": metadata, "items": items})

    server.answer("GET", "/api/v1/configmaps", page)
    found = outcome(server, lambda client: client.list("v1", "ConfigMap", limit=2, resource_version="0"))
    assert [obj["metadata"]["name"] for obj in found.items] == ["m0-0", "m0-1", "m1-0", "m1-1", "m2-0", "m2-1"]
    assert found.resource_version == "42"
    assert {(obj["apiVersion"], obj["kind"]) for obj in found.items} == {("v1", "ConfigMap")}
    assert server.asked() == [
        "GET /api/v1/configmaps?resourceVersion=0&limit=2",
        "GET /api/v1/configmaps?limit=2&continue=1",
        "GET /api/v1/configmaps?limit=2&continue=2",
    ]


def test_pages_that_went_out_of_date_are_read_again_in_one_piece() -> None:
    server = Server()

    def page(request: ServerRequest) -> ServerResponse:
        if "continue=" in request.query:
            return failure(410, "Expired")
        items = [{"metadata": {"name": "a"}}]
        metadata = {"resourceVersion": "9", "continue": "1" if "limit" in request.query else ""}
        return reply(200, {"metadata": metadata, "items": items})

    server.answer("GET", "/api/v1/configmaps", page)
    found = outcome(server, lambda client: client.list("v1", "ConfigMap"))
    assert len(found.items) == 1
    assert found.resource_version == "9"
    assert len(server.asked()) == 3


def test_metadata_alone_is_asked_for_and_named_after_its_kind() -> None:
    server = Server()
    partial = {"apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadata", "metadata": {"name": "a"}}
    server.answer("GET", PATH, reply(200, partial))
    server.answer("GET", "/api/v1/configmaps", reply(200, {"items": [partial], "metadata": {}}))
    found = outcome(server, lambda client: client.get("v1", "ConfigMap", "ns", "a", metadata_only=True))
    assert (found["apiVersion"], found["kind"]) == ("v1", "ConfigMap")
    assert "as=PartialObjectMetadata;" in server.requests[-1].headers["accept"]
    listed = outcome(server, lambda client: client.list("v1", "ConfigMap", metadata_only=True))
    assert listed.items[0]["kind"] == "ConfigMap"
    assert "as=PartialObjectMetadataList;" in server.requests[-1].headers["accept"]


def test_impersonation_is_on_every_request_and_never_empty() -> None:
    server = Server()
    server.answer("GET", PATH, reply(200, MAP))

    async def main(client: Client) -> None:
        tenant = client.impersonate("system:serviceaccount:ns:t", ["system:serviceaccounts", "b"])
        await tenant.get("v1", "ConfigMap", "ns", "a")
        assert tenant.identity != client.identity
        with pytest.raises(ValueError, match="user name"):
            client.impersonate("", ["system:masters"])

    outcome(server, main)
    headers = server.requests[-1].headers
    assert headers["impersonate-user"] == "system:serviceaccount:ns:t"
    assert headers["impersonate-group"] == "system:serviceaccounts, b"


@pytest.mark.parametrize("name", ["", ".", "..", "a/b"])
def test_names_that_would_change_the_path_are_refused(name: str) -> None:
    server = Server()
    with pytest.raises(ApiError, match="not a name"):
        outcome(server, lambda client: client.get("v1", "ConfigMap", "ns", name))
    assert server.asked() == []


def test_a_namespaced_object_without_namespace_is_refused_with_client_gos_words() -> None:
    server = Server()
    bare = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}}
    with pytest.raises(ApiError, match="an empty namespace may not be set when a resource name is provided"):
        outcome(server, lambda client: client.apply(bare, field_manager="me"))
    with pytest.raises(ApiError, match="an empty namespace may not be set during creation"):
        outcome(server, lambda client: client.create(bare))


def test_every_reply_is_counted() -> None:
    server = Server()
    registry = Registry(process=False)
    server.in_turn("GET", "/version", reply(200, {}), failure(500, "InternalError"))

    async def main() -> str:
        client = server.client(registry)
        await client.version()
        with pytest.raises(ApiError):
            await client.version()
        server.fault = lambda request: Fault(refuse=True)
        with pytest.raises(Unreachable):
            await client.version()
        await client.close()
        return (await registry.render()).decode()

    text = run(main())
    for code in ("200", "500", "<error>"):
        line = f'rest_client_requests_total{{code="{code}",host="api.fluvial.local",method="GET"}} 1'
        assert line in text


def watching(*chunks: bytes) -> ServerResponse:
    async def body() -> AsyncIterator[bytes]:
        for chunk in chunks:
            yield chunk

    return ServerResponse(200, JSON, body())


def frame(kind: str, name: str, version: int) -> bytes:
    obj = {"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": name, "resourceVersion": str(version)}}
    return msgspec.json.encode({"type": kind, "object": obj}) + b"\n"


def test_frames_may_be_cut_anywhere() -> None:
    whole = frame("ADDED", "a", 1) + frame("MODIFIED", "ü" * 50, 2) + frame("BOOKMARK", "", 9)
    for size in (1, 7, 64, 10_000):
        server = Server()
        chunks = [whole[start : start + size] for start in range(0, len(whole), size)]
        server.answer("GET", "/api/v1/configmaps", watching(*chunks))

        async def main(client: Client) -> tuple[list[str], str]:
            stream = await client.open_watch("v1", "ConfigMap", resource_version="0")
            return [event.type async for event in stream], stream.resource_version

        assert outcome(server, main) == (["ADDED", "MODIFIED", "BOOKMARK"], "9")
    assert "timeoutSeconds=" in server.asked()[-1]
    assert "allowWatchBookmarks=true&watch=true" in server.asked()[-1]


def test_a_watch_resumes_by_itself_and_gives_up_on_410() -> None:
    server = Server()
    gone = b'{"type":"ERROR","object":{"kind":"Status","code":410,"reason":"Expired","message":"too old"}}\n'
    server.in_turn(
        "GET",
        "/api/v1/configmaps",
        watching(frame("ADDED", "a", 5)),
        failure(500, "InternalError"),
        watching(frame("MODIFIED", "a", 6), b'{"half'),
        watching(gone),
    )

    async def main(client: Client) -> list[str]:
        seen: list[str] = []
        try:
            async for event in client.watch("v1", "ConfigMap", resource_version="4"):
                seen.append(event.object["metadata"]["resourceVersion"])
        except Expired:
            seen.append("expired")
        return seen

    assert outcome(server, main) == ["5", "6", "expired"]
    versions = [line.split("resourceVersion=")[1].split("&")[0] for line in server.asked()]
    assert versions == ["4", "5", "5", "6"]


def test_a_forbidden_watch_is_an_error_and_not_a_loop() -> None:
    server = Server()
    server.answer("GET", "/api/v1/configmaps", failure(403, "Forbidden"))

    async def main(client: Client) -> None:
        async for _ in client.watch("v1", "ConfigMap"):
            pass

    with pytest.raises(ApiError) as caught:
        outcome(server, main)
    assert caught.value.is_forbidden


def test_a_pods_log_is_read_line_by_line() -> None:
    server = Server()
    server.answer("GET", "/api/v1/namespaces/ns/pods/p/log", watching(b"one\ntw", b"o\n\nthr\xff"))

    async def main(client: Client) -> list[str]:
        return [line async for line in client.lines("/api/v1/namespaces/ns/pods/p/log", query={"follow": "true"})]

    assert outcome(server, main) == ["one", "two", "", "thr\ufffd"]


def test_the_url_of_the_server_may_have_a_path() -> None:
    async def main() -> str:
        server = Server()
        server.answer("GET", "/k8s/clusters/c-1/version", reply(200, {"gitVersion": "v1"}))
        client = server.client()
        client._channel.server = API + "/k8s/clusters/c-1"
        found = await client.version()
        await client.close()
        return str(found["gitVersion"])

    assert run(main()) == "v1"
