"""What proves who we are: a fixed header, or a token that is read anew while it rotates."""

import asyncio
import base64
from collections.abc import Callable
from typing import Protocol

from fluvial.kube.errors import ConfigError

_TOKEN_AGE = 60.0  # seconds; client-go rereads a token file as often (transport.NewCachedFileTokenSource)


class Credentials(Protocol):
    """Gives the Authorization header of each request."""

    async def header(self) -> str:
        """Return the header's value, or "" for none. Raises ConfigError when there is nothing to show."""
        ...

    def reject(self) -> bool:
        """The server answered 401: forget what is cached. Returns whether asking again can bring something new."""
        ...


class FixedHeader:
    """One value for ever: a token or a password that a kubeconfig holds."""

    def __init__(self, value: str = "") -> None:
        self._value = value

    @classmethod
    def bearer(cls, token: str) -> "FixedHeader":
        return cls(f"Bearer {token}")

    @classmethod
    def basic(cls, user: str, password: str) -> "FixedHeader":
        return cls("Basic " + base64.b64encode(f"{user}:{password}".encode()).decode())

    async def header(self) -> str:
        return self._value

    def reject(self) -> bool:
        return False


class TokenFile:
    """A bearer token in a file that something else rotates (a pod's projected token); reread every minute and after a
    401."""

    def __init__(self, path: str, read: Callable[[str], bytes]) -> None:
        """`read` returns the bytes of a file; it may raise OSError."""
        self._path = path
        self._read = read
        self._value = ""
        self._until = 0.0

    async def header(self) -> str:
        now = asyncio.get_running_loop().time()
        if not self._value or now >= self._until:
            self._value = self._load()
            self._until = now + _TOKEN_AGE
        return self._value

    def reject(self) -> bool:
        """A token that is still the same on disk will not be accepted the second time either."""
        before = self._value
        self._value = ""
        try:
            return self._load() != before
        except ConfigError:
            return False

    def _load(self) -> str:
        try:
            token = self._read(self._path).decode().strip()
        except (OSError, ValueError) as error:
            # An older token may well still be valid: client-go keeps using it, so do we.
            if self._value:
                return self._value
            raise ConfigError(f"the token file {self._path} cannot be read: {error}") from error
        if not token:
            raise ConfigError(f"the token file {self._path} is empty")
        return f"Bearer {token}"
