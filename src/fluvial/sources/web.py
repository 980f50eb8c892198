"""Which transport carries the requests of one source."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from ssl import SSLContext

from fluvial.api import GitCredentials
from fluvial.net import Transport, make_client_tls


@dataclass(frozen=True, slots=True)
class Web:
    """HTTP for sources: one transport shared by all that trust the system's authorities, others for themselves.

    Attributes:
        shared: closed by its owner, not here.
        dedicated: opens a transport for a source with a CA or a client certificate of its own; closed after use.
    """

    shared: Transport
    dedicated: Callable[[SSLContext], Transport]

    @asynccontextmanager
    async def carry(self, credentials: GitCredentials) -> AsyncIterator[Transport]:
        """Lend the transport for these credentials.

        Raises:
            ValueError: the certificate, key or CA cannot be used; the text holds none of them.
        """
        if not (credentials.ca or credentials.client_certificate or credentials.client_key):
            yield self.shared
            return
        tls = make_client_tls(ca=credentials.ca, certificate=credentials.client_certificate, key=credentials.client_key)
        transport = self.dedicated(tls)
        try:
            yield transport
        finally:
            await transport.close()
