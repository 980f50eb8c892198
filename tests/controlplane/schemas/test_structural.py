"""Custom kinds: schemas compiled, objects pruned, defaulted, validated."""

import json
from typing import Any

import pytest

from fluvial.api import crds
from fluvial.controlplane.schemas import CustomKind, DecodeError, SchemaError, compile_crd, invalid_message


def crd(spec: dict[str, Any], **more: Any) -> dict[str, Any]:
    schema = {"type": "object", "properties": {"spec": {"type": "object", "properties": spec, **more}}}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    names = {"plural": "things", "kind": "Thing"}
    return {"spec": {"group": "example.dev", "scope": "Namespaced", "names": names, "versions": [version]}}


def kind(spec: dict[str, Any], **more: Any) -> CustomKind:
    return compile_crd(crd(spec, **more))["v1"]


def thing(**spec: Any) -> dict[str, Any]:
    metadata = {"name": "x", "namespace": "d"}
    return {"apiVersion": "example.dev/v1", "kind": "Thing", "metadata": metadata, "spec": spec}


def errors(schema: dict[str, Any], value: Any) -> list[str]:
    return [error.message for error in kind({"f": schema}).validate_create(thing(f=value))]


def test_all_flux_definitions_compile_and_give_a_new_object_its_status() -> None:
    compiled = {(d["spec"]["names"]["kind"], v): k for d in crds() for v, k in compile_crd(d).items()}
    assert ("Kustomization", "v1") in compiled
    assert ("GitRepository", "v1") in compiled
    source = compiled["GitRepository", "v1"]
    obj = source.default(
        {
            "apiVersion": "source.toolkit.fluxcd.io/v1",
            "kind": "GitRepository",
            "metadata": {"name": "x", "namespace": "d"},
            "spec": {"interval": "1m", "url": "https://example.dev/x"},
        }
    )
    assert obj["status"] == {"observedGeneration": -1}
    assert obj["spec"]["timeout"] == "60s"
    assert source.validate_create(obj) == []
    assert source.rules, "the rules that are not evaluated are told"


def test_a_broken_flux_object_is_told_in_the_servers_words() -> None:
    definition = next(d for d in crds() if d["spec"]["names"]["kind"] == "GitRepository")
    source = compile_crd(definition)["v1"]
    metadata = {"name": "x", "namespace": "d"}
    broken = {"metadata": metadata, "spec": {"url": "ftp://x", "interval": "soon", "provider": "nobody"}}
    found = source.validate_create(broken)
    texts = sorted(error.message for error in found)
    assert texts[1].startswith('spec.provider: Unsupported value: "nobody": supported values: "generic", ')
    assert texts[0].startswith('spec.interval: Invalid value: "soon": spec.interval in body should match')
    assert texts[2].startswith('spec.url: Invalid value: "ftp://x": spec.url in body should match')
    assert invalid_message(source.group_kind, "x", found).startswith(
        'GitRepository.source.toolkit.fluxcd.io "x" is invalid: ['
    )


def test_unknown_fields_are_pruned_and_told() -> None:
    nested = {"type": "object", "properties": {"known": {"type": "string"}}}
    custom = kind({"list": {"type": "array", "items": nested}})
    decoded = custom.decode({**thing(list=[{"known": "a", "w": 1}], foo=1), "extra": {}})
    assert decoded.problems == [
        'unknown field "extra"',
        'unknown field "spec.foo"',
        'unknown field "spec.list[0].w"',
    ]
    assert decoded.object["spec"] == {"list": [{"known": "a"}]}


def test_what_is_preserved_is_not_pruned_but_for_what_is_described_within() -> None:
    inner = {"type": "object", "properties": {"known": {"type": "string"}}}
    custom = kind(
        {"any": {"type": "object", "x-kubernetes-preserve-unknown-fields": True, "properties": {"in": inner}}}
    )
    decoded = custom.decode(thing(any={"free": {"x": [1]}, "in": {"known": "a", "other": 1}}))
    assert decoded.object["spec"]["any"] == {"free": {"x": [1]}, "in": {"known": "a"}}


def test_metadata_is_read_as_metadata() -> None:
    custom = kind({})
    obj = thing()
    obj["metadata"] = {"name": "x", "labels": None, "nonsense": 1}
    decoded = custom.decode(obj)
    assert decoded.object["metadata"] == {"name": "x"}
    assert decoded.problems == ['unknown field "metadata.nonsense"']
    obj["metadata"] = {"labels": {"a": 1}}
    with pytest.raises(
        DecodeError, match=r"cannot unmarshal number into Go struct field ObjectMeta\.labels of type string"
    ):
        custom.decode(obj)


def test_defaults_are_filled_in_below_what_is_there() -> None:
    deep = {"type": "object", "default": {}, "properties": {"a": {"type": "integer", "default": 5}}}
    items = {"type": "object", "properties": {"p": {"type": "string", "default": "TCP"}}}
    custom = kind(
        {
            "deep": deep,
            "list": {"type": "array", "items": items},
            "map": {"type": "object", "additionalProperties": items},
        }
    )
    assert custom.default(thing(list=[{}], map={"k": {}}))["spec"] == {
        "deep": {"a": 5},
        "list": [{"p": "TCP"}],
        "map": {"k": {"p": "TCP"}},
    }


