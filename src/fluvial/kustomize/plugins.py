"""`generators:`, `transformers:` and `validators:` with kustomize's own plugins, configured by objects.

Everything else (executables, containers, Starlark) is refused, as Flux refuses it. Source: api
`internal/plugins/loader`, `internal/builtins`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from fluvial.kustomize.errors import KustomizeError, NotSupported
from fluvial.kustomize.fieldspec import FieldSpec, FieldSpecs
from fluvial.kustomize.files import Root
from fluvial.kustomize.filters import generators, hashes, images, metadata, names, namespace, patches, replacements
from fluvial.kustomize.filters import replicas as replica_counts
from fluvial.kustomize.filters import values as value_adding
from fluvial.kustomize.filters.origins import Origin, origin_of_plugin
from fluvial.kustomize.godecode import Kind, ListOf, Struct, Type, decode
from fluvial.kustomize.ids import Gvk, Selector
from fluvial.kustomize.records import (
    CONFIG_MAP,
    IMAGE,
    PATCH_OPTIONS,
    REPLACEMENT_FIELD,
    REPLICA,
    SECRET,
    SELECTOR,
    SPEC,
    GeneratorArgs,
    Image,
    Patch,
    PatchOptions,
    Replacement,
    Replica,
    Spec,
)
from fluvial.kustomize.resmap import ResMap
from fluvial.kustomize.resource import Resource
from fluvial.kustomize.schema import Schemas
from fluvial.kustomize.values import to_json

Generate = Callable[[], list[Resource]]
Transform = Callable[[ResMap], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plugin:
    """A configured plugin: it generates or transforms; `origin` is where its config came from.

    Of what the kustomization file's own fields ask for (`built_in`) the origin has only the kind. One that
    changes names by `ResMap.changing` alone says so (`tells`); after any other nothing is known of names.
    """

    generate: Generate | None = None
    transform: Transform | None = None
    origin: Origin | None = None
    built_in: bool = False
    tells: bool = False


def load_plugin(config: Resource, root: Root, schemas: Schemas) -> Plugin:
    """Return the plugin that an object configures.

    Raises:
        KustomizeError: no such built-in plugin, or a bad config.
    """
    gvk = config.gvk
    if gvk.group or gvk.version != "builtin":
        raise KustomizeError(
            f"external plugins disabled; unable to load external plugin '{config.original_id.gvk.kind}'",
            field="transformers",
        )
    make = _PLUGINS.get(gvk.kind)
    if make is None:
        raise KustomizeError(f"unable to load builtin {gvk}")
    try:
        plugin = make(to_json(config.node), root, schemas)
    except KustomizeError as error:
        raise error.within(f"plugin {config.original_id} fails configuration") from error
    return Plugin(generate=plugin.generate, transform=plugin.transform, origin=origin_of_plugin(config))


Make = Callable[[Mapping[str, Any], Root, Schemas], Plugin]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Metadata:
    name: str = ""
    namespace: str = ""
    labels: dict[str, str] = field(default_factory=dict)
    annotations: dict[str, str] = field(default_factory=dict)


_METADATA = Struct(
    "ObjectMeta",
    _Metadata,
    {"name": Kind.TEXT, "namespace": Kind.TEXT, "labels": Kind.TEXT_MAP, "annotations": Kind.TEXT_MAP},
)


_NO_IMAGE, _NO_REPLICA = Image(), Replica()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Config:
    """The fields of all plugins' configs together; each plugin reads its own."""

    metadata: _Metadata = _Metadata()
    field_specs: list[Spec] | None = None
    labels: dict[str, str] = field(default_factory=dict)
    annotations: dict[str, str] = field(default_factory=dict)
    prefix: str = ""
    suffix: str = ""
    image_tag: Image = _NO_IMAGE
    replica: Replica = _NO_REPLICA
    unset_only: bool = False
    set_role_binding_subjects: str = ""
    replacements: list[Replacement] = field(default_factory=list)
    path: str = ""
    patch: str = ""
    json_op: str = ""
    target: Selector | None = None
    options: PatchOptions | None = None
    paths: list[str] = field(default_factory=list)
    patches: str = ""


