"""Git over SSH, from a real server on loopback: the key and the known hosts come from memory, and both are checked."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import asyncssh
import pytest

from fluvial.api import GitReference, git_credentials
from fluvial.git import (
    AuthenticationFailed,
    GitError,
    MemoryRepository,
    ProtocolError,
    Remote,
    RepositoryNotFound,
    SshAlgorithms,
    Unreachable,
    connect,
    fetch,
    is_encrypted,
    ls_remote,
    resolve,
)
from fluvial.git.server import git_handler
from fluvial.net import MemoryTransport, ServerRequest
from tests.git.world import repository


@dataclass
class SshHost:
    """An SSH server that answers `git-upload-pack` from a repository in memory.

    Attributes:
        accepts_environment: False is a server that does not let GIT_PROTOCOL in, so that version 0 is spoken.
    """

    git: MemoryRepository
    key: asyncssh.SSHKey
    client_key: asyncssh.SSHKey
    accepts_environment: bool = True
    port: int = 0
    commands: list[str] = field(default_factory=list)
    users: list[str] = field(default_factory=list)

    def secret(self, **changes: bytes) -> dict[str, bytes]:
        hosts = f"[127.0.0.1]:{self.port} {self.key.export_public_key().decode()}".encode()
        return {"identity": self.client_key.export_private_key(), "known_hosts": hosts, **changes}

    @asynccontextmanager
    async def open(
        self, secret: dict[str, bytes] | None = None, path: str = "/fleet.git", user: str = "", **options: Any
    ) -> AsyncIterator[Remote]:
        url = f"ssh://{user}127.0.0.1:{self.port}{path}"
        async with connect(
            url, git_credentials(url, secret or self.secret()), web=MemoryTransport({}), **options
        ) as remote:
            yield remote

    async def serve(self, process: "asyncssh.SSHServerProcess[bytes]") -> None:
        """Speak the protocol over the channel with the words of the HTTP handler."""
        self.commands.append(process.command or "")
        self.users.append(process.get_extra_info("username"))
        path = (process.command or "").removeprefix("git-upload-pack '").removesuffix("'")
        version = process.env.get("GIT_PROTOCOL", "") if self.accepts_environment else ""
        if path != "/fleet.git":
            process.stderr.write(b"ERROR: Repository not found.\nfatal: no such thing\n")
            process.exit(128)
            return
        handler = git_handler({"fleet": self.git})
        headers = {"git-protocol": version}
        hello = await handler(ServerRequest("GET", "/fleet/info/refs", "service=git-upload-pack", headers))
        assert isinstance(hello.body, bytes)
        process.stdout.write(hello.body[len(b"001e# service=git-upload-pack\n0000") :])
        while request := await _request(process, version):
            reply = await handler(ServerRequest("POST", "/fleet/git-upload-pack", "", headers, request))
            assert isinstance(reply.body, bytes)
            process.stdout.write(reply.body)
            if not version or b"ERR " in reply.body[:12]:
                break
        process.exit(0)


async def _request(process: "asyncssh.SSHServerProcess[bytes]", version: str) -> bytes:
    """Read one request: to the flush in version 2, to `done` in version 0; b"" at the end."""
    data = b""
    try:
        while True:
            head = await process.stdin.readexactly(4)
            length = int(head, 16)
            line = head + (await process.stdin.readexactly(length - 4) if length > 4 else b"")
            if line == b"0000" and not data:
                return b""
            data += line
            if line == (b"0000" if version else b"0009done\n"):
                return data
    except asyncio.IncompleteReadError:
        return b""


def play(
    test: Callable[[SshHost], Awaitable[None]],
    *,
    accepts_environment: bool = True,
    key_type: str = "ssh-ed25519",
    **options: Any,
) -> None:
    async def main() -> None:
        host = SshHost(
            repository(),
            asyncssh.generate_private_key(key_type),
            asyncssh.generate_private_key("ssh-ed25519"),
            accepts_environment,
        )
        host.git.commit({"a.yaml": "1"}, message="one")
        keys = asyncssh.import_authorized_keys(host.client_key.export_public_key().decode())
        server = await asyncssh.listen(
            "127.0.0.1",
            0,
            server_host_keys=[host.key],
            authorized_client_keys=keys,
            process_factory=host.serve,
            encoding=None,
            **options,
        )
        host.port = server.get_port()
        try:
            await test(host)
        finally:
            server.close()
            await server.wait_closed()

    asyncio.run(main())


@pytest.mark.parametrize("environment", [True, False])
def test_a_commit_is_fetched_over_one_channel(environment: bool) -> None:
    async def test(host: SshHost) -> None:
        async with host.open() as remote:
            found = await resolve(remote, GitReference(branch="main"))
            got = await fetch(remote, found)
        assert dict(got.tree) == {"a.yaml": b"1"}
        assert host.commands == ["git-upload-pack '/fleet.git'"]
        assert host.users == ["git"]
        host.git.commit({"b.yaml": "2"}, message="two")
        async with host.open() as remote:
            found = await resolve(remote, GitReference(branch="main"))
            again = await fetch(remote, found, known=got.snapshot)
        assert dict(again.tree) == {"a.yaml": b"1", "b.yaml": b"2"}

    play(test, accepts_environment=environment)


@pytest.mark.parametrize("environment", [True, False])
def test_only_looking_ends_without_complaint(environment: bool) -> None:
    async def test(host: SshHost) -> None:
        async with host.open() as remote:
            assert [ref.name for ref in await ls_remote(remote)] == ["HEAD", "refs/heads/main"]

    play(test, accepts_environment=environment)


@pytest.mark.parametrize("environment", [True, False])
def test_a_commit_behind_the_branch_is_fetched(environment: bool) -> None:
    async def test(host: SshHost) -> None:
        first = host.git.refs["refs/heads/main"]
        host.git.commit({"b.yaml": "2"}, message="two")
        async with host.open() as remote:
            got = await fetch(remote, await resolve(remote, GitReference(commit=first)))
        assert dict(got.tree) == {"a.yaml": b"1"}

    play(test, accepts_environment=environment)


def test_the_login_name_of_the_url_is_used() -> None:
    async def test(host: SshHost) -> None:
        async with host.open(user="someone@") as remote:
            await ls_remote(remote)
        assert host.users == ["someone"]

    play(test)


def test_a_server_that_is_not_known_is_refused() -> None:
    async def test(host: SshHost) -> None:
        other = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode()
        for hosts in (
            f"[127.0.0.1]:{host.port} {other}",
            f"github.com {host.key.export_public_key().decode()}",
            f"@revoked [127.0.0.1]:{host.port} {host.key.export_public_key().decode()}",
        ):
            with pytest.raises(AuthenticationFailed, match=r"not in known_hosts|revoked"):
                await look(host, host.secret(known_hosts=hosts.encode()))
        assert host.commands == []

    play(test)


async def look(host: SshHost, secret: dict[str, bytes] | None = None, **options: Any) -> None:
    async with host.open(secret, **options) as remote:
        await ls_remote(remote)


def test_a_key_that_the_server_does_not_know_is_refused() -> None:
    async def test(host: SshHost) -> None:
        other = asyncssh.generate_private_key("ssh-ed25519").export_private_key()
        with pytest.raises(AuthenticationFailed, match="unable to authenticate"):
            await look(host, host.secret(identity=other))

    play(test)


def test_a_key_with_a_password_is_opened_in_memory() -> None:
    async def test(host: SshHost) -> None:
        locked = host.client_key.export_private_key("pkcs8-pem", passphrase="open sesame")
        assert is_encrypted(locked)
        assert not is_encrypted(host.client_key.export_private_key())
        assert not is_encrypted(b"no key at all")
        await look(host, host.secret(identity=locked, password=b"open sesame"))
        with pytest.raises(AuthenticationFailed, match="the SSH key cannot be") as caught:
            await look(host, host.secret(identity=locked, password=b"wrong-one"))
        assert "wrong-one" not in str(caught.value)
        with pytest.raises(AuthenticationFailed, match="the SSH key cannot be read"):
            await look(host, host.secret(identity=b"junk"))

    play(test)


def test_a_repository_that_is_not_there_is_told_in_the_servers_words() -> None:
    async def test(host: SshHost) -> None:
        with pytest.raises(RepositoryNotFound, match=r"repository not found: ERROR: Repository not found\."):
            await look(host, path="/other.git")

    play(test)


def test_nobody_who_listens_is_unreachable() -> None:
    async def test(host: SshHost) -> None:
        secret = host.secret()
        host.port = 1
        with pytest.raises(Unreachable, match=r"refused|Connect call failed"):
            await look(host, secret)

    play(test)


def test_algorithms_can_be_chosen() -> None:
    async def test(host: SshHost) -> None:
        await look(host, ssh=SshAlgorithms(kex=("curve25519-sha256",), host_key=("ssh-ed25519",)))
        with pytest.raises(ProtocolError, match="no common algorithm for key exchange"):
            await look(host, ssh=SshAlgorithms(kex=("diffie-hellman-group14-sha256",)))
        with pytest.raises(GitError, match="not-an-algorithm"):
            await look(host, ssh=SshAlgorithms(kex=("not-an-algorithm",)))

    play(test, kex_algs=["curve25519-sha256"])


def test_a_host_known_by_an_rsa_key_may_sign_with_sha2() -> None:
    async def test(host: SshHost) -> None:
        await look(host)

    play(test, key_type="ssh-rsa", signature_algs=["rsa-sha2-512", "ssh-ed25519"])


def test_a_path_is_quoted_for_the_shell_behind_it() -> None:
    async def test(host: SshHost) -> None:
        with pytest.raises(RepositoryNotFound):
            await look(host, path="/a%20b;%20rm%20-rf%20~/c'd.git")
        assert host.commands == [r"git-upload-pack '/a b; rm -rf ~/c'\''d.git'"]

    play(test)
