"""Laws of patches and selectors."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from fluvial.objects import (
    LabelSelector,
    apply_json_patch,
    apply_merge_patch,
    deep_copy,
    format_pointer,
    get_pointer,
    make_merge_patch,
    parse_pointer,
    same_json,
    semantic_equal,
    strategic_merge,
)

NAMES = st.sampled_from(["a", "b", "c", "d/e", "f~g", ""])
SCALARS = st.integers(-3, 3) | st.booleans() | st.sampled_from(["", "x", "1"])


def trees(leaf: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.recursive(
        leaf,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
        max_leaves=12,
    )


FULL = st.dictionaries(NAMES, trees(SCALARS), max_size=4)  # without nulls, which a merge patch cannot say
ANY = trees(SCALARS | st.none())
PATCHES = st.dictionaries(NAMES, trees(SCALARS | st.none()), max_size=4)


class Nothing:
    """A schema that knows nothing: maps merge, lists are replaced."""

    merge_key = strategy = ""

    def field(self, name: str) -> "Nothing":
        return self


class ByName(Nothing):
    """A schema in which every list merges by the name of its items."""

    merge_key, strategy = "name", "merge"


@given(FULL, FULL)
def test_the_merge_patch_between_two_objects_leads_from_one_to_the_other(before: Any, after: Any) -> None:
    assert same_json(apply_merge_patch(before, make_merge_patch(before, after)), after)


@given(FULL)
def test_between_equal_objects_there_is_nothing_to_patch(value: Any) -> None:
    assert make_merge_patch(value, deep_copy(value)) == {}


@given(ANY, PATCHES)
def test_a_merge_patch_applied_twice_is_applied_once(target: Any, patch: Any) -> None:
    once = apply_merge_patch(target, patch)
    assert same_json(apply_merge_patch(once, patch), once)


@given(ANY, PATCHES)
def test_patching_leaves_its_arguments_alone(target: Any, patch: Any) -> None:
    before = deep_copy((target, patch))
    apply_merge_patch(target, patch)
    assert same_json([target, patch], list(before))


@given(FULL, NAMES, trees(SCALARS))
def test_what_a_json_patch_adds_it_can_test_and_remove(target: dict[str, Any], name: str, value: Any) -> None:
    pointer = format_pointer((name,))
    add = {"op": "add", "path": pointer, "value": value}
    test = {"op": "test", "path": pointer, "value": value}
    assert same_json(get_pointer(apply_json_patch(target, [add, test]), pointer), value)
    without = {key: item for key, item in target.items() if key != name}
    assert same_json(apply_json_patch(target, [add, test, {"op": "remove", "path": pointer}]), without)


@given(st.lists(st.text(max_size=5), max_size=4))
def test_pointers_read_back(tokens: list[str]) -> None:
    assert parse_pointer(format_pointer(tuple(tokens))) == tuple(tokens)


@given(FULL, FULL)
def test_without_schema_a_strategic_patch_is_a_merge_patch(live: Any, patch: Any) -> None:
    assert same_json(strategic_merge(live, patch, Nothing()), apply_merge_patch(live, patch))


ITEMS = st.lists(st.sampled_from("pqrs"), unique=True, max_size=4)
PARTS = st.dictionaries(st.sampled_from(["v", "w"]), st.integers(0, 3), max_size=2)


@given(ITEMS, ITEMS, st.data())
def test_a_strategic_patch_merges_items_by_name_and_keeps_the_others(
    live: list[str], new: list[str], data: Any
) -> None:
    old = {"l": [{"name": name, **data.draw(PARTS)} for name in live]}
    patch = {"l": [{"name": name, **data.draw(PARTS)} for name in new]}
    merged = strategic_merge(old, patch, ByName())["l"]
    assert sorted(item["name"] for item in merged) == sorted({*live, *new})
    by_name = {item["name"]: item for item in merged}
    for item in patch["l"]:
        assert item.items() <= by_name[item["name"]].items()
    for item in old["l"]:
        assert item.keys() <= by_name[item["name"]].keys()
    again = strategic_merge({"l": merged}, patch, ByName())["l"]
    assert again == merged


KEYS = st.sampled_from(["a", "b", "app.io/name"])
LABELS = st.dictionaries(KEYS, st.sampled_from(["", "x", "1", "5"]), max_size=3)


@given(LABELS)
def test_labels_match_the_selector_made_of_them(found: dict[str, str]) -> None:
    selector = LabelSelector.of_labels(found)
    assert selector.matches(found)
    assert LabelSelector.parse(str(selector)) == selector


@given(LABELS, KEYS, st.sets(st.sampled_from(["", "x", "1"]), min_size=1))
def test_in_and_notin_are_opposites_and_so_are_exists_and_not(
    found: dict[str, str], key: str, values: set[str]
) -> None:
    listed = ",".join(sorted(values))
    inside = LabelSelector.parse(f"{key} in ({listed})")
    outside = LabelSelector.parse(f"{key} notin ({listed})")
    assert inside.matches(found) is not outside.matches(found)
    assert LabelSelector.parse(key).matches(found) is not LabelSelector.parse(f"!{key}").matches(found)


@given(ANY, ANY)
def test_semantic_equality_is_symmetric_and_weaker_than_equality(a: Any, b: Any) -> None:
    assert semantic_equal(a, b) is semantic_equal(b, a)
    assert semantic_equal(a, b) or not same_json(a, b)
