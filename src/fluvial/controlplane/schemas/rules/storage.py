"""The storage group: StorageClasses and CSIDrivers."""

from collections.abc import Callable, Iterator
from typing import Any

from fluvial.controlplane.schemas.errors import FieldError, required
from fluvial.controlplane.schemas.rules.checks import one_of, unchanged
from fluvial.controlplane.schemas.rules.table import Rules

Values = dict[str, Any]


def _class(obj: Values) -> None:
    obj.setdefault("reclaimPolicy", "Delete")
    obj.setdefault("volumeBindingMode", "Immediate")


def _driver(obj: Values) -> None:
    spec = obj["spec"]
    spec.setdefault("attachRequired", True)
    for name in ("podInfoOnMount", "storageCapacity", "requiresRepublish", "seLinuxMount"):
        spec.setdefault(name, False)
    spec.setdefault("fsGroupPolicy", "ReadWriteOnceWithFSType")
    if not spec.get("volumeLifecycleModes"):
        spec["volumeLifecycleModes"] = ["Persistent"]


DEFAULTS: dict[str, Callable[[Values], None]] = {"v1.StorageClass": _class, "v1.CSIDriver": _driver}


Errors = Iterator[FieldError]


def _class_errors(obj: Values) -> Errors:
    if not obj.get("provisioner"):
        yield required("provisioner")
    yield from one_of(obj.get("reclaimPolicy"), "reclaimPolicy", ("Delete", "Retain"))
    yield from one_of(obj.get("volumeBindingMode"), "volumeBindingMode", ("Immediate", "WaitForFirstConsumer"))


def _class_changes(old: Values, new: Values) -> Errors:
    for name in ("parameters", "provisioner", "reclaimPolicy", "volumeBindingMode"):
        yield from unchanged(old.get(name), new.get(name), name)


RULES: dict[tuple[str, str], Rules] = {("v1", "StorageClass"): Rules(object=_class_errors, change=_class_changes)}
