"""Times, numbers, quoting and JSON text in Go's form."""

import re
from datetime import UTC, datetime, timedelta, timezone

import pytest

from fluvial.gotext import (
    Constraint,
    Version,
    compile_re2,
    format_duration,
    format_float,
    go_json,
    go_quote,
    json_float,
    parse_duration,
    parse_quantity,
    parse_rfc3339,
    rfc3339,
    rfc3339_micro,
    rfc3339_nano,
)

MOMENT = datetime(2026, 1, 2, 3, 4, 5, 60700, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0s"), (0.000_000_5, "500ns"), (0.0015, "1.5ms"), (90, "1m30s"), (3600, "1h0m0s"), (-61.5, "-1m1.5s")],
)
def test_durations_are_written_as_go_writes_them(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text
    assert parse_duration(text) == pytest.approx(seconds)


def test_a_moment_is_written_in_utc_with_the_digits_its_type_has() -> None:
    assert rfc3339(MOMENT) == "2026-01-02T03:04:05Z"
    assert rfc3339_micro(MOMENT) == "2026-01-02T03:04:05.060700Z"
    assert rfc3339_nano(MOMENT) == "2026-01-02T03:04:05.0607Z"
    assert rfc3339_nano(MOMENT.replace(microsecond=0)) == "2026-01-02T03:04:05Z"
    assert rfc3339(MOMENT.astimezone(timezone(timedelta(hours=5)))) == "2026-01-02T03:04:05Z"


def test_a_moment_is_read_with_any_offset_and_any_number_of_digits() -> None:
    assert parse_rfc3339("2026-01-02T05:04:05.060700999+02:00") == MOMENT
    for text in ("2026-01-02", "2026-01-02 03:04:05Z", "2026-02-30T00:00:00Z", "2026-01-02T03:04:05"):
        with pytest.raises(ValueError):
            parse_rfc3339(text)


def test_a_moment_without_zone_is_nothing_to_write() -> None:
    with pytest.raises(ValueError, match="without a zone"):
        rfc3339(datetime(2026, 1, 1))


def test_floats_have_gos_shortest_digits_and_its_exponents() -> None:
    cases = {0.1: "0.1", 1e6: "1e+06", 100000.0: "100000", 1e-5: "1e-05", 123456789.0: "1.23456789e+08", -0.0: "-0"}
    assert {value: format_float(value) for value in cases} == cases
    assert format_float(0.1, 32) == "0.1"
    assert format_float(16777217.0, 32) == "1.6777216e+07"
    assert [json_float(value) for value in (1e20, 1e21, 1e-6, 1e-7, 1.5)] == [
        "100000000000000000000",
        "1e+21",
        "0.000001",
        "1e-7",
        "1.5",
    ]


def test_quoting_escapes_what_go_finds_unprintable() -> None:
    assert go_quote('a"\\\n\x00é\u200b😀\U000e0001') == '"a\\"\\\\\\n\\x00é\\u200b😀\\U000e0001"'


def test_json_text_has_sorted_keys_and_is_safe_in_html() -> None:
    assert go_json({"b": [1, None, True], "a": "<&>\u2028"}) == '{"a":"\\u003c\\u0026\\u003e\\u2028","b":[1,null,true]}'
    assert go_json("<", escape_html=False) == '"<"'


def test_equal_quantities_are_equal_whatever_their_text() -> None:
    assert parse_quantity("1") == parse_quantity("1000m")
    assert parse_quantity("1Ki") > parse_quantity("1k")
    assert len({parse_quantity("0.5"), parse_quantity("500m")}) == 1


def test_versions_sort_with_prereleases_before_their_release() -> None:
    texts = ["1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-beta.2", "1.0.0-beta.11", "1.0.0", "1.0.1"]
    assert [str(version) for version in sorted(map(Version.parse, reversed(texts)))] == texts
    assert Version.parse("v1.0.0+a") == Version.parse("1.0.0+b")


def test_a_range_without_a_prerelease_admits_none() -> None:
    assert not Constraint.parse(">=1.0.0").check(Version.parse("1.1.0-rc.1"))
    assert Constraint.parse(">=1.0.0-0").check(Version.parse("1.1.0-rc.1"))


@pytest.mark.parametrize("pattern", ["(?=a)", "(?<!a)b", r"(a)\1", "a++", "(?>a)", "(?#c)", r"\Z", "a{1001}"])
def test_what_re2_has_not_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match="error parsing regexp: "):
        compile_re2(pattern)


def test_classes_and_anchors_mean_what_they_mean_in_go() -> None:
    assert compile_re2(r"^\d+$").search("٣") is None  # ASCII digits only
    assert compile_re2("^a$").search("a\n") is None  # $ is the very end
    assert compile_re2("(?m)^b$").search("a\nb\n")
    assert compile_re2(r"[[:upper:]]\pL").search("Aé")
    assert compile_re2("(?i)straße").search("STRAßE")
    assert compile_re2("x{,3}").search("x{,3}")


EXPLOSIVE = ["(a+)+$", "(a|a)*b", "(a*)*b", r"(\w+\s?)*$", "(x+x+)+y", "(a?){30}a{30}$", "^(([a-z]*)*)*;$"]


@pytest.mark.parametrize("pattern", EXPLOSIVE)
@pytest.mark.timeout(5)
def test_no_pattern_takes_exponential_time(pattern: str) -> None:
    compiled = compile_re2(pattern)
    compiled.search("a" * 29 + "!")
    assert compiled.fullmatch("x" * 29 + "!") is None


@pytest.mark.parametrize(
    "pattern",
    [
        r"^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$",
        r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$",
        r"^main-[a-f0-9]+-(?P<ts>[0-9]+)$",
        r"^(([0-9]{1,3})\.){3}[0-9]{1,3}$",
        "(foo|bar)*",
    ],
)
def test_the_patterns_of_everyday_run_on_pythons_engine(pattern: str) -> None:
    assert isinstance(compile_re2(pattern), re.Pattern)


def test_the_linear_engine_has_the_same_matches() -> None:
    compiled = compile_re2("(?P<w>(ab|a|b)+)(c+)c")  # reads `ab` in two ways
    assert not isinstance(compiled, re.Pattern)
    found = compiled.search("xabbccc")
    assert found is not None
    assert [found.span(group) for group in range(4)] == [(1, 7), (1, 4), (3, 4), (4, 6)]
    assert (found.group("w"), found.groups(), found.groupdict()) == ("abb", ("abb", "b", "cc"), {"w": "abb"})
    pieces = [match.group() for match in compile_re2("(a|a)*").finditer("aab")]
    assert pieces == ["aa", ""]
    assert compile_re2("(a+)+").match("baa") is None
