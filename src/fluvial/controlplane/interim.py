"""Kinds without types, until the schemas are there."""

from collections.abc import Sequence
from typing import Any

from fluvial.controlplane.schemas import Decoded, FieldError, Kind
from fluvial.managedfields import DEDUCED
from fluvial.objects import GroupKind, Object


class OpenKind:
    def __init__(self, api_version: str, kind: str) -> None:
        self.api_version = api_version
        self.group_kind = GroupKind(api_version.rpartition("/")[0], kind)
        self.types = DEDUCED
        self.patch: Any = None
        self.rules: Sequence[str] = ()
        self.empty: Object = {}

    def reset_fields(self, subresource: str = "") -> Any:
        return None

    def decode(self, obj: Object) -> Decoded:
        return Decoded(obj, ())

    def default(self, obj: Object) -> Object:
        return obj

    def validate_create(self, obj: Object) -> list[FieldError]:
        return []

    def validate_update(self, old: Object, new: Object, subresource: str = "") -> list[FieldError]:
        return []


def compile_crd(crd: Object) -> dict[str, Kind]:
    from fluvial.controlplane.schemas import compile_crd as compiled

    try:
        return {**compiled(crd)}
    except NotImplementedError:
        group, kind = crd["spec"]["group"], crd["spec"]["names"]["kind"]
        return {v["name"]: OpenKind(f"{group}/{v['name']}", kind) for v in crd["spec"]["versions"]}


def checked(validate: Any, *args: Any) -> list[FieldError]:
    try:
        return list(validate(*args))
    except AttributeError:
        return []
