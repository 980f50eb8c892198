"""CustomResourceDefinitions."""

from collections.abc import Callable
from typing import Any

Values = dict[str, Any]


def _definition(obj: Values) -> None:
    spec = obj["spec"]
    spec.setdefault("conversion", {"strategy": "None"})
    names = spec["names"]
    if not names.get("singular") and names.get("kind"):
        names["singular"] = names["kind"].lower()
    if not names.get("listKind") and names.get("kind"):
        names["listKind"] = names["kind"] + "List"
    if not obj["status"].get("storedVersions"):
        stored = [version["name"] for version in spec.get("versions") or () if version.get("storage")]
        obj["status"]["storedVersions"] = stored[:1]


def _service(obj: Values) -> None:
    obj.setdefault("port", 443)


DEFAULTS: dict[str, Callable[[Values], None]] = {
    "v1.CustomResourceDefinition": _definition,
    "v1.ServiceReference": _service,
}
