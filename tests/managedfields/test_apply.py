"""Server-side apply on values: ownership, conflicts, removal, refusals."""

from datetime import UTC, datetime
from typing import Any

import pytest

from fluvial.managedfields import (
    DEDUCED,
    ApplyConflict,
    ApplyError,
    FieldSet,
    Schemas,
    TypeSchema,
    apply,
    keep_times,
    update,
)

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
LATER = datetime(2026, 1, 2, 4, 0, 0, tzinfo=UTC)

DEFINITIONS = {
    "Meta": {
        "type": "object",
        "properties": {
            "name": {"type": "string"},
            "namespace": {"type": "string"},
            "uid": {"type": "string"},
            "labels": {"type": "object", "additionalProperties": {"type": "string"}},
            "managedFields": {"type": "array", "x-kubernetes-list-type": "atomic", "items": {"type": "object"}},
        },
    },
    "Thing": {
        "type": "object",
        "x-kubernetes-group-version-kind": [{"group": "", "version": "v1", "kind": "Thing"}],
        "properties": {
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            "metadata": {"$ref": "#/definitions/Meta"},
            "data": {"type": "object", "additionalProperties": {"type": "string"}},
            "items": {
                "type": "array",
                "x-kubernetes-list-type": "map",
                "x-kubernetes-list-map-keys": ["name"],
                "items": {"type": "object", "properties": {"name": {"type": "string"}, "value": {"type": "string"}}},
            },
            "args": {"type": "array", "items": {"type": "string"}},
        },
    },
}
THING = Schemas(DEFINITIONS).get("v1", "Thing")
assert THING is not None


