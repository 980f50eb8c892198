"""A Git repository in memory and a handler that serves it: for `fluvial demo`, first looks and tests.

It is not a forge: it reads nothing from disk, keeps no history of references and takes no pushes.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime

from fluvial.net import Handler, ServerRequest
from fluvial.stdx import Clock


class MemoryRepository:
    """A bare repository whose objects and references live in memory."""

    def __init__(self, clock: Clock, *, branch: str = "main") -> None:
        """`branch` is where HEAD points and where `commit` writes unless told otherwise."""
        raise NotImplementedError

    def commit(
        self,
        files: Mapping[str, bytes | str | None],
        *,
        message: str,
        branch: str = "",
        executable: Iterable[str] = (),
        when: datetime | None = None,
        clear: bool = False,
    ) -> str:
        """Commit changes on top of a branch and return the commit's hash.

        Args:
            files: new content by path; None removes a file. Files that are not named stay, unless `clear`.
            branch: short name; made if it does not exist, from the default branch's commit if there is one.
            executable: paths among `files` that get the executable bit.
        """
        raise NotImplementedError

    def tag(self, name: str, target: str = "", *, message: str = "") -> str:
        """Tag a commit (HEAD's if none is given), annotated if there is a message. Returns what the tag points at."""
        raise NotImplementedError

    def set_ref(self, name: str, target: str) -> None:
        """Point a full reference name at an object, or delete it if `target` is ""."""
        raise NotImplementedError

    @property
    def refs(self) -> Mapping[str, str]:
        """Object hashes by full reference name."""
        raise NotImplementedError


def git_handler(
    repositories: Mapping[str, MemoryRepository], *, allow: Callable[[ServerRequest], bool] | None = None
) -> Handler:
    """Serve repositories over Git's smart HTTP (protocol 2 and 0) at `/NAME` and `/NAME.git`.

    Args:
        repositories: by name; read at each request, so that one may appear or vanish.
        allow: says whether a request's credentials are good; a refusal is a 401.
    """
    raise NotImplementedError
