"""`vars`: `$(NAME)` in known fields becomes the value of another object's field. Deprecated, and much in use.

Source: api `filters/refvar`, `types.Var`, `internal/accumulator/resaccumulator.go`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from fluvial.gotext import format_float
from fluvial.kustomize.errors import KustomizeError
from fluvial.kustomize.fields import is_null, lookup
from fluvial.kustomize.fieldspec import Change, FieldSpecs, apply_specs
from fluvial.kustomize.ids import Gvk, ResId
from fluvial.kustomize.paths import split_field_path, with_indices
from fluvial.kustomize.records import FieldReference, Var
from fluvial.kustomize.resmap import ResMap
from fluvial.kustomize.resource import Resource
from fluvial.kustomize.values import BOOL, FLOAT, INT, STR, to_json
from fluvial.yamldoc.nodes import LITERAL, MAPPING, SCALAR, SEQUENCE, Node, plain_value


@dataclass(frozen=True, slots=True)
class Vars:
    """The vars of a kustomization and of all below it, by name."""

    by_name: Mapping[str, Var]

    def merged(self, others: Iterable[Var]) -> "Vars":
        """Return these and `others`.

        Raises:
            KustomizeError: a name is there twice.
        """
        found = dict(self.by_name)
        for var in others:
            if var.name in found:
                raise KustomizeError(f"var '{var.name}' already encountered", field="vars")
            found[var.name] = _settled(var)
        return Vars(found)


NO_VARS = Vars({})


def _settled(var: Var) -> Var:
    """Fill in the default field, and take group and version out of apiVersion."""
    objref = var.objref
    if objref.api_version:
        parts = objref.api_version.split("/")
        if len(parts) == 2:
            objref = replace(objref, group=parts[0], version=parts[1])
        elif len(parts) == 1:
            objref = replace(objref, version=parts[0])
    fieldref = var.fieldref if var.fieldref.field_path else FieldReference(field_path="metadata.name")
    return replace(var, objref=objref, fieldref=fieldref)


def note_vars(resources: ResMap, incoming: Iterable[Var]) -> None:
    """Note at each object the vars that point at it, as long as it can be found by its first name.

    Raises:
        KustomizeError: a var may mean several objects.
    """
    for var in map(_settled, incoming):
        ref = var.objref
        wanted = ResId(Gvk(ref.group, ref.version, ref.kind), ref.name, ref.namespace)

        def fits(one: ResId, wanted: ResId = wanted) -> bool:
            if one.gvk != wanted.gvk:
                return False
            return not wanted.namespace or one.effective_namespace == wanted.effective_namespace

        found = resources.matching(ref.name, fits)
        if len(found) > 1:
            raise KustomizeError(
                f"found {len(found)} resId matches for var {_shown(var)} (unable to disambiguate)", field="vars"
            )
        for item in found:
            item.var_names = (*item.var_names, var.name)


def _shown(var: Var) -> str:
    ref = var.objref
    gvk = Gvk(ref.group, ref.version, ref.kind)
    return f"{{{var.name} {gvk} {{{var.fieldref.field_path}}}}}"


def resolve_vars(resources: ResMap, known: Vars, specs: FieldSpecs) -> None:
    """Replace `$(NAME)` in the fields that `specs` name.

    Raises:
        KustomizeError: a var points at nothing, or a field cannot hold one.
    """
    if not known.by_name:
        return
    values = {name: _value_of(resources, known.by_name[name]) for name in sorted(known.by_name)}
    change = Change(lambda node: _replace_in(node, values))
    for item in resources:
        if not item.is_gone:
            apply_specs(item.node, specs, change)


def _value_of(resources: ResMap, var: Var) -> Any:
    for item in resources:
        if var.name in item.var_names:
            try:
                return _field_value(item, var.fieldref.field_path)
            except KustomizeError as error:
                raise KustomizeError(
                    f"field specified in var '{_shown(var)}' not found in corresponding resource", field="vars"
                ) from error
    raise KustomizeError(f"var '{_shown(var)}' cannot be mapped to a field in the set of known resources", field="vars")


def _field_value(item: Resource, path: str) -> Any:
    node = lookup(item.node, with_indices(split_field_path(path)))
    if node is None:
        raise KustomizeError(f"no field named '{path}'")
    if node.kind != SCALAR:
        return to_json(node)
    if node.tag in (INT, FLOAT, BOOL):
        return plain_value(node.value)
    return node.value


def _replace_in(node: Node, values: Mapping[str, Any]) -> None:
    if is_null(node):
        return
    if node.kind == SCALAR:
        if node.tag in (STR, ""):
            _update(node, expand(node.value, values))
    elif node.kind == MAPPING:
        for child in node.content.values():
            if child.kind == SCALAR and child.tag in (STR, ""):
                _update(child, expand(child.value, values))
    elif node.kind == SEQUENCE:
        for child in node.content:
            if child.kind != SCALAR or child.tag not in (STR, ""):
                raise KustomizeError("invalid value type expect a string")
            _update(child, expand(child.value, values))


def _update(node: Node, value: Any) -> None:
    node.style = 0
    if isinstance(value, bool):
        node.tag, node.value = BOOL, "true" if value else "false"
    elif isinstance(value, int):
        node.tag, node.value = INT, str(value)
    elif isinstance(value, float):
        node.tag, node.value = FLOAT, _decimal(value)
    else:
        node.tag, node.value = STR, value
        node.style = LITERAL if "\n" in value else 0


def _decimal(value: float) -> str:
    text = repr(value)
    return text.removesuffix(".0") if "e" not in text else f"{value:f}"


def expand(text: str, values: Mapping[str, Any]) -> Any:
    """Return `text` with `$(NAME)` replaced; a text that is nothing but one keeps the value's type.

    `$$` is a dollar, an unknown name stays as it is.
    """
    if "$" not in text:
        return text
    parts: list[str] = []
    done = position = 0
    while (position := text.find("$", position)) >= 0 and position + 1 < len(text):
        parts.append(text[done:position])
        following = text[position + 1]
        end = text.find(")", position + 2) if following == "(" else -1
        if following == "$":
            parts.append("$")
            position += 2
        elif end >= 0:
            name = text[position + 2 : end]
            value = _mapped(name, values)
            if text == f"$({name})":
                return value
            parts.append(_printed(value))
            position = end + 1
        else:
            parts.append("$" + following)
            position += 2
        done = position
    return "".join(parts) + text[done:]


def _mapped(name: str, values: Mapping[str, Any]) -> Any:
    value = values.get(name)
    return value if isinstance(value, str | int | float) else f"$({name})"


def _printed(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return format_float(value) if isinstance(value, float) else str(value)
