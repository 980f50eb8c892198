"""What happened to each object: Flux's actions, and its texts for events and logs."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import Enum

from fluvial.apply.ownership import Live
from fluvial.objects import Object, Ref


class Action(Enum):
    """Flux's words; the values stand in events."""

    CREATED = "created"
    CONFIGURED = "configured"
    UNCHANGED = "unchanged"
    DELETED = "deleted"
    SKIPPED = "skipped"  # the user opted the object out
    UNKNOWN = "unknown"  # the attempt failed

    @property
    def changed(self) -> bool:
        """Whether the cluster differs afterwards, or may."""
        return self not in (Action.UNCHANGED, Action.SKIPPED)


@dataclass(frozen=True, slots=True)
class Change:
    """One object and its action.

    Args:
        live: the look of it afterwards, None where nobody looked. `object` is the whole of it after a write.
        dropped: fields of the manifest that were left out, since the kind does not have them.
    """

    ref: Ref
    action: Action
    live: Live | None = None
    object: Object | None = field(default=None, repr=False, compare=False)
    dropped: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.ref} {self.action.value}"


@dataclass(frozen=True, slots=True)
class ChangeSet:
    """Changes in the order in which they were carried out."""

    changes: tuple[Change, ...] = ()

    def __iter__(self) -> Iterator[Change]:
        return iter(self.changes)

    def __len__(self) -> int:
        return len(self.changes)

    def __add__(self, other: "ChangeSet") -> "ChangeSet":
        return ChangeSet(self.changes + other.changes)

    def __str__(self) -> str:
        return "\n".join(map(str, self.changes))

    @classmethod
    def of(cls, changes: Iterable[Change]) -> "ChangeSet":
        return cls(tuple(changes))

    @property
    def changed(self) -> "ChangeSet":
        """Only those that changed the cluster: the text of an apply event."""
        return ChangeSet(tuple(change for change in self.changes if change.action.changed))

    def as_map(self) -> dict[str, str]:
        """Object → action, as Flux logs it."""
        return {str(change.ref): change.action.value for change in self.changes}

    def by_action(self) -> dict[str, list[str]]:
        """Action → objects, as Flux logs it under the gate GroupChangeLog."""
        out: dict[str, list[str]] = {}
        for change in self.changes:
            out.setdefault(change.action.value, []).append(str(change.ref))
        return out
