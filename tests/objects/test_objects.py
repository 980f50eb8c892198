"""Identity, reaching into objects, merge patches, conditions, matching."""

from datetime import UTC, datetime
from typing import Any

import pytest

from fluvial.objects import (
    FieldSelector,
    GroupKind,
    LabelSelector,
    Ref,
    SelectorError,
    annotations,
    apply_merge_patch,
    condition_is_true,
    deep_copy,
    delete_condition,
    dig,
    format_pointer,
    get_condition,
    get_pointer,
    labels,
    make_merge_patch,
    parse_pointer,
    same_json,
    semantic_equal,
    set_condition,
    split_api_version,
)

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
LATER = datetime(2026, 1, 2, 4, tzinfo=UTC)


def test_a_ref_names_an_object_whatever_its_version() -> None:
    obj = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": "shop"}}
    ref = Ref.of(obj)
    assert (str(ref), ref.api_version, ref.group_kind) == (
        "Deployment/shop/web",
        "apps/v1",
        GroupKind("apps", "Deployment"),
    )
    assert ref == Ref("apps", "v1beta1", "Deployment", "shop", "web")
    assert len({ref, Ref("apps", "v1beta1", "Deployment", "shop", "web")}) == 1


def test_a_cluster_scoped_ref_and_a_core_kind_have_no_empty_parts_in_their_text() -> None:
    assert str(Ref("", "v1", "Namespace", "", "shop")) == "Namespace/shop"
    assert Ref("", "v1", "Namespace", "", "shop").api_version == "v1"
    assert (str(GroupKind("", "Secret")), str(GroupKind("apps", "Deployment"))) == ("Secret", "Deployment.apps")
    assert split_api_version("v1") == ("", "v1")


@pytest.mark.parametrize("broken", [{}, {"metadata": None}, {"apiVersion": 1, "kind": [], "metadata": {"name": 5}}])
def test_a_malformed_object_has_an_empty_ref_not_an_exception(broken: dict[str, Any]) -> None:
    assert Ref.of(broken) == Ref("", "", "", "", "")


def test_dig_reaches_through_maps_and_lists_and_stops_at_null() -> None:
    obj = {"a": [{"b": 0}, {"c": None}]}
    assert dig(obj, "a", 0, "b") == 0
    assert dig(obj, "a", -1, "c", default="x") == "x"
    assert dig(obj, "a", 7, "b") is None
    assert dig(obj, "a", "b") is None


def test_labels_and_annotations_of_an_odd_object_are_empty() -> None:
    assert labels({"metadata": {"labels": {"a": "b"}}}) == {"a": "b"}
    assert labels({"metadata": {"labels": None}}) == {}
    assert annotations({"metadata": {"annotations": []}}) == {}


def test_pointers_escape_slash_and_tilde() -> None:
    assert parse_pointer("/a~1b/~0c/0") == ("a/b", "~c", "0")
    assert format_pointer(("a/b", "~c", 0)) == "/a~1b/~0c/0"
    assert get_pointer({"a/b": {"~c": [1]}}, "/a~1b/~0c/0") == 1
    for absent in ("/x", "/a~1b/~0c/01", "/a~1b/~0c/-"):
        with pytest.raises(KeyError):
            get_pointer({"a/b": {"~c": [1]}}, absent)
    with pytest.raises(ValueError, match="must begin with /"):
        parse_pointer("a")


RFC_7386 = [
    ({"a": "b"}, {"a": "c"}, {"a": "c"}),
    ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
    ({"a": "b"}, {"a": None}, {}),
    ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
    ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
    ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
    ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
    (["a", "b"], ["c", "d"], ["c", "d"]),
    ({"a": "foo"}, None, None),
    ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
    ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
    ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
]


@pytest.mark.parametrize(("target", "patch", "result"), RFC_7386)
def test_merge_patches_do_what_the_rfc_shows(target: Any, patch: Any, result: Any) -> None:
    before = deep_copy(target)
    assert apply_merge_patch(target, patch) == result
    assert target == before


def test_the_smallest_merge_patch_says_only_what_differs() -> None:
    before = {"a": 1, "b": {"c": 2, "d": 3}, "e": [1]}
    after = {"a": 1, "b": {"c": 2, "d": 4}, "f": None}
    assert make_merge_patch(before, after) == {"b": {"d": 4}, "e": None}
    assert make_merge_patch({"a": 1}, {"a": True}) == {"a": True}


def test_true_is_not_one_and_empty_is_not_absent_but_semantically() -> None:
    assert not same_json({"a": True}, {"a": 1})
    assert not same_json({"a": []}, {})
    assert same_json({"a": 1}, {"a": 1.0})
    assert semantic_equal({"a": [], "b": {}, "c": None}, {})
    assert semantic_equal({"spec": {"x": {"y": []}}}, {"spec": {"x": {}}})
    assert not semantic_equal({"a": 0}, {})


def test_a_deep_copy_shares_nothing() -> None:
    part = {"x": [1]}
    copied = deep_copy({"a": part, "b": part})
    copied["a"]["x"].append(2)
    assert copied["b"] == {"x": [1]} == part


