"""Type schemas: how each field of a kind merges. Built from OpenAPI definitions or a CRD's schema, on first use.

A `TypeSchema` allows up to three shapes (scalar, list, map), as structured-merge-diff's Atom does. Conversion rules
are kube-openapi's schemaconv.
"""

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

Definitions = Mapping[str, Mapping[str, Any]]

_QUANTITY = "io.k8s.apimachinery.pkg.api.resource.Quantity"
_RAW_EXTENSION = "io.k8s.apimachinery.pkg.runtime.RawExtension"
_OBJECT_META = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
_EMBEDDED = ("apiVersion", "kind")


class TypeSchema:
    """The type of one value: which shapes it may have and how each merges. Immutable."""

    __slots__ = ("list", "map", "scalar")

    def __init__(self, scalar: str | None = None, list: "ListType | None" = None, map: "MapType | None" = None) -> None:
        self.scalar = scalar  # "numeric", "string", "boolean" or "untyped" (any of them)
        self.list = list
        self.map = map


class ListType:
    """A list: atomic, or associative by key fields (`keys`) or by value (a set: no keys)."""

    def __init__(self, element: Callable[[], TypeSchema], *, atomic: bool, keys: tuple[str, ...] = ()) -> None:
        self._element = element
        self.atomic = atomic
        self.keys = keys  # in the order in which they were declared
        self.sorted_keys = tuple(sorted(keys))

    @cached_property
    def element(self) -> TypeSchema:
        """The type of the items."""
        return self._element()

    @cached_property
    def key_defaults(self) -> dict[str, Any]:
        """Values that stand in for absent key fields (`protocol: TCP`)."""
        item = self.element.map
        return {} if item is None else {k: v for k in self.keys if (v := item.default_of(k)) is not None}


class _Types(dict[str, TypeSchema | None]):
    """Field name to type: declared fields are compiled when first asked for, others have the map's element type."""

    def __init__(
        self,
        declared: Mapping[str, Any],
        compile_field: Callable[[str], TypeSchema],
        element: Callable[[], TypeSchema] | None,
    ) -> None:
        super().__init__()
        self.declared = declared
        self._compile = compile_field
        self._element = element
        self._others: TypeSchema | None = None

    def __missing__(self, name: str) -> TypeSchema | None:
        if name in self.declared:
            compiled = self[name] = self._compile(name)
            return compiled
        return self.others  # not kept: the names are data, without end

    @property
    def others(self) -> TypeSchema | None:
        """The type of undeclared fields, None when there may be none."""
        if self._others is None and self._element is not None:
            self._others = self._element()
        return self._others


class MapType:
    """A map or struct: `types[name]` of each field (None: there may be no such field), atomic or granular."""

    def __init__(self, types: _Types, *, atomic: bool, deduced: bool = False) -> None:
        self.types = types
        self.declared = types.declared  # declared fields, as in the source
        self.atomic = atomic
        self.deduced = deduced and not types.declared  # nothing is known: the shape follows the value

    def default_of(self, name: str) -> Any:
        """Return the declared default of the field `name`, None without one."""
        return (self.declared.get(name) or {}).get("default")


def _nothing(name: str) -> TypeSchema:
    raise KeyError(name)


_UNTYPED: TypeSchema = TypeSchema(
    "untyped",
    ListType(lambda: _UNTYPED, atomic=True),
    MapType(_Types({}, _nothing, lambda: _UNTYPED), atomic=True),
)

DEDUCED: TypeSchema = TypeSchema(
    "untyped",
    ListType(lambda: _UNTYPED, atomic=True),
    MapType(_Types({}, _nothing, lambda: DEDUCED), atomic=False, deduced=True),
)
"""The schema of a kind that nothing is known of: maps merge field by field, lists are atomic."""


class Schemas:
    """The types of all kinds in a set of OpenAPI definitions (v2 or v3), each compiled when first asked for."""

    def __init__(self, definitions: Definitions, kinds: Mapping[tuple[str, str], str] | None = None) -> None:
        """
        Args:
            definitions: name to OpenAPI schema; may be a lazy mapping. References are by the last path segment.
            kinds: (apiVersion, kind) to definition name; None reads x-kubernetes-group-version-kind of them all.
        """
        self._compiler = _Compiler(definitions)
        self._kinds = kinds if kinds is not None else kinds_of(definitions)

    def get(self, api_version: str, kind: str) -> TypeSchema | None:
        """Return the schema of a kind, None when no definition has it."""
        name = self._kinds.get((api_version, kind))
        return self._compiler.named(name) if name is not None else None

    def named(self, definition: str) -> TypeSchema:
        """Return the schema of the definition called `definition`.

        Raises:
            KeyError: there is none of that name.
        """
        return self._compiler.named(definition)


def kinds_of(definitions: Definitions) -> dict[tuple[str, str], str]:
    """Return (apiVersion, kind) to definition name for all definitions that carry the GVK extension."""
    kinds = {}
    for name, definition in definitions.items():
        for gvk in definition.get("x-kubernetes-group-version-kind") or ():
            group, version = gvk.get("group", ""), gvk.get("version", "")
            kinds[f"{group}/{version}" if group else version, gvk.get("kind", "")] = name
    return kinds


