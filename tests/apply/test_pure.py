"""Order, normal form, ownership and comparison: functions of values."""

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from fluvial.apply import Live, Owner, PreflightFailed, make_plan, owns_all, packed, taken_over, unpacked
from fluvial.apply.compare import Desired, Difference, by_metadata, whole
from fluvial.apply.immutable import may_recreate, refused_as_immutable
from fluvial.apply.masking import masked_pair, masked_text
from fluvial.apply.order import Stage, stage_of, waves
from fluvial.apply.prepare import normalise
from fluvial.apply.switches import created_only, kept, left_alone, merged
from fluvial.apply.undeclared import is_built_in, undeclared_fields, without_fields
from fluvial.kube import ApiError
from fluvial.objects import GroupKind, Object, Ref

OWNER = Owner("apps", "flux-system")
NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


def thing(kind: str, name: str = "x", api_version: str = "v1", **more: Any) -> Object:
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": name, "namespace": "default"}, **more}


# -- order


def test_kinds_are_applied_in_fluxs_order_and_ties_by_group_kind_namespace_name() -> None:
    objects = [
        thing("ValidatingWebhookConfiguration", api_version="admissionregistration.k8s.io/v1"),
        thing("Widget", "b", "example.com/v1"),
        thing("Widget", "a", "example.com/v1"),
        thing("Deployment", api_version="apps/v1"),
        thing("Service"),
        thing("ConfigMap"),
        thing("ServiceAccount"),
        thing("StorageClass", api_version="storage.k8s.io/v1"),
        thing("ClusterRole", api_version="rbac.authorization.k8s.io/v1"),
        thing("Namespace"),
        thing("CustomResourceDefinition", api_version="apiextensions.k8s.io/v1"),
    ]
    plan = make_plan(objects, OWNER)
    assert [
        (stage.value, [obj["kind"] + "/" + obj["metadata"]["name"] for obj in found]) for stage, found in plan.stages
    ] == [
        ("definitions", ["CustomResourceDefinition/x", "Namespace/x", "ClusterRole/x"]),
        ("classes", ["StorageClass/x"]),
        (
            "rest",
            [
                *("ServiceAccount/x", "ConfigMap/x", "Service/x", "Deployment/x", "Widget/a", "Widget/b"),
                "ValidatingWebhookConfiguration/x",
            ],
        ),
    ]


@pytest.mark.parametrize(
    ("ref", "stage"),
    [
        (Ref("example.com", "v1", "ClusterRole", "", "a"), Stage.REST),
        (Ref("example.com", "v1", "Namespace", "", "a"), Stage.REST),
        (Ref("example.com", "v1", "FancyClass", "", "a"), Stage.CLASSES),
        (Ref("rbac.authorization.k8s.io", "v1", "Role", "n", "a"), Stage.CUSTOM),
        (Ref("", "v1", "ConfigMap", "n", "a"), Stage.REST),
    ],
)
def test_stages_go_by_group_and_kind(ref: Ref, stage: Stage) -> None:
    assert stage_of(ref, {GroupKind("rbac.authorization.k8s.io", "Role")}) is stage


def test_a_wave_holds_what_has_no_order_among_itself() -> None:
    refs = [Ref("", "v1", kind, "n", name) for kind, name in [("Service", "a"), ("Secret", "b"), ("Service", "c")]]
    assert waves((ref, ref.name) for ref in refs) == [["b"], ["a", "c"]]


# -- normal form


def test_objects_get_owner_labels_and_common_metadata_and_the_given_ones_stay_as_they_were() -> None:
    given = thing("ConfigMap")
    (_, (obj,)), *_ = make_plan([given], OWNER, common_labels={"team": "a"}, common_annotations={"note": "b"}).stages
    assert obj["metadata"]["labels"] == {
        "kustomize.toolkit.fluxcd.io/name": "apps",
        "kustomize.toolkit.fluxcd.io/namespace": "flux-system",
        "team": "a",
    }
    assert obj["metadata"]["annotations"] == {"note": "b"}
    assert "labels" not in given["metadata"]


