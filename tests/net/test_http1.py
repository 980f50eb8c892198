"""The own HTTP/1.1 client against scripted and real servers on loopback."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
import trustme

from fluvial.net import (
    BadReply,
    ConnectFailed,
    Http1Transport,
    NetError,
    ReplyLost,
    Request,
    ServerRequest,
    ServerResponse,
    TimedOut,
    TooLarge,
    make_client_tls,
    make_server_tls,
    serve,
)

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def scripted(talk: Talk, tls: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    """A server whose connections are carried out by `talk`."""
    connections: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        connections.add(task)
        try:
            await talk(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            connections.discard(task)
            writer.transport.abort()

    server = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=tls)
    port = server.sockets[0].getsockname()[1]
    try:
        yield f"{'https' if tls else 'http'}://127.0.0.1:{port}"
    finally:
        server.close()
        for task in list(connections):
            task.cancel()
        await asyncio.gather(*connections, return_exceptions=True)


async def read_request(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return head + await reader.readexactly(int(line.split(b":")[1]))
    return head


def replying(*replies: bytes) -> Talk:
    """Answer the requests of each connection with these bytes, then close it."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for reply in replies:
            await read_request(reader)
            writer.write(reply)
            await writer.drain()

    return talk


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def ask(talk: Talk, *requests: Request, limit: int = 1 << 20, **options: object) -> list[bytes | type[Exception]]:
    """Send the requests (their URL is a path) one after another and return bodies or kinds of error."""

    async def main() -> list[bytes | type[Exception]]:
        outcome: list[bytes | type[Exception]] = []
        async with scripted(talk) as url:
            transport = Http1Transport(**options)  # type: ignore[arg-type]
            for request in requests or (Request("GET", "/"),):
                try:
                    response = await transport.send(
                        Request(request.method, url + request.url, request.headers, request.body, request.timeout)
                    )
                    outcome.append(await response.read(limit))
                except NetError as error:
                    outcome.append(type(error))
            await transport.close()
        return outcome

    return asyncio.run(main())


@pytest.mark.parametrize(
    ("reply", "body"),
    [
        (OK, b"ok"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", b""),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n3\r\nay!\r\n0\r\n\r\n", b"okay!"),
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nuntil the end", b"until the end"),
        (b"HTTP/1.0 200 OK\r\n\r\nold", b"old"),
        (b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + OK, b"ok"),
    ],
)
def test_every_framing_of_a_body_is_read(reply: bytes, body: bytes) -> None:
    assert ask(replying(reply)) == [body]


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (b"", ReplyLost),
        (b"HTTP/1.1 200 OK\r\nContent-Le", ReplyLost),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", ReplyLost),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhal", ReplyLost),
        (b"SSH-2.0-OpenSSH_9\r\n", BadReply),
        (OK + OK, BadReply),
        (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 70000 + b"\r\n\r\n", TooLarge),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2000000\r\n\r\n" + b"x" * 2000000, TooLarge),
        (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n", BadReply),
    ],
)
def test_a_broken_reply_is_an_error_of_its_kind(reply: bytes, error: type[Exception]) -> None:
    assert ask(replying(reply)) == [error]


def test_requests_are_written_as_told() -> None:
    seen: list[bytes] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            seen.append(await read_request(reader))
            writer.write(OK)

    ask(
        talk,
        Request("GET", "/a%2Fb?x=1&y=%20", {"Accept": "application/json"}),
        Request("POST", "/", {"Impersonate-Group": ("a", "b")}, b"body"),
        Request("PATCH", "/"),
    )
    assert seen[0].startswith(b"GET /a%2Fb?x=1&y=%20 HTTP/1.1\r\nHost: 127.0.0.1:")
    assert seen[0].endswith(b"\r\nAccept: application/json\r\n\r\n")
    assert b"Impersonate-Group: a\r\nImpersonate-Group: b\r\nContent-Length: 4\r\n\r\nbody" in seen[1]
    assert seen[2].endswith(b"Content-Length: 0\r\n\r\n")


def test_a_streamed_request_is_sent_chunked() -> None:
    async def main() -> bytes:
        async def body() -> AsyncIterator[bytes]:
            yield b"x" * 200_000
            yield b""
            yield b"end"

        async def handler(request: ServerRequest) -> ServerResponse:
            return ServerResponse(200, {}, b"%d %b" % (len(request.body), request.body[-3:]))

        server = await serve(handler)
        transport = Http1Transport()
        response = await transport.send(Request("POST", server.url + "/", body=body()))
        answer = await response.read()
        await transport.close()
        await server.close()
        return answer

    assert asyncio.run(main()) == b"200003 end"


@pytest.mark.parametrize("bad", ["/with space", "/ü", "/line\nbreak"])
def test_a_url_that_is_not_encoded_is_the_callers_mistake(bad: str) -> None:
    with pytest.raises(ValueError):
        ask(replying(OK), Request("GET", bad))


