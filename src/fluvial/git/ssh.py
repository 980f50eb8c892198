"""Git over SSH, on asyncssh: key and known hosts from memory, nothing from this machine's own SSH settings.

asyncssh is imported on first use: it takes 0.4 s.
"""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from fluvial.api import GitCredentials
from fluvial.git.errors import AuthenticationFailed, GitError, ProtocolError, Unreachable
from fluvial.git.pktline import Mark, Packet, PacketReader
from fluvial.git.protocol import Hello, read_hello, remote_error

if TYPE_CHECKING:
    import asyncssh

DEFAULT_USER = "git"
_STDERR_LIMIT = 4096
_CLOSE_SECONDS = 5.0
_RSA_SHA2 = ("rsa-sha2-512", "rsa-sha2-256")


@dataclass(frozen=True, slots=True)
class SshAlgorithms:
    """Ordered algorithm names from `--ssh-kex-algos` and `--ssh-hostkey-algos`; empty means the library's own."""

    kex: tuple[str, ...] = ()
    host_key: tuple[str, ...] = ()


class SshRemote:
    """A repository behind `ssh://`. One channel serves the whole conversation."""

    def __init__(self, url: str, credentials: GitCredentials, algorithms: SshAlgorithms) -> None:
        parts = urlsplit(url)
        self.url = f"ssh://{parts.netloc.rpartition('@')[2]}{parts.path}"
        self._host = parts.hostname or ""
        self._port = parts.port or 22
        self._user = credentials.username or (unquote(parts.username) if parts.username else DEFAULT_USER)
        self._path = unquote(parts.path)
        self._credentials = credentials
        self._algorithms = algorithms
        self._connection: asyncssh.SSHClientConnection | None = None
        self._process: asyncssh.SSHClientProcess[bytes] | None = None
        self._hello: Hello | None = None
        self._reader = PacketReader()
        self._waiting: list[Packet] = []
        self._asked = False

    async def hello(self) -> Hello:
        """See `Remote.hello`."""
        if self._hello is None:
            self._process = await self._start()
            self._hello = read_hello([packet async for packet in self._until_flush()])
        return self._hello

    async def ask(self, request: bytes) -> AsyncGenerator[Packet, None]:
        """See `Remote.ask`. In version 0 a channel takes one request only; `fetch` makes one only."""
        hello = await self.hello()
        assert self._process is not None
        try:
            self._process.stdin.write(request)
            await self._process.stdin.drain()
        except (OSError, BrokenPipeError) as error:
            raise Unreachable(f"the connection was lost: {error}") from error
        self._asked = True
        if hello.version == 2:
            async for packet in self._until_flush():
                yield packet
            return
        async for packet in self._packets():
            yield packet

    async def close(self) -> None:
        """End the conversation; repeatable."""
        if self._process is not None and not self._asked and not self._process.is_closing():
            self._process.stdin.write(Mark.FLUSH.value)  # "nothing wanted", so that the server ends without complaint
        if self._connection is not None:
            self._connection.close()
            try:
                async with asyncio.timeout(_CLOSE_SECONDS):
                    await self._connection.wait_closed()
            except TimeoutError:  # a peer that does not answer any more
                self._connection.abort()
            self._connection = None

    async def _start(self) -> "asyncssh.SSHClientProcess[bytes]":
        import asyncssh

        try:
            self._connection = await asyncssh.connect(self._host, self._port, **self._options())
            return await self._connection.create_process(
                f"git-upload-pack {_quoted(self._path)}",
                env={"GIT_PROTOCOL": "version=2"},
                encoding=None,
            )
        except (OSError, asyncssh.Error) as error:
            raise _from_asyncssh(error) from error
        except ValueError as error:  # a name in --ssh-kex-algos or --ssh-hostkey-algos
            raise ProtocolError(f"ssh: {error}") from error

    def _options(self) -> dict[str, Any]:
        import asyncssh

        hosts = _known_hosts(self._credentials.known_hosts)
        options: dict[str, Any] = {
            "username": self._user,
            "client_keys": [_private_key(self._credentials)],
            "known_hosts": hosts,
            "agent_path": None,
            "config": None,
            "preferred_auth": "publickey",
            "client_factory": asyncssh.SSHClient,
        }
        if self._algorithms.kex:
            options["kex_algs"] = list(self._algorithms.kex)
        if self._algorithms.host_key:
            options["server_host_key_algs"] = list(self._algorithms.host_key)
        elif _only_ssh_rsa(hosts, self._host, self._port):
            # As Flux: hosts known by an ssh-rsa key only may still sign with SHA-2.
            options["server_host_key_algs"] = [*_RSA_SHA2, "ssh-rsa"]
        return options

    async def _until_flush(self) -> AsyncGenerator[Packet, None]:
        """Yield packets to the flush that ends an answer, the flush too."""
        async for packet in self._packets():
            yield packet
            if packet is Mark.FLUSH:
                return

    async def _packets(self) -> AsyncGenerator[Packet, None]:
        assert self._process is not None
        while True:
            while self._waiting:
                yield self._waiting.pop(0)
            data = await self._process.stdout.read(1 << 16)
            if not data:
                break
            self._waiting = self._reader.feed(data)
        said = (await self._process.stderr.read(_STDERR_LIMIT)).decode("utf-8", "replace").strip()
        if said:
            raise remote_error(said)
        if not self._asked or not self._reader.is_between_packets:
            raise Unreachable("the connection was closed before the answer was complete")


