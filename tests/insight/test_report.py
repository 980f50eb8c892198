"""What differs, and how it is shown: situations from dyff's own layout."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluvial.insight import report
from fluvial.insight.comparing import Change, Detail, Difference, compare
from fluvial.insight.encrypted import masked
from fluvial.insight.resolve import match
from fluvial.kube import Resource

SERVICE = {"spec": {"ports": [{"name": "http", "port": 9899}, {"name": "grpc", "port": 9999}], "type": "ClusterIP"}}


def test_a_changed_item_of_a_named_list_is_found_by_its_name():
    changed = {"spec": {**SERVICE["spec"], "ports": [{"name": "http", "port": 9898}, SERVICE["spec"]["ports"][1]]}}
    assert report(SERVICE, changed) == "\nspec.ports.http.port\n± value change\n- 9899\n+ 9898\n\n"


def test_removed_and_added_entries_stand_side_by_side():
    shown = report({"data": {"drift-key": "*****"}}, {"data": {"token": "*****"}})
    assert shown == (
        '\ndata\n- one map entry removed:   + one map entry added:\ndrift-key: "*****"           token: "*****"\n\n'
    )


def test_added_entries_are_indented_and_empty_values_end_their_line():
    shown = report({"metadata": {}}, {"metadata": {"labels": {"name": "web", "namespace": ""}}})
    assert shown == "\nmetadata\n+ one map entry added:\n  labels:\n    name: web\n    namespace:\n\n"


def test_lists_without_names_are_compared_by_value():
    assert compare({"a": ["x", "y", "x"]}, {"a": ["x", "z"]}) == [
        Difference(("a",), (Detail(Change.REMOVED, before=["x", "y"]), Detail(Change.ADDED, after=["z"])))
    ]


def test_an_order_that_changed_is_one_line_each():
    assert report({"a": ["x", "y"]}, {"a": ["y", "x"]}) == "\na\n⇆ order changed\n- x, y\n+ y, x\n\n"


def test_a_type_that_changed_is_named():
    assert report({"a": 1}, {"a": "1"}) == '\na\n± type change from int to string\n- 1\n+ "1"\n\n'
    assert report({"a": None}, {"a": True}) == "\na\n± type change from <nil> to bool\n- <nil>\n+ true\n\n"


def test_text_of_several_lines_shows_the_lines_that_changed():
    assert report({"a": "one\ntwo\n"}, {"a": "one\n2\n"}) == (
        "\na\n± value change in multiline text (one insert, one deletion)\n- two\n+ 2\n\n\n"
    )


def test_white_space_alone_is_made_visible():
    assert report({"a": "x"}, {"a": "x "}) == "\na\n± whitespace only change\n- x   + x·\n\n"


def test_blocks_that_are_too_wide_stand_below_each_other():
    long = "x" * 60
    shown = report({"a": {"one": long}}, {"a": {"two": long}})
    assert shown == f"\na\n- one map entry removed:\none: {long}\n\n+ one map entry added:\n  two: {long}\n\n\n"


def test_known_keys_come_first():
    added = {"containers": [{"image": "web:1", "name": "web", "ports": [{"containerPort": 80}]}]}
    shown = report({"spec": {}}, {"spec": added})
    assert '  containers:\n  - name: web\n    image: "web:1"\n    ports:\n    - containerPort: 80\n' in shown


json = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text("ab \n", max_size=4),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["name", "a", "b"]), inner, max_size=3),
    max_leaves=12,
)


@given(json)
def test_nothing_differs_from_itself(value):
    assert compare(value, value) == []


@given(json, json)
def test_every_pair_can_be_reported(before, after):
    assert report(before, after).endswith("\n")


@pytest.mark.parametrize(
    ("secret", "shown"),
    [
        (
            {"kind": "Secret", "sops": {"mac": "ENC[x]"}, "data": {"a": "ENC[1]"}, "stringData": {"b": "ENC[2]"}},
            {"kind": "Secret", "data": {"a": "KipTT1BTKio="}, "stringData": {"b": "**SOPS**"}},
        ),
        (
            {"kind": "Secret", "data": {"a": "c29wcyBFTkNbeF0=", "b": "cGxhaW4="}},
            {"kind": "Secret", "data": {"a": "KipTT1BTKio=", "b": "cGxhaW4="}},
        ),
        (
            {"kind": "Secret", "type": "kubernetes.io/dockerconfigjson", "sops": {"mac": "x"}, "data": {"a": "b"}},
            {"kind": "Secret", "type": "kubernetes.io/dockerconfigjson", "data": {"a": "eyJtYXNrIjoiKipTT1BTKioifQ=="}},
        ),
        ({"kind": "ConfigMap", "data": {"a": "sops ENC["}}, {"kind": "ConfigMap", "data": {"a": "sops ENC["}}),
    ],
)
def test_encrypted_values_are_masked(secret, shown):
    assert masked(secret) == shown


RESOURCES = [
    Resource("", "v1", "Pod", "pods", True, singular="pod", short_names=("po",)),
    Resource("apps", "v1", "Deployment", "deployments", True, singular="deployment", short_names=("deploy",)),
    Resource("kustomize.toolkit.fluxcd.io", "v1", "Kustomization", "kustomizations", True, short_names=("ks",)),
    Resource("kustomize.toolkit.fluxcd.io", "v1beta2", "Kustomization", "kustomizations", True, short_names=("ks",)),
]


@pytest.mark.parametrize(
    ("word", "index"),
    [
        ("po", 0),
        ("deploy", 1),
        ("Deployment", 1),
        ("deployments.apps", 1),
        ("deployments.v1.apps", 1),
        ("ks", 2),
        ("kustomization.v1beta2.kustomize.toolkit.fluxcd.io", 3),
    ],
)
def test_a_word_names_a_kind(word, index):
    assert match(RESOURCES, word) is RESOURCES[index]


def test_an_unknown_word_names_none():
    assert match(RESOURCES, "gadget") is None
    assert match(RESOURCES, "pods.apps") is None
