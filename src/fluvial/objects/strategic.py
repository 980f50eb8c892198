"""Strategic merge patches: a merge patch that knows how each list merges."""

from typing import Any, Protocol


class PatchSchema(Protocol):
    """What strategic merge needs to know of one field's type. `UNKNOWN` knows nothing: maps merge, lists are replaced."""

    @property
    def merge_key(self) -> str:
        """`x-kubernetes-patch-merge-key` of this list; empty if it has none."""

    @property
    def strategy(self) -> str:
        """`x-kubernetes-patch-strategy` of this field: "", "merge", "replace", "retainKeys" or "merge,retainKeys"."""

    def field(self, name: str) -> "PatchSchema":
        """Return the schema of the field `name` of this map, or of the items of this list."""


def strategic_merge(live: Any, patch: Any, schema: PatchSchema) -> Any:
    """Return `live` with `patch` merged in as apimachinery's strategicpatch does.

    Raises:
        PatchError: a malformed directive, an item without its merge key.
    """
    raise NotImplementedError