def _quoted(path: str) -> str:
    """Quote a path as git does, always: some servers read the command without a shell."""
    return "'" + path.replace("'", "'\\''").replace("!", "'\\!'") + "'"


def is_encrypted(identity: bytes) -> bool:
    """Tell whether an SSH private key needs a password; what is no key at all is told when it is used."""
    import asyncssh

    try:
        asyncssh.import_private_key(identity)
    except asyncssh.KeyImportError as error:
        return "assphrase must be specified" in str(error)
    return False


def _private_key(credentials: GitCredentials) -> "asyncssh.SSHKey":
    import asyncssh

    try:
        return asyncssh.import_private_key(credentials.identity, credentials.password or None)
    except asyncssh.KeyEncryptionError as error:
        raise AuthenticationFailed(
            f"the SSH key cannot be decrypted: {error} (remedy: ssh-keygen -p -m PEM rewrites it in a readable format)"
        ) from error
    except (asyncssh.KeyImportError, ValueError) as error:
        raise AuthenticationFailed(f"the SSH key cannot be read: {error}") from error


def _known_hosts(data: bytes) -> "asyncssh.SSHKnownHosts":
    import asyncssh

    try:
        hosts = asyncssh.import_known_hosts(data.decode("utf-8", "replace"))
    except ValueError as error:
        raise AuthenticationFailed(f"known_hosts cannot be read: {error}") from error
    return hosts


def _only_ssh_rsa(hosts: "asyncssh.SSHKnownHosts", host: str, port: int) -> bool:
    keys = hosts.match(host, "", port)[0]
    return bool(keys) and all(key.algorithm == b"ssh-rsa" for key in keys)


def _from_asyncssh(error: Exception) -> GitError:
    import asyncssh

    if isinstance(error, asyncssh.HostKeyNotVerifiable):
        return AuthenticationFailed("ssh: handshake failed: knownhosts: the server's host key is not in known_hosts")
    if isinstance(error, asyncssh.PermissionDenied):
        return AuthenticationFailed(
            "ssh: handshake failed: ssh: unable to authenticate, attempted methods [none publickey],"
            " no supported methods remain"
        )
    if isinstance(error, asyncssh.KeyExchangeFailed):
        return ProtocolError(f"ssh: handshake failed: ssh: no common algorithm for key exchange: {error}")
    if isinstance(error, asyncssh.ConnectionLost | asyncssh.DisconnectError):
        return Unreachable(f"ssh: {error}")
    if isinstance(error, asyncio.TimeoutError):
        return Unreachable("ssh: no connection in time")
    return Unreachable(str(error))
