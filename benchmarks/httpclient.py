"""Our own HTTP client beside aiohttp's, on a server that answers as kube-apiserver does: the figures of
docs/decisions/0002.

    python -m benchmarks.httpclient [--json FILE]

Each figure is CPU time of the client's process for one GET of a ConfigMap of 2 kB, and the ratio of the two in the same
run.
"""

import argparse
import asyncio
import json
import multiprocessing
import random
import resource
import ssl
import statistics
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import aiohttp
import trustme
import uvloop

from fluvial.kube import Client, Resource
from fluvial.kube.credentials import FixedHeader
from fluvial.net import Http1Transport, Request, make_client_tls

REQUESTS = 4000
RUNS = 3
HEADERS = {"Authorization": "Bearer " + "t" * 900, "User-Agent": "bench", "Accept": "application/json"}
MAP = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {
        "name": "a",
        "namespace": "default",
        "resourceVersion": "12345",
        "managedFields": [{"manager": "m", "fieldsV1": {f"f:key{number}": {} for number in range(30)}}],
    },
    "data": {f"key{number}": "value" * 5 for number in range(20)},
}
Ask = Callable[[int], Awaitable[object]]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.httpclient")
    parser.add_argument("--json", type=Path, help="where the results go")
    options = parser.parse_args()
    rows = [
        _row(secure, loop, concurrency)
        for secure in (False, True)
        for loop in ("asyncio", "uvloop")
        for concurrency in (1, 16)
    ]
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1) + "\n")
    return 0


def _row(secure: bool, loop: str, concurrency: int) -> dict[str, Any]:
    with _server(secure) as (url, trust):
        row: dict[str, Any] = {"tls": secure, "loop": loop, "concurrency": concurrency}
        for name, client in (("aiohttp", _aiohttp), ("net", _net), ("kube", _kube)):
            runner = uvloop.new_event_loop if loop == "uvloop" else asyncio.new_event_loop
            with asyncio.Runner(loop_factory=runner) as running:
                row[name] = round(running.run(client(url, trust, concurrency)), 1)
        row["ratio"] = round(row["aiohttp"] / row["net"], 2)
    shown = "{tls!s:5} {loop:7} {concurrency:2} at once: aiohttp {aiohttp} µs, ours {net} µs ({ratio} times as little)"
    print(shown.format(**row) + f", with kube.Client {row['kube']} µs")
    return row


async def _aiohttp(url: str, trust: bytes, concurrency: int) -> float:
    context: ssl.SSLContext | bool = make_client_tls(ca=trust) if trust else True
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context, limit=0), headers=HEADERS) as session:

        async def ask(number: int) -> object:
            async with session.get(f"{url}/api/v1/namespaces/default/configmaps/a{number}") as reply:
                return await reply.read()

        return await _cpu_of(ask, concurrency)


async def _net(url: str, trust: bytes, concurrency: int) -> float:
    transport = Http1Transport(tls=make_client_tls(ca=trust) if trust else None)

    async def ask(number: int) -> object:
        path = f"{url}/api/v1/namespaces/default/configmaps/a{number}"
        return await (await transport.send(Request("GET", path, HEADERS))).read()

    try:
        return await _cpu_of(ask, concurrency)
    finally:
        await transport.close()


async def _kube(url: str, trust: bytes, concurrency: int) -> float:
    transport = Http1Transport(tls=make_client_tls(ca=trust) if trust else None)
    client = Client(url, transport, credentials=FixedHeader.bearer("t" * 900), chance=random.Random(1))
    client._discovery._by_name["v1", "ConfigMap"] = Resource("", "v1", "ConfigMap", "configmaps", True)
    try:
        return await _cpu_of(lambda number: client.get("v1", "ConfigMap", "default", f"a{number}"), concurrency)
    finally:
        await client.close()


async def _cpu_of(ask: Ask, concurrency: int) -> float:
    """Return microseconds of CPU for one request, the median of the runs."""

    async def some(count: int) -> None:
        for number in range(count):
            await ask(number)

    await asyncio.gather(*[some(50) for _ in range(concurrency)])
    found = []
    for _ in range(RUNS):
        before = _cpu_now()
        await asyncio.gather(*[some(REQUESTS // concurrency) for _ in range(concurrency)])
        found.append((_cpu_now() - before) / REQUESTS * 1e6)
    return statistics.median(found)


def _cpu_now() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


@contextmanager
def _server(secure: bool) -> Iterator[tuple[str, bytes]]:
    """A process that answers every request with the same object; yields its URL and the CA to trust."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_serve, args=(theirs, secure))
    process.start()
    try:
        yield ours.recv()
    finally:
        process.terminate()
        process.join()


def _serve(report: Connection, secure: bool) -> None:
    uvloop.run(_answer_for_ever(report, secure))


async def _answer_for_ever(report: Connection, secure: bool) -> None:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    server = await asyncio.get_running_loop().create_server(_Answers, "127.0.0.1", 0, ssl=context if secure else None)
    port = server.sockets[0].getsockname()[1]
    scheme = "https" if secure else "http"
    report.send((f"{scheme}://127.0.0.1:{port}", authority.cert_pem.bytes() if secure else b""))
    await server.serve_forever()


class _Answers(asyncio.Protocol):
    """The cheapest server there is: what is measured is the client."""

    body = json.dumps(MAP).encode()
    reply = (
        b"HTTP/1.1 200 OK\r\nAudit-Id: 0a1b\r\nCache-Control: no-cache, private\r\nContent-Type: application/json\r\n"
        b"X-Kubernetes-Pf-Flowschema-Uid: a\r\nX-Kubernetes-Pf-Prioritylevel-Uid: b\r\n"
        b"Date: Thu, 01 Jan 2026 00:00:00 GMT\r\nContent-Length: %d\r\n\r\n" % len(body)
    ) + body

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.pending = b""

    def data_received(self, data: bytes) -> None:
        *requests, self.pending = (self.pending + data).split(b"\r\n\r\n")
        for _ in requests:
            self.transport.write(self.reply)  # type: ignore[attr-defined]


if __name__ == "__main__":
    raise SystemExit(main())
