"""The fields of the Kustomization's spec, laid over the kustomization of the source."""

from typing import Any

from fluvial.build import set_common_metadata
from tests.build.situations import CONFIG, built, check, refused

POD = "{apiVersion: v1, kind: Pod, metadata: {name: p}, spec: {containers: [{name: c, image: 'web:1'}]}}\n"


def image(*images: dict[str, str], of_file: str = "[]") -> str:
    files = {"kustomization.yaml": f"resources: [p.yaml]\nimages: {of_file}\n", "p.yaml": POD}
    [pod] = built(files, {"images": list(images)}).objects
    return str(pod["spec"]["containers"][0]["image"])


def test_namespace_prefix_and_suffix_win_over_the_file() -> None:
    check(
        {"kustomization.yaml": "resources: [a.yaml]\nnamespace: old\nnamePrefix: old-", "a.yaml": CONFIG % "a"},
        {"targetNamespace": "new", "namePrefix": "p-", "nameSuffix": "-s"},
        """
        apiVersion: v1
        data:
          k: v
        kind: ConfigMap
        metadata:
          name: p-a-s
          namespace: new
        """,
    )


def test_images_are_merged_by_name_and_field() -> None:
    assert image({"name": "web", "newTag": "v2"}) == "web:v2"
    assert image({"name": "web", "newTag": "v2"}, of_file="[{name: web, newName: other, newTag: v1}]") == "other:v2"
    assert image({"name": "web", "newName": "mine"}, of_file="[{name: web, newTag: v1}]") == "mine:v1"
    assert image({"name": "web", "digest": "sha256:aa"}, of_file="[{name: web, newTag: v1}]") == "web@sha256:aa"
    assert image({"name": "web", "newTag": "v2"}, of_file="[{name: web, digest: 'sha256:aa'}]") == "web:v2"
    assert image({"name": "none", "newTag": "v2"}, of_file="[{name: web, newTag: v1}]") == "web:v1"


def test_patches_come_after_those_of_the_file() -> None:
    files = {
        "kustomization.yaml": "resources: [a.yaml]\npatches:\n"
        '- {target: {name: a}, patch: \'[{"op": "add", "path": "/data/k", "value": 1}]\'}',
        "a.yaml": CONFIG % "a",
    }
    patch = {
        "patch": "- {op: test, path: /data/k, value: 1}\n- {op: add, path: /data/k, value: two}",
        "target": {"name": "a"},
    }
    [config] = built(files, {"patches": [patch]}).objects
    assert config["data"] == {"k": "two"}
    merge = {"patch": "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {m: n}}"}
    [config] = built(files, {"patches": [merge]}).objects
    assert config["data"] == {"k": 1, "m": "n"}


def test_the_patch_fields_of_the_older_versions() -> None:
    spec: dict[str, Any] = {
        "patchesStrategicMerge": [
            {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"k": None}}
        ],
        "patchesJson6902": [
            {
                "target": {"version": "v1", "kind": "ConfigMap", "name": "a"},
                "patch": [{"op": "add", "path": "/x", "value": 1}],
            }
        ],
    }
    [config] = built({"a.yaml": CONFIG % "a"}, spec).objects
    assert config == {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "x": 1, "data": {}}


def test_components_and_those_that_are_missing() -> None:
    files = {
        "app/kustomization.yaml": "resources: [a.yaml]",
        "app/a.yaml": CONFIG % "a",
        "c/kustomization.yaml": "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nnamePrefix: c-",
    }
    spec = {"components": ["../c", "../gone"]}
    refused(files, spec, "gone", path="app")
    result = built(files, {**spec, "ignoreMissingComponents": True}, path="app")
    assert result.objects[0]["metadata"]["name"] == "c-a"
    assert result.inputs.missing == {"gone"}
    refused(files, {"components": ["https://example.org/x"]}, "must be local and relative", path="app")


def test_build_metadata_of_the_spec() -> None:
    [config] = built({"a.yaml": CONFIG % "a"}, {"buildMetadata": ["originAnnotations"]}).objects
    assert config["metadata"]["annotations"] == {"config.kubernetes.io/origin": "path: a.yaml\n"}


def test_common_metadata_wins_over_what_objects_have() -> None:
    objects = [{"metadata": {"name": "a", "labels": {"x": "old", "y": "kept"}}}, {"metadata": {"name": "b"}}]
    set_common_metadata(objects, {"x": "new"}, {"note": "n"})
    assert objects == [
        {"metadata": {"name": "a", "labels": {"x": "new", "y": "kept"}, "annotations": {"note": "n"}}},
        {"metadata": {"name": "b", "labels": {"x": "new"}, "annotations": {"note": "n"}}},
    ]


def test_a_name_that_is_a_number_is_refused() -> None:
    """Flux builds such an object, and then leaves it out of the apply without a word."""
    files = {
        "kustomization.yaml": "resources: [a.yaml]",
        "a.yaml": "{apiVersion: v1, kind: ConfigMap, metadata: {name: 5}}",
    }
    refused(files, None, "failed to decode Kubernetes apiVersion, kind and name from", "quote numbers")


def test_a_failed_build_says_which_file_is_to_blame() -> None:
    error = refused(
        {"kustomization.yaml": "resources: [a.yaml]\npatches: [{path: gone.yaml}]", "a.yaml": CONFIG % "a"},
        None,
        "kustomize build failed: ",
        "gone.yaml",
    )
    assert error.file == "kustomization.yaml"
