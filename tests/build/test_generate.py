"""The kustomization that is built: the source's own, or one made of all manifests below the folder."""

import pytest

from fluvial.build import NotBuilt, PathNotFound
from tests.build.situations import CONFIG, built, check, refused


def names(files: dict[str, str], spec: dict[str, object] | None = None, **more: object) -> list[str]:
    return [obj["metadata"]["name"] for obj in built(files, spec, **more).objects]


def test_without_a_kustomization_all_manifests_are_taken_in_the_order_of_a_walk() -> None:
    files = {
        "b.yaml": CONFIG % "b",
        "a.yml": CONFIG % "a",
        "sub/deep/c.yaml": CONFIG % "c",
        "notes.txt": "not a manifest",
        "z.yaml": CONFIG % "z" + "---\n" + CONFIG % "z2",
    }
    assert names(files) == ["a", "b", "c", "z", "z2"]


def test_a_folder_with_a_kustomization_counts_as_one() -> None:
    files = {
        "a.yaml": CONFIG % "a",
        "app/kustomization.yaml": "resources: [x.yaml]\nnamePrefix: p-",
        "app/x.yaml": CONFIG % "x",
        "app/unused.yaml": CONFIG % "unused",
        "app/deeper/also-unused.yaml": CONFIG % "u",
    }
    assert names(files) == ["a", "p-x"]


def test_every_file_must_hold_kubernetes_objects() -> None:
    error = refused({"a.yaml": CONFIG % "a", "values.yaml": "replicas: 3\n"}, None, "failed to decode", "values.yaml")
    assert error.file == "values.yaml"
    error = refused({"x/a.yaml": "a: b\n c: d\n"}, None, "failed to decode Kubernetes YAML from x/a.yaml", "line 2")
    assert (error.file, error.line) == ("x/a.yaml", 2)


def test_empty_files_and_an_empty_folder_give_nothing() -> None:
    assert built({"a.yaml": "", "b.yaml": "# a note\n---\n"}).objects == []
    assert built({"app/.keep": ""}, path="app").text == ""


def test_a_kustomization_without_resources_builds_what_it_generates() -> None:
    check(
        {"kustomization.yaml": "generatorOptions: {disableNameSuffixHash: true}\nconfigMapGenerator: [{name: a}]"},
        None,
        """
        apiVersion: v1
        kind: ConfigMap
        metadata:
          annotations:
            config.kubernetes.io/origin: |
              configuredIn: kustomization.yaml
              configuredBy:
                apiVersion: builtin
                kind: ConfigMapGenerator
          name: a
        """,
    )


def test_the_path_is_a_folder_of_the_source() -> None:
    files = {"app/a.yaml": CONFIG % "a", "other/b.yaml": CONFIG % "b"}
    assert names(files, path="./app") == ["a"]
    assert names(files, path="/app/") == ["a"]
    assert names(files, path="../../other") == ["b"]  # it cannot leave the source
    for path in ("gone", "app/a.yaml"):
        with pytest.raises(PathNotFound, match="kustomization path not found"):
            built(files, path=path)


def test_fields_that_kustomize_does_not_know_are_dropped_from_the_first_kustomization_only() -> None:
    files = {
        "kustomization.yaml": "resources: [base]\nresource: [typo]",
        "base/kustomization.yaml": "resources: [a.yaml]",
    }
    files["base/a.yaml"] = CONFIG % "a"
    assert names(files) == ["a"]
    files["base/kustomization.yaml"] += "\nresource: [typo]"
    refused(files, None, "kustomize build failed: accumulating resources", 'unknown field "resource"')


def test_what_is_not_built_is_refused() -> None:
    with pytest.raises(NotBuilt, match="remote base") as caught:
        built({"kustomization.yaml": "resources: ['github.com/a/b']"})
    assert caught.value.field == "resources"


def test_the_command_line_ignores_files_by_pattern() -> None:
    files = {"a.yaml": CONFIG % "a", "b.yaml": CONFIG % "b", ".sourceignore": "b.yaml\n"}
    assert names(files) == ["a", "b"]  # a controller's source has been filtered already
    assert names(files, ignore="") == ["a"]
    assert names(files, ignore="a.yaml") == []
    assert names(files, ignore="!b.yaml") == ["a", "b"]
    files["kustomization.yaml"] = "resources: [a.yaml, b.yaml]"
    assert names(files, ignore="") == ["a"]


def test_an_object_of_kustomize_itself_is_not_applied() -> None:
    config = "{apiVersion: kustomize.config.k8s.io/v1beta1, kind: Kustomization, metadata: {name: k}}"
    assert names({"a.yaml": CONFIG % "a", "k.yaml": config}) == ["a"]
