"""What is not built is refused, never ignored: every field of the vendored CRDs is in exactly one table."""

from typing import Any

import pytest

from fluvial.api import unsupported_fields
from fluvial.api.support import IGNORED, REFUSED
from tests.api.test_crds import fields, versions

CRDS = {
    "GitRepository": "gitrepositories.source.toolkit.fluxcd.io",
    "Kustomization": "kustomizations.kustomize.toolkit.fluxcd.io",
}

# Fields whose effect is built, each with all that lies below it. A field of a new CRD is in no table: the test fails.
BUILT = {
    "GitRepository": {
        *("spec.ignore", "spec.interval", "spec.provider", "spec.ref", "spec.secretRef", "spec.suspend"),
        *("spec.timeout", "spec.url"),
    },
    "Kustomization": {
        *("spec.buildMetadata", "spec.commonMetadata", "spec.components", "spec.deletionPolicy", "spec.dependsOn"),
        *("spec.force", "spec.healthChecks", "spec.ignoreMissingComponents", "spec.images", "spec.interval"),
        *("spec.namePrefix", "spec.nameSuffix", "spec.patches", "spec.patchesJson6902", "spec.patchesStrategicMerge"),
        *("spec.path", "spec.postBuild", "spec.prune", "spec.retryInterval", "spec.serviceAccountName"),
        *("spec.sourceRef", "spec.suspend", "spec.targetNamespace", "spec.timeout", "spec.wait"),
    },
}


def under(field: str, tables: set[str]) -> list[str]:
    return [entry for entry in tables if field == entry or field.startswith((f"{entry}.", f"{entry}[]"))]


@pytest.mark.parametrize("kind", sorted(CRDS))
def test_every_spec_field_is_built_or_refused_or_ignored_for_a_reason(kind: str) -> None:
    schema = versions(CRDS[kind])["v1"]["schema"]["openAPIV3Schema"]
    partly = {"spec.provider"}  # one value is built, the others are refused
    for field in fields(schema):
        if not field.startswith("spec."):
            continue
        refused = under(field, set(REFUSED[kind]) - partly)
        ignored = under(field, set(IGNORED[kind]))
        built = [] if refused else under(field, BUILT[kind])
        assert len(refused) + len(ignored) + len(built) == 1, field
    assert all(reason for reason in IGNORED[kind].values())


@pytest.mark.parametrize(
    ("kind", "spec", "expected"),
    [
        ("GitRepository", {"url": "https://example.com/r", "provider": "generic"}, []),
        ("GitRepository", {"provider": "azure"}, ["spec.provider"]),
        ("GitRepository", {"recurseSubmodules": False}, []),
        ("GitRepository", {"recurseSubmodules": True, "include": [{}]}, ["spec.include", "spec.recurseSubmodules"]),
        ("GitRepository", {"gitImplementation": "libgit2", "accessFrom": {"namespaceSelectors": []}}, []),
        ("Kustomization", {"dependsOn": [{"name": "a"}]}, []),
        (
            "Kustomization",
            {"dependsOn": [{"name": "a"}, {"name": "b", "readyExpr": "true"}]},
            ["spec.dependsOn[].readyExpr"],
        ),
        ("Kustomization", {"decryption": {"provider": "sops"}}, ["spec.decryption"]),
        ("Kustomization", {"validation": "client", "patchesStrategicMerge": [{}]}, []),
        ("Namespace", {"decryption": {}}, []),
    ],
)
def test_a_field_is_refused_only_when_it_asks_for_something(kind: str, spec: Any, expected: list[str]) -> None:
    assert unsupported_fields({"kind": kind, "spec": spec}) == expected
