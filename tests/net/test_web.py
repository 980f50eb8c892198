"""The client for the wide web: redirects keep credentials at home, limits hold, proxies are used."""

import asyncio
import gzip
from collections.abc import AsyncIterator

import pytest
import trustme

from fluvial.net import (
    ConnectFailed,
    Refused,
    ReplyLost,
    Request,
    ServerRequest,
    ServerResponse,
    TimedOut,
    TooLarge,
    WebTransport,
    make_client_tls,
    make_server_tls,
    serve,
)

SECRETS = {"Authorization": "Bearer secret", "Cookie": "a=b", "X-Other": "kept"}


async def tell(request: ServerRequest) -> ServerResponse:
    """Answer what arrived; `/to?URL` redirects with the status that the path ends in."""
    if request.path.startswith("/to/"):
        return ServerResponse(int(request.path[4:]), {"Location": request.query})
    shown = f"{request.method} {request.path} {request.headers.get('authorization', '-')} "
    shown += f"{request.headers.get('cookie', '-')} {request.headers.get('x-other', '-')} {request.body.decode()}"
    return ServerResponse(200, {}, shown.encode())


async def fetch(request: Request, **options: object) -> bytes:
    transport = WebTransport(**options)  # type: ignore[arg-type]
    try:
        return await (await transport.send(request)).read()
    finally:
        await transport.close()


def test_a_redirect_on_the_same_origin_keeps_credentials() -> None:
    async def main() -> bytes:
        server = await serve(tell)
        found = await fetch(Request("GET", f"{server.url}/to/302?/there", SECRETS))
        await server.close()
        return found

    assert asyncio.run(main()) == b"GET /there Bearer secret a=b kept "


def test_a_redirect_to_another_port_loses_credentials() -> None:
    async def main() -> bytes:
        home, away = await serve(tell), await serve(tell)
        found = await fetch(Request("GET", f"{home.url}/to/301?{away.url}/there", SECRETS))
        await home.close()
        await away.close()
        return found

    assert asyncio.run(main()) == b"GET /there - - kept "


@pytest.mark.parametrize(
    ("status", "answer"),
    [
        (301, b"GET /x - - - "),
        (302, b"GET /x - - - "),
        (303, b"GET /x - - - "),
        (307, b"POST /x - - - body"),
        (308, b"POST /x - - - body"),
    ],
)
def test_what_becomes_of_a_post(status: int, answer: bytes) -> None:
    async def main() -> bytes:
        server = await serve(tell)
        found = await fetch(Request("POST", f"{server.url}/to/{status}?/x", {}, b"body"))
        await server.close()
        return found

    assert asyncio.run(main()) == answer


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://127.0.0.1/", "gopher://x/"])
def test_a_redirect_to_another_scheme_is_refused(target: str) -> None:
    async def main() -> None:
        server = await serve(tell)
        with pytest.raises(Refused):
            await fetch(Request("GET", f"{server.url}/to/302?{target}"))
        await server.close()

    asyncio.run(main())


def test_a_redirect_from_https_to_http_is_refused() -> None:
    async def main() -> None:
        ca = trustme.CA()
        issued = ca.issue_cert("127.0.0.1")
        tls = make_server_tls(certificate=issued.cert_chain_pems[0].bytes(), key=issued.private_key_pem.bytes())
        secure, plain = await serve(tell, tls=tls), await serve(tell)
        trust = make_client_tls(ca=ca.cert_pem.bytes())
        assert await fetch(Request("GET", f"{secure.url}/a"), tls=trust) == b"GET /a - - - "
        with pytest.raises(Refused, match="from https to http"):
            await fetch(Request("GET", f"{secure.url}/to/302?{plain.url}/"), tls=trust)
        with pytest.raises(ConnectFailed, match="certificate not accepted"):
            await fetch(Request("GET", f"{secure.url}/a"))
        await secure.close()
        await plain.close()

    asyncio.run(main())


