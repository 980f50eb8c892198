"""The entries of a kustomization file as records, each with the Go struct that it is read as.

Source: api `types`, one file per record.
"""

from dataclasses import dataclass, field

from fluvial.kustomize.godecode import Kind, ListOf, Struct, Type
from fluvial.kustomize.ids import Selector

TEXTS = ListOf(Kind.TEXT)
_GVK: dict[str, Type] = {"group": Kind.TEXT, "version": Kind.TEXT, "kind": Kind.TEXT}
_IN_GVK = dict.fromkeys(_GVK, "Gvk")
_IN_ID = {**dict.fromkeys(_GVK, "ResId.Gvk"), "name": "ResId", "namespace": "ResId"}

SELECTOR = Struct(
    "Selector",
    Selector,
    {**_GVK, "name": Kind.TEXT, "namespace": Kind.TEXT, "annotationSelector": Kind.TEXT, "labelSelector": Kind.TEXT},
    _IN_ID,
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


SPEC = Struct("FieldSpec", Spec, {**_GVK, "path": Kind.TEXT, "create": Kind.FLAG}, _IN_GVK)


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """An entry of `labels`; `fields` are its own field specs."""

    pairs: dict[str, str] = field(default_factory=dict)
    include_selectors: bool = False
    include_templates: bool = False
    fields: list[Spec] = field(default_factory=list)


LABEL = Struct(
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


GENERATOR_OPTIONS = Struct(
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


_GENERATOR_FIELDS: dict[str, Type] = {
    "namespace": Kind.TEXT,
    "name": Kind.TEXT,
    "behavior": Kind.TEXT,
    "literals": TEXTS,
    "files": TEXTS,
    "envs": TEXTS,
    "env": Kind.TEXT,
    "options": GENERATOR_OPTIONS,
}
_IN_GENERATOR = {
    **dict.fromkeys(_GENERATOR_FIELDS, "GeneratorArgs"),
    **dict.fromkeys(("literals", "files", "envs", "env"), "GeneratorArgs.KvPairSources"),
}
CONFIG_MAP = Struct("ConfigMapArgs", GeneratorArgs, _GENERATOR_FIELDS, _IN_GENERATOR)
SECRET = Struct("SecretArgs", GeneratorArgs, {**_GENERATOR_FIELDS, "type": Kind.TEXT}, _IN_GENERATOR)


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
    _IN_ID,
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
    {"select": SELECTOR, "reject": ListOf(SELECTOR, of_pointers=True), "fieldPaths": TEXTS, "options": _FIELD_OPTIONS},
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Replacement:
    """An entry of `replacements`, or of the file at `path`."""

    source: ReplacementSource | None = None
    targets: list[ReplacementTarget] | None = None
    source_value: str | None = None
    path: str = ""


_BODY: dict[str, Type] = {
    "source": _SOURCE,
    "targets": ListOf(_TARGET, of_pointers=True),
    "sourceValue": Kind.TEXT,
}
REPLACEMENT = Struct("Replacement", Replacement, _BODY)  # an entry of a file
REPLACEMENT_FIELD = Struct(
    "ReplacementField", Replacement, {**_BODY, "path": Kind.TEXT}, dict.fromkeys(_BODY, "Replacement")
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


VAR = Struct(
    "Var",
    Var,
    {
        "name": Kind.TEXT,
        "objref": Struct(
            "Target",
            ObjectReference,
            {"apiVersion": Kind.TEXT, **_GVK, "name": Kind.TEXT, "namespace": Kind.TEXT},
            _IN_GVK,
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


SORT_OPTIONS = Struct(
    "SortOptions",
    SortOptions,
    {
        "order": Kind.TEXT,
        "legacySortOptions": Struct("LegacySortOptions", LegacySortOptions, {"orderFirst": TEXTS, "orderLast": TEXTS}),
    },
)
