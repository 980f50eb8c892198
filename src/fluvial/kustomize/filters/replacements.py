"""Copy a value from a field of one object into fields of others. Source: api `filters/replacement`."""

from collections.abc import Sequence
from typing import Any

from fluvial.gotext import go_json, go_quote
from fluvial.kustomize.emit import node_text
from fluvial.kustomize.errors import KustomizeError
from fluvial.kustomize.fields import bare_node, is_empty, lookup, text_of
from fluvial.kustomize.files import Root
from fluvial.kustomize.godecode import decode
from fluvial.kustomize.ids import Gvk, ResId, Selector, SelectorMatch
from fluvial.kustomize.paths import match_path, split_field_path
from fluvial.kustomize.records import (
    REPLACEMENT,
    FieldOptions,
    Replacement,
    ReplacementSource,
    ReplacementTarget,
)
from fluvial.kustomize.resmap import ResMap
from fluvial.kustomize.resource import Resource
from fluvial.kustomize.values import to_json
from fluvial.yamldoc import YamlError, load
from fluvial.yamldoc.nodes import SCALAR, Node, first_node

_DEFAULT_PATH = "metadata.name"


def load_replacements(entries: Sequence[Replacement], root: Root) -> list[Replacement]:
    """Return the replacements, those of files (`path`) in the place of their entry.

    Raises:
        KustomizeError: an entry has both a path and a body, or its file holds no replacements.
    """
    result: list[Replacement] = []
    for entry in entries:
        if not entry.path:
            result.append(entry)
        elif entry.source is not None or entry.targets:
            raise KustomizeError("cannot specify both path and inline replacement", field="replacements")
        else:
            result += _in_file(entry.path, root)
    return result


def _in_file(path: str, root: Root) -> list[Replacement]:
    file = root.path(path)
    try:
        value = load(root.load(path))
    except YamlError as cause:
        raise KustomizeError(str(cause), file=file, line=cause.line) from cause
    entries: list[Any]
    if isinstance(value, list):
        entries = value
    elif isinstance(value, dict):
        entries = [value]
    else:
        raise KustomizeError(
            f"unsupported replacement type encountered within replacement path: {type(value).__name__}", file=file
        )
    try:
        return [decode(entry, REPLACEMENT, strict=False) for entry in entries]
    except KustomizeError as error:
        raise error.within("error unmarshaling JSON: while decoding JSON").at(file) from error


def apply_replacements(resources: ResMap, replacements: Sequence[Replacement]) -> None:
    """Apply replacements in order.

    Raises:
        KustomizeError: a source or a field that is not there, or options that don't fit.
    """
    for replacement in replacements:
        if (replacement.source is None and replacement.source_value is None) or replacement.targets is None:
            raise KustomizeError("replacements must specify a source and at least one target", field="replacements")
        value = _value(resources, replacement)
        for target in replacement.targets:
            _apply(resources, value, target)
    resources.drop_gone()


def _value(resources: ResMap, replacement: Replacement) -> Node:
    source = replacement.source
    if replacement.source_value is not None:
        if source is not None:
            raise KustomizeError("value and resource selectors are mutually exclusive", field="replacements")
        return bare_node(replacement.source_value)
    assert source is not None
    item = _source_of(resources, source)
    path = source.field_path or _DEFAULT_PATH
    try:
        found = lookup(item.node, split_field_path(path))
    except KustomizeError as error:
        raise error.within("error looking up replacement source") from error
    if found is None or is_empty(found):
        raise KustomizeError(
            f"fieldPath `{path}` is missing for replacement source {_source_id(source)}", field="replacements"
        )
    return _refined(found, source.options)


def _source_id(source: ReplacementSource) -> ResId:
    return ResId(Gvk(source.group, source.version, source.kind), source.name, source.namespace)


def _source_of(resources: ResMap, source: ReplacementSource) -> Resource:
    gvk = Gvk(source.group, source.version, source.kind)
    found = None
    for item in resources.perhaps_called(source.name):
        if any(one.selected_by(gvk, source.name, source.namespace) for one in (item.id, *item.previous_ids)):
            if found is not None:
                raise KustomizeError(f"multiple matches for selector {_shown(source)}", field="replacements")
            found = item
    if found is None:
        raise KustomizeError(f"nothing selected by {_shown(source)}", field="replacements")
    return found


def _shown(source: ReplacementSource) -> str:
    options = str(source.options) if source.options is not None else ""
    return ":".join(part for part in (str(_source_id(source)), source.field_path, options) if part)


def _refined(node: Node, options: FieldOptions | None) -> Node:
    if options is None or not options.delimiter:
        return node
    if node.kind != SCALAR:
        raise KustomizeError("delimiter option can only be used with scalar nodes", field="replacements")
    parts = text_of(node).split(options.delimiter)
    if not 0 <= options.index < len(parts):
        raise KustomizeError(
            f"options.index {options.index} is out of bounds for value {text_of(node)}", field="replacements"
        )
    part = node.copy()
    part.value = parts[options.index]
    return part