def test_ports_get_a_protocol_since_it_is_part_of_their_merge_key() -> None:
    pod = {"containers": [{"name": "a", "ports": [{"containerPort": 80}, {"containerPort": 53, "protocol": "UDP"}]}]}
    deployment = thing("Deployment", api_version="apps/v1", spec={"template": {"spec": pod}})
    service = thing("Service", spec={"ports": [{"port": 80}]})
    cron = thing(
        "CronJob",
        api_version="batch/v1",
        spec={"jobTemplate": {"spec": {"template": {"spec": {"containers": [{"ports": [{}]}]}}}}},
    )
    for obj in (deployment, service, cron):
        normalise(obj)
    assert [port["protocol"] for port in pod["containers"][0]["ports"]] == ["TCP", "UDP"]  # type: ignore[attr-defined]
    assert service["spec"]["ports"][0]["protocol"] == "TCP"
    assert cron["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"][0]["ports"] == [{"protocol": "TCP"}]


def test_string_data_is_folded_into_data_and_status_is_dropped() -> None:
    secret = thing("Secret", stringData={"a": "new", "n": None}, data={"a": "b2xk", "b": "Yg=="}, status={"x": 1})
    secret["metadata"]["creationTimestamp"] = None
    normalise(secret)
    assert secret["data"] == {"a": base64.b64encode(b"new").decode(), "b": "Yg==", "n": ""}
    assert not {"stringData", "status"} & secret.keys()
    assert "creationTimestamp" not in secret["metadata"]


def test_string_data_that_is_no_text_is_left_for_the_server_to_refuse() -> None:
    secret = thing("Secret", stringData={"a": 1})
    normalise(secret)
    assert secret["stringData"] == {"a": 1}


def test_a_definition_keeps_its_status_and_loses_a_bundle_that_is_no_certificate() -> None:
    client = {"caBundle": "Cg==", "service": {"name": "s"}}
    crd = thing("CustomResourceDefinition", api_version="apiextensions.k8s.io/v1", status={"conditions": []})
    crd["spec"] = {"conversion": {"webhook": {"clientConfig": client}}}
    normalise(crd)
    assert "status" in crd
    assert client == {"service": {"name": "s"}}


def test_an_encrypted_secret_is_refused_by_name() -> None:
    secret = thing("Secret", "db", sops={"mac": "x"})
    with pytest.raises(
        PreflightFailed, match="Secret/default/db is SOPS encrypted, configuring decryption is required"
    ):
        make_plan([secret], OWNER)
    secret["metadata"]["annotations"] = {"kustomize.toolkit.fluxcd.io/decrypt": "Disabled"}
    assert len(make_plan([secret], OWNER).objects) == 1


# -- switches


@pytest.mark.parametrize("where", ["labels", "annotations"])
@pytest.mark.parametrize(
    ("key", "value", "asked"),
    [
        ("reconcile", "DISABLED", left_alone),
        ("ssa", "ignore", left_alone),
        ("ssa", "ifnotpresent", created_only),
        ("ssa", "MERGE", merged),
        ("prune", "disabled", kept),
        ("reconcile", "disabled", kept),
    ],
)
def test_switches_are_labels_or_annotations_of_any_case(where: str, key: str, value: str, asked: Any) -> None:
    obj = thing("ConfigMap")
    assert not asked(obj)
    obj["metadata"][where] = {f"kustomize.toolkit.fluxcd.io/{key}": value}
    assert asked(obj)
    assert asked(Live.of(obj, taken_over()))


# -- ownership


def live(
    fields: Any = None,
    *,
    time: str = "2026-01-01T00:00:00Z",
    others: Any = (),
    labels: Any = None,
    version: str = "1",
    annotations: Any = None,
) -> Live:
    entries = [*others]
    if fields is not None:
        entries.append(
            {
                "manager": "kustomize-controller",
                "operation": "Apply",
                "apiVersion": "v1",
                "time": time,
                "fieldsV1": fields,
            }
        )
    metadata = {"name": "x", "namespace": "d", "uid": "u", "resourceVersion": version, "managedFields": entries}
    metadata |= {"labels": labels or {}, "annotations": annotations or {}}
    return Live.of({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}, taken_over(["hand"]))


