"""The controller with real sockets: HTTPS and SSH with what the Secret holds, and the artifact server of the leader."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import asyncssh
import trustme

from fluvial.git import git_handler
from fluvial.kube import Client
from fluvial.net import (
    Http1Transport,
    MemoryTransport,
    Request,
    Server,
    WebTransport,
    make_server_tls,
    serve,
)
from fluvial.objects import Object, get_condition
from fluvial.runtime import LeaderElector, SystemClock, Timings
from fluvial.stdx import sha256
from fluvial.telemetry import silent_logger
from tests.controllers_source.world import API, World, world
from tests.git.test_ssh import SshHost


def run(test: Callable[[World], Awaitable[None]], **settings: str) -> None:
    async def main() -> None:
        async with world(SystemClock(), random.Random(1)) as made:
            made.dedicated = lambda tls: WebTransport(tls=tls)
            made.git.commit({"a.yaml": "1"}, message="one")
            await made.start(storage_addr="127.0.0.1:0", storage_adv_addr="", **settings)
            await test(made)

    asyncio.run(main())


async def download(obj: Object) -> tuple[int, bytes]:
    transport = Http1Transport()
    try:
        reply = await transport.send(Request("GET", obj["status"]["artifact"]["url"]))
        return reply.status, await reply.read()
    finally:
        await transport.close()


@asynccontextmanager
async def https(made: World, authority: trustme.CA) -> AsyncIterator[Server]:
    """The repository behind TLS; whoever shows no certificate of the authority gets 401."""
    issued = authority.issue_cert("127.0.0.1")
    tls = make_server_tls(
        certificate=b"".join(each.bytes() for each in issued.cert_chain_pems),
        key=issued.private_key_pem.bytes(),
        client_ca=authority.cert_pem.bytes(),
    )
    handler = git_handler({"fleet": made.git}, allow=lambda request: bool(request.certificate))
    server = await serve(handler, tls=tls)
    try:
        yield server
    finally:
        await server.close()


def test_https_with_a_private_authority_and_a_client_certificate() -> None:
    async def play(made: World) -> None:
        authority = trustme.CA()
        issued = authority.issue_cert("client@fluvial.test")
        ca = authority.cert_pem.bytes().decode()
        async with https(made, authority) as server:
            await made.secret("ca", **{"ca.crt": ca})
            await made.secret("legacy", caFile=ca)
            pair = {
                "tls.crt": issued.cert_chain_pems[0].bytes().decode(),
                "tls.key": issued.private_key_pem.bytes().decode(),
            }
            await made.secret("both", **{"ca.crt": ca, **pair})
            url = f"{server.url}/fleet"
            await made.apply(url=url)
            await made.shows("FetchFailed", "GitOperationFailed", "certificate", seconds=20)
            for name in ("ca", "legacy"):
                await made.apply(url=url, secretRef={"name": name})
                await made.shows("FetchFailed", "GitOperationFailed", "authentication required", seconds=20)
            await made.apply(url=url, secretRef={"name": "both"})
            obj = await made.ready()
            status, data = await download(obj)
            assert status == 200
            assert sha256(data) == obj["status"]["artifact"]["digest"]
            assert obj["status"]["artifact"]["url"].startswith("http://127.0.0.1:")
            assert ":0/" not in obj["status"]["artifact"]["url"]

    run(play)


def test_ssh_with_a_key_and_known_hosts() -> None:
    async def play(made: World) -> None:
        host = SshHost(
            made.git, asyncssh.generate_private_key("ssh-ed25519"), asyncssh.generate_private_key("ssh-ed25519")
        )
        keys = asyncssh.import_authorized_keys(host.client_key.export_public_key().decode())
        server = await asyncssh.listen(
            "127.0.0.1",
            0,
            server_host_keys=[host.key],
            authorized_client_keys=keys,
            process_factory=host.serve,
            encoding=None,
        )
        host.port = server.get_port()
        try:
            good = {key: value.decode() for key, value in host.secret().items()}
            other = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode()
            await made.secret("strange", **good | {"known_hosts": f"[127.0.0.1]:{host.port} {other}"})
            locked = host.client_key.export_private_key("pkcs8-pem", passphrase="open sesame").decode()
            await made.secret("locked", **good | {"identity": locked})
            await made.secret("opened", **good | {"identity": locked, "password": "open sesame"})
            url = f"ssh://git@127.0.0.1:{host.port}/fleet.git"
            await made.apply(url=url, secretRef={"name": "strange"})
            await made.shows("FetchFailed", "GitOperationFailed", "not in known_hosts", seconds=20)
            await made.apply(url=url, secretRef={"name": "locked"})
            text = "SSH identity key is encrypted but no 'password' field was provided in the secret 'default/locked'"
            await made.shows("FetchFailed", "AuthenticationFailed", text, seconds=20)
            await made.apply(url=url, secretRef={"name": "opened"})
            obj = await made.ready()
            assert (await download(obj))[0] == 200
            assert "open sesame" not in str(obj)
        finally:
            server.close()
            await server.wait_closed()

    run(play)


def test_nothing_is_served_before_this_process_leads() -> None:
    async def main() -> None:
        clock = SystemClock()
        async with world(clock, random.Random(1)) as made:
            client = Client(API, MemoryTransport({API: made.plane.handle}), chance=made.chance)

            def elector(identity: str) -> LeaderElector:
                return LeaderElector(
                    client,
                    namespace="default",
                    name="source-controller-leader-election",
                    identity=identity,
                    clock=clock,
                    chance=made.chance,
                    log=silent_logger(clock),
                    timings=Timings(lease_duration=2, renew_deadline=1.5, retry_period=0.2),
                )

            other = elector("somebody else")
            await other.acquire()
            made.elector = elector("us")
            made.git.commit({"a.yaml": "1"}, message="one")
            await made.apply()
            await made.start(storage_addr="127.0.0.1:0", storage_adv_addr="")
            await asyncio.sleep(0.5)
            assert made.is_serving() is False
            assert get_condition(await made.get(), "Ready") is None
            await made.until("the other's lease runs out", lambda: asyncio.sleep(0, made.is_serving()), 20)
            assert (await download(await made.ready()))[0] == 200
            await made.stop()
            assert made.is_serving() is False
            await client.close()

    asyncio.run(main())
