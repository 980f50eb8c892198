"""What a pod's volumes must satisfy."""

from collections.abc import Iterator, Mapping
from typing import Any

from fluvial.controlplane.schemas.errors import FieldError, duplicate, forbidden, invalid, required
from fluvial.controlplane.schemas.rules.checks import named
from fluvial.controlplane.schemas.rules.names import dns_label

Errors = Iterator[FieldError]
Values = Mapping[str, Any]

# The field of a source that must be given. The others have rules of their own or none that people meet.
_NEEDED = {
    "hostPath": ("path",),
    "secret": ("secretName",),
    "configMap": ("name",),
    "persistentVolumeClaim": ("claimName",),
    "nfs": ("server", "path"),
    "csi": ("driver",),
    "ephemeral": ("volumeClaimTemplate",),
}


def volume_errors(volumes: Any, path: str) -> Errors:
    """Yield what is wrong with a pod's volumes."""
    names: set[str] = set()
    for index, volume in enumerate(volumes):
        at = f"{path}[{index}]"
        name = volume.get("name") or ""
        if not name:
            yield required(f"{at}.name")
        else:
            yield from named(name, f"{at}.name", dns_label)
        if name and name in names:
            yield duplicate(f"{at}.name", name)
        names.add(name)
        sources = [kind for kind in volume if kind != "name"]
        # Upstream looks at them in the order of its type, in which emptyDir comes first of the common ones.
        sources.sort(key=lambda kind: kind != "emptyDir")
        for kind in sources[1:]:
            yield forbidden(f"{at}.{kind}", "may not specify more than 1 volume type")
        for kind in sources[:1]:
            yield from _source_errors(volume[kind], kind, f"{at}.{kind}")


def _source_errors(source: Values, kind: str, path: str) -> Errors:
    for field in _NEEDED.get(kind, ()):
        if not source.get(field):
            yield required(f"{path}.{field}")
    for index, item in enumerate(source.get("items") or ()):
        at = f"{path}.items[{index}]"
        if kind != "downwardAPI" and not item.get("key"):
            yield required(f"{at}.key")
        yield from _local_path_errors(item.get("path") or "", f"{at}.path")
    mode = source.get("defaultMode")
    if mode is not None and not 0 <= mode <= 0o777:
        yield invalid(f"{path}.defaultMode", mode, "must be a number between 0 and 0777 (octal), both inclusive")


def _local_path_errors(value: str, path: str) -> Errors:
    if not value:
        yield required(path)
    elif value.startswith("/"):
        yield invalid(path, value, "must be a relative path")
    elif ".." in value.split("/"):
        yield invalid(path, value, "must not contain '..'")
