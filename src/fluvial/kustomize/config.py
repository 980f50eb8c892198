"""Which fields the transformations change: the built-in specs, and those of `configurations:` and `crds:`.

Source: api `internal/plugins/builtinconfig`, `internal/accumulator/loadconfigfromcrds.go`.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from functools import lru_cache
from typing import Any, NamedTuple

from fluvial.kustomize.errors import KustomizeError
from fluvial.kustomize.fieldspec import FieldSpec, FieldSpecs
from fluvial.kustomize.ids import Gvk
from fluvial.stdx import package_data

_NONE = FieldSpecs()


class BackReference(NamedTuple):
    """Where the name of a kind may be written in others."""

    target: Gvk
    referrers: FieldSpecs


@dataclass(frozen=True, slots=True)
class TransformerConfig:
    """The field specs of each transformation, in upstream's order."""

    name_prefix: FieldSpecs = _NONE
    name_suffix: FieldSpecs = _NONE
    namespace: FieldSpecs = _NONE
    common_labels: FieldSpecs = _NONE
    labels: FieldSpecs = _NONE
    template_labels: FieldSpecs = _NONE
    common_annotations: FieldSpecs = _NONE
    name_reference: tuple[BackReference, ...] = ()
    var_reference: FieldSpecs = _NONE
    images: FieldSpecs = _NONE
    replicas: FieldSpecs = _NONE

    def merged(self, other: "TransformerConfig") -> "TransformerConfig":
        """Return both together.

        Raises:
            KustomizeError: they contradict each other.
        """
        if other is self or other == EMPTY:
            return self
        if self == EMPTY and other is default_config():
            return other
        changed: dict[str, Any] = {}
        for field in fields(self):
            ours, theirs = getattr(self, field.name), getattr(other, field.name)
            if field.name == "name_reference":
                changed[field.name] = _sorted_references(_merged_references(ours, theirs))
            else:
                try:
                    changed[field.name] = _sorted_specs(ours.merged(theirs))
                except KustomizeError as error:
                    raise error.within(f"failed to merge {_go_name(field.name)} fieldSpec") from error
        return replace(self, **changed)


def _go_name(name: str) -> str:
    return "NameSpace" if name == "namespace" else "".join(part.capitalize() for part in name.split("_"))


EMPTY = TransformerConfig()

_JSON_NAMES = {
    "namePrefix": "name_prefix",
    "nameSuffix": "name_suffix",
    "namespace": "namespace",
    "commonLabels": "common_labels",
    "labels": "labels",
    "templateLabels": "template_labels",
    "commonAnnotations": "common_annotations",
    "nameReference": "name_reference",
    "varReference": "var_reference",
    "images": "images",
    "replicas": "replicas",
}


@lru_cache(maxsize=1)
def default_config() -> TransformerConfig:
    """Return the built-in config."""
    data = json.loads(package_data("fluvial.kustomize", "data/fieldspecs.json"))
    config: dict[str, Any] = {
        attribute: _sorted_specs(_NONE.merged(map(_spec, data.get(name, ()))))
        for name, attribute in _JSON_NAMES.items()
        if name != "nameReference"
    }
    references = _sorted_references(_merged_references((), _references(data["nameReference"])))
    return TransformerConfig(**config, name_reference=references)


def config_from(data: Any) -> TransformerConfig:
    """Return the config of one `configurations:` file.

    Raises:
        KustomizeError: it is no mapping, or has fields that no config has.
    """
    if data is None:
        return EMPTY
    if not isinstance(data, Mapping):
        raise KustomizeError(
            "error unmarshaling JSON: while decoding JSON: json: cannot unmarshal into Go value of type"
            " builtinconfig.TransformerConfig"
        )
    found: dict[str, Any] = {}
    for name, value in data.items():
        attribute = _JSON_NAMES.get(name)
        if attribute is None:
            raise KustomizeError(f'error unmarshaling JSON: while decoding JSON: json: unknown field "{name}"')
        items = [item for item in value or () if isinstance(item, Mapping)]
        if name == "nameReference":
            found[attribute] = _sorted_references(_references(items))
        else:
            found[attribute] = _sorted_specs(FieldSpecs(map(_spec, items)))
    return TransformerConfig(**found)


def _spec(item: Mapping[str, Any]) -> FieldSpec:
    _refuse_unknown(item, ("path", "create", "group", "version", "kind"))
    return FieldSpec(_gvk(item), str(item.get("path") or ""), bool(item.get("create")))


def _gvk(item: Mapping[str, Any]) -> Gvk:
    return Gvk(*(str(item.get(part) or "") for part in ("group", "version", "kind")))


def _references(items: Iterable[Mapping[str, Any]]) -> tuple[BackReference, ...]:
    result = []
    for item in items:
        _refuse_unknown(item, ("fieldSpecs", "group", "version", "kind"))
        result.append(BackReference(_gvk(item), FieldSpecs(map(_spec, item.get("fieldSpecs") or ()))))
    return tuple(result)


def _refuse_unknown(item: Mapping[str, Any], known: tuple[str, ...]) -> None:
    for name in item:
        if name not in known:
            raise KustomizeError(f'error unmarshaling JSON: while decoding JSON: json: unknown field "{name}"')


def _merged_references(ours: tuple[BackReference, ...], theirs: tuple[BackReference, ...]) -> tuple[BackReference, ...]:
    result = list(ours)
    for reference in theirs:
        known = False
        for index, present in enumerate(result):
            if present.target == reference.target:
                result[index] = BackReference(present.target, present.referrers.merged(reference.referrers))
                known = True
        if not known:
            result.append(reference)
    return tuple(result)


_FIRST = (
    *("Namespace", "ResourceQuota", "StorageClass", "CustomResourceDefinition", "ServiceAccount", "PodSecurityPolicy"),
    *("Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding", "ConfigMap", "Secret", "Endpoints", "Service"),
    *("LimitRange", "PriorityClass", "PersistentVolume", "PersistentVolumeClaim", "Deployment", "StatefulSet"),
    *("CronJob", "PodDisruptionBudget"),
)
_LAST = ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration")
LEGACY_FIRST, LEGACY_LAST = _FIRST, _LAST


def gvk_order(gvk: Gvk) -> tuple[int, str]:
    """Return the sort key of kinds in configs: as Kubernetes likes to create them, then by name."""
    rank = kind_ranks(_FIRST, _LAST).get(gvk.kind, 0)
    return rank, f"{gvk.group or '~G'}_{gvk.version or '~V'}_{gvk.kind or '~K'}"


@lru_cache(maxsize=16)
def kind_ranks(first: tuple[str, ...], last: tuple[str, ...]) -> dict[str, int]:
    """Return the ranks of kinds: negative for those that come first, positive for those that come last."""
    ranks = {kind: index - len(first) for index, kind in enumerate(first)}
    ranks.update({kind: index + 1 for index, kind in enumerate(last)})
    return ranks


def _sorted_specs(specs: FieldSpecs) -> FieldSpecs:
    return FieldSpecs(sorted(specs, key=lambda spec: gvk_order(spec.gvk)))


def _sorted_references(references: tuple[BackReference, ...]) -> tuple[BackReference, ...]:
    return tuple(sorted(references, key=lambda reference: gvk_order(reference.target)))
