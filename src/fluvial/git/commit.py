"""What a fetch brings: a commit, its tree of files, and the objects that make the next fetch small."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from fluvial.stdx import Tree

_SUBJECT = 50  # characters of the subject in events, as fluxcd/pkg `Commit.ShortMessage`


@dataclass(frozen=True, slots=True)
class Person:
    """Author or committer, and when; `when` keeps the writer's time zone."""

    name: str
    email: str
    when: datetime


@dataclass(frozen=True, slots=True)
class Commit:
    """One commit as a reference led to it.

    Attributes:
        hash: 40 hexadecimal digits.
        reference: the full name that led here (`refs/heads/main`), "" for a bare commit.
    """

    hash: str
    reference: str
    message: str
    author: Person
    committer: Person

    @property
    def subject(self) -> str:
        """The first line of the message, cut to 50 characters with a trailing `...`, as in Flux's events."""
        first = self.message.split("\n", 1)[0]
        return first if len(first) <= _SUBJECT else first[:_SUBJECT] + "..."


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Every object of one commit's tree, kept so that the next fetch brings only what changed.

    Attributes:
        objects: type and content by object name (20 bytes): the commit, its folders and its files.
        size: bytes of the contents together, for whoever bounds a cache.
    """

    commit: str
    objects: Mapping[bytes, tuple[int, bytes]] = field(repr=False)
    size: int


@dataclass(frozen=True, slots=True)
class Fetched:
    """The outcome of a fetch.

    Attributes:
        tree: regular files only; links and submodules are left out, as Flux leaves them out of artifacts.
        received: bytes of the pack that came over the wire.
    """

    commit: Commit
    tree: Tree
    snapshot: Snapshot
    received: int
