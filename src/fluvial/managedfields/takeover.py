"""Taking fields over from other managers, as Flux does before it prunes what kubectl or an older Flux applied.

Behaviour: fluxcd/pkg ssa PatchReplaceFieldsManagers, PatchRemoveFieldsManagers, PatchRemoveLabels and
PatchRemoveAnnotations.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

from fluvial.objects import Object


class ManagerMatch(NamedTuple):
    """Which entries of managedFields are meant. Entries of a subresource never match."""

    name: str
    operation: str  # "Apply" or "Update"
    exact: bool = False  # False: `name` is a prefix

    def matches(self, entry: dict[str, Any]) -> bool:
        """Tell whether the managedFields entry `entry` is one of these."""
        return (
            entry.get("operation") == self.operation
            and not entry.get("subresource")
            and (
                entry.get("manager", "") == self.name if self.exact else entry.get("manager", "").startswith(self.name)
            )
        )


def take_over(obj: Object, managers: Iterable[ManagerMatch], *, manager: str) -> list[dict[str, Any]]:
    """Return the JSON patch that merges the entries of `managers` into the Apply entry of `manager`; empty: nothing to do.

    Without such an entry the first match becomes it. The patch replaces /metadata/managedFields as a whole; send it
    with the object's resourceVersion in mind (a `test` operation, or the caller's own check).

    Raises:
        ValueError: an entry's fields cannot be read.
    """
    raise NotImplementedError


def metadata_removal(
    obj: Object, *, labels: Iterable[str] = (), annotations: Iterable[str] = ()
) -> list[dict[str, Any]]:
    """Return the JSON patch that removes those of the labels and annotations that `obj` has."""
    raise NotImplementedError
