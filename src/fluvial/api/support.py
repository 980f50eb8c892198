"""Which fields of the Flux API are built, which are refused, and which are kept and ignored.

What is not built is refused, never ignored: an object that sets a refused field is stalled before anything is fetched,
applied or pruned. A test walks every field of the vendored CRDs and finds it in exactly one of these tables.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from fluvial.api.names import GIT_REPOSITORY, KUSTOMIZATION
from fluvial.objects import Object

Refusal = Callable[[Any], bool]


def _set(value: Any) -> bool:
    return value not in (None, "", False, [], {})


def _other_than(*allowed: str) -> Refusal:
    return lambda value: _set(value) and value not in allowed


# Path of the field (`[]` steps into each item) → whether this value asks for what isn't built.
REFUSED: Final[Mapping[str, Mapping[str, Refusal]]] = {
    GIT_REPOSITORY: {
        "spec.verify": _set,
        "spec.include": _set,
        "spec.recurseSubmodules": _set,
        "spec.sparseCheckout": _set,
        "spec.proxySecretRef": _set,
        "spec.serviceAccountName": _set,
        "spec.provider": _other_than("generic"),
    },
    KUSTOMIZATION: {
        "spec.decryption": _set,
        "spec.kubeConfig": _set,
        "spec.healthCheckExprs": _set,
        "spec.dependsOn[].readyExpr": _set,
        "spec.ignore": _set,
    },
}

# Fields of old versions that Flux's last release which served them kept and ignored, with the reason.
IGNORED: Final[Mapping[str, Mapping[str, str]]] = {
    GIT_REPOSITORY: {
        "spec.accessFrom": "never implemented by Flux",
        "spec.gitImplementation": "go-git became the only implementation in Flux v0.36",
    },
    KUSTOMIZATION: {
        "spec.validation": "server-side apply validates; not used since v1beta2",
    },
}


def unsupported_fields(obj: Object) -> list[str]:
    """The paths of the fields that `obj` sets and whose effect is not built, sorted; empty for other kinds.

    Each becomes "spec.X is not supported yet" in the object's Stalled condition.
    """
    refused = REFUSED.get(str(obj.get("kind")), {})
    return sorted(path for path, asks in refused.items() if any(asks(value) for value in _values(obj, path.split("."))))


def _values(value: Any, steps: list[str]) -> list[Any]:
    if not steps:
        return [value]
    if not isinstance(value, Mapping):
        return []
    step, rest = steps[0], steps[1:]
    found = value.get(step.removesuffix("[]"))
    if not step.endswith("[]"):
        return _values(found, rest)
    return [each for item in (found if isinstance(found, list) else []) for each in _values(item, rest)]
