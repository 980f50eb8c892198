"""Fields that a built-in kind does not have: Flux loses them on the way through Go's types, so they are left out here.

A manifest with a misspelt field has always been applied without it. The server, asked with the field in, refuses the
whole object; so the refusal is read, the field left out, and the user told. Custom kinds are never touched: there the
refusal is what Flux shows too.
"""

import copy
import re
from typing import Any, Final

from fluvial.kube import ApiError
from fluvial.objects import Object, Ref

_UNDECLARED: Final = ": field not declared in schema"
_HEAD: Final = re.compile(r"^failed to create typed patch object \([^)]*\): (?:errors:\n)?", re.DOTALL)
_STEP: Final = re.compile(r"\.([^.\[\]]+)|\[([^\]]+)\]")
_KEY: Final = re.compile(r"([^=,]+)=(\"(?:[^\"\\]|\\.)*\"|[^,]*)")


# The groups of client-go's scheme, through whose types Flux sends objects.
_BUILT_IN: Final = frozenset(
    {
        *("", "apps", "autoscaling", "batch", "extensions", "policy"),
        *("admissionregistration.k8s.io", "authentication.k8s.io", "authorization.k8s.io", "certificates.k8s.io"),
        *("coordination.k8s.io", "discovery.k8s.io", "events.k8s.io", "flowcontrol.apiserver.k8s.io"),
        *("internal.apiserver.k8s.io", "networking.k8s.io", "node.k8s.io", "rbac.authorization.k8s.io"),
        *("resource.k8s.io", "scheduling.k8s.io", "storage.k8s.io", "storagemigration.k8s.io"),
    }
)


def is_built_in(ref: Ref) -> bool:
    """Whether Flux sends objects of this kind through Go's types; it does not for roles."""
    return ref.group in _BUILT_IN and ref.kind not in ("Role", "ClusterRole")


def undeclared_fields(error: ApiError) -> list[str]:
    """The paths that the server refused as not declared; empty when it refused anything else as well."""
    head = _HEAD.match(error.message)
    if head is None:
        return []
    lines = [line.strip() for line in error.message[head.end() :].splitlines() if line.strip()]
    if not lines or not all(line.endswith(_UNDECLARED) for line in lines):
        return []
    return [line.removesuffix(_UNDECLARED) for line in lines]


def without_fields(obj: Object, paths: list[str]) -> Object | None:
    """`obj` without the fields at `paths`, or None where one of them cannot be found."""
    out = copy.deepcopy(obj)
    return out if all(_remove(out, path) for path in paths) else None


def _remove(obj: Any, path: str) -> bool:
    steps = _STEP.findall(path)
    if "".join(f".{name}" if name else f"[{key}]" for name, key in steps) != path or not steps:
        return False
    for name, key in steps[:-1]:
        obj = _member(obj, name) if name else _item(obj, key)
    last = steps[-1][0]
    if not last or not isinstance(obj, dict) or last not in obj:
        return False
    del obj[last]
    return True


def _member(obj: Any, name: str) -> Any:
    return obj.get(name) if isinstance(obj, dict) else None


def _item(obj: Any, key: str) -> Any:
    """The item of a list that a key such as `name="web",protocol="TCP"`, or an index, names."""
    if not isinstance(obj, list):
        return None
    if key.isdecimal():
        return obj[int(key)] if int(key) < len(obj) else None
    wanted = {name: text.strip('"') for name, text in _KEY.findall(key)}
    found = [each for each in obj if isinstance(each, dict) and _matches(each, wanted)]
    return found[0] if wanted and len(found) == 1 else None


def _matches(item: dict[str, Any], wanted: dict[str, str]) -> bool:
    return all(str(item.get(name, text)) == text for name, text in wanted.items())
