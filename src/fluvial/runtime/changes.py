"""What is watched, what happened to it, and how it is found again: the values that an informer deals in."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Literal

from fluvial.objects import Object
from fluvial.runtime.queue import Key


@dataclass(frozen=True, slots=True)
class Scope:
    """Which objects an informer keeps."""

    api_version: str
    kind: str
    namespace: str = ""  # empty = all
    labels: str = ""  # a label selector
    fields: str = ""  # a field selector
    metadata_only: bool = False


@dataclass(frozen=True, slots=True)
class Change:
    """What happened to one object.

    Attributes:
        object: the new state, or for DELETED the last one known.
        old: the state before, or None for ADDED.
        initial: it was there when the subscriber came, or came with a whole list; not a fresh event.
    """

    type: Literal["ADDED", "MODIFIED", "DELETED"]
    object: Object = field(repr=False)
    old: Object | None = field(default=None, repr=False)
    initial: bool = False

    @property
    def key(self) -> Key:
        return key_of(self.object)


Subscriber = Callable[[Change], None]
Index = Callable[[Object], Iterable[str]]


def key_of(obj: Object) -> Key:
    """Return the key of an object."""
    metadata = obj.get("metadata") or {}
    return Key(metadata.get("namespace") or "", metadata.get("name") or "")


def drop_managed_fields(obj: Object) -> Object:
    """A transform: forget `metadata.managedFields`, which is half of a typical object."""
    metadata = obj.get("metadata")
    if isinstance(metadata, dict):
        metadata.pop("managedFields", None)
    return obj


def keep_metadata(obj: Object) -> Object:
    """A transform: forget everything but identity and metadata."""
    return {key: obj[key] for key in ("apiVersion", "kind", "metadata") if key in obj}


class Lookup:
    """An index: value → keys of the objects that have it."""

    def __init__(self, values: Index) -> None:
        self.values = values
        self.keys: dict[str, set[Key]] = {}

    def replace(self, key: Key, old: Object | None, new: Object | None) -> None:
        before = set(self.values(old)) if old is not None else set()
        after = set(self.values(new)) if new is not None else set()
        for value in before - after:
            keys = self.keys[value]
            keys.discard(key)
            if not keys:
                del self.keys[value]
        for value in after - before:
            self.keys.setdefault(value, set()).add(key)
