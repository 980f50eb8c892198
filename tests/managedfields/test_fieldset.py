"""Field sets: their text form and their algebra."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from fluvial.managedfields import FieldSet

NESTED = {
    "f:metadata": {"f:labels": {".": {}, "f:app": {}}},
    "f:spec": {"f:containers": {'k:{"name":"a"}': {".": {}, "f:image": {}}}, "f:replicas": {}},
}


def fields(value: dict) -> FieldSet:
    return FieldSet.from_fields(value)


def test_a_field_set_is_read_and_written_unchanged() -> None:
    assert json.dumps(fields(NESTED).to_fields()) == json.dumps(NESTED)


def test_entries_out_of_order_are_put_in_order_and_unknown_elements_dropped() -> None:
    mixed = {"x:future": {}, "f:b": {"f:z": {}, ".": {}, "f:a": {}}, "f:a": {}}
    assert list(fields(mixed).to_fields()) == ["f:a", "f:b"]
    assert json.dumps(fields(mixed).to_fields()["f:b"]) == '{".": {}, "f:a": {}, "f:z": {}}'


def test_keys_and_values_are_ordered_by_value_and_fields_come_first() -> None:
    elements = [
        'v:"a"',
        "v:10",
        "v:9",
        'k:{"port":443}',
        'k:{"port":80}',
        'k:{"port":80,"protocol":"A"}',
        "i:2",
        "i:10",
        "f:z",
    ]
    written = list(fields({element: {} for element in elements}).to_fields())
    assert written == [
        "f:z",
        'k:{"port":80}',
        'k:{"port":80,"protocol":"A"}',
        'k:{"port":443}',
        "v:9",
        "v:10",
        'v:"a"',
        "i:2",
        "i:10",
    ]


def test_key_elements_are_made_canonical() -> None:
    loose = fields({'k:{"protocol":"TCP", "port":80.0}': {}, 'v:"<b>"': {}})
    assert list(loose.to_fields()) == ['k:{"port":80,"protocol":"TCP"}', 'v:"\\u003cb\\u003e"']


@pytest.mark.parametrize("bad", ["x", "no colon", "k:[]", "k:{", "i:x"])
def test_what_is_no_path_element_is_refused(bad: str) -> None:
    with pytest.raises(ValueError):
        fields({bad: {}})


def test_a_set_nested_without_end_is_refused() -> None:
    deep: dict = {}
    for _ in range(400):
        deep = {"f:a": deep}
    with pytest.raises(ValueError, match="nested deeper"):
        fields(deep)


def test_a_union_keeps_both_sides_and_an_intersection_what_they_share() -> None:
    left = FieldSet.of(("f:a",), ("f:b", "f:c"))
    right = FieldSet.of(("f:b", "f:c"), ("f:b", "f:d"))
    assert left | right == FieldSet.of(("f:a",), ("f:b", "f:c"), ("f:b", "f:d"))
    assert left & right == FieldSet.of(("f:b", "f:c"))
    assert not FieldSet.of(("f:a",)) & FieldSet.of(("f:a", "f:b"))


def test_a_difference_leaves_children_of_what_it_takes_and_without_does_not() -> None:
    whole = FieldSet.of(("f:a",), ("f:a", "f:b"), ("f:a", "f:b", "f:c"), ("f:d",))
    parent = FieldSet.of(("f:a", "f:b"))
    assert whole - parent == FieldSet.of(("f:a",), ("f:a", "f:b", "f:c"), ("f:d",))
    assert whole.without(parent) == FieldSet.of(("f:a",), ("f:d",))


def test_leaves_are_the_paths_with_nothing_below() -> None:
    whole = FieldSet.of(("f:a",), ("f:a", "f:b"), ("f:c",))
    assert whole.leaves() == FieldSet.of(("f:a", "f:b"), ("f:c",))


def test_membership_and_size_count_paths() -> None:
    whole = fields(NESTED)
    assert ("f:spec", "f:replicas") in whole
    assert ("f:spec",) not in whole
    assert ("f:metadata", "f:labels") in whole
    assert () not in whole
    assert len(whole) == 5


def test_upstreams_recorded_sets_survive() -> None:
    folder = Path(__file__).parent.parent / "vectors/managedfields"
    for entry in _recorded_entries(folder / "recorded.json"):
        assert json.dumps(fields(entry).to_fields()) == json.dumps(entry)


def _recorded_entries(path: Path) -> Iterator[dict]:
    """Yield the field sets of built-in objects; those of custom ones come with their keys sorted as text."""
    for situation in json.loads(path.read_bytes())["situations"]:
        for exchange in situation["exchanges"]:
            body = exchange["answer"]["body"]
            if isinstance(body, dict) and not body.get("apiVersion", "").startswith("example.dev"):
                yield from (entry["fieldsV1"] for entry in (body.get("metadata") or {}).get("managedFields") or [])
