"""The server seam: what it lets through, what it refuses, how it ends."""

import asyncio
from collections.abc import AsyncIterator, Mapping

import pytest

from fluvial.net import ANY_HOST, Http1Transport, NetError, Request, Server, ServerRequest, ServerResponse, serve


async def hello(request: ServerRequest) -> ServerResponse:
    return ServerResponse(200, {"Content-Type": "text/plain", "X-Path": request.path}, b"hello")


async def status_of(server: Server, request: Request) -> int:
    transport = Http1Transport()
    try:
        return (await transport.send(request)).status
    finally:
        await transport.close()


@pytest.mark.parametrize(
    ("hosts", "host", "status"),
    [
        (None, None, 200),
        (None, "localhost", 200),
        (None, "LocalHost:1234", 200),
        (None, "evil.test", 421),
        (None, "", 421),
        (("api.test",), "api.test:80", 200),
        (("api.test",), "localhost", 421),
        (ANY_HOST, "evil.test", 200),
    ],
)
def test_a_server_answers_only_to_the_names_it_was_told(
    hosts: tuple[str, ...] | None, host: str | None, status: int
) -> None:
    async def main() -> int:
        server = await serve(hello, hosts=hosts)
        reader, writer = await asyncio.open_connection(server.host, server.port)
        shown = f"{server.host}:{server.port}" if host is None else host
        writer.write(f"GET / HTTP/1.1\r\nHost: {shown}\r\nConnection: close\r\n\r\n".encode())
        line = await reader.readline()
        writer.close()
        await server.close()
        return int(line.split()[1])

    assert asyncio.run(main()) == status


def test_a_server_on_all_addresses_must_be_told_its_names() -> None:
    with pytest.raises(ValueError, match="host names"):
        asyncio.run(serve(hello, "0.0.0.0"))


def test_a_request_that_is_too_long_never_reaches_the_handler() -> None:
    reached: list[str] = []

    async def handler(request: ServerRequest) -> ServerResponse:
        reached.append(request.path)
        return ServerResponse(200)

    async def endless() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b"x" * 1000

    async def main() -> list[int]:
        server = await serve(handler, body_limit=5000)
        url = server.url + "/"
        found = [
            await status_of(server, Request("POST", url, body=b"x" * 5000)),
            await status_of(server, Request("POST", url, body=b"x" * 5001)),
            await status_of(server, Request("POST", url, body=endless())),
        ]
        await server.close()
        return found

    assert asyncio.run(main()) == [200, 413, 413]
    assert reached == ["/"]


def test_path_query_and_headers_arrive_undecoded() -> None:
    seen: list[ServerRequest] = []

    async def handler(request: ServerRequest) -> ServerResponse:
        seen.append(request)
        return ServerResponse(204)

    async def main() -> None:
        server = await serve(handler)
        headers: Mapping[str, str | tuple[str, ...]] = {"Impersonate-Group": ("a", "b"), "X-One": "1"}
        await status_of(server, Request("PUT", server.url + "/a%2Fb/c?x=%20&y", headers, b"body"))
        await server.close()

    asyncio.run(main())
    assert (seen[0].method, seen[0].path, seen[0].query, seen[0].body) == ("PUT", "/a%2Fb/c", "x=%20&y", b"body")
    assert seen[0].headers["impersonate-group"] == "a, b"
    assert seen[0].peer == "127.0.0.1"


def test_a_handler_finishes_although_its_client_left() -> None:
    async def main() -> None:
        done = asyncio.Event()

        async def handler(request: ServerRequest) -> ServerResponse:
            await asyncio.sleep(0.1)
            done.set()
            return ServerResponse(200)

        server = await serve(handler)
        transport = Http1Transport()
        with pytest.raises(NetError):
            await transport.send(Request("POST", server.url + "/", timeout=0.02))
        async with asyncio.timeout(2):
            await done.wait()
        await transport.close()
        await server.close()

    asyncio.run(main())


def test_an_idle_stream_ends_when_its_client_leaves_and_when_the_server_closes() -> None:
    async def main() -> None:
        ended: asyncio.Queue[str] = asyncio.Queue()

        async def handler(request: ServerRequest) -> ServerResponse:
            async def body() -> AsyncIterator[bytes]:
                try:
                    yield b"first"
                    await asyncio.sleep(60)
                finally:
                    ended.put_nowait(request.path)

            return ServerResponse(200, {}, body())

        server = await serve(handler)
        transport = Http1Transport()
        leaving = await transport.send(Request("GET", server.url + "/leaves"))
        staying = await transport.send(Request("GET", server.url + "/stays"))
        assert await leaving.chunk() == await staying.chunk() == b"first"
        leaving.close()
        async with asyncio.timeout(2):
            assert await ended.get() == "/leaves"
            await server.close()
            assert await ended.get() == "/stays"
            with pytest.raises(NetError):
                await staying.read()
        await transport.close()

    asyncio.run(main())


def test_a_failing_handler_is_a_500_and_the_server_lives() -> None:
    async def handler(request: ServerRequest) -> ServerResponse:
        if request.path == "/fail":
            raise ZeroDivisionError
        return ServerResponse(200)

    async def main() -> list[int]:
        server = await serve(handler)
        found = [await status_of(server, Request("GET", server.url + path)) for path in ("/fail", "/")]
        await server.close()
        return found

    assert asyncio.run(main()) == [500, 200]


def test_closing_twice_is_closing_once() -> None:
    async def main() -> None:
        server = await serve(hello)
        await server.close()
        await server.close()

    asyncio.run(main())