def conditions(obj: dict[str, Any]) -> list[str]:
    return [f"{item['type']}={item['status']}" for item in obj["status"]["conditions"]]


def test_conditions_stand_in_fluxs_order() -> None:
    obj: dict[str, Any] = {"metadata": {"generation": 2}}
    for kind, generation in (("Zed", 1), ("Alpha", 1), ("Beta", 2), ("Ready", 1), ("Stalled", 1)):
        set_condition(obj, kind, "True", "Reason", "m", now=NOW, observed_generation=generation)
    assert conditions(obj) == ["Stalled=True", "Ready=True", "Beta=True", "Alpha=True", "Zed=True"]


def test_a_condition_keeps_its_time_until_it_says_something_else() -> None:
    obj: dict[str, Any] = {"metadata": {"generation": 1}}
    set_condition(obj, "Ready", "True", "Succeeded", "ok", now=NOW)
    obj["metadata"]["generation"] = 2
    set_condition(obj, "Ready", "True", "Succeeded", "ok", now=LATER)
    ready = get_condition(obj, "Ready")
    assert ready == {
        "type": "Ready",
        "status": "True",
        "observedGeneration": 2,
        "lastTransitionTime": "2026-01-02T03:04:05Z",
        "reason": "Succeeded",
        "message": "ok",
    }
    set_condition(obj, "Ready", "True", "Succeeded", "other", now=LATER)
    assert get_condition(obj, "Ready")["lastTransitionTime"] == "2026-01-02T04:00:00Z"  # type: ignore[index]


def test_reconciling_and_stalled_exclude_each_other() -> None:
    obj: dict[str, Any] = {}
    set_condition(obj, "Reconciling", "True", "Progressing", "", now=NOW)
    set_condition(obj, "Stalled", "True", "BuildFailed", "", now=NOW)
    assert conditions(obj) == ["Stalled=True"]
    assert condition_is_true(obj, "Stalled")
    assert not condition_is_true(obj, "Reconciling")
    delete_condition(obj, "Stalled")
    delete_condition(obj, "Stalled")
    assert conditions(obj) == []


def test_a_long_message_is_cut_to_what_the_crd_allows() -> None:
    found: list[dict[str, Any]] = []
    set_condition(found, "Ready", "False", "X", "é" * 20000, now=NOW, observed_generation=3)
    message = found[0]["message"]
    assert len(message.encode()) <= 32768
    assert message.endswith("é...")
    assert found[0]["observedGeneration"] == 3


def test_a_status_of_the_wrong_shape_is_replaced_when_a_condition_is_set() -> None:
    obj: dict[str, Any] = {"status": "broken"}
    assert get_condition(obj, "Ready") is None
    set_condition(obj, "Ready", "False", "X", "m", now=NOW)
    assert conditions(obj) == ["Ready=False"]


MATCHES = [
    ("", {}, True),
    ("a=b", {"a": "b"}, True),
    ("a=b", {}, False),
    ("a!=b", {}, True),
    ("a in (b,c)", {"a": "c"}, True),
    ("a notin (b,c)", {}, True),
    ("a,!b", {"a": ""}, True),
    ("a,!b", {"a": "", "b": ""}, False),
    ("a>1", {"a": "2"}, True),
    ("a<1", {"a": "x"}, False),
]


@pytest.mark.parametrize(("selector", "found", "matches"), MATCHES)
def test_label_selectors_match(selector: str, found: dict[str, str], matches: bool) -> None:
    assert LabelSelector.parse(selector).matches(found) is matches


def test_a_selector_object_reads_like_its_text() -> None:
    selector = {
        "matchLabels": {"b": "1"},
        "matchExpressions": [{"key": "a", "operator": "In", "values": ["y", "x"]}, {"key": "c", "operator": "Exists"}],
    }
    assert str(LabelSelector.from_object(selector)) == "a in (x,y),b=1,c"
    assert LabelSelector.from_object({}).matches({"any": "thing"})
    with pytest.raises(SelectorError, match="values set can't be empty"):
        LabelSelector.from_object({"matchExpressions": [{"key": "a", "operator": "In"}]})
    with pytest.raises(SelectorError, match='"Near" is not a valid label selector operator'):
        LabelSelector.from_object({"matchExpressions": [{"key": "a", "operator": "Near"}]})


def test_field_selectors_compare_the_text_of_fields() -> None:
    obj = {"metadata": {"name": "x"}, "spec": {"suspend": True, "replicas": 3}}
    for text in ("metadata.name=x", "metadata.name!=y,spec.suspend==true", "spec.replicas=3", "status.phase="):
        assert FieldSelector.parse(text).matches(obj)
    assert not FieldSelector.parse("metadata.name=x,status.phase=Running").matches(obj)
    assert FieldSelector.parse("metadata.name=x").exact("metadata.name") == "x"
    assert FieldSelector.parse("metadata.name!=x").exact("metadata.name") is None
