"""The transformations that a kustomization file asks for by its own fields, in upstream's order.

Source: api `kusttarget_configplugin.go`.
"""

from collections.abc import Callable, Iterator, Mapping

from fluvial.kustomize.config import TransformerConfig
from fluvial.kustomize.errors import KustomizeError
from fluvial.kustomize.fieldspec import FieldSpec, FieldSpecs
from fluvial.kustomize.files import Root
from fluvial.kustomize.filters import metadata, names, namespace, patches, replacements
from fluvial.kustomize.filters.images import ImageFields
from fluvial.kustomize.filters.origins import Origin
from fluvial.kustomize.filters.replicas import set_replicas
from fluvial.kustomize.ids import Gvk
from fluvial.kustomize.kustomization import Kustomization
from fluvial.kustomize.plugins import Plugin
from fluvial.kustomize.records import Image, Label, Patch, Replica
from fluvial.kustomize.resmap import ResMap
from fluvial.kustomize.schema import Schemas

_OWN_LABELS = (FieldSpec(Gvk(), "metadata/labels", True),)


def built_in_transformers(
    file: Kustomization, config: TransformerConfig, root: Root, schemas: Schemas
) -> Iterator[Plugin]:
    """Return the transformations, all configured before the first one runs.

    Raises:
        KustomizeError: a patch or replacement that cannot be read.
    """
    found = [
        *_strategic(file, root, schemas),
        *_patches(file, root, schemas),
        *_names(file, config),
        *_metadata(file, config),
        *_json6902(file, root),
        *_replicas(file, config),
        *_images(file, config),
        *_replacements(file, root),
    ]
    return iter(found)


def _plugin(kind: str, transform: Callable[[ResMap], None], *, tells: bool = False) -> Plugin:
    return Plugin(transform=transform, origin=Origin(kind=kind), built_in=True, tells=tells)


def _configured(kind: str, error: KustomizeError) -> KustomizeError:
    return error.within(f"trouble configuring builtin {kind} with config: `\n`")


def _strategic(file: Kustomization, root: Root, schemas: Schemas) -> Iterator[Plugin]:
    if not file.patches_strategic_merge:
        return
    kind = "PatchStrategicMergeTransformer"
    try:
        merges = patches.load_merges(file.patches_strategic_merge, "", root)
    except KustomizeError as error:
        raise _configured(kind, error) from error
    yield _plugin(kind, lambda resources: patches.apply_merges(resources, merges, schemas), tells=True)


def _patches(file: Kustomization, root: Root, schemas: Schemas) -> Iterator[Plugin]:
    kind = "PatchTransformer"
    for entry in file.patches or ():
        try:
            loaded = patches.load_patch(entry, root)
        except KustomizeError as error:
            raise _configured(kind, error) from error
        yield _plugin(kind, _applying(loaded, schemas), tells=True)


def _applying(loaded: patches.LoadedPatch, schemas: Schemas) -> Callable[[ResMap], None]:
    return lambda resources: patches.apply_loaded(resources, loaded, schemas)


def _names(file: Kustomization, config: TransformerConfig) -> Iterator[Plugin]:
    if file.namespace:
        yield _plugin(
            "NamespaceTransformer",
            lambda resources: namespace.set_namespace(resources, file.namespace, config.namespace),
        )
    if file.name_prefix:
        yield _plugin(
            "PrefixTransformer", lambda resources: names.add_prefix(resources, file.name_prefix, config.name_prefix)
        )
    if file.name_suffix:
        yield _plugin(
            "SuffixTransformer", lambda resources: names.add_suffix(resources, file.name_suffix, config.name_suffix)
        )


def _metadata(file: Kustomization, config: TransformerConfig) -> Iterator[Plugin]:
    for label in file.labels or ():
        yield _plugin("LabelTransformer", _adding(label.pairs, label_specs(label, config)))
    if file.labels or file.common_labels:
        yield _plugin("LabelTransformer", _adding(file.common_labels or {}, config.common_labels))
    if file.common_annotations:
        yield _plugin("AnnotationsTransformer", _adding(file.common_annotations, config.common_annotations))


def _adding(entries: Mapping[str, str], specs: FieldSpecs) -> Callable[[ResMap], None]:
    return lambda resources: metadata.add_entries(resources, entries, specs)


def label_specs(label: Label, config: TransformerConfig) -> FieldSpecs:
    """Return the fields that an entry of `labels` reaches.

    Raises:
        KustomizeError: its own fields contradict the configured ones.
    """
    own = FieldSpecs(
        FieldSpec(Gvk(spec.group, spec.version, spec.kind), spec.path, spec.create) for spec in label.fields
    )
    try:
        specs = own.merged(config.labels)
        if label.include_selectors:
            return specs.merged(config.common_labels) if len(specs) else config.common_labels
        if label.include_templates:
            specs = specs.merged(config.template_labels)
        return specs.merged(_OWN_LABELS)
    except KustomizeError as error:
        raise error.within("failed to merge labels") from error


def _json6902(file: Kustomization, root: Root) -> Iterator[Plugin]:
    kind = "PatchJson6902Transformer"
    for entry in file.patches_json6902 or ():
        try:
            operations = patches.load_operations(entry, entry.patch, root)
        except KustomizeError as error:
            raise _configured(kind, error) from error
        yield _plugin(kind, _operating(entry, operations), tells=True)


def _operating(entry: Patch, operations: patches.Operations) -> Callable[[ResMap], None]:
    target = entry.target
    assert target is not None
    return lambda resources: patches.apply_json6902(resources, target, operations)


def _replicas(file: Kustomization, config: TransformerConfig) -> Iterator[Plugin]:
    for entry in file.replicas or ():
        yield _plugin("ReplicaCountTransformer", _counting(entry, config.replicas))


def _counting(replica: Replica, specs: FieldSpecs) -> Callable[[ResMap], None]:
    return lambda resources: set_replicas(resources, replica, specs)


def _images(file: Kustomization, config: TransformerConfig) -> Iterator[Plugin]:
    found: list[ImageFields] = []
    for entry in file.images or ():
        yield _plugin("ImageTagTransformer", _imaging(entry, config.images, found))


def _imaging(image: Image, specs: FieldSpecs, found: list[ImageFields]) -> Callable[[ResMap], None]:
    """Return the change of one image; the first one to run finds the fields for all."""

    def transform(resources: ResMap) -> None:
        if not found:
            found.append(ImageFields(resources, specs))
        found[0].change(image)

    return transform


def _replacements(file: Kustomization, root: Root) -> Iterator[Plugin]:
    if not file.replacements:
        return
    kind = "ReplacementTransformer"
    try:
        loaded = replacements.load_replacements(file.replacements, root)
    except KustomizeError as error:
        raise _configured(kind, error) from error
    yield _plugin(kind, lambda resources: replacements.apply_replacements(resources, loaded), tells=True)
