"""One node of a compiled schema."""

from collections.abc import Iterator, Mapping
from typing import Any

from fluvial.gotext import Regexp, compile_re2

MAX_DEPTH = 100  # levels of one schema; people's deepest have about thirty

_INTEGER_FORMATS = ("int32", "int64")
_NUMBER_FORMATS = ("float", "double")


class Node:
    """A schema node: what is told of structure, and what a value must satisfy. Immutable once compiled."""

    __slots__ = (
        "additional",
        "all_of",
        "any_of",
        "default",
        "embedded",
        "enum",
        "exclusive_maximum",
        "exclusive_minimum",
        "format",
        "format_text",
        "has_default",
        "has_embedded",
        "items",
        "limits",
        "list_keys",
        "list_type",
        "not_",
        "nullable",
        "one_of",
        "pattern",
        "pattern_text",
        "preserve",
        "properties",
        "required",
        "rules",
        "types",
        "unique",
    )

    def __init__(self, schema: Mapping[str, Any], depth: int) -> None:
        if not isinstance(schema, Mapping):
            raise ValueError("a schema must be a map")  # below `items`, which no type describes
        if depth > MAX_DEPTH:
            raise ValueError(f"the schema is nested deeper than {MAX_DEPTH} levels")
        below = depth + 1
        self.types = _types(schema)
        self.properties = {name: Node(s, below) for name, s in (schema.get("properties") or {}).items()}
        others = schema.get("additionalProperties")
        self.additional: Node | bool | None = Node(others, below) if isinstance(others, Mapping) else others
        items = schema.get("items")
        self.items = Node(items, below) if isinstance(items, Mapping) else None
        self.nullable: bool = schema.get("nullable") is True
        self.default = schema.get("default")
        self.has_default = self.default is not None
        self.preserve: bool = schema.get("x-kubernetes-preserve-unknown-fields") is True
        self.embedded: bool = schema.get("x-kubernetes-embedded-resource") is True
        children = [*self.properties.values(), self.items, self.additional]
        self.has_embedded: bool = self.embedded or any(isinstance(c, Node) and c.has_embedded for c in children)
        self.list_type: str = schema.get("x-kubernetes-list-type") or ""
        self.list_keys: tuple[str, ...] = tuple(schema.get("x-kubernetes-list-map-keys") or ())
        self.rules: tuple[str, ...] = tuple(r.get("rule", "") for r in schema.get("x-kubernetes-validations") or ())
        self.format_text: str = schema.get("format") or ""
        self.format = _format(self.types, self.format_text)
        self.enum: list[Any] | None = schema.get("enum")
        self.required: tuple[str, ...] = tuple(schema.get("required") or ())
        self.pattern_text: str = schema.get("pattern") or ""
        self.pattern = _pattern(self.pattern_text)
        # minLength, maxItems, minimum, multipleOf, … as given; most nodes have none.
        self.limits = {key: schema[key] for key in _LIMITS if schema.get(key) is not None}
        self.exclusive_minimum: bool = schema.get("exclusiveMinimum") is True
        self.exclusive_maximum: bool = schema.get("exclusiveMaximum") is True
        self.unique: bool = schema.get("uniqueItems") is True
        self.all_of = [Node(s, below) for s in schema.get("allOf") or ()]
        self.any_of = [Node(s, below) for s in schema.get("anyOf") or ()]
        self.one_of = [Node(s, below) for s in schema.get("oneOf") or ()]
        self.not_ = Node(schema["not"], below) if isinstance(schema.get("not"), Mapping) else None

    def field(self, name: str) -> "Node | None":
        """Return the node of the field `name`, None when nothing is told of it."""
        found = self.properties.get(name)
        if found is None and isinstance(self.additional, Node):
            return self.additional
        return found


_LIMITS = (
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
    "minProperties",
    "maxProperties",
    "minimum",
    "maximum",
    "multipleOf",
)


def compile_node(schema: Mapping[str, Any]) -> Node:
    """Return the compiled form of an `openAPIV3Schema`.

    Raises:
        ValueError: a pattern that is no regular expression of RE2, or nesting beyond MAX_DEPTH.
    """
    return Node(schema, 0)


def rules_below(node: Node, path: str = "") -> Iterator[str]:
    """Yield the CEL rules of a schema as `path: rule`, in the order of the schema."""
    for rule in node.rules:
        yield f"{path or '(root)'}: {rule}"
    for name, child in node.properties.items():
        yield from rules_below(child, f"{path}.{name}" if path else name)
    if isinstance(node.additional, Node):
        yield from rules_below(node.additional, f"{path}.*")
    if node.items is not None:
        yield from rules_below(node.items, f"{path}[*]")


def _types(schema: Mapping[str, Any]) -> tuple[str, ...]:
    if schema.get("x-kubernetes-int-or-string") is True:
        return ("integer", "string")
    declared = schema.get("type")
    return (declared,) if declared else ()


def _format(types: tuple[str, ...], name: str) -> str:
    """Return the format if the server checks it for this type, else nothing."""
    if not name:
        return ""
    if types in ((), ("string",)):
        return name.replace("-", "") if not name.startswith("k8s-") else name
    if types == ("integer",):
        return name if name in _INTEGER_FORMATS else ""
    return name if types == ("number",) and name in _NUMBER_FORMATS else ""


def _pattern(text: str) -> Regexp | None:
    if not text:
        return None
    try:
        return compile_re2(text)
    except ValueError as error:
        raise ValueError(f"must be a valid regular expression, but isn't: {error}") from error
