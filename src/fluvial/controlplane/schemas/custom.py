"""Kinds of CustomResourceDefinitions, compiled from their structural schemas."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

from fluvial.controlplane.schemas.data import definitions
from fluvial.controlplane.schemas.errors import DecodeError, FieldError, invalid, required
from fluvial.controlplane.schemas.kind import Decoded
from fluvial.controlplane.schemas.rules.metadata import (
    embedded_metadata_errors,
    metadata_errors,
    metadata_update_errors,
)
from fluvial.controlplane.schemas.shapes import Mistyped, struct
from fluvial.controlplane.schemas.structural import (
    Node,
    compile_node,
    fill_defaults,
    list_errors,
    problems_of_schema,
    prune,
    rules_below,
    validate,
    without_nulls,
)
from fluvial.managedfields import DEDUCED, FieldSet, TypeSchema, schema_of_crd
from fluvial.objects import GroupKind, Object

_OBJECT_META = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"


class SchemaError(ValueError):
    """A version's schema is not structural or uses what we can't read: the CRD is NonStructural, not Established."""

    def __init__(self, errors: Sequence[FieldError]) -> None:
        super().__init__("; ".join(e.message for e in errors))
        self.errors = tuple(errors)


class CustomKind:
    """One kind in one version of a CRD; see `Kind`."""

    patch: None = None

    def __init__(self, crd: Object, version: Mapping[str, Any], schema: Mapping[str, Any], node: Node) -> None:
        spec = crd["spec"]
        self.api_version = f"{spec['group']}/{version['name']}"
        self.group_kind = GroupKind(spec["group"], spec["names"]["kind"])
        self.namespaced: bool = spec.get("scope") == "Namespaced"
        self._preserve: bool = spec.get("preserveUnknownFields") is True
        self._has_status = "status" in (version.get("subresources") or {})
        self._schema = schema
        self._node = node

    @cached_property
    def types(self) -> TypeSchema:
        if not self._schema:
            return DEDUCED
        return schema_of_crd(self._schema, definitions(), preserve=self._preserve)

    @cached_property
    def rules(self) -> Sequence[str]:
        return tuple(rules_below(self._node))

    @property
    def empty(self) -> Object:
        return {}

    def reset_fields(self, subresource: str = "") -> FieldSet | None:
        if subresource == "":
            return FieldSet.of(("f:status",)) if self._has_status else None
        return FieldSet.of(("f:metadata",), ("f:spec",)) if subresource == "status" else None

    def decode(self, obj: Object) -> Decoded:
        problems: list[str] = []
        metadata = self._metadata(obj, problems)
        if self._preserve:
            decoded = dict(obj)
        else:
            decoded, unknown = prune(obj, self._node)
            problems += [f'unknown field "{path}"' for path in unknown]
        if metadata is not None:
            decoded["metadata"] = metadata
        self._check_embedded(decoded, self._node, "")
        return Decoded(without_nulls(decoded, self._node), problems)

    def default(self, obj: Object) -> Object:
        filled = fill_defaults({k: v for k, v in obj.items() if k != "metadata"}, self._node)
        if "metadata" in obj:
            filled["metadata"] = obj["metadata"]
        return dict(filled)

    def stored(self, obj: Object) -> Object:
        return self.default(self.decode(obj).object)

    def validate_create(self, obj: Object) -> list[FieldError]:
        return list(self._errors(obj, None))

    def validate_update(self, old: Object, new: Object, subresource: str = "") -> list[FieldError]:
        return list(self._errors(new, old))

    def warnings(self, obj: Object, old: Object | None = None) -> list[str]:
        return []

    def _errors(self, obj: Object, old: Object | None) -> Iterator[FieldError]:
        if old is None:
            yield from metadata_errors(obj, namespaced=self.namespaced)
        else:
            yield from metadata_update_errors(old, obj)
        judged = {k: v for k, v in obj.items() if k != "metadata" or "metadata" in self._node.properties}
        if old is None:
            yield from validate(judged, self._node)
        else:
            yield from validate(judged, self._node, old=old)
        yield from _embedded_errors(obj, self._node, "", root=True)
        errors = list(list_errors(obj, self._node))
        if errors and (old is None or not list(list_errors(old, self._node))):
            yield from errors

    def _check_embedded(self, value: Any, node: Node | None, path: str) -> None:
        """Refuse embedded resources whose metadata has wrong types."""
        if node is None or not node.has_embedded:
            return
        if isinstance(value, dict):
            metadata = value.get("metadata")
            if node.embedded and path and metadata is not None:
                try:
                    struct(_OBJECT_META).read(metadata, (), [])
                except Mistyped as error:
                    kind, version = self.group_kind.kind, self.api_version.rpartition("/")[2]
                    what = invalid(f"{path}.metadata", metadata, error.message).message
                    raise DecodeError(f'{kind} in version "{version}" cannot be handled as a {kind}: {what}') from error
            for name, content in value.items():
                self._check_embedded(content, node.field(name), f"{path}.{name}" if path else name)
        elif isinstance(value, list):
            for index, item in enumerate(value):
                self._check_embedded(item, node.items, f"{path}[{index}]")

    def _metadata(self, obj: Object, problems: list[str]) -> Object | None:
        metadata = obj.get("metadata")
        if metadata is None:
            return None
        try:
            return struct(_OBJECT_META).read(metadata, ("metadata",), problems)
        except Mistyped as error:
            kind, version = self.group_kind.kind, self.api_version.rpartition("/")[2]
            text = f'{kind} in version "{version}" cannot be handled as a {kind}: {error.message}'
            raise DecodeError(text) from error


def _embedded_errors(value: Any, node: Node | None, path: str, *, root: bool = False) -> Iterator[FieldError]:
    """Yield what embedded resources lack: each says its kind and version, and has metadata like any other."""
    if node is None or not node.has_embedded:
        return
    if isinstance(value, dict):
        if node.embedded and not root:
            for name in ("apiVersion", "kind"):
                if not value.get(name):
                    yield required(f"{path}.{name}")
            metadata = value.get("metadata")
            if isinstance(metadata, dict):
                yield from embedded_metadata_errors(metadata, f"{path}.metadata")
        for name, content in value.items():
            if not (root and name == "metadata"):
                yield from _embedded_errors(content, node.field(name), f"{path}.{name}" if path else name)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _embedded_errors(item, node.items, f"{path}[{index}]")


def compile_crd(crd: Object) -> Mapping[str, CustomKind]:
    """Return version name to kind for all versions of `crd` (served or not).

    Raises:
        SchemaError: see there.
    """
    kinds = {}
    for index, version in enumerate(crd["spec"].get("versions") or ()):
        schema = (version.get("schema") or {}).get("openAPIV3Schema") or {}
        path = f"spec.versions[{index}].schema.openAPIV3Schema"
        if schema and (errors := problems_of_schema(schema, path)):
            raise SchemaError(errors)
        try:
            node = compile_node(schema or {"x-kubernetes-preserve-unknown-fields": True})
        except ValueError as error:
            raise SchemaError([invalid(path, "", str(error))]) from error
        kinds[version["name"]] = CustomKind(crd, version, schema, node)
    return kinds