def entry(manager: str, operation: str = "Update", **more: Any) -> Object:
    return {"manager": manager, "operation": operation, "apiVersion": "v1", "fieldsV1": {"f:data": {}}, **more}


@pytest.mark.parametrize(
    ("found", "foreign"),
    [
        (entry("kubectl-client-side-apply"), True),
        (entry("kubectl", "Apply"), True),
        (entry("before-first-apply"), True),
        (entry("kustomize-controller"), True),
        (entry("hand"), True),
        (entry("hand", "Apply"), True),
        (entry("kube-controller-manager"), False),
        (entry("kubectl", subresource="scale"), False),
        (entry("before-first-apply", "Apply"), False),
    ],
)
def test_managers_that_flux_takes_over_are_told_from_others(found: Object, foreign: bool) -> None:
    seen = live(others=[found])
    assert (len(seen.foreign), len(seen.others)) == ((1, 0) if foreign else (0, 1))


def test_the_value_of_kubectls_annotation_is_not_remembered() -> None:
    seen = live(annotations={"kubectl.kubernetes.io/last-applied-configuration": "long", "a": "b"})
    assert dict(seen.annotations) == {"kubectl.kubernetes.io/last-applied-configuration": "", "a": "b"}


def test_packing_is_undone_by_unpacking() -> None:
    value = {"a": [1, "é", None], "b": {"c": 1.5}}
    assert unpacked(packed(value)) == value
    assert unpacked(b"") is None


CONTAINERS = {
    "f:containers": {
        'k:{"name":"a"}': {
            ".": {},
            "f:name": {},
            "f:image": {},
            "f:ports": {'k:{"containerPort":80,"protocol":"TCP"}': {".": {}, "f:containerPort": {}}},
        }
    }
}


@pytest.mark.parametrize(
    ("fields", "desired", "covered"),
    [
        ({"f:data": {"f:a": {}}}, {"data": {"a": "1"}}, True),
        ({"f:data": {".": {}, "f:a": {}, "f:b": {}}}, {"data": {"a": "1"}}, True),
        ({"f:data": {"f:a": {}}}, {"data": {"a": "1", "b": "2"}}, False),
        ({"f:data": {}}, {"data": {"a": "1"}}, True),
        ({}, {"data": {"a": "1"}}, False),
        (None, {}, False),
        ({"f:spec": CONTAINERS}, {"spec": {"containers": [{"name": "a", "image": "i"}]}}, True),
        ({"f:spec": CONTAINERS}, {"spec": {"containers": [{"name": "a", "image": "i", "tty": True}]}}, False),
        ({"f:spec": CONTAINERS}, {"spec": {"containers": [{"name": "b"}]}}, False),
        ({"f:spec": CONTAINERS}, {"spec": {"containers": [{"name": "a", "ports": [{"containerPort": 80}]}]}}, True),
        ({"f:spec": {"f:finalizers": {'v:"a"': {}}}}, {"spec": {"finalizers": ["a"]}}, True),
        ({"f:spec": {"f:finalizers": {'v:"a"': {}}}}, {"spec": {"finalizers": ["a", "b"]}}, False),
        ({"f:spec": {"f:args": {}}}, {"spec": {"args": ["x", "y"]}}, True),
        ({"f:metadata": {"f:labels": {"f:l": {}}}}, {"metadata": {"name": "x", "labels": {"l": "1"}}}, True),
        ({"f:metadata": {}}, {"metadata": {"name": "x", "labels": {"l": "1"}}}, False),
        ({}, {"metadata": {"name": "x", "labels": {"l": "1"}}}, False),
        ({}, {"data": None}, True),
    ],
)
def test_our_entry_covers_the_manifest_or_not(fields: Any, desired: Object, covered: bool) -> None:
    assert owns_all(fields, desired) is covered


# -- comparison

OURS = {"f:data": {"f:a": {}}}
LATER = "2026-01-01T11:59:58Z"


