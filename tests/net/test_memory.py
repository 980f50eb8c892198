"""Requests reach handlers without a socket, the same way each time, and break when told to."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from fluvial.net import (
    ConnectFailed,
    Fault,
    MemoryTransport,
    ReplyLost,
    Request,
    Response,
    ServerRequest,
    ServerResponse,
    TimedOut,
    TooLarge,
)
from fluvial.testing import run

API = "https://api.fluvial.local"


async def echo(request: ServerRequest) -> ServerResponse:
    seen = f"{request.method} {request.path} {request.query} {request.headers.get('x-a', '')}"
    return ServerResponse(200, {"X-Seen": seen}, request.body)


async def counting(request: ServerRequest) -> ServerResponse:
    async def body() -> AsyncIterator[bytes]:
        for number in range(1000):
            yield b"%d\n" % number
            await asyncio.sleep(1)

    return ServerResponse(200, {}, body())


def test_a_request_reaches_its_handler_and_the_reply_comes_back() -> None:
    async def main() -> None:
        transport = MemoryTransport({API: echo})
        request = Request("POST", f"{API}/a%2Fb?x=%20", {"X-A": ("1", "2")}, b"body")
        response = await transport.send(request)
        assert response.status == 200
        assert response.headers["x-seen"] == "POST /a%2Fb x=%20 1, 2"
        assert await response.read() == await response.read() == b"body"
        await transport.close()

    run(main())


def test_an_unknown_host_cannot_be_connected_to() -> None:
    async def main() -> None:
        with pytest.raises(ConnectFailed) as caught:
            await MemoryTransport({}).send(Request("GET", "https://user:secret@nowhere/x"))
        assert not caught.value.sent
        assert "secret" not in str(caught.value)

    run(main())


def test_a_stream_arrives_in_its_own_time_and_ends_when_closed() -> None:
    ended: list[str] = []

    async def handler(request: ServerRequest) -> ServerResponse:
        async def body() -> AsyncIterator[bytes]:
            try:
                while True:
                    yield b"tick"
                    await asyncio.sleep(60)
            finally:
                ended.append("closed")

        return ServerResponse(200, {}, body())

    async def main() -> float:
        transport = MemoryTransport({API: handler})
        count = 0
        async with await transport.send(Request("GET", API + "/")) as response:
            async for chunk in response.chunks():
                assert chunk == b"tick"
                count += 1
                if count == 4:
                    break
        passed = asyncio.get_running_loop().time()
        await transport.close()
        return passed

    assert run(main()) == 180
    assert ended == ["closed"]


def test_a_reader_that_is_interrupted_goes_on_where_it_was() -> None:
    async def main() -> list[bytes]:
        transport = MemoryTransport({API: counting})
        response = await transport.send(Request("GET", API + "/"))
        chunks = response.chunks()
        got = [await anext(chunks), await anext(chunks)]
        source = response._source
        assert source is not None
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await source.chunk()
        got.append(await source.chunk())
        response.close()
        await transport.close()
        return got

    assert run(main()) == [b"0\n", b"1\n", b"2\n"]


def test_a_slow_reader_slows_the_handler_down() -> None:
    produced: list[int] = []

    async def handler(request: ServerRequest) -> ServerResponse:
        async def body() -> AsyncIterator[bytes]:
            for number in range(1000):
                produced.append(number)
                yield b"x"

        return ServerResponse(200, {}, body())

    async def main() -> None:
        transport = MemoryTransport({API: handler})
        async with await transport.send(Request("GET", API + "/")) as response:
            await anext(response.chunks())
            await asyncio.sleep(100)
            assert len(produced) < 30
        await transport.close()

    run(main())


def test_a_handler_finishes_its_work_although_its_client_left() -> None:
    done: list[str] = []

    async def handler(request: ServerRequest) -> ServerResponse:
        await asyncio.sleep(10)
        done.append("written")
        return ServerResponse(200)

    async def main() -> None:
        transport = MemoryTransport({API: handler})
        with pytest.raises(TimedOut):
            await transport.send(Request("GET", API + "/", timeout=5))
        await asyncio.sleep(20)
        await transport.close()

    run(main())
    assert done == ["written"]


@pytest.mark.parametrize(
    ("fault", "error", "handled"),
    [
        (Fault(refuse=True), ConnectFailed, False),
        (Fault(lose_reply=True), ReplyLost, True),
        (Fault(reply=ServerResponse(503)), None, False),
        (Fault(delay=3), None, True),
    ],
)
def test_faults_say_what_happens_on_the_way(fault: Fault, error: type[Exception] | None, handled: bool) -> None:
    seen: list[str] = []

    async def handler(request: ServerRequest) -> ServerResponse:
        seen.append(request.path)
        return ServerResponse(200)

    async def main() -> Response:
        transport = MemoryTransport({API: handler}, faults=lambda request: fault)
        return await transport.send(Request("GET", API + "/"))

    if error is not None:
        with pytest.raises(error):
            run(main())
    else:
        assert run(main()).status == (503 if fault.reply else 200)
    assert bool(seen) == handled


def test_a_body_is_cut_where_the_fault_says() -> None:
    async def main() -> list[bytes]:
        transport = MemoryTransport({API: counting}, faults=lambda request: Fault(cut_after=3))
        got: list[bytes] = []
        response = await transport.send(Request("GET", API + "/"))

        async def read() -> None:
            async for chunk in response.chunks():
                got.append(chunk)

        with pytest.raises(ReplyLost):
            await read()
        await transport.close()
        return got

    assert run(main()) == [b"0\n", b"1\n", b"2\n"]


def test_cutting_all_streams_breaks_their_readers() -> None:
    async def main() -> None:
        transport = MemoryTransport({API: counting})
        responses = [await transport.send(Request("GET", API + "/")) for _ in range(3)]
        await asyncio.sleep(2)
        assert transport.cut() == 3
        for response in responses:
            with pytest.raises(ReplyLost):
                await response.read()
        await transport.close()

    run(main())


def test_a_reply_longer_than_allowed_is_refused() -> None:
    async def main() -> None:
        transport = MemoryTransport({API: counting})
        response = await transport.send(Request("GET", API + "/"))
        with pytest.raises(TooLarge):
            await response.read(10)
        await transport.close()

    run(main())


def test_a_failing_handler_is_seen_by_its_client() -> None:
    async def handler(request: ServerRequest) -> ServerResponse:
        raise ZeroDivisionError

    async def main() -> None:
        transport = MemoryTransport({API: handler})
        with pytest.raises(ZeroDivisionError):
            await transport.send(Request("GET", API + "/"))

    run(main())
