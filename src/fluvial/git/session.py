"""A conversation with one remote repository, over HTTP or SSH."""

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from fluvial.git.auth import Auth, SshAlgorithms
from fluvial.net import Transport


@dataclass(frozen=True, slots=True)
class RemoteRef:
    """One reference of a remote.

    Attributes:
        hash: what it points at, 40 hexadecimal digits; a tag object for an annotated tag.
        peeled: the commit behind an annotated tag, else "".
    """

    name: str
    hash: str
    peeled: str = ""


class Remote(Protocol):
    """An open conversation; `connect` makes one."""

    url: str


def connect(
    url: str, auth: Auth, *, web: Transport, ssh: SshAlgorithms | None = None
) -> AbstractAsyncContextManager[Remote]:
    """Open a conversation with the repository at `url`; nothing is sent until something is asked.

    Args:
        url: `http://`, `https://` or `ssh://`.
        web: carries HTTP; its TLS settings (CA, client certificate) are the caller's.
    Raises:
        AuthenticationFailed: the credentials cannot be used at all (unreadable key, missing known_hosts).
    """
    raise NotImplementedError


async def ls_remote(remote: Remote, prefixes: tuple[str, ...] = ()) -> list[RemoteRef]:
    """List references whose full names begin with one of `prefixes` (all, if none are given), annotated tags peeled.

    Raises:
        GitError: see `errors`. An empty repository is an empty list, not an error.
    """
    raise NotImplementedError
