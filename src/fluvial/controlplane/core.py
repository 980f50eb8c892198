"""What every part of the control plane works on: the store, what is served, and the sources of time and chance."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from fluvial.controlplane.conversion import bytes_in_version, from_storage
from fluvial.controlplane.errors import StatusError
from fluvial.controlplane.request import Call, User
from fluvial.controlplane.resources import Registry, Resource, key_of
from fluvial.controlplane.settings import Settings
from fluvial.controlplane.store import Entry, MemoryStore
from fluvial.gotext import rfc3339
from fluvial.objects import Object
from fluvial.stdx import Chance, Clock
from fluvial.wire import status

_SUFFIX_LETTERS = "bcdfghjklmnpqrstvwxz2456789"  # no vowels: nothing rude comes out

Admission = Callable[[Call, Object | None, Object | None], Object | None]
"""One step of admission: the call, the object before, the object as it would be stored; returns it, maybe changed.

The object is None for a deletion. A refusal is a StatusError."""


@dataclass(slots=True)
class Core:
    """The state of one control plane.

    `authenticate` says whose bearer token something is; `authorise` raises StatusError for what a user may not do;
    `admission` holds the mutating and checking steps in their order.
    """

    store: MemoryStore
    registry: Registry
    clock: Clock
    chance: Chance
    settings: Settings
    admission: list[Admission] = field(default_factory=list)
    authorise: Callable[[Call], None] = lambda call: None
    authenticate: Callable[[str], User | None] = lambda token: None

    def now(self) -> datetime:
        return self.clock.now()

    def timestamp(self) -> str:
        return rfc3339(self.clock.now())

    def new_uid(self) -> str:
        return str(UUID(int=self.chance.getrandbits(128), version=4))

    def suffix(self, length: int = 5) -> str:
        """Return random letters for the name of something generated."""
        letters = _SUFFIX_LETTERS
        return "".join(letters[int(self.chance.random() * len(letters))] for _ in range(length))

    def entry(self, resource: Resource, namespace: str, name: str) -> Entry | None:
        return self.store.get(resource.storage, key_of(namespace, name))

    def existing(self, resource: Resource, namespace: str, name: str) -> Entry:
        """Return the entry of an object that must be there.

        Raises:
            StatusError: 404.
        """
        entry = self.entry(resource, namespace, name)
        if entry is None:
            raise StatusError(status.not_found(resource.plural, name, resource.group))
        return entry

    def object_in(self, resource: Resource, entry: Entry) -> Object:
        """Return a stored object in the version of `resource`, as the caller's own."""
        return from_storage(resource, entry.object())

    def bytes_in(self, resource: Resource, entry: Entry) -> bytes:
        """Return the JSON of a stored object in the version of `resource`."""
        if resource.is_stored_version:
            return entry.data
        return bytes_in_version(resource, entry)
