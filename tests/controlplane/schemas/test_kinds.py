"""What is known of built-in kinds: resources, types, patches, documents, defaults and rules that fleets meet first."""

import json
from typing import Any

from fluvial.controlplane.schemas import builtin_kinds
from fluvial.objects import strategic_merge

KINDS = builtin_kinds()


def kind(api_version: str, name: str) -> Any:
    found = KINDS.get(api_version, name)
    assert found is not None
    return found


def deployment(containers: list[dict[str, Any]], **spec: Any) -> dict[str, Any]:
    template = {"metadata": {"labels": {"app": "x"}}, "spec": {"containers": containers}}
    selector = {"matchLabels": {"app": "x"}}
    metadata = {"name": "x", "namespace": "d", "uid": "u", "resourceVersion": "1"}
    whole = {"selector": selector, "template": template, **spec}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": whole}


def test_every_resource_that_stores_objects_has_a_kind() -> None:
    stored = [r for r in KINDS.resources() if "list" in r.verbs and "/" not in r.name]
    assert len(stored) > 55
    for resource in stored:
        api_version = f"{resource.group}/{resource.version}" if resource.group else resource.version
        assert KINDS.get(api_version, resource.kind) is not None, resource.name
    assert KINDS.get("v1", "Nonsense") is None


def test_short_names_and_scopes_are_the_servers() -> None:
    by_name = {r.name: r for r in KINDS.resources()}
    assert by_name["deployments"].short_names == ("deploy",)
    assert by_name["deployments"].categories == ("all",)
    assert not by_name["namespaces"].namespaced
    assert by_name["deployments/scale"].response_group == "autoscaling"


def test_a_strategic_patch_merges_containers_by_name() -> None:
    schema = kind("apps/v1", "Deployment").patch
    patch = {"spec": {"template": {"spec": {"containers": [{"name": "b", "image": "y"}]}}}}
    merged = strategic_merge(deployment([{"name": "a"}, {"name": "b", "image": "x"}]), patch, schema)
    assert merged["spec"]["template"]["spec"]["containers"] == [{"name": "a"}, {"name": "b", "image": "y"}]


def test_the_types_know_keys_and_their_defaults() -> None:
    ports = kind("v1", "Service").types.map.types["spec"].map.types["ports"].list
    assert ports.keys == ("port", "protocol")
    assert ports.key_defaults["protocol"] == "TCP"


def test_defaulting_twice_is_defaulting_once() -> None:
    deploy = kind("apps/v1", "Deployment")
    once = deploy.default(deployment([{"name": "a", "image": "x:latest"}]))
    assert once["spec"]["template"]["spec"]["containers"][0]["imagePullPolicy"] == "Always"
    assert once["spec"]["strategy"]["rollingUpdate"] == {"maxUnavailable": "25%", "maxSurge": "25%"}
    assert deploy.default(once) == once


def test_text_data_of_a_secret_becomes_data() -> None:
    secret = kind("v1", "Secret").default(
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "x"},
            "stringData": {"a": "b"},
            "data": {"a": "eA=="},
        }
    )
    assert secret == {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "x"},
        "data": {"a": "Yg=="},
        "type": "Opaque",
    }


def test_a_selector_may_not_change_and_replicas_may() -> None:
    deploy = kind("apps/v1", "Deployment")
    old = deploy.default(deployment([{"name": "a", "image": "x"}]))
    assert deploy.validate_create(old) == []
    assert deploy.validate_update(old, {**old, "spec": {**old["spec"], "replicas": 5}}) == []
    other = {"matchLabels": {"app": "y"}}
    template = {**old["spec"]["template"], "metadata": {"labels": {"app": "y"}}}
    changed = {**old, "spec": {**old["spec"], "selector": other, "template": template}}
    (error,) = deploy.validate_update(old, changed)
    assert error.message == 'spec.selector: Invalid value: {"matchLabels":{"app":"y"}}: field is immutable'
    assert error.cause["reason"] == "FieldValueInvalid"


def test_secret_values_stand_in_no_message() -> None:
    secret = kind("v1", "Secret")
    obj = secret.default(
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "x", "namespace": "d"},
            "type": "kubernetes.io/dockerconfigjson",
            "stringData": {".dockerconfigjson": "hunter2"},
        }
    )
    assert "hunter2" not in str(secret.validate_create(obj))
    assert secret.validate_create(obj)


def test_warnings_are_given_for_what_changed_alone() -> None:
    deploy = kind("apps/v1", "Deployment")
    container = {"name": "a", "image": "x", "env": [{"name": "A", "value": "1"}, {"name": "A", "value": "2"}]}
    obj = deploy.default(deployment([container]))
    text = 'hides previous definition of "A", which may be dropped when using apply'
    assert deploy.warnings(obj) == [f"spec.template.spec.containers[0].env[1]: {text}"]
    assert deploy.warnings(obj, obj) == []


def test_openapi_v3_has_what_kubectl_looks_for() -> None:
    paths = KINDS.openapi_v3_paths()
    assert {"api/v1", "apis/apps/v1"} <= paths.keys()
    assert KINDS.openapi_v3("apis/nonsense/v1") is None
    text = KINDS.openapi_v3("apis/apps/v1")
    assert text is not None
    document = json.loads(text)
    patch = document["paths"]["/apis/apps/v1/namespaces/{namespace}/deployments/{name}"]["patch"]
    assert {"fieldValidation", "dryRun"} <= {p["name"] for p in patch["parameters"]}
    assert patch["x-kubernetes-group-version-kind"] == {"group": "apps", "version": "v1", "kind": "Deployment"}
    schemas = document["components"]["schemas"]
    assert "description" in schemas["io.k8s.api.core.v1.PodSpec"]["properties"]["containers"]
    missing = {ref for ref in _references(document) if ref not in schemas}
    assert missing == set()


def test_openapi_v2_has_plain_references() -> None:
    document = json.loads(KINDS.openapi_v2())
    port = document["definitions"]["io.k8s.api.core.v1.ServicePort"]["properties"]
    assert port["targetPort"]["$ref"] == "#/definitions/io.k8s.apimachinery.pkg.util.intstr.IntOrString"
    assert "default" not in port["protocol"]
    assert {ref for ref in _references(document) if ref not in document["definitions"]} == set()


def _references(value: Any) -> set[str]:
    if isinstance(value, list):
        return set().union(*map(_references, value)) if value else set()
    if not isinstance(value, dict):
        return set()
    own = {value["$ref"].rpartition("/")[2]} if isinstance(value.get("$ref"), str) else set()
    return own.union(*map(_references, value.values())) if value else own
