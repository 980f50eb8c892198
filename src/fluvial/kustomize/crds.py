"""`crds:`: OpenAPI definitions whose extensions say where custom resources hold labels, annotations and names.

Source: api `internal/accumulator/loadconfigfromcrds.go`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from fluvial.kustomize.config import EMPTY, BackReference, TransformerConfig
from fluvial.kustomize.errors import KustomizeError
from fluvial.kustomize.fieldspec import FieldSpec, FieldSpecs
from fluvial.kustomize.files import Root
from fluvial.kustomize.ids import Gvk
from fluvial.yamldoc import YamlError, load

_PREFIX = "x-kubernetes-"
_MAX_DEPTH = 50  # references below one another; upstream overflows its stack on a type that contains itself


def config_from_crds(paths: Sequence[str], root: Root) -> TransformerConfig:
    """Return the field specs that the definitions in these files ask for.

    Raises:
        KustomizeError: no such file, or no definitions in it.
    """
    config = EMPTY
    for path in paths:
        data = root.load(path)
        try:
            definitions = load(data)
        except YamlError as cause:
            raise KustomizeError(
                f"loading CRDs [{' '.join(paths)}]: unable to parse open API definition from '{path}': {cause}",
                file=root.path(path),
                line=cause.line,
            ) from cause
        config = config.merged(_config(definitions if isinstance(definitions, dict) else {}))
    return config


def _config(definitions: Mapping[str, Any]) -> TransformerConfig:
    result = EMPTY
    for name in definitions:
        if {"kind", "apiVersion", "metadata"} <= _properties(definitions, name).keys():
            found = _Found(Gvk(kind=name.split(".")[-1]))
            found.walk(definitions, name, ())
            result = result.merged(found.config())
    return result


def _properties(definitions: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    definition = definitions.get(name)
    schema = (definition.get("Schema") or definition.get("schema")) if isinstance(definition, Mapping) else None
    properties = schema.get("properties") if isinstance(schema, Mapping) else None
    return properties if isinstance(properties, Mapping) else {}


class _Found:
    """The specs of one kind."""

    def __init__(self, gvk: Gvk) -> None:
        self._gvk = gvk
        self._annotations: list[FieldSpec] = []
        self._labels: list[FieldSpec] = []
        self._names: list[FieldSpec] = []
        self._references: list[BackReference] = []

    def walk(self, definitions: Mapping[str, Any], name: str, path: tuple[str, ...]) -> None:
        if len(path) > _MAX_DEPTH:
            raise KustomizeError(f"the definition {name} contains itself", field="crds")
        for field, schema in _properties(definitions, name).items():
            if not isinstance(schema, Mapping):
                continue
            here = (*path, field)
            for extension, specs in (
                ("annotation", self._annotations),
                ("label-selector", self._labels),
                ("identity", self._names),
            ):
                if isinstance(schema.get(_PREFIX + extension), str):
                    specs.append(self._spec(here))
            version, kind = (schema.get(f"{_PREFIX}object-ref-{part}") for part in ("api-version", "kind"))
            if isinstance(version, str) and isinstance(kind, str):
                key = schema.get(_PREFIX + "object-ref-name-key")
                spec = self._spec((*here, key if isinstance(key, str) else "name"))
                self._references.append(BackReference(Gvk(version=version, kind=kind), FieldSpecs([spec])))
            if isinstance(schema.get("$ref"), str):
                self.walk(definitions, schema["$ref"], here)

    def _spec(self, path: tuple[str, ...]) -> FieldSpec:
        return FieldSpec(self._gvk, "/".join(path), False)

    def config(self) -> TransformerConfig:
        return TransformerConfig(
            common_annotations=FieldSpecs(self._annotations),
            common_labels=FieldSpecs(self._labels),
            name_prefix=FieldSpecs(self._names),
            name_reference=tuple(self._references),
        )