_FIELDS: dict[str, Type] = {
    "metadata": _METADATA,
    "fieldSpecs": ListOf(SPEC),
    "labels": Kind.TEXT_MAP,
    "annotations": Kind.TEXT_MAP,
    "prefix": Kind.TEXT,
    "suffix": Kind.TEXT,
    "imageTag": IMAGE,
    "replica": REPLICA,
    "unsetOnly": Kind.FLAG,
    "setRoleBindingSubjects": Kind.TEXT,
    "replacements": ListOf(REPLACEMENT_FIELD),
    "path": Kind.TEXT,
    "patch": Kind.TEXT,
    "jsonOp": Kind.TEXT,
    "target": SELECTOR,
    "options": PATCH_OPTIONS,
    "paths": ListOf(Kind.TEXT),
    "patches": Kind.TEXT,
}


def _read(config: Mapping[str, Any], name: str, *used: str) -> _Config:
    struct = Struct(name, _Config, {key: _FIELDS[key] for key in ("metadata", *used)})
    result: _Config = decode(config, struct, strict=False)
    return result


def _specs(config: _Config) -> FieldSpecs:
    return FieldSpecs(
        FieldSpec(Gvk(spec.group, spec.version, spec.kind), spec.path, spec.create) for spec in config.field_specs or ()
    )


def _labels(config: Mapping[str, Any], root: Root, schemas: Schemas) -> Plugin:
    read = _read(config, "LabelTransformerPlugin", "labels", "fieldSpecs")
    return _entries(read.labels, _specs(read))


def _annotations(config: Mapping[str, Any], root: Root, schemas: Schemas) -> Plugin:
    read = _read(config, "AnnotationsTransformerPlugin", "annotations", "fieldSpecs")
    return _entries(read.annotations, _specs(read))


def _entries(entries: Mapping[str, str], specs: FieldSpecs) -> Plugin:
    return Plugin(transform=lambda resources: metadata.add_entries(resources, entries, specs))


def _prefix(config: Mapping[str, Any], root: Root, schemas: Schemas) -> Plugin:
    read = _read(config, "PrefixTransformerPlugin", "prefix", "fieldSpecs")
    _need_specs(read)
    return Plugin(transform=lambda resources: names.add_prefix(resources, read.prefix, _specs(read)))


def _suffix(config: Mapping[str, Any], root: Root, schemas: Schemas) -> Plugin:
    read = _read(config, "SuffixTransformerPlugin", "suffix", "fieldSpecs")
    _need_specs(read)
    return Plugin(transform=lambda resources: names.add_suffix(resources, read.suffix, _specs(read)))


def _need_specs(read: _Config) -> None:
    if read.field_specs is None:
        raise KustomizeError("fieldSpecs is not expected to be nil", field="fieldSpecs")


def _prefix_and_suffix(config: Mapping[str, Any], root: Root, schemas: Schemas) -> Plugin:
    first, second = _prefix(config, root, schemas).transform, _suffix(config, root, schemas).transform
    assert first is not None
    assert second is not None

    def transform(resources: ResMap) -> None:
        first(resources)
        second(resources)

    return Plugin(transform=transform)


def _namespace(config: Mapping[str, Any], root: Root, schemas: Schemas) -> Plugin:
    read = _read(config, "NamespaceTransformerPlugin", "fieldSpecs", "unsetOnly", "setRoleBindingSubjects")
    subjects = read.set_role_binding_subjects or namespace.DEFAULT_ONLY
    choices = (namespace.DEFAULT_ONLY, namespace.NONE, namespace.ALL_ACCOUNTS)
    if subjects not in choices:
        raise KustomizeError(
            f'invalid value "{subjects}" for setRoleBindingSubjects: must be one of "{choices[0]}", "{choices[1]}" or '
            f'"{choices[2]}"',
            field="setRoleBindingSubjects",
        )

    def transform(resources: ResMap) -> None:
        if read.metadata.namespace:
            namespace.set_namespace(
                resources, read.metadata.namespace, _specs(read), subjects=subjects, unset_only=read.unset_only
            )

    return Plugin(transform=transform)


def _image(config: Mapping[str, Any], root: Root, schemas: Schemas) -> Plugin:
    read = _read(config, "ImageTagTransformerPlugin", "imageTag", "fieldSpecs")
    return Plugin(transform=lambda resources: images.change_images(resources, [read.image_tag], _specs(read)))


def _replicas(config: Mapping[str, Any], root: Root, schemas: Schemas) -> Plugin:
    read = _read(config, "ReplicaCountTransformerPlugin", "replica", "fieldSpecs")
    return Plugin(transform=lambda resources: replica_counts.set_replicas(resources, read.replica, _specs(read)))


