"""What a group's module says of each of its kinds."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from fluvial.controlplane.schemas.errors import FieldError
from fluvial.controlplane.schemas.rules.names import Check, subdomain
from fluvial.objects import Object

Errors = Iterator[FieldError]


def nothing(*_: Object) -> Errors:
    """Find nothing wrong."""
    return iter(())


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """The rules of one kind beyond those of metadata: of every object, and of a change."""

    object: Callable[[Object], Errors] = nothing
    change: Callable[[Object, Object], Errors] = nothing  # old, new: what may not change
    name: Check = subdomain


GENERAL = Rules()