def _apply(resources: ResMap, value: Node, target: ReplacementTarget) -> None:
    if target.select is None:
        raise KustomizeError("target must specify resources to select", field="replacements")
    try:
        select = SelectorMatch(target.select)
        reject = [SelectorMatch(selector) for selector in target.reject]
    except KustomizeError as error:
        raise error.within("error creating target selector") from error
    for item in resources.perhaps_called(target.select.name):
        if not select.metadata(item.labels, item.annotations) or _rejects_metadata(item, target.reject, reject):
            continue
        ids = (item.id, *item.previous_ids)
        if any(not one.selector.names_nothing and any(_fits(one, i) for i in ids) for one in reject):
            continue
        if any(_fits(select, one) for one in ids):
            with resources.changing(item):
                for path in target.field_paths or (_DEFAULT_PATH,):
                    _copy(item.node, value, path, target.options)


def _fits(match: SelectorMatch, one: ResId) -> bool:
    return match.gvk(one.gvk) and match.name(one.name) and match.namespace(one.namespace)


def _rejects_metadata(item: Resource, selectors: Sequence[Selector], matches: Sequence[SelectorMatch]) -> bool:
    return any(
        match.metadata(item.labels, item.annotations)
        for selector, match in zip(selectors, matches, strict=True)
        if selector.annotation_selector or selector.label_selector
    )


def _copy(node: Node, value: Node, path: str, options: FieldOptions | None) -> None:
    create = value.kind if options is not None and options.create else 0
    parts = split_field_path(path)
    if _set_in_text(node, value, parts, create):
        return
    verb = "find or create" if create else "find"
    problem = f"unable to {verb} field {go_quote(path)} in replacement target"
    try:
        fields = match_path(node, parts, create)
    except KustomizeError as error:
        raise error.within(problem) from error
    if not fields:
        raise KustomizeError(problem, field="replacements")
    for field in fields:
        _set(field, value, options)


def _set(field: Node, value: Node, options: FieldOptions | None) -> None:
    value = value.copy()
    if options is not None and options.delimiter:
        if field.kind != SCALAR:
            raise KustomizeError("delimiter option can only be used with scalar nodes", field="replacements")
        parts = field.value.split(options.delimiter)
        text = text_of(value)
        if options.index < 0:
            parts.insert(0, text)
        elif options.index >= len(parts):
            parts.append(text)
        else:
            parts[options.index] = text
        value.value = options.delimiter.join(parts)
    if field.kind == SCALAR:
        field.value = value.value  # the type stays: a number may become text, and text a number
    else:
        field.assign(value)


def _set_in_text(node: Node, value: Node, parts: Sequence[str], create: int) -> bool:
    """Set a field inside a text that is itself YAML or JSON; tell whether there was such a text and field."""
    found = _text_on_the_way(node, parts)
    if found is None:
        return False
    text, rest = found
    try:
        inner = first_node(text.value)
        fields = match_path(inner if inner is not None else Node(SCALAR, "null"), rest, create)
    except (KustomizeError, YamlError):
        return False
    if not fields or inner is None:
        return False
    for field in fields:
        if field.kind == SCALAR:
            field.value = value.value
        else:
            field.assign(value)
    try:
        text.value = _rewritten(inner, text.value)
    except KustomizeError:
        return False  # text where a number stood, in JSON: upstream goes on as if nothing had been found
    return True


def _text_on_the_way(node: Node, parts: Sequence[str]) -> tuple[Node, Sequence[str]] | None:
    for length in range(1, len(parts)):
        try:
            field = lookup(node, parts[:length])
        except KustomizeError:
            continue
        if field is not None and field.kind == SCALAR:
            try:
                first_node(field.value)
            except YamlError:
                continue
            return field, parts[length:]
    return None


def _rewritten(inner: Node, before: str) -> str:
    """Return the changed content as text: JSON as JSON, in lines if it was, all else as YAML."""
    if not before.lstrip().startswith(("{", "[")):
        return node_text(inner).strip()
    value = to_json(inner)
    return _indented(value, "\n") if "\n" in before and "  " in before else go_json(value)


def _indented(value: Any, newline: str) -> str:
    """Return `value` as json.MarshalIndent with two spaces writes it."""
    inner = newline + "  "
    if isinstance(value, dict) and value:
        fields = (f"{inner}{go_json(key)}: {_indented(value[key], inner)}" for key in sorted(value))
        return "{" + ",".join(fields) + newline + "}"
    if isinstance(value, list) and value:
        return "[" + ",".join(inner + _indented(item, inner) for item in value) + newline + "]"
    return go_json(value)
