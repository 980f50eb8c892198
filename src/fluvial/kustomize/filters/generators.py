"""ConfigMaps and Secrets from files, literals and env files. Source: api `internal/generators`, `kv`."""

from collections.abc import Callable, Mapping

from fluvial.gotext import go_quote
from fluvial.kustomize.datamaps import put_config_data, put_secret_data
from fluvial.kustomize.errors import KustomizeError
from fluvial.kustomize.fields import map_node, set_annotation, set_field, text_node
from fluvial.kustomize.files import Root
from fluvial.kustomize.records import GeneratorArgs, GeneratorOptions
from fluvial.kustomize.resource import BEHAVIOR, ENABLED, NEEDS_HASH, Resource
from fluvial.kustomize.values import BOOL, STR
from fluvial.yamldoc.nodes import SCALAR, SINGLE, Node

_BEHAVIORS = ("create", "replace", "merge")
_MAX_LINE = 64 << 10  # bytes; upstream stops reading an env file, without a word, at a longer line


def config_map(args: GeneratorArgs, root: Root) -> Resource:
    """Return the ConfigMap that `args` describe.

    Raises:
        KustomizeError: no name, a source that cannot be read, or a key given twice.
    """
    node = _base("ConfigMap", args)
    put_config_data(node, _data(args, root))
    return _finished(node, args)


def secret(args: GeneratorArgs, root: Root) -> Resource:
    """Return the Secret that `args` describe; errors are those of `config_map`."""
    node = _base("Secret", args)
    set_field(node, "type", text_node(args.type or "Opaque"))
    put_secret_data(node, _data(args, root))
    return _finished(node, args)


def _base(kind: str, args: GeneratorArgs) -> Node:
    if not args.name:
        raise KustomizeError("a configmap must have a name", field="name")
    metadata = map_node()
    set_field(metadata, "name", text_node(args.name))
    if args.namespace:
        set_field(metadata, "namespace", text_node(args.namespace))
    node = map_node()
    node.content = {"apiVersion": text_node("v1"), "kind": text_node(kind), "metadata": metadata}
    return node


def _finished(node: Node, args: GeneratorArgs) -> Resource:
    options = args.options or GeneratorOptions()
    _set_entries(node, "labels", options.labels)
    for key in sorted(options.annotations):
        set_annotation(node, key, options.annotations[key])
    if options.immutable:
        set_field(node, "immutable", Node(SCALAR, BOOL, 0, "true"))
    resource = Resource(node)
    notes = {} if options.disable_name_suffix_hash else {NEEDS_HASH: ENABLED}
    notes[BEHAVIOR] = args.behavior if args.behavior in _BEHAVIORS else "unspecified"
    resource.set_annotations({**resource.annotations, **notes})
    return resource


def _set_entries(node: Node, field: str, entries: Mapping[str, str]) -> None:
    if entries:
        parent = map_node()
        for key in sorted(entries):
            set_field(parent, key, Node(SCALAR, STR, SINGLE, entries[key]))
        set_field(node.content["metadata"], field, parent)


def _data(args: GeneratorArgs, root: Root) -> dict[str, bytes]:
    data: dict[str, bytes] = {}
    for key, value in _pairs(args, root):
        if key in data:
            raise KustomizeError(f"configmap {args.name} illegally repeats the key `{key}`", field="literals")
        data[key] = value
    return data


Pair = tuple[str, bytes]


def _pairs(args: GeneratorArgs, root: Root) -> list[Pair]:
    sources: tuple[tuple[str, list[str], Callable[[str], list[Pair]]], ...] = (
        ("env source files:", args.env_files, lambda path: _env_pairs(root.load(path))),
        ("literal sources", args.literals, lambda text: [_literal_pair(text)]),
        ("file sources:", args.files, lambda text: [_file_pair(text, root)]),
    )
    pairs: list[Pair] = []
    for title, entries, read in sources:
        for entry in entries:
            try:
                pairs += read(entry)
            except KustomizeError as error:
                raise error.within(f"loading KV pairs: {title} [{' '.join(entries)}]") from error
    return pairs


def _literal_pair(text: str) -> Pair:
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise KustomizeError(f"invalid literal source {text}, expected key=value", field="literals")
    if len(value) >= 2 and value[0] == value[-1] and value[0] in "\"'":
        value = value[1:-1]
    return key, value.encode("utf-8", "surrogatepass")


def _file_pair(text: str, root: Root) -> Pair:
    key, equals, path = text.partition("=")
    if not equals:
        return text.rstrip("/").rpartition("/")[2] or "/", root.load(text)
    if "=" in path:
        raise KustomizeError(f"source {go_quote(text)} key name or file path contains '='", field="files")
    if not key:
        raise KustomizeError(
            f"missing key name for file path {go_quote(path)} in source {go_quote(text)}", field="files"
        )
    if not path:
        raise KustomizeError(
            f"missing file path for key name {go_quote(key)} in source {go_quote(text)}", field="files"
        )
    return key, root.load(path)


def _env_pairs(data: bytes) -> list[Pair]:
    """Return the pairs of an env file: `key=value` lines; a line without `=` is a key with an empty value."""
    pairs = []
    for index, line in enumerate(data.split(b"\n")):
        if len(line) >= _MAX_LINE:
            break
        line = line.removesuffix(b"\r")
        if index == 0:
            line = line.removeprefix(b"\xef\xbb\xbf")
        try:
            text = line.decode().lstrip()
        except UnicodeDecodeError:
            raise KustomizeError(f"line {index + 1} has invalid utf8 bytes", line=index + 1, field="envs") from None
        if text and not text.startswith("#"):
            key, _, value = text.partition("=")
            if key:
                pairs.append((key, value.encode()))
    return pairs
