"""A conversation with one remote repository, over HTTP or SSH."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Protocol
from urllib.parse import urlsplit

from fluvial.api import GitCredentials
from fluvial.git.errors import GitError, ProtocolError
from fluvial.git.http import HttpRemote
from fluvial.git.pktline import Packet
from fluvial.git.protocol import Hello, RemoteRef, list_request, read_refs
from fluvial.git.ssh import SshAlgorithms, SshRemote
from fluvial.net import Transport


class Remote(Protocol):
    """An open conversation; `connect` makes one."""

    @property
    def url(self) -> str:
        """The repository, without credentials."""
        ...

    async def hello(self) -> Hello:
        """Return the server's first words; asked for once."""
        ...

    def ask(self, request: bytes) -> AsyncGenerator[Packet, None]:
        """Send one request and yield the packets of its answer; whoever stops early closes the iterator."""
        ...


@asynccontextmanager
async def connect(
    url: str, credentials: GitCredentials, *, web: Transport, ssh: SshAlgorithms | None = None
) -> AsyncIterator[Remote]:
    """Open a conversation with the repository at `url`; nothing is sent until something is asked.

    Args:
        url: `http://`, `https://` or `ssh://`; a user part is not read, but for the login name of SSH.
        web: carries HTTP; its TLS settings (CA, client certificate) are the caller's.
    Raises:
        GitError: the URL's scheme is another; the rest is raised by what is asked.
    """
    scheme = urlsplit(url).scheme
    if scheme in ("http", "https"):
        yield HttpRemote(url, credentials, web)
    elif scheme == "ssh":
        remote = SshRemote(url, credentials, ssh or SshAlgorithms())
        try:
            yield remote
        finally:
            await remote.close()
    else:
        raise GitError(f"unsupported scheme {scheme!r}: use http, https or ssh")


async def ls_remote(remote: Remote, prefixes: tuple[str, ...] = ()) -> list[RemoteRef]:
    """List references whose full names begin with one of `prefixes` (all, if none are given), annotated tags peeled.

    Raises:
        GitError: see `errors`. An empty repository is an empty list, not an error.
    """
    hello = await remote.hello()
    if hello.version == 2:
        if not hello.offers("ls-refs"):
            raise ProtocolError("the server does not list references")
        refs = read_refs([packet async for packet in remote.ask(list_request(hello, prefixes))])
    else:
        refs = list(hello.refs)
    return [ref for ref in refs if not prefixes or ref.name.startswith(prefixes)]