@pytest.mark.parametrize(
    ("before", "after", "desired", "difference"),
    [
        (live(OURS), live(OURS), Desired.SAME, Difference.NONE),
        (live(OURS), live(OURS), Desired.UNKNOWN, Difference.NONE),
        (live(OURS), live(OURS), Desired.CHANGED, Difference.SOME),
        (live(OURS, time=LATER), live(OURS, time=LATER), Desired.UNKNOWN, Difference.UNSURE),
        (live(OURS, time=LATER), live(OURS, time=LATER), Desired.SAME, Difference.NONE),
        (live(OURS), live(OURS, time=LATER), Desired.UNKNOWN, Difference.SOME),
        (live(OURS), live({"f:data": {}}, time=LATER), Desired.UNKNOWN, Difference.UNSURE),
        (live(OURS), live({"f:data": {}}, time=LATER), Desired.SAME, Difference.SOME),
        (live(None), live(OURS, time=LATER), Desired.UNKNOWN, Difference.SOME),
        (live(OURS), live(OURS, labels={"a": "b"}), Desired.SAME, Difference.SOME),
        (live(OURS), live(OURS, annotations={"a": "b"}), Desired.SAME, Difference.SOME),
        (live(OURS), live(OURS, version="2"), Desired.SAME, Difference.UNSURE),
        (live(OURS), live(OURS, others=[entry("x")]), Desired.SAME, Difference.UNSURE),
    ],
)
def test_metadata_tells_whether_an_apply_would_change_anything(
    before: Live, after: Live, desired: Desired, difference: Difference
) -> None:
    assert by_metadata(before, after, desired=desired, now=NOW) is difference


def test_whole_objects_are_compared_without_metadata_and_status() -> None:
    a = thing("ConfigMap", data={"a": "1"}, status={"x": 1})
    b = thing("ConfigMap", data={"a": "1"}, status={"x": 2})
    b["metadata"]["resourceVersion"] = "7"
    assert not whole(a, b)
    b["data"] = {"a": "2"}
    assert whole(a, b)


def test_a_doubled_metric_of_an_old_servers_dry_run_is_no_difference() -> None:
    metric = {"type": "Resource", "resource": {"name": "cpu"}}
    api = "autoscaling/v2"
    a = thing("HorizontalPodAutoscaler", api_version=api, spec={"metrics": [metric]})
    b = thing("HorizontalPodAutoscaler", api_version=api, spec={"metrics": [metric, metric, {"type": ""}]})
    assert not whole(a, b)


# -- force


@pytest.mark.parametrize(
    ("error", "immutable"),
    [
        (ApiError(422, "Invalid", "spec is wrong"), True),
        (ApiError(409, "Conflict", "moved"), True),
        (ApiError(403, "Forbidden", "the field is immutable"), True),
        (ApiError(403, "Forbidden", "no"), False),
    ],
)
def test_what_may_be_an_immutable_field(error: ApiError, immutable: bool) -> None:
    assert refused_as_immutable(error) is immutable


@pytest.mark.parametrize(
    ("kind", "api_version", "own", "force", "allowed"),
    [
        ("Job", "batch/v1", False, False, False),
        ("Job", "batch/v1", False, True, True),
        ("Job", "batch/v1", True, False, True),
        ("PersistentVolumeClaim", "v1", False, True, False),
        ("PersistentVolumeClaim", "v1", True, True, True),
        ("PersistentVolume", "v1", False, True, False),
        ("Namespace", "v1", False, True, False),
        ("CustomResourceDefinition", "apiextensions.k8s.io/v1", False, True, False),
    ],
)
def test_what_holds_data_is_recreated_on_its_own_word_only(
    kind: str, api_version: str, own: bool, force: bool, allowed: bool
) -> None:
    obj = thing(kind, api_version=api_version)
    if own:
        obj["metadata"]["annotations"] = {"kustomize.toolkit.fluxcd.io/force": "enabled"}
    assert may_recreate(obj, live(), force=force)[0] is allowed


# -- secrets


def test_no_value_of_a_secret_is_in_a_text_about_it() -> None:
    secret = thing("Secret", data={"a": base64.b64encode(b"hunter22").decode()}, stringData={"b": "plain-text"})
    text = f"invalid {base64.b64encode(b'hunter22').decode()} and hunter22 and plain-text"
    assert masked_text(text, secret) == "invalid *** and *** and ***"
    assert masked_text(text, thing("ConfigMap")) == text


