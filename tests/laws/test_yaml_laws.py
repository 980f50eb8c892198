"""Laws of reading and writing YAML."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from fluvial.gotext import json_float
from fluvial.objects import same_json
from fluvial.yamldoc import YamlError, dump, dump_all, load, load_all

# U+0085 and surrogates cannot stand in YAML as they are; the writer escapes the one, Python's text has the others
TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=60)
AWKWARD = st.text(
    st.sampled_from(" \t\n\r\x85\u2028:-#'\"\\{}[]&*!|>%@`?,=~<.0123456789eExXobnyNYtfé😀a"), max_size=120
)
WORDS = st.sampled_from(
    ["yes", "no", "on", "y", "N", "null", "~", "0o7", "0755", "1e3", "1:30", "2001-01-01", ".inf", "-"]
)
STRINGS = TEXT | AWKWARD | WORDS
NUMBERS = st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False)
SCALARS = STRINGS | NUMBERS | st.booleans() | st.none()
# a key `<<` is written as Go writes it, which nobody can read back
KEYS = STRINGS.filter(lambda key: key != "<<")
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=20,
)


def as_written(value: Any) -> Any:
    """What Go's way through JSON makes of numbers: a float without fraction that fits 64 bits is an integer."""
    if isinstance(value, dict):
        return {key: as_written(item) for key, item in value.items()}
    if isinstance(value, list):
        return [as_written(item) for item in value]
    if isinstance(value, float):
        text = json_float(value)
        if text.lstrip("-").isdigit() and -(2**63) <= int(text) < 2**64:
            return int(text)
    return value


@given(VALUES)
def test_what_is_written_reads_back_as_the_same_value(value: Any) -> None:
    assert same_json(load(dump(value)), as_written(value))


@given(VALUES)
def test_writing_what_was_read_changes_nothing(value: Any) -> None:
    text = dump(value)
    assert dump(load(text)) == text


@given(
    st.dictionaries(st.text("abZ-./_1", min_size=1, max_size=6), st.integers(), max_size=6),
    st.randoms(use_true_random=False),
)
def test_the_order_of_keys_in_memory_does_not_show(value: dict[str, Any], shuffler: Any) -> None:
    items = list(value.items())
    shuffler.shuffle(items)
    assert dump(dict(items)) == dump(value)


@given(st.lists(VALUES.filter(lambda value: value is not None), max_size=4))
def test_a_stream_reads_back_document_by_document(values: list[Any]) -> None:
    found = [document.value for document in load_all(dump_all(values))]
    assert same_json(found, as_written(values))


@given(st.text(st.sampled_from("ab:-?#&*!|>'\"%@`{}[],\n\t 0.<~"), max_size=40))
def test_any_text_is_read_or_refused_with_a_place(text: str) -> None:
    try:
        load_all(text)
    except YamlError as error:
        found = error
    else:
        return
    assert str(found).startswith("yaml: ")
    assert 0 <= found.line <= text.count("\n") + 2
