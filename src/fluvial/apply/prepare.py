"""From built objects to a plan: owner labels, normal form, common metadata, stages.

Source: fluxcd/pkg `ssa/normalize` and `ssa/utils/meta.go`, in kustomize-controller's order.
"""

import base64
import binascii
import copy
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from fluvial.api import names
from fluvial.apply.errors import PreflightFailed
from fluvial.apply.masking import is_secret
from fluvial.apply.order import STAGES, Stage, rank, stage_of
from fluvial.objects import GroupKind, Object, Ref, annotations, dig

_POD_SPECS: Final[Mapping[tuple[str, str], tuple[str, ...]]] = {
    ("", "Pod"): ("spec",),
    ("apps", "Deployment"): ("spec", "template", "spec"),
    ("apps", "StatefulSet"): ("spec", "template", "spec"),
    ("apps", "DaemonSet"): ("spec", "template", "spec"),
    ("apps", "ReplicaSet"): ("spec", "template", "spec"),
    ("batch", "Job"): ("spec", "template", "spec"),
    ("batch", "CronJob"): ("spec", "jobTemplate", "spec", "template", "spec"),
}
_PEM = re.compile(rb"-----BEGIN CERTIFICATE-----\s+[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----")


@dataclass(frozen=True, slots=True)
class Owner:
    """The Kustomization that objects are applied for; its name and namespace become their owner labels."""

    name: str
    namespace: str

    @property
    def labels(self) -> dict[str, str]:
        return {names.OWNER_NAME_LABEL: self.name, names.OWNER_NAMESPACE_LABEL: self.namespace}

    @property
    def selector(self) -> str:
        """The label selector of everything it owns."""
        return ",".join(f"{key}={value}" for key, value in self.labels.items())

    def owns(self, labels: Mapping[str, str]) -> bool:
        """Whether an object's `labels` name this owner."""
        return all(labels.get(key) == value for key, value in self.labels.items())


@dataclass(frozen=True, slots=True)
class Plan:
    """Objects in their final form, in the order of application, by stage."""

    stages: tuple[tuple[Stage, tuple[Object, ...]], ...]

    @property
    def objects(self) -> tuple[Object, ...]:
        return tuple(obj for _, objects in self.stages for obj in objects)


def make_plan(
    objects: Iterable[Object],
    owner: Owner,
    *,
    common_labels: Mapping[str, str] | None = None,
    common_annotations: Mapping[str, str] | None = None,
    custom_stage: Collection[GroupKind] = (),
) -> Plan:
    """The plan that applies `objects` for `owner`; the objects given stay as they are.

    Raises:
        PreflightFailed: a Secret is still SOPS encrypted.
    """
    ready = [_final(obj, owner, common_labels or {}, common_annotations or {}) for obj in objects]
    if encrypted := [str(Ref.of(obj)) for obj in ready if _is_encrypted(obj)]:
        text = "is SOPS encrypted, configuring decryption is required for this secret to be reconciled"
        raise PreflightFailed([f"{name} {text}" for name in encrypted])
    return staged(ready, custom_stage)


def staged(objects: Iterable[Object], custom_stage: Collection[GroupKind] = ()) -> Plan:
    """The plan of `objects` that have their final form already."""
    by_stage: dict[Stage, list[Object]] = {stage: [] for stage in STAGES}
    for obj in sorted(objects, key=lambda each: rank(Ref.of(each))):
        by_stage[stage_of(Ref.of(obj), custom_stage)].append(obj)
    return Plan(tuple((stage, tuple(found)) for stage, found in by_stage.items() if found))


def _final(
    obj: Object, owner: Owner, common_labels: Mapping[str, str], common_annotations: Mapping[str, str]
) -> Object:
    out = copy.deepcopy(obj)
    metadata = out.setdefault("metadata", {})
    labels = {**(metadata.get("labels") or {}), **owner.labels, **common_labels}
    metadata["labels"] = labels
    if found := {**(metadata.get("annotations") or {}), **common_annotations}:
        metadata["annotations"] = found
    normalise(out)
    return out


def normalise(obj: Object) -> None:
    """Bring `obj`, in place, into the form that is sent: what the server would refuse or default into noise goes.

    Flux sends built-in kinds through their Go types, which also drops fields that the types lack; here such a field
    reaches the server, which names it.
    """
    ref = Ref.of(obj)
    metadata = obj.get("metadata")
    if isinstance(metadata, dict):
        for key in ("creationTimestamp", "managedFields"):
            metadata.pop(key, None)
        for key in ("labels", "annotations"):
            if key in metadata and not metadata[key]:
                metadata.pop(key)
    if ref.kind == "CustomResourceDefinition" and ref.group == "apiextensions.k8s.io":
        _drop_invalid_ca_bundle(obj)
    else:
        obj.pop("status", None)
    if is_secret(obj):
        _fold_string_data(obj)
    elif ref.group == "" and ref.kind == "Service":
        _default_protocols(dig(obj, "spec", "ports", default=[]))
    elif path := _POD_SPECS.get((ref.group, ref.kind)):
        for container in dig(obj, *path, "containers", default=[]):
            _default_protocols(dig(container, "ports", default=[]))


def _default_protocols(ports: Any) -> None:
    # The protocol is part of the list's merge key, so leaving it out breaks server-side apply
    # (kubernetes-sigs/structured-merge-diff#130).
    for port in ports if isinstance(ports, list) else []:
        if isinstance(port, dict) and not port.get("protocol"):
            port["protocol"] = "TCP"


def _fold_string_data(obj: Object) -> None:
    # kubernetes/kubernetes#108008: stringData has no owner after an apply, so its removal is never seen.
    plain = obj.get("stringData")
    if not isinstance(plain, dict) or not all(value is None or isinstance(value, str) for value in plain.values()):
        return  # the server refuses it, and says which field
    obj.pop("stringData")
    if plain:
        data = obj.get("data")
        folded = dict(data) if isinstance(data, dict) else {}
        obj["data"] = folded | {key: base64.b64encode((value or "").encode()).decode() for key, value in plain.items()}


def _drop_invalid_ca_bundle(obj: Object) -> None:
    # Kubernetes 1.31 refuses what older servers took, and cert-manager's placeholder is such a value.
    client = dig(obj, "spec", "conversion", "webhook", "clientConfig")
    bundle = client.get("caBundle") if isinstance(client, dict) else None
    if not bundle:
        return
    try:
        valid = _PEM.search(base64.b64decode(str(bundle), validate=True)) is not None
    except (binascii.Error, ValueError):
        valid = False
    if not valid:
        client.pop("caBundle")


def _is_encrypted(obj: Object) -> bool:
    disabled = annotations(obj).get(names.SWITCH_DECRYPT, "").casefold() == names.DISABLED
    return obj.get("kind") == "Secret" and obj.get("apiVersion") == "v1" and "sops" in obj and not disabled