def test_redirects_in_a_circle_end() -> None:
    async def main() -> None:
        server = await serve(tell)
        with pytest.raises(Refused, match="more than 3 redirects"):
            await fetch(Request("GET", f"{server.url}/to/302?/to/302?/to/302?/to/302?/to/302?/"), max_redirects=3)
        transport = WebTransport(max_redirects=0)
        response = await transport.send(Request("GET", f"{server.url}/to/302?/x"))
        assert (response.status, response.headers["location"]) == (302, "/x")
        response.close()
        await transport.close()
        await server.close()

    asyncio.run(main())


def test_the_url_that_answered_is_told_and_the_user_part_is_not_used() -> None:
    async def main() -> None:
        server = await serve(tell)
        transport = WebTransport()
        address = server.url.removeprefix("http://")
        response = await transport.send(Request("GET", f"http://user:pass@{address}/to/302?/there"))
        assert response.url == f"{server.url}/there"
        assert (await response.read()).startswith(b"GET /there - ")
        await transport.close()
        await server.close()

    asyncio.run(main())


def test_a_reply_longer_than_the_limit_is_refused_however_it_is_framed() -> None:
    async def handler(request: ServerRequest) -> ServerResponse:
        async def body() -> AsyncIterator[bytes]:
            for _ in range(100):
                yield b"x" * 100

        if request.path == "/zip":
            return ServerResponse(200, {"Content-Encoding": "gzip"}, gzip.compress(b"x" * 100_000))
        return ServerResponse(200, {}, body() if request.path == "/stream" else b"x" * 10_000)

    async def main() -> None:
        server = await serve(handler)
        for path in ("/stream", "/plain", "/zip"):
            with pytest.raises(TooLarge):
                await fetch(Request("GET", server.url + path), body_limit=9_999)
        assert len(await fetch(Request("GET", server.url + "/zip"), body_limit=100_000)) == 100_000
        await server.close()

    asyncio.run(main())


def test_time_runs_out_before_and_within_the_body() -> None:
    async def handler(request: ServerRequest) -> ServerResponse:
        async def body() -> AsyncIterator[bytes]:
            yield b"x"
            await asyncio.sleep(5)

        if request.path == "/silent":
            await asyncio.sleep(0.3)
        return ServerResponse(200, {}, body())

    async def main() -> None:
        server = await serve(handler)
        for path in ("/silent", "/half"):
            with pytest.raises(TimedOut):
                await fetch(Request("GET", server.url + path, timeout=0.1))
        await server.close()

    asyncio.run(main())


def test_a_server_that_hangs_up_or_does_not_listen() -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.transport.abort()

    async def main() -> None:
        server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(ReplyLost):
            await fetch(Request("POST", f"http://127.0.0.1:{port}/"))
        server.close()
        await server.wait_closed()
        with pytest.raises(ConnectFailed) as caught:
            await fetch(Request("GET", f"http://127.0.0.1:{port}/path?token=secret"))
        assert "secret" not in str(caught.value)

    asyncio.run(main())


def test_the_proxy_carries_the_request() -> None:
    async def proxy(request: ServerRequest) -> ServerResponse:
        return ServerResponse(200, {}, f"proxied {request.path} {request.headers.get('proxy-authorization')}".encode())

    async def main() -> None:
        server = await serve(proxy, hosts=("far.test",))
        address = server.url.removeprefix("http://")
        by_url = f"http://user:pass@{address}"
        answer = b"proxied http://far.test/x Basic dXNlcjpwYXNz"
        assert await fetch(Request("GET", "http://far.test/x"), proxy=by_url) == answer
        assert await fetch(Request("GET", "http://far.test/x"), proxy_for=lambda url: by_url) == answer
        await server.close()

    asyncio.run(main())


def test_a_socks_proxy_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="socks5"):
        WebTransport(proxy="socks5://127.0.0.1:1")
