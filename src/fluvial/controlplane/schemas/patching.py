"""How the lists of built-in kinds merge in a strategic merge patch."""

from typing import Any

from fluvial.controlplane.schemas.data import definitions


class FieldPatch:
    """A `fluvial.objects.PatchSchema` over one OpenAPI schema; `holder` is the property that it stands in."""

    __slots__ = ("_properties", "merge_key", "strategy")

    def __init__(self, schema: dict[str, Any], holder: dict[str, Any]) -> None:
        self.merge_key: str = holder.get("x-kubernetes-patch-merge-key", "")
        self.strategy: str = holder.get("x-kubernetes-patch-strategy", "")
        self._properties: dict[str, Any] = schema.get("properties") or {}

    def field(self, name: str) -> "FieldPatch":
        """Return the schema of the field `name` of this map, or of the maps in this list."""
        return patch_of(self._properties.get(name))


def patch_of(prop: dict[str, Any] | None) -> FieldPatch:
    """Return the patch schema of a property; None is a field that nobody knows: maps merge, lists are replaced."""
    if prop is None:
        return FieldPatch({}, {})
    target = prop.get("items") or prop.get("additionalProperties") or prop
    return FieldPatch(_resolved(target), prop)


def patch_of_definition(name: str) -> FieldPatch:
    """Return the patch schema of a kind."""
    return FieldPatch(definitions()[name], {})


def _resolved(schema: Any) -> dict[str, Any]:
    if not isinstance(schema, dict):
        return {}
    ref = schema.get("$ref")
    if ref is None and (all_of := schema.get("allOf")):
        ref = all_of[0].get("$ref")
    return definitions()[ref.rpartition("/")[2]] if ref is not None else schema
