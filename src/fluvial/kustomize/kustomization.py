"""The kustomization file as records: its fields, the deprecated ones folded into their successors.

Source: api `types.Kustomization` (Unmarshal, FixKustomization, CheckEmpty, EnforceFields).
"""

from dataclasses import dataclass, field
from typing import Any

from fluvial.kustomize.errors import KustomizeError
from fluvial.kustomize.godecode import Kind, ListOf, Struct, decode, project
from fluvial.kustomize.ids import Selector
from fluvial.yamldoc import YamlError, load

FILE_NAMES = ("kustomization.yaml", "kustomization.yml", "Kustomization")
KUSTOMIZATION, COMPONENT = "Kustomization", "Component"
_VERSIONS = {KUSTOMIZATION: "kustomize.config.k8s.io/v1beta1", COMPONENT: "kustomize.config.k8s.io/v1alpha1"}

_TEXTS = ListOf(Kind.TEXT)
_GVK = {"group": Kind.TEXT, "version": Kind.TEXT, "kind": Kind.TEXT}

SELECTOR = Struct(
    "Selector",
    Selector,
    {**_GVK, "name": Kind.TEXT, "namespace": Kind.TEXT, "annotationSelector": Kind.TEXT, "labelSelector": Kind.TEXT},
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PatchOptions:
    """What a strategic merge patch may change beside the content."""

    allow_name_change: bool = False
    allow_kind_change: bool = False


PATCH_OPTIONS = Struct("PatchArgs", PatchOptions, {"allowNameChange": Kind.FLAG, "allowKindChange": Kind.FLAG})


@dataclass(frozen=True, slots=True, kw_only=True)
class Patch:
    """An entry of `patches` or `patchesJson6902`: a file or a text, and what it is for."""

    path: str = ""
    patch: str = ""
    target: Selector | None = None
    options: PatchOptions | None = None


PATCH = Struct("Patch", Patch, {"path": Kind.TEXT, "patch": Kind.TEXT, "target": SELECTOR, "options": PATCH_OPTIONS})


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """An entry of `images`."""

    name: str = ""
    new_name: str = ""
    tag_suffix: str = ""
    new_tag: str = ""
    digest: str = ""


IMAGE = Struct("Image", Image, dict.fromkeys(("name", "newName", "tagSuffix", "newTag", "digest"), Kind.TEXT))


@dataclass(frozen=True, slots=True, kw_only=True)
class Replica:
    """An entry of `replicas`."""

    name: str = ""
    count: int = 0


REPLICA = Struct("Replica", Replica, {"name": Kind.TEXT, "count": Kind.INTEGER})


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """A field spec as written in a file."""

    group: str = ""
    version: str = ""
    kind: str = ""
    path: str = ""
    create: bool = False


SPEC = Struct("FieldSpec", Spec, {**_GVK, "path": Kind.TEXT, "create": Kind.FLAG})


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """An entry of `labels`; `fields` are its own field specs."""

    pairs: dict[str, str] = field(default_factory=dict)
    include_selectors: bool = False
    include_templates: bool = False
    fields: list[Spec] = field(default_factory=list)


_LABEL = Struct(
    "Label",
    Label,
    {
        "pairs": Kind.TEXT_MAP,
        "includeSelectors": Kind.FLAG,
        "includeTemplates": Kind.FLAG,
        "fields": ListOf(SPEC),
    },
)


@dataclass(frozen=True, slots=True, kw_only=True)
class GeneratorOptions:
    """`generatorOptions`, and the `options` of one generator."""

    labels: dict[str, str] = field(default_factory=dict)
    annotations: dict[str, str] = field(default_factory=dict)
    disable_name_suffix_hash: bool = False
    immutable: bool = False

    def under(self, shared: "GeneratorOptions | None") -> "GeneratorOptions":
        """Return these options with the shared ones behind them; a shared true cannot be taken back."""
        if shared is None:
            return self
        return GeneratorOptions(
            labels={**shared.labels, **self.labels},
            annotations={**shared.annotations, **self.annotations},
            disable_name_suffix_hash=self.disable_name_suffix_hash or shared.disable_name_suffix_hash,
            immutable=self.immutable or shared.immutable,
        )


_OPTIONS = Struct(
    "GeneratorOptions",
    GeneratorOptions,
    {
        "labels": Kind.TEXT_MAP,
        "annotations": Kind.TEXT_MAP,
        "disableNameSuffixHash": Kind.FLAG,
        "immutable": Kind.FLAG,
    },
)


@dataclass(frozen=True, slots=True, kw_only=True)
class GeneratorArgs:
    """An entry of `configMapGenerator` or `secretGenerator`; `type` is a Secret's."""

    namespace: str = ""
    name: str = ""
    behavior: str = ""
    literals: list[str] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    envs: list[str] = field(default_factory=list)
    env: str = ""
    options: GeneratorOptions | None = None
    type: str = ""

    @property
    def env_files(self) -> list[str]:
        return [*self.envs, self.env] if self.env else self.envs


GENERATOR_FIELDS = {
    "namespace": Kind.TEXT,
    "name": Kind.TEXT,
    "behavior": Kind.TEXT,
    "literals": _TEXTS,
    "files": _TEXTS,
    "envs": _TEXTS,
    "env": Kind.TEXT,
    "options": _OPTIONS,
}
_CONFIG_MAP = Struct("ConfigMapArgs", GeneratorArgs, GENERATOR_FIELDS)
_SECRET = Struct("SecretArgs", GeneratorArgs, {**GENERATOR_FIELDS, "type": Kind.TEXT})


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldOptions:
    """How a replacement reads or writes its field."""

    delimiter: str = ""
    index: int = 0
    encoding: str = ""
    create: bool = False

    def __str__(self) -> str:
        if not self.delimiter and not self.create:
            return ""
        return f"{self.delimiter}({self.index}), create={str(self.create).lower()}"


_FIELD_OPTIONS = Struct(
    "FieldOptions",
    FieldOptions,
    {"delimiter": Kind.TEXT, "index": Kind.POSITION, "encoding": Kind.TEXT, "create": Kind.FLAG},
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplacementSource:
    """The object and field that a replacement reads."""

    group: str = ""
    version: str = ""
    kind: str = ""
    name: str = ""
    namespace: str = ""
    field_path: str = ""
    options: FieldOptions | None = None


_SOURCE = Struct(
    "SourceSelector",
    ReplacementSource,
    {**_GVK, "name": Kind.TEXT, "namespace": Kind.TEXT, "fieldPath": Kind.TEXT, "options": _FIELD_OPTIONS},
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplacementTarget:
    """The objects and fields that a replacement writes."""

    select: Selector | None = None
    reject: list[Selector] = field(default_factory=list)
    field_paths: list[str] = field(default_factory=list)
    options: FieldOptions | None = None


_TARGET = Struct(
    "TargetSelector",
    ReplacementTarget,
    {"select": SELECTOR, "reject": ListOf(SELECTOR), "fieldPaths": _TEXTS, "options": _FIELD_OPTIONS},
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Replacement:
    """An entry of `replacements`, or of the file at `path`."""

    source: ReplacementSource | None = None
    targets: list[ReplacementTarget] | None = None
    source_value: str | None = None
    path: str = ""


REPLACEMENT = Struct(
    "ReplacementField",
    Replacement,
    {"source": _SOURCE, "targets": ListOf(_TARGET), "sourceValue": Kind.TEXT, "path": Kind.TEXT},
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectReference:
    """The object of a var."""

    api_version: str = ""
    group: str = ""
    version: str = ""
    kind: str = ""
    name: str = ""
    namespace: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldReference:
    """The field of a var."""

    field_path: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Var:
    """An entry of `vars`."""

    name: str = ""
    objref: ObjectReference = ObjectReference()
    fieldref: FieldReference = FieldReference()


_VAR = Struct(
    "Var",
    Var,
    {
        "name": Kind.TEXT,
        "objref": Struct(
            "Target",
            ObjectReference,
            {"apiVersion": Kind.TEXT, **_GVK, "name": Kind.TEXT, "namespace": Kind.TEXT},
        ),
        "fieldref": Struct("FieldSelector", FieldReference, {"fieldPath": Kind.TEXT}),
    },
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LegacySortOptions:
    """The kinds that come first and last."""

    order_first: list[str] = field(default_factory=list)
    order_last: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class SortOptions:
    """`sortOptions`."""

    order: str = ""
    legacy_sort_options: LegacySortOptions | None = None


_SORT = Struct(
    "SortOptions",
    SortOptions,
    {
        "order": Kind.TEXT,
        "legacySortOptions": Struct(
            "LegacySortOptions", LegacySortOptions, {"orderFirst": _TEXTS, "orderLast": _TEXTS}
        ),
    },
)

_METADATA = Struct(
    "ObjectMeta",
    dict,
    {"name": Kind.TEXT, "namespace": Kind.TEXT, "labels": Kind.TEXT_MAP, "annotations": Kind.TEXT_MAP},
)
_HELM_GLOBALS = Struct("HelmGlobals", dict, {"chartHome": Kind.TEXT, "configHome": Kind.TEXT})
_HELM_CHART = Struct(
    "HelmChart",
    dict,
    {
        **dict.fromkeys(
            ("name", "version", "repo", "releaseName", "namespace", "valuesFile", "valuesMerge"), Kind.TEXT
        ),
        **dict.fromkeys(("kubeVersion", "nameTemplate"), Kind.TEXT),
        **dict.fromkeys(("includeCRDs", "skipHooks", "skipTests", "debug", "devel"), Kind.FLAG),
        "additionalValuesFiles": _TEXTS,
        "apiVersions": _TEXTS,
        "valuesInline": Kind.ANY_MAP,
    },
)
_HELM_ARGS = Struct(
    "HelmChartArgs",
    dict,
    {
        **dict.fromkeys(
            ("chartName", "chartVersion", "chartRepoUrl", "chartHome", "chartRepoName", "helmBin", "helmHome"),
            Kind.TEXT,
        ),
        **dict.fromkeys(("values", "valuesMerge", "releaseName", "releaseNamespace"), Kind.TEXT),
        "valuesLocal": Kind.ANY_MAP,
        "extraArgs": _TEXTS,
    },
)


@dataclass(slots=True, kw_only=True)
class Kustomization:
    """One kustomization file. None tells a list that is not there from an empty one."""

    api_version: str = ""
    kind: str = ""
    metadata: dict[str, Any] | None = None
    openapi: dict[str, str] | None = None
    name_prefix: str = ""
    name_suffix: str = ""
    namespace: str = ""
    common_labels: dict[str, str] | None = None
    labels: list[Label] | None = None
    common_annotations: dict[str, str] | None = None
    patches_strategic_merge: list[str] | None = None
    patches_json6902: list[Patch] | None = None
    patches: list[Patch] | None = None
    images: list[Image] | None = None
    image_tags: list[Image] | None = None
    replacements: list[Replacement] | None = None
    replicas: list[Replica] | None = None
    vars: list[Var] | None = None
    sort_options: SortOptions | None = None
    resources: list[str] | None = None
    components: list[str] | None = None
    crds: list[str] | None = None
    bases: list[str] | None = None
    config_map_generator: list[GeneratorArgs] | None = None
    secret_generator: list[GeneratorArgs] | None = None
    helm_globals: dict[str, Any] | None = None
    helm_charts: list[dict[str, Any]] | None = None
    helm_chart_inflation_generator: list[dict[str, Any]] | None = None
    generator_options: GeneratorOptions | None = None
    configurations: list[str] | None = None
    generators: list[str] | None = None
    transformers: list[str] | None = None
    validators: list[str] | None = None
    build_metadata: list[str] | None = None


_STRUCT = Struct(
    "Kustomization",
    Kustomization,
    {
        **dict.fromkeys(("apiVersion", "kind", "namePrefix", "nameSuffix", "namespace"), Kind.TEXT),
        **dict.fromkeys(("openapi", "commonLabels", "commonAnnotations"), Kind.TEXT_MAP),
        **dict.fromkeys(("patchesStrategicMerge", "resources", "components", "crds", "bases"), _TEXTS),
        **dict.fromkeys(("configurations", "generators", "transformers", "validators", "buildMetadata"), _TEXTS),
        "metadata": _METADATA,
        "labels": ListOf(_LABEL),
        "patchesJson6902": ListOf(PATCH),
        "patches": ListOf(PATCH),
        "images": ListOf(IMAGE),
        "imageTags": ListOf(IMAGE),
        "replacements": ListOf(REPLACEMENT),
        "replicas": ListOf(REPLICA),
        "vars": ListOf(_VAR),
        "sortOptions": _SORT,
        "configMapGenerator": ListOf(_CONFIG_MAP),
        "secretGenerator": ListOf(_SECRET),
        "helmGlobals": _HELM_GLOBALS,
        "helmCharts": ListOf(_HELM_CHART),
        "helmChartInflationGenerator": ListOf(_HELM_ARGS),
        "generatorOptions": _OPTIONS,
    },
)


def parse_kustomization(data: bytes, folder: str) -> Kustomization:
    """Return the kustomization that `data` holds.

    Raises:
        KustomizeError: no YAML, an unknown or mistyped field, nothing in it, a kind or version that is no kustomization.
    """
    try:
        value = load(data)
    except YamlError as cause:
        raise KustomizeError(f"invalid Kustomization: {cause}", line=cause.line) from cause
    return read_kustomization(value, folder)


def lenient_value(value: Any) -> dict[str, Any]:
    """Return a kustomization as it is after Flux has read and written it: unknown fields and empty ones are gone.

    Raises:
        KustomizeError: a field has a type that even a lenient reader refuses.
    """
    return project(value, _STRUCT)


def read_kustomization(value: Any, folder: str) -> Kustomization:
    """Return the kustomization that `value` is; errors are those of `parse_kustomization`, but for syntax."""
    try:
        kustomization: Kustomization = decode(value, _STRUCT)
    except KustomizeError as error:
        raise error.within("invalid Kustomization") from error
    _settle(kustomization)
    if _is_blank(kustomization):
        raise KustomizeError("kustomization.yaml is empty")
    problems = _version_problems(kustomization)
    if problems:
        raise KustomizeError(f"Failed to read kustomization file under {folder}:\n" + "\n".join(problems))
    return kustomization


def _settle(file: Kustomization) -> None:
    """Fill in kind and version, and move deprecated fields to their successors."""
    file.kind = file.kind or KUSTOMIZATION
    file.api_version = file.api_version or _VERSIONS.get(file.kind, _VERSIONS[KUSTOMIZATION])
    file.resources = [*(file.resources or ()), *file.bases] if file.bases else file.resources
    file.bases = None
    file.images = [*(file.images or ()), *file.image_tags] if file.image_tags else file.images
    file.image_tags = None
    if file.helm_chart_inflation_generator:
        file.helm_charts = [*(file.helm_charts or ()), *file.helm_chart_inflation_generator]
    file.helm_chart_inflation_generator = None


def _is_blank(file: Kustomization) -> bool:
    return file == Kustomization(api_version=file.api_version, kind=file.kind)


def _version_problems(file: Kustomization) -> list[str]:
    problems = []
    if file.kind not in _VERSIONS:
        problems.append(f"kind should be {KUSTOMIZATION} or {COMPONENT}")
    wanted = _VERSIONS.get(file.kind, _VERSIONS[KUSTOMIZATION])
    if file.api_version != wanted:
        problems.append(f"apiVersion for {file.kind} should be {wanted}")
    return problems