def test_a_default_is_not_shared_between_objects() -> None:
    custom = kind({"deep": {"type": "object", "default": {"l": [1]}, "x-kubernetes-preserve-unknown-fields": True}})
    first = custom.default(thing())
    first["spec"]["deep"]["l"].append(2)
    assert custom.default(thing())["spec"]["deep"] == {"l": [1]}


def test_null_is_kept_only_where_it_may_be() -> None:
    custom = kind(
        {
            "may": {"type": "string", "nullable": True, "default": "x"},
            "not": {"type": "string"},
            "filled": {"type": "string", "default": "d"},
        }
    )
    decoded = custom.decode(thing(**{"may": None, "not": None, "filled": None})).object
    assert custom.default(decoded)["spec"] == {"may": None, "filled": "d"}


@pytest.mark.parametrize(
    ("schema", "value", "expected"),
    [
        ({"type": "string"}, 1, 'Invalid value: "integer": spec.f in body must be of type string: "integer"'),
        ({"type": "integer"}, 2.0, ""),
        ({"type": "number"}, 2, ""),
        ({"type": "boolean"}, "true", 'Invalid value: "string": spec.f in body must be of type boolean: "string"'),
        ({"type": "string", "enum": ["a"]}, "b", 'Unsupported value: "b": supported values: "a"'),
        ({"type": "string", "maxLength": 1}, "ab", "Too long: may not be more than 1 byte"),
        (
            {"type": "array", "maxItems": 1, "items": {"type": "string"}},
            ["a", "b"],
            "Too many: 2: must have at most 1 item",
        ),
        ({"type": "integer", "maximum": 5}, 6, "Invalid value: 6: spec.f in body should be less than or equal to 5"),
        (
            {"x-kubernetes-int-or-string": True},
            1.5,
            'Invalid value: "number": spec.f in body must be of type integer,string: "number"',
        ),
        ({"x-kubernetes-int-or-string": True}, "a", ""),
        (
            {"type": "string", "format": "ipv4"},
            "1.2.3",
            'Invalid value: "1.2.3": spec.f in body must be of type ipv4: "1.2.3"',
        ),
        ({"type": "string", "format": "whatever"}, "x", ""),
    ],
)
def test_values_are_judged_in_the_servers_words(schema: dict[str, Any], value: Any, expected: str) -> None:
    assert errors(schema, value) == ([f"spec.f: {expected}"] if expected else [])


def test_what_is_missing_twice_or_ruled_out_is_told() -> None:
    needs = {"type": "object", "required": ["a"], "properties": {"a": {"type": "string"}}}
    assert errors(needs, {}) == ["spec.f.a: Required value"]
    unique = {"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "string"}}
    assert errors(unique, ["a", "a"]) == ['spec.f[1]: Duplicate value: "a"']
    ruled_out = '<nil>: Invalid value: "": "spec.f" must not validate the schema (not)'
    assert errors({"type": "string", "not": {"enum": ["x"]}}, "x") == [ruled_out]


def test_what_was_wrong_before_and_is_unchanged_is_let_be() -> None:
    custom = kind({"f": {"type": "string", "maxLength": 1}, "g": {"type": "string"}})
    old = thing(f="long", g="a")
    old["metadata"].update(uid="u", resourceVersion="1")
    new = {**old, "spec": {"f": "long", "g": "b"}}
    assert custom.validate_update(old, new) == []
    worse = {**old, "spec": {"f": "longer", "g": "b"}}
    assert [e.field for e in custom.validate_update(old, worse)] == ["spec.f"]


@pytest.mark.parametrize(
    ("spec", "problem"),
    [
        ({"a": {}}, "properties[a].type: Required value: must not be empty for specified object fields"),
        ({"a": {"type": "array"}}, "properties[a].items: Required value: must be specified"),
        ({"a": {"type": "string", "pattern": "("}}, "properties[a].pattern: Invalid value"),
        ({"a": {"type": "string", "default": 5}}, "properties[a].default: Invalid value"),
    ],
)
def test_a_schema_that_is_not_structural_is_refused(spec: dict[str, Any], problem: str) -> None:
    with pytest.raises(SchemaError) as caught:
        kind(spec)
    assert problem in str(caught.value)


def test_a_schema_nested_without_end_is_refused() -> None:
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(300):
        schema = {"type": "object", "properties": {"a": schema}}
    with pytest.raises(SchemaError, match="nested deeper"):
        kind({"a": schema})


def test_rules_in_cel_are_told_with_their_place() -> None:
    rule = {"rule": "self > 1"}
    custom = kind({"a": {"type": "integer", "x-kubernetes-validations": [rule]}})
    assert list(custom.rules) == ["spec.a: self > 1"]


def test_status_is_reset_through_the_main_resource_and_all_else_through_status() -> None:
    definition = crd({})
    definition["spec"]["versions"][0]["subresources"] = {"status": {}}
    custom = compile_crd(definition)["v1"]
    main, status = custom.reset_fields(), custom.reset_fields("status")
    assert main is not None
    assert status is not None
    assert json.dumps([main.to_fields(), status.to_fields()]) == '[{"f:status": {}}, {"f:metadata": {}, "f:spec": {}}]'
    assert kind({}).reset_fields() is None
