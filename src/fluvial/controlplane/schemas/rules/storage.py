"""The storage group: StorageClasses and CSIDrivers."""

from collections.abc import Callable
from typing import Any

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
