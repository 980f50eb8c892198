"""Kinds of CustomResourceDefinitions, compiled from their structural schemas."""

from collections.abc import Mapping, Sequence

from fluvial.controlplane.schemas.errors import FieldError
from fluvial.controlplane.schemas.kind import Decoded
from fluvial.managedfields import FieldSet, TypeSchema
from fluvial.objects import GroupKind, Object


class SchemaError(ValueError):
    """A version's schema is not structural or uses what we can't read: the CRD is NonStructural, not Established."""

    def __init__(self, errors: Sequence[FieldError]) -> None:
        super().__init__("; ".join(e.message for e in errors))
        self.errors = tuple(errors)


class CustomKind:
    """One kind in one version of a CRD; see `Kind`."""

    api_version: str
    group_kind: GroupKind
    types: TypeSchema
    patch: None
    rules: Sequence[str]

    def reset_fields(self, subresource: str = "") -> FieldSet | None:
        raise NotImplementedError

    def decode(self, obj: Object) -> Decoded:
        raise NotImplementedError

    def default(self, obj: Object) -> Object:
        raise NotImplementedError

    def validate_create(self, obj: Object) -> list[FieldError]:
        raise NotImplementedError

    def validate_update(self, old: Object, new: Object, subresource: str = "") -> list[FieldError]:
        raise NotImplementedError


def compile_crd(crd: Object) -> Mapping[str, CustomKind]:
    """Return version name to kind for all versions of `crd` (served or not).

    Raises:
        SchemaError: see there.
    """
    raise NotImplementedError