def thing(**content: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Thing", "metadata": {"name": "x", "namespace": "d"}, **content}


def applied(live: Any, content: dict[str, Any], manager: str = "flux", *, force: bool = False, **kw: Any) -> Any:
    result = apply(live, content, manager=manager, force=force, schema=kw.pop("schema", THING), now=NOW, **kw)
    return {**result, "metadata": {"uid": "u", **result["metadata"]}}


def managers(obj: Any) -> dict[str, Any]:
    return {e["manager"]: e["fieldsV1"] for e in obj["metadata"].get("managedFields", [])}


def test_the_first_apply_owns_what_it_sets() -> None:
    obj = applied(None, thing(data={"k": "v"}))
    assert obj["metadata"]["managedFields"] == [
        {
            "manager": "flux",
            "operation": "Apply",
            "apiVersion": "v1",
            "time": "2026-01-02T03:04:05Z",
            "fieldsType": "FieldsV1",
            "fieldsV1": {"f:data": {"f:k": {}}},
        }
    ]


def test_a_dropped_field_goes_unless_somebody_else_owns_it() -> None:
    obj = applied(None, thing(data={"mine": "1", "ours": "2"}))
    obj = applied(obj, thing(data={"ours": "2"}), "helm")
    obj = applied(obj, thing(data={}))
    assert obj["data"] == {"ours": "2"}


def test_a_conflict_names_manager_and_field_and_force_takes_the_field() -> None:
    obj = applied(None, thing(data={"k": "v"}))
    with pytest.raises(ApplyConflict) as caught:
        applied(obj, thing(data={"k": "w"}), "helm")
    assert caught.value.message == 'Apply failed with 1 conflict: conflict with "flux": .data.k'
    assert caught.value.causes == [
        {"reason": "FieldManagerConflict", "message": 'conflict with "flux"', "field": ".data.k"}
    ]
    assert managers(applied(obj, thing(data={"k": "w"}), "helm", force=True)) == {"helm": {"f:data": {"f:k": {}}}}


def test_conflicts_with_several_managers_are_told_by_manager() -> None:
    obj = applied(None, thing(data={"a": "1", "b": "1"}))
    obj = applied(obj, thing(items=[{"name": "i", "value": "1"}]), "helm")
    with pytest.raises(ApplyConflict) as caught:
        applied(obj, thing(data={"a": "2", "b": "2"}, items=[{"name": "i", "value": "2"}]), "third")
    assert caught.value.message == (
        "Apply failed with 3 conflicts: "
        'conflicts with "flux":\n- .data.a\n- .data.b\nconflicts with "helm":\n- .items[name="i"].value'
    )


def test_an_apply_that_changes_nothing_keeps_its_time() -> None:
    obj = applied(None, thing(data={"k": "v"}))
    again = apply(obj, thing(data={"k": "v"}), manager="flux", force=False, schema=THING, now=LATER)
    assert again == obj


def test_list_items_keep_the_order_of_whoever_applies() -> None:
    obj = applied(None, thing(items=[{"name": "b"}, {"name": "d"}]))
    obj = applied(obj, thing(items=[{"name": "a"}, {"name": "c"}]), "helm")
    assert [i["name"] for i in obj["items"]] == ["b", "d", "a", "c"]
    obj = applied(obj, thing(items=[{"name": "d"}, {"name": "b"}]))
    # Shared items stand as they were applied, the others of the live list where they were met.
    assert [i["name"] for i in obj["items"]] == ["d", "a", "c", "b"]


def test_an_object_without_managers_had_them_before_the_first_apply() -> None:
    live = thing(data={"k": "v"})
    live["metadata"]["uid"] = "u"
    obj = applied(live, thing(data={"l": "w"}))
    assert managers(obj) == {"flux": {"f:data": {"f:l": {}}}, "before-first-apply": {"f:data": {".": {}, "f:k": {}}}}


def test_fields_that_the_endpoint_resets_are_not_owned() -> None:
    obj = applied(None, thing(data={"k": "v"}, args=["a"]), reset=FieldSet.of(("f:args",)))
    assert managers(obj) == {"flux": {"f:data": {"f:k": {}}}}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"data": {"k": 5}}, ".data.k: expected string, got &value.valueUnstructured{Value:5}"),
        ({"data": [1]}, ".data: expected map, got &{[1]}"),
        ({"nope": 1}, ".nope: field not declared in schema"),
        ({"items": [{"name": "a"}, {"name": "a"}]}, '.items: duplicate entries for key [name="a"]'),
        ({"items": [None]}, ".items: element 0: associative list with keys may not have a null element"),
        (
            {"items": [{"value": "x"}]},
            '.items: element 0: associative list with keys has an element that omits all key fields ["name"]'
            " (and doesn't have default values for any key fields)",
        ),
    ],
)
def test_an_object_that_does_not_fit_is_refused(content: dict[str, Any], message: str) -> None:
    with pytest.raises(ApplyError) as caught:
        applied(None, thing(**content))
    assert caught.value.message == f"failed to create typed patch object (d/x; /v1, Kind=Thing): {message}"
    assert caught.value.code == 500


def test_managed_fields_may_not_be_applied() -> None:
    with pytest.raises(ApplyError, match=r"metadata\.managedFields must be nil") as caught:
        applied(None, {**thing(), "metadata": {"name": "x", "managedFields": []}})
    assert (caught.value.code, caught.value.reason) == (400, "BadRequest")


def test_an_object_nested_without_end_is_refused() -> None:
    deep: Any = {}
    for _ in range(400):
        deep = {"a": deep}
    with pytest.raises(ApplyError, match="exceeded max depth"):
        applied(None, thing(spec=deep), schema=DEDUCED)


def test_a_kind_without_schema_merges_maps_and_replaces_lists() -> None:
    obj = applied(None, thing(spec={"a": {"b": 1}, "l": [1]}), schema=DEDUCED)
    obj = applied(obj, thing(spec={"a": {"c": 2}}), "helm", schema=DEDUCED)
    assert obj["spec"] == {"a": {"b": 1, "c": 2}, "l": [1]}
    with pytest.raises(ApplyConflict):
        applied(obj, thing(spec={"l": [1, 2]}), "helm", schema=DEDUCED)


