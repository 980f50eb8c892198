"""The kustomization file as records: its fields, the deprecated ones folded into their successors.

Source: api `types.Kustomization` (Unmarshal, FixKustomization, CheckEmpty, EnforceFields).
"""

from dataclasses import dataclass
from typing import Any

from fluvial.kustomize.errors import KustomizeError
from fluvial.kustomize.godecode import Kind, ListOf, Struct, decode, project
from fluvial.kustomize.records import (
    CONFIG_MAP,
    GENERATOR_OPTIONS,
    IMAGE,
    LABEL,
    PATCH,
    REPLACEMENT_FIELD,
    REPLICA,
    SECRET,
    SORT_OPTIONS,
    TEXTS,
    VAR,
    GeneratorArgs,
    GeneratorOptions,
    Image,
    Label,
    Patch,
    Replacement,
    Replica,
    SortOptions,
    Var,
)
from fluvial.yamldoc import YamlError, load

FILE_NAMES = ("kustomization.yaml", "kustomization.yml", "Kustomization")
KUSTOMIZATION, COMPONENT = "Kustomization", "Component"
_VERSIONS = {KUSTOMIZATION: "kustomize.config.k8s.io/v1beta1", COMPONENT: "kustomize.config.k8s.io/v1alpha1"}

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
        "additionalValuesFiles": TEXTS,
        "apiVersions": TEXTS,
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
        "extraArgs": TEXTS,
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
        **dict.fromkeys(("patchesStrategicMerge", "resources", "components", "crds", "bases"), TEXTS),
        **dict.fromkeys(("configurations", "generators", "transformers", "validators", "buildMetadata"), TEXTS),
        "metadata": _METADATA,
        "labels": ListOf(LABEL),
        "patchesJson6902": ListOf(PATCH),
        "patches": ListOf(PATCH),
        "images": ListOf(IMAGE),
        "imageTags": ListOf(IMAGE),
        "replacements": ListOf(REPLACEMENT_FIELD),
        "replicas": ListOf(REPLICA),
        "vars": ListOf(VAR),
        "sortOptions": SORT_OPTIONS,
        "configMapGenerator": ListOf(CONFIG_MAP),
        "secretGenerator": ListOf(SECRET),
        "helmGlobals": _HELM_GLOBALS,
        "helmCharts": ListOf(_HELM_CHART),
        "helmChartInflationGenerator": ListOf(_HELM_ARGS),
        "generatorOptions": GENERATOR_OPTIONS,
    },
    {"apiVersion": "TypeMeta", "kind": "TypeMeta"},
)


def parse_kustomization(data: bytes, folder: str) -> Kustomization:
    """Return the kustomization that `data` holds.

    Raises:
        KustomizeError: no YAML, an unknown or mistyped field, nothing in it, a kind or version that is none.
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
