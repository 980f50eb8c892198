"""What every kind can answer, built in or custom."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from fluvial.controlplane.schemas.errors import FieldError
from fluvial.managedfields import FieldSet, TypeSchema
from fluvial.objects import GroupKind, Object, PatchSchema


class Decoded(NamedTuple):
    """An object as the server's decoder leaves it, and what it had to say."""

    object: Object
    problems: Sequence[str]  # 'unknown field "spec.foo"': Strict makes them a DecodeError, Warn sends them as warnings


class Kind(Protocol):
    """One kind in one version. All methods are pure and return new objects."""

    @property
    def api_version(self) -> str:
        """`apps/v1`."""

    @property
    def group_kind(self) -> GroupKind:
        """Group and kind."""

    @property
    def types(self) -> TypeSchema:
        """For managedfields."""

    @property
    def patch(self) -> PatchSchema | None:
        """For strategic merge patches; None: this kind doesn't take them (415)."""

    @property
    def rules(self) -> Sequence[str]:
        """CEL rules (`x-kubernetes-validations`) that exist and are not evaluated, as `path: rule`."""

    @property
    def empty(self) -> Object:
        """What the decoder makes of an empty object: `empty` of `managedfields.apply` and `update`."""

    def reset_fields(self, subresource: str = "") -> FieldSet | None:
        """Return the fields that a write through the main resource ("") or `subresource` sets back."""

    def decode(self, obj: Object) -> Decoded:
        """Return `obj` as a typed decoder gives it back: unknown fields and meaningless nulls gone.

        Raises:
            DecodeError: a value has the wrong type.
        """

    def default(self, obj: Object) -> Object:
        """Return `obj` with defaults filled in."""

    def stored(self, obj: Object) -> Object:
        """Return a valid `obj` as it comes back from the store, which is what the caller of a write is told.

        Fields that the strategy took out have their defaults again, nulls that may not be are gone.
        """

    def validate_create(self, obj: Object) -> list[FieldError]:
        """Return the rules that the defaulted `obj` breaks; empty: valid."""

    def validate_update(self, old: Object, new: Object, subresource: str = "") -> list[FieldError]:
        """Return the rules that `new` or the change from `old` breaks."""

    def warnings(self, obj: Object, old: Object | None = None) -> list[str]:
        """Return what is accepted but warned of in a new (`old` None) or changed object that has passed validation."""