def test_an_update_takes_what_it_changes_and_loses_what_goes() -> None:
    obj = update(None, thing(data={"k": "v"}), manager="ed", schema=THING, now=NOW)
    assert managers(obj) == {"ed": {"f:data": {".": {}, "f:k": {}}}}
    obj["metadata"]["uid"] = "u"
    changed = update(obj, {**obj, "data": {"k": "w"}}, manager="bo", schema=THING, now=LATER)
    assert managers(changed) == {"ed": {"f:data": {}}, "bo": {"f:data": {"f:k": {}}}}
    gone = update(changed, {k: v for k, v in changed.items() if k != "data"}, manager="bo", schema=THING, now=LATER)
    assert "managedFields" not in gone["metadata"]


def test_an_object_whose_managers_were_reset_stays_without() -> None:
    obj = update(None, thing(data={"k": "v"}), manager="ed", schema=THING, now=NOW)
    obj["metadata"]["uid"] = "u"
    for reset in ([], [{}]):
        sent = {**obj, "metadata": {**obj["metadata"], "managedFields": reset}}
        bare = update(obj, sent, manager="bo", schema=THING, now=NOW)
        assert "managedFields" not in bare["metadata"]
    again = update(bare, {**bare, "data": {"k": "w"}}, manager="bo", schema=THING, now=NOW)
    assert "managedFields" not in again["metadata"]


def test_update_managers_beyond_ten_become_ancient_changes() -> None:
    obj = update(None, thing(data={"k0": "v"}), manager="m00", schema=THING, now=NOW)
    obj["metadata"]["uid"] = "u"
    for number in range(1, 12):
        wanted = {**obj, "data": {**obj["data"], f"k{number}": "v"}}
        obj = update(obj, wanted, manager=f"m{number:02d}", schema=THING, now=NOW.replace(second=5 + number))
    names = [entry["manager"] for entry in obj["metadata"]["managedFields"]]
    assert len(names) == 10
    assert names[0] == "ancient-changes"


def test_an_update_that_does_not_fit_the_schema_has_no_managers() -> None:
    obj = update(None, thing(data={"k": "v"}, nope=1), manager="ed", schema=THING, now=NOW)
    assert "managedFields" not in obj["metadata"]


def test_times_are_kept_where_nothing_else_differs() -> None:
    old = applied(None, thing(data={"k": "v"}))
    entry = {**old["metadata"]["managedFields"][0], "time": "2030-01-01T00:00:00Z"}
    new = {**old, "metadata": {**old["metadata"], "managedFields": [entry]}}
    assert keep_times(old, new) == old
    other = {**new, "data": {"k": "w"}}
    assert keep_times(old, other) is other


def test_a_manager_of_a_version_that_is_gone_is_dropped() -> None:
    obj = applied(None, thing(data={"k": "v"}))
    obj["metadata"]["managedFields"][0]["apiVersion"] = "v0"
    schemas: dict[str, TypeSchema] = {}
    new = applied(obj, thing(data={"l": "w"}), "helm", versions=schemas.get)
    assert list(managers(new)) == ["helm"]


def test_what_became_atomic_is_owned_as_a_whole() -> None:
    obj = applied(None, thing(data={"k": "v"}))
    changed = {**DEFINITIONS["Thing"]["properties"]["data"], "x-kubernetes-map-type": "atomic"}  # type: ignore[index]
    properties = {**DEFINITIONS["Thing"]["properties"], "data": changed}  # type: ignore[dict-item]
    atomic = Schemas({**DEFINITIONS, "Thing": {**DEFINITIONS["Thing"], "properties": properties}}).named("Thing")
    new = applied(obj, thing(items=[{"name": "a"}]), "helm", schema=atomic)
    assert managers(new)["flux"] == {"f:data": {}}


def test_arguments_are_left_alone() -> None:
    live = applied(None, thing(data={"k": "v"}, items=[{"name": "a", "value": "1"}]))
    frozen = repr(live)
    wanted = thing(data={"l": "w"}, items=[{"name": "a", "value": "2"}])
    text = repr(wanted)
    applied(live, wanted, force=True)
    assert (repr(live), repr(wanted)) == (frozen, text)
