"""Artifacts over HTTP, for those who build from them."""

from fluvial.net import Transport
from fluvial.stdx import Tree, Workers


class ArtifactError(Exception):
    """The artifact could not be had; what reacts differently has its own class.

    ```
    ArtifactError
    ├── ArtifactNotFound      404: the source is about to make it again; wait for its status
    └── ArtifactUnavailable   the server did not answer in all tries: try again later
    ```
    The class itself: the bytes do not have the digest, or are no archive.
    """


class ArtifactNotFound(ArtifactError):
    """The server has no such file: not ready yet, in Flux's eyes."""


class ArtifactUnavailable(ArtifactError):
    """No answer, or server errors only, in all tries."""


class Fetcher:
    """Downloads artifacts, checks their digests, and keeps the trees of the last ones in memory."""

    def __init__(
        self,
        transport: Transport,
        *,
        retries: int = 9,
        wait: tuple[float, float] = (5.0, 30.0),
        cache: int = 64 << 20,
        workers: Workers | None = None,
        host: str = "",
    ) -> None:
        """
        Args:
            retries: further tries after the first (`--http-retry`).
            wait: seconds between tries: the first wait and the longest; doubled in between.
            cache: bytes of files of the trees kept, the least recently used leave first; 0 keeps none.
            host: replaces host and port of every URL (`SOURCE_CONTROLLER_LOCALHOST`).
        """
        raise NotImplementedError

    async def fetch(self, url: str, digest: str) -> Tree:
        """Return the files of the artifact at `url`, whose bytes have `digest` ("sha256:…").

        Callers that ask for the same digest at the same time share one download.

        Raises:
            ArtifactNotFound, ArtifactUnavailable, ArtifactError
        """
        raise NotImplementedError
