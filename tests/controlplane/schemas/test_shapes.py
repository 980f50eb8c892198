"""Built-in objects as Go reads and writes them."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from fluvial.controlplane.schemas import DecodeError, builtin_kinds

VECTORS = Path(__file__).parents[2] / "vectors/builtin"


def decode(obj: dict[str, Any]) -> Any:
    kind = builtin_kinds().get(obj["apiVersion"], obj["kind"])
    assert kind is not None
    return kind.decode(obj)


def config_map(**content: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}, **content}


def deployment(**spec: Any) -> dict[str, Any]:
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "x"}, "spec": spec}


def test_every_field_of_every_kind_survives() -> None:
    objects = json.loads(gzip.decompress((VECTORS / "every-field.json.gz").read_bytes()))["objects"]
    assert len(objects) > 60
    for name, obj in objects.items():
        decoded = decode(obj)
        assert decoded.problems == [], name
        assert decoded.object == obj, name


def test_unknown_fields_are_dropped_and_told_with_their_path() -> None:
    container = {"name": "a", "imagePullPolice": "Always"}
    decoded = decode(deployment(replica=1, template={"spec": {"containers": [container]}}))
    assert decoded.problems == [
        'unknown field "spec.replica"',
        'unknown field "spec.template.spec.containers[0].imagePullPolice"',
    ]
    assert "replica" not in decoded.object["spec"]


def test_nulls_and_empty_values_of_optional_fields_vanish() -> None:
    assert decode(config_map(data={}, binaryData=None, immutable=None)).object == config_map()
    assert decode(config_map(immutable=False)).object["immutable"] is False  # a pointer: false is not nothing


def test_structs_that_are_no_pointers_appear() -> None:
    spec = decode(deployment(template={"spec": {"containers": [{"name": "a"}]}})).object["spec"]
    assert spec["strategy"] == {}
    assert spec["selector"] is None
    assert spec["template"]["spec"]["containers"][0]["resources"] == {}


def test_quantities_times_and_base64_take_their_canonical_form() -> None:
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "x", "creationTimestamp": "2026-01-02T05:04:05+02:00"},
        "spec": {"resources": {"requests": {"storage": "1024Mi"}, "limits": {"storage": 5}}},
    }
    decoded = decode(claim).object
    assert decoded["spec"]["resources"] == {"requests": {"storage": "1Gi"}, "limits": {"storage": "5"}}
    assert decoded["metadata"]["creationTimestamp"] == "2026-01-02T03:04:05Z"


def test_an_empty_list_of_managed_fields_is_kept_for_it_means_something() -> None:
    assert decode({**config_map(), "metadata": {"name": "x", "managedFields": []}}).object["metadata"] == {
        "name": "x",
        "managedFields": [],
    }


@pytest.mark.parametrize(
    ("obj", "message"),
    [
        (
            deployment(replicas="three"),
            "Deployment.*json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32",
        ),
        (deployment(replicas=1.5), "cannot unmarshal number 1.5 into .* of type int32"),
        (deployment(replicas=99999999999), "cannot unmarshal number 99999999999 into .* of type int32"),
        (config_map(data={"a": 1}), "cannot unmarshal number into Go struct field ConfigMap.data of type string"),
        (config_map(data=["a"]), r"cannot unmarshal array into .*ConfigMap.data of type map\[string\]string"),
        (
            deployment(template={"spec": {"containers": [{"name": 5}]}}),
            "cannot unmarshal number into Go struct field Container.spec.template.spec.containers.name of type string",
        ),
        (config_map(binaryData={"a": "?"}), "illegal base64 data at input byte 0"),
    ],
)
def test_wrong_types_are_told_as_go_tells_them(obj: dict[str, Any], message: str) -> None:
    with pytest.raises(DecodeError, match=message):
        decode(obj)


def test_an_object_nested_without_end_is_refused() -> None:
    schema: dict[str, Any] = {}
    for _ in range(400):
        schema = {"properties": {"a": schema}}
    version = {"name": "v1", "schema": {"openAPIV3Schema": schema}}
    crd = {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "spec": {"versions": [version]}}
    with pytest.raises(DecodeError, match="exceeded max depth"):
        decode(crd)
