"""Reading YAML: positions, limits, streams, and the words of errors."""

import pytest

from fluvial.yamldoc import Document, YamlError, dump, load, load_all
from fluvial.yamldoc.events import MAX_DEPTH


def problem(text: str | bytes, **options: object) -> YamlError:
    with pytest.raises(YamlError) as caught:
        load_all(text, **options)  # type: ignore[arg-type]
    return caught.value


def test_a_stream_gives_each_document_with_its_first_line() -> None:
    text = "# head\na: 1\n---\n# only a comment\n---\n\n\n- b\n"
    assert load_all(text) == [Document({"a": 1}, 2), Document(None, 5), Document(["b"], 8)]


def test_a_stream_without_content_gives_nothing() -> None:
    assert load_all("# nothing\n") == []
    assert load("") is None


def test_the_first_document_is_read_whatever_follows() -> None:
    assert load("a: 1\n---\n{broken") == {"a": 1}


def test_what_stands_behind_the_value_belongs_to_its_document() -> None:
    for text in ('"a\nb": c\n', "x" * 1100 + ": 1\n"):
        with pytest.raises(YamlError, match="mapping values are not allowed in this context"):
            load(text)


def test_a_syntax_error_names_line_and_column_in_go_yamls_words() -> None:
    error = problem("kind: A\nmetadata:\n  name: x\n bad: y\n")
    assert (error.line, error.column) == (4, 2)
    assert str(error) == "yaml: line 4: did not find expected key"


def test_a_colon_too_many_is_found_at_its_place() -> None:
    assert str(problem("a: 1\nb: c: d\n")) == "yaml: line 2: mapping values are not allowed in this context"


def test_a_tab_as_indentation_is_refused() -> None:
    assert str(problem("a:\n\tb: 1\n")) == "yaml: line 2: found character that cannot start any token"


def test_control_characters_and_broken_utf8_are_refused_at_their_place() -> None:
    error = problem("a: 1\nb: x\x01y\n")
    assert (error.problem, error.line, error.column) == ("control characters are not allowed", 2, 5)
    assert problem(b"a: 1\nb: \xff\n").line == 2


def test_duplicate_keys_are_told_all_at_once_when_strict() -> None:
    text = "a: 1\nb: 2\na: 3\nb: 4\n"
    assert load(text) == {"a": 3, "b": 4}
    expected = 'yaml: unmarshal errors:\n  line 3: key "a" already set in map\n  line 4: key "b" already set in map'
    assert str(problem(text, strict=True)) == expected
    assert problem(text, strict=True).line == 3


def test_v3_never_takes_a_duplicate_key() -> None:
    assert 'line 2: mapping key "a" already defined at line 1' in str(problem("a: 1\na: 2\n", rules="v3"))


def test_an_alias_is_a_copy() -> None:
    value = load("a: &x {b: [1]}\nc: *x\n")
    value["a"]["b"].append(2)
    assert value["c"] == {"b": [1]}


def test_an_alias_to_nothing_and_one_to_itself_are_refused() -> None:
    assert str(problem("a: *x\n")) == "yaml: line 1: unknown anchor 'x' referenced"
    assert str(problem("a: &x [*x]\n")) == "yaml: line 1: anchor 'x' value contains itself"


def test_an_anchor_given_again_inside_its_own_value_is_the_inner_one() -> None:
    assert load("a: &x\n  b: &x 1\nc: *x\n") == {"a": {"b": 1}, "c": 1}


def test_anchors_end_with_their_document() -> None:
    assert "unknown anchor" in str(problem("a: &x 1\n---\nb: *x\n"))


def test_an_alias_bomb_is_refused_before_it_is_built() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    assert "excessive aliasing" in str(problem("\n".join(lines)))


def test_a_merge_bomb_is_refused() -> None:
    lines = ["a0: &a0 {" + ", ".join(f"k{n}: [1, 2, 3, 4, 5, 6, 7, 8]" for n in range(20)) + "}"]
    lines += [f"a{n}: &a{n} {{x: *a{n - 1}, y: *a{n - 1}, <<: *a{n - 1}}}" for n in range(1, 40)]
    assert "excessive aliasing" in str(problem("\n".join(lines)))


def test_depth_is_bounded() -> None:
    assert load("[" * MAX_DEPTH + "]" * MAX_DEPTH)
    assert problem("[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1)).problem == f"exceeded max depth of {MAX_DEPTH}"


def test_a_huge_number_takes_no_time() -> None:
    assert load("a: " + "9" * 100_000) == {"a": "9" * 100_000}
    assert load("a: 1" + "0" * 300) == {"a": 1e300}


def test_numbers_beyond_json_are_refused() -> None:
    assert str(problem("a:\n- .inf\n")) == "yaml: line 2: json: unsupported value: +Inf"
    assert "NaN" in str(problem("a: .nan\n"))


def test_keys_become_text() -> None:
    assert load("1: a\n0x10: b\nyes: c\n1.5: d\n2001-01-01: e\n") == {
        "1": "a",
        "16": "b",
        "true": "c",
        "1.5": "d",
        "2001-01-01": "e",
    }
    assert "unsupported map key" in str(problem("~: a\n"))
    assert "invalid map key" in str(problem("? [a]\n: b\n"))


def test_a_float_without_fraction_is_an_integer_as_after_json() -> None:
    value = load("[1e3, 1.0, 1e20, 1.5, 18446744073709551615]")
    assert value == [1000, 1, 1e20, 1.5, 18446744073709551615]
    assert [type(item) for item in value] == [int, int, float, float, int]


def test_binary_is_decoded_and_what_is_no_text_in_it_replaced() -> None:
    assert load("a: !!binary aGVsbG8=\nb: !!binary /w==\n") == {"a": "hello", "b": "\ufffd"}
    assert "invalid base64" in str(problem("a: !!binary '?'\n"))


def test_bytes_with_a_byte_order_mark_and_utf16_are_read() -> None:
    assert load(b"\xef\xbb\xbfa: 1\n") == {"a": 1}
    assert load("a: é\n".encode("utf-16")) == {"a": "é"}


def test_a_value_that_json_has_no_form_for_is_not_written() -> None:
    with pytest.raises(ValueError, match="unsupported type"):
        dump({"a": object()})
    with pytest.raises(ValueError, match="unsupported value: NaN"):
        dump(float("nan"))
