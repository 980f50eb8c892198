"""What is not built, or makes no sense, is refused by name; nothing is silently left out."""

import pytest

from fluvial.kustomize import KustomizeError, NotSupported, build
from fluvial.stdx import Tree
from tests.kustomize.situations import built, refused

CONFIG = "{apiVersion: v1, kind: ConfigMap, metadata: {name: c}}"


@pytest.mark.parametrize(
    ("kustomization", "words", "field"),
    [
        ("resources: ['https://example.org/x.yaml']", "put a copy into the repository", "resources"),
        ("resources: ['github.com/a/b//base?ref=v1']", "use a GitRepository of its own", "resources"),
        ("resources: ['git@example.org:a/b.git']", "use a GitRepository of its own", "resources"),
        ("components: ['https://example.org/a/b']", "use a GitRepository of its own", "resources"),
        ("helmCharts: [{name: a}]", "use a HelmRelease", "helmCharts"),
    ],
)
def test_what_is_not_built(kustomization: str, words: str, field: str) -> None:
    with pytest.raises(NotSupported) as caught:
        built({"kustomization.yaml": kustomization})
    assert words in str(caught.value)
    assert caught.value.field == field


@pytest.mark.parametrize(
    ("kustomization", "words"),
    [
        ("resource: [a.yaml]", 'invalid Kustomization: json: unknown field "resource"'),
        ("resources: a.yaml", "cannot unmarshal string into Go struct field Kustomization.resources of type []string"),
        ("patches: [{path: 1}]", "of type string"),
        ("images: [{name: a, tag: b}]", 'unknown field "tag"'),
        ("kind: Deployment\nnamePrefix: a-", "kind should be Kustomization or Component"),
        ("apiVersion: v1\nnamePrefix: a-", "apiVersion for Kustomization should be kustomize.config.k8s.io/v1beta1"),
        ("", "kustomization.yaml is empty"),
        ("a: b\n c", "invalid Kustomization"),
        ("- a", "invalid Kustomization"),
    ],
)
def test_kustomization_files_that_are_none(kustomization: str, words: str) -> None:
    error = refused({"kustomization.yaml": kustomization}, words)
    assert error.file == "kustomization.yaml"


def test_an_unknown_field_is_named_with_its_path() -> None:
    error = refused({"kustomization.yaml": "images: [{name: a, tag: b}]"}, "unknown field")
    assert error.field == "images.tag"


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("{1: a}", "not text"),
        ("!!binary x", "binary"),
        ("{a: 1, a: 2}", "already"),
    ],
)
def test_values_that_json_has_not(value: str, words: str) -> None:
    refused(
        {
            "kustomization.yaml": "resources: [c.yaml]",
            "c.yaml": f"apiVersion: v1\nkind: X\nmetadata: {{name: a}}\ns: {value}",
        },
        words,
    )


def test_a_folder_that_is_none() -> None:
    for path in ("none", "kustomization.yaml"):
        with pytest.raises(KustomizeError, match="must build at directory"):
            build(Tree({"kustomization.yaml": b"namePrefix: a-"}), path)


def test_secrets_are_not_in_errors() -> None:
    secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {password: hidden, 1: x}\n"
    files = {"kustomization.yaml": "resources: [s.yaml]", "s.yaml": secret}
    assert "hidden" not in str(refused(files, "not text"))
    files["kustomization.yaml"] += (
        "\npatches: [{target: {kind: Secret}, patch: '- {op: remove, path: /stringData/no}'}]"
    )
    assert "hidden" not in str(refused(files))