def test_a_line_break_in_a_header_is_the_callers_mistake() -> None:
    with pytest.raises(ValueError):
        ask(replying(OK), Request("GET", "/", {"X": "a\r\nY: b"}))


def test_a_connection_is_used_again_and_again() -> None:
    connections = 0

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        while True:
            await read_request(reader)
            writer.write(OK)

    ask(talk, *[Request("GET", "/")] * 20)
    assert connections == 1


def test_a_connection_that_must_not_be_kept_is_not() -> None:
    reply = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"
    assert ask(replying(reply), *[Request("GET", "/")] * 3) == [b"ok"] * 3


@pytest.mark.parametrize(("method", "again"), [("GET", True), ("HEAD", True), ("PATCH", False), ("POST", False)])
def test_only_what_reads_is_repeated_on_a_connection_that_went_stale(method: str, again: bool) -> None:
    connections = 0

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await read_request(reader)
        writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
        if connections == 1:
            await read_request(reader)  # and then nothing: closed in the moment of use

    outcome = ask(talk, Request("GET", "/"), Request(method, "/"))
    assert outcome == [b"", b"" if again else ReplyLost]
    assert connections == (2 if again else 1)


def test_a_fresh_connection_that_breaks_is_not_tried_again() -> None:
    connections = 0

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await read_request(reader)

    assert ask(talk) == [ReplyLost]
    assert connections == 1


def test_a_reply_that_began_is_never_repeated() -> None:
    connections = 0

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await read_request(reader)
        writer.write(OK)
        await read_request(reader)
        writer.write(b"HTTP/1.1 2")

    assert ask(talk, Request("GET", "/"), Request("GET", "/")) == [b"ok", ReplyLost]
    assert connections == 1


