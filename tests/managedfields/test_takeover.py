"""Taking fields over from other managers, and reading who owns what."""

from typing import Any

from fluvial.managedfields import (
    FieldSet,
    ManagerMatch,
    entries,
    metadata_removal,
    migrate_version,
    owned_fields,
    scale_fields_from_parent,
    scale_fields_to_parent,
    take_over,
)

KUBECTL = ManagerMatch("kubectl", "Update")
BEFORE = ManagerMatch("before-first-apply", "Update", exact=True)


def entry(manager: str, operation: str, *keys: str, **more: Any) -> dict[str, Any]:
    return {
        "manager": manager,
        "operation": operation,
        "apiVersion": "v1",
        "time": "2026-01-02T03:04:05Z",
        "fieldsType": "FieldsV1",
        "fieldsV1": {"f:data": {f"f:{key}": {} for key in keys}},
        **more,
    }


def held(*managed: dict[str, Any], **metadata: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"managedFields": list(managed), **metadata}}


def test_the_first_match_becomes_the_entry_of_the_new_manager() -> None:
    obj = held(entry("kubectl-client-side-apply", "Update", "a"), entry("ed", "Update", "b"))
    (operation,) = take_over(obj, [KUBECTL], manager="flux")
    assert operation["op"] == "replace"
    assert operation["path"] == "/metadata/managedFields"
    assert operation["value"] == [entry("ed", "Update", "b"), entry("flux", "Apply", "a")]


def test_matches_are_merged_into_the_entry_that_is_there() -> None:
    obj = held(entry("flux", "Apply", "a"), entry("kubectl", "Update", "b"), entry("before-first-apply", "Update", "c"))
    (operation,) = take_over(obj, [KUBECTL, BEFORE], manager="flux")
    assert operation["value"] == [entry("flux", "Apply", "a", "b", "c")]


def test_entries_of_a_subresource_or_another_operation_are_left() -> None:
    obj = held(entry("kubectl", "Update", "a", subresource="status"), entry("kubectl", "Apply", "b"))
    assert take_over(obj, [KUBECTL], manager="flux") == []


def test_an_exact_match_is_no_prefix() -> None:
    assert take_over(held(entry("before-first-apply-x", "Update", "a")), [BEFORE], manager="flux") == []


def test_an_object_without_managed_fields_needs_nothing() -> None:
    assert take_over({"metadata": {}}, [KUBECTL], manager="flux") == []


def test_all_entries_migrate_to_one_version() -> None:
    obj = held(entry("a", "Apply", "x"), entry("b", "Update", "y", apiVersion="v1beta1"))
    (operation,) = migrate_version(obj, "v1")
    assert [e["apiVersion"] for e in operation["value"]] == ["v1", "v1"]
    assert migrate_version(held(entry("a", "Apply", "x")), "v1") == []


def test_labels_and_annotations_that_are_there_are_removed() -> None:
    obj = held(labels={"a": "1"}, annotations={"x.dev/y~z": "2"})
    assert metadata_removal(obj, labels=["a", "b"], annotations=["x.dev/y~z", "c"]) == [
        {"op": "remove", "path": "/metadata/annotations/x.dev~1y~0z"},
        {"op": "remove", "path": "/metadata/labels/a"},
    ]


def test_the_fields_of_a_manager_are_those_of_all_its_versions() -> None:
    obj = held(
        entry("ed", "Update", "a"),
        entry("ed", "Update", "b", apiVersion="v2"),
        entry("ed", "Update", "c", subresource="status"),
    )
    assert owned_fields(obj, "ed", "Update") == FieldSet.of(("f:data", "f:a"), ("f:data", "f:b"))
    assert not owned_fields(obj, "ed")


def test_entries_that_cannot_be_read_are_left_out() -> None:
    obj = held(entry("a", "Apply", "x"), {"manager": "b", "fieldsV1": {"bad": {}}}, {"time": "never", "manager": "c"})
    assert [e.manager for e in entries(obj)] == ["a"]


REPLICAS = {"apps/v1": ("f:spec", "f:replicas")}


def owner(manager: str, operation: str, **more: Any) -> dict[str, Any]:
    fields = {"f:spec": {"f:replicas": {}}}
    return {**entry(manager, operation), "apiVersion": "apps/v1", "fieldsV1": fields, **more}


def test_scale_sees_who_owns_the_replicas() -> None:
    other = {**entry("ed", "Update", "a"), "apiVersion": "apps/v1"}
    (seen,) = scale_fields_from_parent([owner("flux", "Apply"), other], REPLICAS)
    assert (seen["manager"], seen["apiVersion"]) == ("flux", "autoscaling/v1")


def test_a_write_through_scale_takes_the_replicas_from_their_owner() -> None:
    parent = [owner("flux", "Apply")]
    scaled = [owner("hpa", "Update", apiVersion="autoscaling/v1", subresource="scale")]
    (entry_now,) = scale_fields_to_parent(parent, scaled, api_version="apps/v1", paths=REPLICAS)
    assert (entry_now["manager"], entry_now["subresource"], entry_now["apiVersion"]) == ("hpa", "scale", "apps/v1")
