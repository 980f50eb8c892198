"""postBuild: variables in the text of each object, and what they may do to it."""

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluvial.build import BuildError, merge_variables, variables_of
from tests.build.situations import CONFIG, built, check, refused


def post_build(variables: dict[str, str], **more: Any) -> dict[str, Any]:
    return {"postBuild": {"substitute": variables, **more}}


def config(data: str, name: str = "a") -> dict[str, str]:
    return {"a.yaml": f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: '{name}'}}\ndata: {data}\n"}


def test_the_text_is_read_anew_and_values_get_the_type_that_they_look_like() -> None:
    check(
        {
            "a.yaml": """\
                apiVersion: a.io/v1
                kind: Foo
                metadata: {name: a}
                spec:
                  number: ${n}
                  flag: ${flag}
                  nothing: ${none}
                  list: ${list}
                  quoted: "${n}"
                  forced: ${quoted}
                """
        },
        post_build({"n": "8080", "flag": "yes", "none": "", "list": "[a, 1]", "quoted": '"5"'}),
        """
        apiVersion: a.io/v1
        kind: Foo
        metadata:
          name: a
        spec:
          flag: true
          forced: "5"
          list:
          - a
          - 1
          nothing: null
          number: 8080
          quoted: 8080
        """,
    )


def test_inline_variables_win_and_newlines_go() -> None:
    merged = merge_variables([{"a": "1", "b": "1"}, {"b": "2", "c": "2\n"}], {"c": "3\nx\n"})
    assert merged == {"a": "1", "b": "2", "c": "3x"}
    result = built(config("{k: '${a}-${b}'}"), post_build({"b": "in\nline"}), variables={"a": "from", "b": "from"})
    assert result.objects[0]["data"] == {"k": "from-inline"}


def test_variables_of_config_maps_and_secrets() -> None:
    assert variables_of({"kind": "ConfigMap", "data": {"a": "1\n2"}}) == {"a": "12"}
    assert variables_of({"kind": "Secret", "data": {"a": "Mgo="}}) == {"a": "2"}
    assert variables_of({"kind": "Secret"}) == {}
    with pytest.raises(ValueError, match="not base64"):
        variables_of({"kind": "Secret", "data": {"a": "?"}})


def test_nothing_is_replaced_without_variables_unless_asked_to_always() -> None:
    files = config("{k: '${a:=default}'}")
    assert built(files, post_build({})).objects[0]["data"] == {"k": "${a:=default}"}
    assert built(files, {}).objects[0]["data"] == {"k": "${a:=default}"}
    assert built(files, post_build({}, substituteStrategy="Always")).objects[0]["data"] == {"k": "default"}
    assert built(files, post_build({}, substituteStrategy="WithVariables")).objects[0]["data"] == {"k": "${a:=default}"}


@pytest.mark.parametrize("where", ["labels", "annotations"])
def test_an_object_may_opt_out(where: str) -> None:
    files = {
        "a.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n"
        f"  {where}: {{kustomize.toolkit.fluxcd.io/substitute: disabled}}\ndata: {{k: '${{v}}'}}\n",
        "b.yaml": "{apiVersion: v1, kind: ConfigMap, metadata: {name: b}, data: {k: '${v}'}}",
    }
    first, second = built(files, post_build({"v": "x"})).objects
    assert (first["data"], second["data"]) == ({"k": "${v}"}, {"k": "x"})


def test_a_variable_that_is_not_set_names_the_object() -> None:
    files = config("{k: '${gone}'}")
    refused(
        files,
        post_build({"v": "x"}),
        "post build failed for 'ConfigMap.v1.[noGrp]/a': envsubst error: variable substitution failed:",
        'variable not set (strict mode): "gone"',
    )
    assert built(files, post_build({"v": "x"}), strict=False).objects[0]["data"] == {"k": None}


def test_a_name_that_no_text_could_use_is_refused() -> None:
    for name in ("a-b", "1a", "", "é", "a.b"):
        refused(config("{}"), post_build({name: "x"}), f"'{name}' var name is invalid, must match")
    assert built(config("{k: '${_a1}'}"), post_build({"_a1": "x"})).objects[0]["data"] == {"k": "x"}


def test_text_that_is_no_yaml_any_more_is_refused_without_its_values() -> None:
    error = refused(config("{k: '${v}'}"), post_build({"v": "hidden: [\t"}), "post build failed for", "YAMLToJSON")
    assert "hidden" not in str(error)


def test_a_substitution_that_changes_more_than_values_is_told() -> None:
    result = built(config("{k: '${v}'}"), post_build({"v": "plain"}))
    assert result.warnings == ()
    result = built(config("{k: v}", name="${v}"), post_build({"v": "b"}))
    assert result.warnings == ("ConfigMap/${v}: variable substitution changed the name of the object",)
    result = built(config("{k: '${v}'}"), post_build({"v": "{x: 1}"}))
    assert result.warnings == ("ConfigMap/a: variable substitution changed the set of keys of the object",)
    assert "x: 1" not in " ".join(result.warnings)


def test_two_objects_that_get_one_name_are_refused() -> None:
    files = config("{}", name="${v}") | {"b.yaml": CONFIG % "b"}
    refused(files, post_build({"v": "b"}), "id matched 2 resources", "ConfigMap/${v} is called ConfigMap/b")


def test_an_object_that_loses_its_name_is_not_applied() -> None:
    files = config("{}", name="${v}") | {"b.yaml": CONFIG % "b"}
    assert [obj["metadata"]["name"] for obj in built(files, post_build({"v": ""})).objects] == ["b"]


SAFE = st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1, max_size=8)


@given(st.dictionaries(SAFE.filter(str.isalpha), SAFE, min_size=1, max_size=4))
def test_a_quoted_place_takes_any_word(variables: dict[str, str]) -> None:
    data = "".join(f"\n  k{i}: 'x-${{{name}}}'" for i, name in enumerate(variables))
    [obj] = built(config(data), post_build(variables)).objects
    assert list(obj["data"].values()) == [f"x-{value}" for value in variables.values()]


@given(st.text(max_size=20))
def test_no_value_ends_in_another_error(value: str) -> None:
    with contextlib.suppress(BuildError):
        built(config("{k: '${v}', l: '${v}'}"), post_build({"v": value}))