def test_a_request_has_only_its_own_time() -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(30)

    async def half(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
        await asyncio.sleep(30)

    assert ask(silent, Request("GET", "/", timeout=0.05)) == [TimedOut]
    assert ask(half, Request("GET", "/", timeout=0.05)) == [TimedOut]


def test_nobody_listens() -> None:
    async def main() -> None:
        transport = Http1Transport()
        with pytest.raises(ConnectFailed) as caught:
            await transport.send(Request("GET", "http://127.0.0.1:9/"))
        assert not caught.value.sent
        await transport.close()

    asyncio.run(main())


def test_a_pool_is_bounded_but_not_for_watches() -> None:
    async def main() -> None:
        open_now = most = 0

        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal open_now, most
            while True:
                head = await read_request(reader)
                if b"/watch" in head:
                    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
                    await asyncio.sleep(30)
                open_now += 1
                most = max(most, open_now)
                await asyncio.sleep(0.005)
                open_now -= 1
                writer.write(OK)

        async with scripted(talk) as url:
            transport = Http1Transport(max_connections=3)
            watches = [await transport.send(Request("GET", url + "/watch", long_lived=True)) for _ in range(5)]
            await asyncio.gather(*[transport.send(Request("GET", url + "/")) for _ in range(20)])
            assert most == 3
            for watch in watches:
                watch.close()
            await transport.close()

    asyncio.run(main())


def test_a_wait_for_a_place_in_the_pool_can_be_cancelled_or_run_out() -> None:
    async def main() -> None:
        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while True:
                await read_request(reader)
                await asyncio.sleep(0.1)
                writer.write(OK)

        async with scripted(talk) as url:
            transport = Http1Transport(max_connections=1)
            first = asyncio.create_task(transport.send(Request("GET", url + "/")))
            await asyncio.sleep(0.01)
            second = asyncio.create_task(transport.send(Request("GET", url + "/")))
            with pytest.raises(ConnectFailed):
                await transport.send(Request("GET", url + "/", timeout=0.02))
            second.cancel()
            await first
            assert await (await transport.send(Request("GET", url + "/"))).read() == b"ok"
            await asyncio.gather(second, return_exceptions=True)
            await transport.close()

    asyncio.run(main())


def test_cancelling_closes_the_connection_and_frees_its_place() -> None:
    async def main() -> None:
        closed = asyncio.Event()

        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            head = await read_request(reader)
            if b"/hang" in head:
                assert await reader.read() == b""
                closed.set()
            else:
                writer.write(OK)

        async with scripted(talk) as url:
            transport = Http1Transport(max_connections=1)
            task = asyncio.create_task(transport.send(Request("GET", url + "/hang")))
            await asyncio.sleep(0.02)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            async with asyncio.timeout(2):
                await closed.wait()
            assert await (await transport.send(Request("GET", url + "/"))).read() == b"ok"
            await transport.close()

    asyncio.run(main())


def test_a_stream_is_read_as_it_comes_and_closing_it_ends_it() -> None:
    async def main() -> None:
        ended = asyncio.Event()

        async def handler(request: ServerRequest) -> ServerResponse:
            async def body() -> AsyncIterator[bytes]:
                try:
                    for number in range(1000):
                        yield b"%d\n" % number
                        await asyncio.sleep(0.005)
                finally:
                    ended.set()

            return ServerResponse(200, {}, body())

        server = await serve(handler)
        transport = Http1Transport()
        response = await transport.send(Request("GET", server.url + "/"))
        chunks = response.chunks()
        assert await anext(chunks) == b"0\n"
        assert await anext(chunks) == b"1\n"
        response.close()
        async with asyncio.timeout(2):
            await ended.wait()
        await transport.close()
        await server.close()

    asyncio.run(main())


def test_a_large_unread_body_stops_the_server_from_sending() -> None:
    async def main() -> None:
        sent = 0

        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal sent
            await read_request(reader)
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 67108864\r\n\r\n")
            for _ in range(64):
                writer.write(b"x" * (1 << 20))
                await writer.drain()
                sent += 1

        async with scripted(talk) as url:
            transport = Http1Transport()
            response = await transport.send(Request("GET", url + "/"))
            await asyncio.sleep(0.2)
            assert sent < 32
            assert len(await response.read(1 << 27)) == 64 << 20
            await transport.close()

    asyncio.run(main())


def test_closing_the_transport_fails_what_is_under_way() -> None:
    async def main() -> None:
        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await asyncio.sleep(30)

        async with scripted(talk) as url:
            transport = Http1Transport()
            task = asyncio.create_task(transport.send(Request("GET", url + "/")))
            await asyncio.sleep(0.02)
            await transport.close()
            with pytest.raises(ReplyLost):
                await task
            with pytest.raises(ConnectFailed):
                await transport.send(Request("GET", url + "/"))

    asyncio.run(main())


def test_tls_checks_the_server_and_shows_the_client() -> None:
    ca = trustme.CA()
    pem = ca.cert_pem.bytes()
    for_server = ca.issue_cert("api.internal")
    for_client = ca.issue_cert("someone")

    async def handler(request: ServerRequest) -> ServerResponse:
        return ServerResponse(200, {}, b"known" if request.certificate else b"unknown")

    async def main() -> None:
        tls = make_server_tls(
            certificate=for_server.cert_chain_pems[0].bytes(), key=for_server.private_key_pem.bytes(), client_ca=pem
        )
        server = await serve(handler, tls=tls)
        url = server.url + "/"
        client_tls = make_client_tls(
            ca=pem, certificate=for_client.cert_chain_pems[0].bytes(), key=for_client.private_key_pem.bytes()
        )
        for transport, expected in (
            (Http1Transport(tls=make_client_tls(ca=pem), server_name="api.internal"), b"unknown"),
            (Http1Transport(tls=client_tls, server_name="api.internal"), b"known"),
            (Http1Transport(tls=make_client_tls(insecure=True)), b"unknown"),
            (Http1Transport(tls=make_client_tls(ca=pem)), None),
            (Http1Transport(), None),
        ):
            if expected is None:
                with pytest.raises(ConnectFailed, match="certificate"):
                    await transport.send(Request("GET", url))
            else:
                assert await (await transport.send(Request("GET", url))).read() == expected
            await transport.close()
        await server.close()

    asyncio.run(main())


def test_a_proxy_is_asked_for_a_tunnel() -> None:
    asked: list[bytes] = []

    async def proxy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        asked.append(head)
        if b"refuse" in head:
            writer.write(b"HTTP/1.1 403 Forbidden\r\n\r\n")
            await writer.drain()
            return
        host, _, port = head.split(b" ")[1].decode().partition(":")
        there, back = await asyncio.open_connection(host, int(port))
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")

        async def pump(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
            while data := await source.read(65536):
                target.write(data)
            target.close()

        await asyncio.gather(pump(reader, back), pump(there, writer))

    async def main() -> None:
        ca = trustme.CA()
        issued = ca.issue_cert("127.0.0.1")
        tls = make_server_tls(certificate=issued.cert_chain_pems[0].bytes(), key=issued.private_key_pem.bytes())
        async with scripted(replying(OK), tls) as secure, scripted(replying(OK)) as plain, scripted(proxy) as through:
            address = through.removeprefix("http://")
            transport = Http1Transport(
                tls=make_client_tls(ca=ca.cert_pem.bytes()), proxy=f"http://user:p%40ss@{address}"
            )
            for url in (secure, plain):
                assert await (await transport.send(Request("GET", url + "/"))).read() == b"ok"
            with pytest.raises(ConnectFailed, match="refused the tunnel: 403"):
                await transport.send(Request("GET", "https://refuse.test/"))
            await transport.close()
        assert b"Proxy-Authorization: Basic dXNlcjpwQHNz" in asked[0]

    asyncio.run(main())


def test_a_socks_proxy_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="socks5"):
        Http1Transport(proxy="socks5://127.0.0.1:1080")