def test_a_diff_of_secrets_shows_which_values_differ_and_none_of_them() -> None:
    before, after = masked_pair(
        thing("Secret", data={"a": "1", "b": "1", "c": "1"}), thing("Secret", data={"a": "1", "b": "2", "d": "1"})
    )
    assert before is not None
    assert after is not None
    assert before["data"] == {"a": "***", "b": "*** (before)", "c": "***"}
    assert after["data"] == {"a": "***", "b": "*** (after)", "d": "***"}


def test_a_time_of_this_moment_is_recent_only_for_seconds() -> None:
    old = (NOW - timedelta(minutes=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert by_metadata(live(OURS, time=old), live(OURS, time=old), desired=Desired.UNKNOWN, now=NOW) is Difference.NONE


# -- fields that a kind does not have


UNDECLARED = "field not declared in schema"


@pytest.mark.parametrize(
    ("message", "fields"),
    [
        (
            f"failed to create typed patch object (d/a; apps/v1, Kind=Deployment): .spec.foo: {UNDECLARED}",
            [".spec.foo"],
        ),
        (
            "failed to create typed patch object (d/a; apps/v1, Kind=Deployment): errors:\n"
            f'  .spec.foo: {UNDECLARED}\n  .spec.template.spec.containers[name="a"].bar: {UNDECLARED}',
            [".spec.foo", '.spec.template.spec.containers[name="a"].bar'],
        ),
        (
            "failed to create typed patch object (d/a; apps/v1, Kind=Deployment): errors:\n"
            f"  .spec.foo: {UNDECLARED}\n  .spec.replicas: expected numeric, got x",
            [],
        ),
        ("admission webhook denied it", []),
    ],
)
def test_fields_that_the_server_does_not_know_are_read_from_its_refusal(message: str, fields: list[str]) -> None:
    assert undeclared_fields(ApiError(500, "", message)) == fields


@pytest.mark.parametrize(
    ("path", "left"),
    [
        (".spec.foo", {"spec": {"list": [{"name": "a", "bar": 1}, {"name": "b"}]}}),
        ('.spec.list[name="a"].bar', {"spec": {"foo": 1, "list": [{"name": "a"}, {"name": "b"}]}}),
        (".spec.list[0].bar", {"spec": {"foo": 1, "list": [{"name": "a"}, {"name": "b"}]}}),
        (".spec.nothing", None),
        ('.spec.list[name="c"].bar', None),
        ("nonsense", None),
    ],
)
def test_a_field_is_left_out_by_its_path_or_the_object_stays_refused(path: str, left: Any) -> None:
    obj = {"spec": {"foo": 1, "list": [{"name": "a", "bar": 1}, {"name": "b"}]}}
    assert without_fields(obj, [path]) == left


@pytest.mark.parametrize(
    ("group", "kind", "built_in"),
    [
        ("", "ConfigMap", True),
        ("apps", "Deployment", True),
        ("rbac.authorization.k8s.io", "RoleBinding", True),
        ("rbac.authorization.k8s.io", "Role", False),
        ("gateway.networking.k8s.io", "Gateway", False),
        ("example.com", "Widget", False),
    ],
)
def test_only_kinds_that_flux_sends_through_gos_types_lose_fields(group: str, kind: str, built_in: bool) -> None:
    assert is_built_in(Ref(group, "v1", kind, "n", "a")) is built_in


@pytest.mark.parametrize(
    "secret",
    [
        {"stringData": {"a": {"b": "hunter22"}}},
        {"stringData": "hunter22"},
        {"data": ["hunter22"]},
        {"data": {"a": [{"b": "hunter22"}]}},
    ],
)
def test_a_secret_of_a_wrong_shape_is_masked_too(secret: Object) -> None:
    text = 'expected string, got &value.valueUnstructured{Value:map[string]interface {}{"b":"hunter22"}}'
    assert "hunter22" not in masked_text(text, {"apiVersion": "v1", "kind": "Secret", **secret})