def _replacements(config: Mapping[str, Any], root: Root, schemas: Schemas) -> Plugin:
    read = _read(config, "ReplacementTransformerPlugin", "replacements")
    loaded = replacements.load_replacements(read.replacements, root)
    return Plugin(transform=lambda resources: replacements.apply_replacements(resources, loaded))


def _patch(config: Mapping[str, Any], root: Root, schemas: Schemas) -> Plugin:
    read = _read(config, "PatchTransformerPlugin", "path", "patch", "target", "options")
    entry = Patch(path=read.path, patch=read.patch, target=read.target, options=read.options)
    loaded = patches.load_patch(entry, root)
    return Plugin(transform=lambda resources: patches.apply_loaded(resources, loaded, schemas))


def _json6902(config: Mapping[str, Any], root: Root, schemas: Schemas) -> Plugin:
    read = _read(config, "PatchJson6902TransformerPlugin", "target", "path", "jsonOp")
    operations = patches.load_operations(Patch(path=read.path, target=read.target), read.json_op, root)
    target = read.target
    assert target is not None
    return Plugin(transform=lambda resources: patches.apply_json6902(resources, target, operations))


def _strategic(config: Mapping[str, Any], root: Root, schemas: Schemas) -> Plugin:
    read = _read(config, "PatchStrategicMergeTransformerPlugin", "paths", "patches")
    merges = patches.load_merges(read.paths, read.patches, root)
    return Plugin(transform=lambda resources: patches.apply_merges(resources, merges, schemas))


def _hash(config: Mapping[str, Any], root: Root, schemas: Schemas) -> Plugin:
    return Plugin(transform=hashes.add_hashes)


def _value_add(config: Mapping[str, Any], root: Root, schemas: Schemas) -> Plugin:
    adding = value_adding.load_additions(config, root)
    return Plugin(transform=lambda resources: value_adding.add_values(resources, adding))


def _generator_args(config: Mapping[str, Any], struct: Struct) -> GeneratorArgs:
    """Read the config of a generator plugin, in which `struct` is embedded."""
    embedded = {name: f"{struct.name}.{struct.embedded.get(name, '')}".rstrip(".") for name in struct.fields}
    args: GeneratorArgs = decode(config, replace(struct, embedded=embedded), strict=False)
    about = _read(config, "ObjectMeta").metadata
    return GeneratorArgs(
        **{
            **{name: getattr(args, name) for name in args.__dataclass_fields__},
            "name": args.name or about.name,
            "namespace": args.namespace or about.namespace,
        }
    )


def _config_map(config: Mapping[str, Any], root: Root, schemas: Schemas) -> Plugin:
    args = _generator_args(config, CONFIG_MAP)
    return Plugin(generate=lambda: [generators.config_map(args, root)])


def _secret(config: Mapping[str, Any], root: Root, schemas: Schemas) -> Plugin:
    args = _generator_args(config, SECRET)
    return Plugin(generate=lambda: [generators.secret(args, root)])


def _helm(config: Mapping[str, Any], root: Root, schemas: Schemas) -> Plugin:
    raise NotSupported(
        "must specify --enable-helm: charts are not inflated here: use a HelmRelease", field="helmCharts"
    )


def _iam_policy(config: Mapping[str, Any], root: Root, schemas: Schemas) -> Plugin:
    return Plugin(generate=lambda: value_adding.iam_policy(config))


_PLUGINS: dict[str, Make] = {
    "AnnotationsTransformer": _annotations,
    "ConfigMapGenerator": _config_map,
    "HashTransformer": _hash,
    "HelmChartInflationGenerator": _helm,
    "IAMPolicyGenerator": _iam_policy,
    "ImageTagTransformer": _image,
    "LabelTransformer": _labels,
    "NamespaceTransformer": _namespace,
    "PatchJson6902Transformer": _json6902,
    "PatchStrategicMergeTransformer": _strategic,
    "PatchTransformer": _patch,
    "PrefixSuffixTransformer": _prefix_and_suffix,
    "PrefixTransformer": _prefix,
    "ReplacementTransformer": _replacements,
    "ReplicaCountTransformer": _replicas,
    "SecretGenerator": _secret,
    "SuffixTransformer": _suffix,
    "ValueAddTransformer": _value_add,
}
