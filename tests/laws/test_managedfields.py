"""Laws of field sets and of server-side apply."""

from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from fluvial.managedfields import DEDUCED, FieldSet, apply, owned_fields

NOW = datetime(2026, 1, 2, tzinfo=UTC)

names = st.sampled_from("abc")
paths = st.lists(names.map("f:{}".format), min_size=1, max_size=3).map(tuple)
sets = st.lists(paths, max_size=8).map(lambda found: FieldSet.of(*found))
scalars = st.one_of(st.integers(0, 2), st.sampled_from(["x", "1"]), st.booleans(), st.none())
values: st.SearchStrategy[Any] = st.recursive(
    scalars,
    lambda inner: st.one_of(st.dictionaries(names, inner, max_size=3), st.lists(inner, max_size=2)),
    max_leaves=8,
)
specs = st.dictionaries(names, values, max_size=3)


def thing(spec: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": "example.dev/v1", "kind": "Thing", "metadata": {"name": "x", "uid": "u"}, "spec": spec}


def applied(live: dict[str, Any] | None, spec: dict[str, Any], manager: str) -> dict[str, Any]:
    return apply(live, thing(spec), manager=manager, force=True, schema=DEDUCED, now=NOW)


@given(sets, sets)
def test_a_union_less_one_side_is_within_the_other(left: FieldSet, right: FieldSet) -> None:
    assert (left | right) == (right | left)
    assert (left | right) - right == left - right
    assert left & right == right & left
    assert (left - right) | (left & right) == left


@given(sets)
def test_a_set_survives_its_text(whole: FieldSet) -> None:
    assert FieldSet.from_fields(whole.to_fields()) == whole
    assert FieldSet.of(*whole) == whole
    assert len(whole) == len(list(whole))


@given(specs, specs)
def test_applying_twice_is_applying_once(first: dict[str, Any], second: dict[str, Any]) -> None:
    live = applied(applied(None, first, "ann"), second, "bob")
    assert applied(live, second, "bob") == live


@given(specs, specs)
def test_what_a_lone_manager_drops_is_gone(first: dict[str, Any], second: dict[str, Any]) -> None:
    replaced = applied(applied(None, first, "ann"), second, "ann")
    fresh = applied(None, second, "ann")
    assert owned_fields(replaced, "ann") == owned_fields(fresh, "ann")


@given(specs, specs)
def test_with_force_no_two_managers_own_a_field_with_different_values(
    first: dict[str, Any], second: dict[str, Any]
) -> None:
    live = applied(applied(None, first, "ann"), second, "bob")
    again = applied(live, second, "bob")
    assert owned_fields(again, "ann") == owned_fields(live, "ann")