def schema_of_crd(schema: Mapping[str, Any] | None, definitions: Definitions, *, preserve: bool = False) -> TypeSchema:
    """Return the type of a custom kind from the `openAPIV3Schema` of one of its versions.

    Args:
        schema: None when the version has no schema: everything is then deduced but for the metadata.
        definitions: where ObjectMeta is found (the built-in definitions).
        preserve: the CRD's `spec.preserveUnknownFields`.
    """
    root: dict[str, Any] = {"type": "object"} if schema is None else _with_type_meta(dict(schema))
    if schema is not None:
        root["x-kubernetes-embedded-resource"] = True
    return _Compiler(definitions).compile(root, preserve)


def _with_type_meta(schema: dict[str, Any]) -> dict[str, Any]:
    """Give an embedded resource the fields that every object has, as apiextensions' builder does."""
    properties = dict(schema.get("properties") or {})
    properties.update({name: {"type": "string"} for name in _EMBEDDED})
    properties["metadata"] = {"$ref": f"#/components/schemas/{_OBJECT_META}"}
    schema["properties"] = properties
    return schema


class _Compiler:
    def __init__(self, definitions: Definitions) -> None:
        self._definitions = definitions
        self._named: dict[tuple[str, str], TypeSchema] = {}

    def named(self, name: str, relationship: str = "") -> TypeSchema:
        """Return the type of a definition, its map or list made `relationship` ("atomic", "granular") if given."""
        known = self._named.get((name, relationship))
        if known is not None:
            return known
        if name == _QUANTITY:
            compiled = TypeSchema("untyped")
        elif name == _RAW_EXTENSION:
            compiled = _UNTYPED
        else:
            compiled = self.compile(self._definitions[name], False)
        if relationship:
            compiled = _overridden(compiled, atomic=relationship == "atomic")
        self._named[name, relationship] = compiled
        return compiled

    def reference(self, schema: Mapping[str, Any], preserve: bool) -> TypeSchema:
        """Return the type of a field: of what it refers to, or of what is written in place."""
        ref = schema.get("$ref")
        if ref is None:
            all_of = schema.get("allOf")
            if all_of and len(all_of) == 1:
                ref = all_of[0].get("$ref")
        if ref is not None:
            return self.named(ref.rpartition("/")[2], schema.get("x-kubernetes-map-type", ""))
        return self.compile(schema, preserve)

    def compile(self, schema: Mapping[str, Any], preserve: bool) -> TypeSchema:
        """Return the type that `schema` describes; `preserve` is inherited by everything written in place below."""
        if schema.get("x-kubernetes-preserve-unknown-fields") is True:
            preserve = True
        if schema.get("x-kubernetes-embedded-resource") is True:
            schema = _with_type_meta(dict(schema))
        declared = schema.get("type")
        if declared == "object":
            return TypeSchema(map=self._map(schema, preserve))
        if declared == "array":
            return TypeSchema(list=self._list(schema, preserve))
        if declared is None or declared == "":
            return TypeSchema("untyped", self._list(schema, preserve), self._map(schema, preserve))
        return TypeSchema(_scalar(declared, schema.get("format") or ""))

    def _map(self, schema: Mapping[str, Any], preserve: bool) -> MapType:
        properties = schema.get("properties") or {}
        others = schema.get("additionalProperties")
        element: Callable[[], TypeSchema] | None = None
        deduced = False
        if others is None:
            deduced = preserve or not properties
        elif isinstance(others, Mapping):
            element = lambda: self.reference(others, preserve)  # noqa: E731
        else:
            deduced = bool(others)
        if deduced:
            element = lambda: DEDUCED  # noqa: E731
        types = _Types(properties, lambda name: self.reference(properties[name], preserve), element)
        return MapType(types, atomic=schema.get("x-kubernetes-map-type") == "atomic", deduced=deduced)

    def _list(self, schema: Mapping[str, Any], preserve: bool) -> ListType:
        items = schema.get("items")
        keys = _list_keys(schema)
        element = (lambda: self.reference(items, preserve)) if items is not None else (lambda: _UNTYPED)
        return ListType(element, atomic=keys is None, keys=keys or ())


def _list_keys(schema: Mapping[str, Any]) -> tuple[str, ...] | None:
    """Return the keys of an associative list (none: a set), None for an atomic list."""
    list_type = schema.get("x-kubernetes-list-type")
    if list_type is not None:
        if list_type == "set":
            return ()
        return tuple(schema.get("x-kubernetes-list-map-keys") or ()) if list_type == "map" else None
    if schema.get("x-kubernetes-patch-strategy") in ("merge", "merge,retainKeys"):
        key = schema.get("x-kubernetes-patch-merge-key")
        return (key,) if key else ()
    return None


def _scalar(declared: str, format: str) -> str:
    if declared in ("integer", "number"):
        return "numeric"
    if declared == "boolean":
        return "boolean"
    return "string" if declared == "string" and format in ("", "byte") else "untyped"


def _overridden(schema: TypeSchema, *, atomic: bool) -> TypeSchema:
    """Return `schema` with its map (or else its list) made atomic or granular, whatever its definition says."""
    if (m := schema.map) is not None:
        changed = MapType(m.types, atomic=atomic, deduced=m.deduced)
        return TypeSchema(schema.scalar, schema.list, changed)
    if (items := schema.list) is not None:
        return TypeSchema(schema.scalar, ListType(items._element, atomic=atomic, keys=items.keys))
    return schema
