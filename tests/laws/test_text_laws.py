"""Laws of Go's text forms."""

import json
import re
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from fluvial.gotext import (
    Constraint,
    Version,
    compile_re2,
    format_duration,
    format_float,
    go_json,
    parse_duration,
    parse_quantity,
    parse_rfc3339,
    rfc3339_nano,
)

MOMENTS = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30)).map(lambda moment: moment.replace(tzinfo=UTC))
NUMBER = st.integers(0, 20)
VERSIONS = st.builds(
    lambda major, minor, patch, pre: f"{major}.{minor}.{patch}{pre}",
    NUMBER,
    NUMBER,
    NUMBER,
    st.sampled_from(["", "-alpha", "-alpha.1", "-alpha.beta", "-1", "-rc.2"]),
).map(Version.parse)


@given(st.integers(-(10**15), 10**15))
def test_a_duration_reads_back(nanoseconds: int) -> None:
    text = format_duration(nanoseconds / 1e9)
    assert round(parse_duration(text) * 1e9) == nanoseconds
    assert format_duration(parse_duration(text)) == text


@given(MOMENTS)
def test_a_moment_reads_back(moment: datetime) -> None:
    assert parse_rfc3339(rfc3339_nano(moment)) == moment
    assert parse_rfc3339(rfc3339_nano(moment + timedelta(microseconds=1))) > moment


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_float_reads_back(value: float) -> None:
    assert float(format_float(value)) == value


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(st.characters(exclude_categories=("Cs",))),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(exclude_categories=("Cs",))), inner),
    )
)
def test_json_text_reads_back_and_needs_no_escaping_in_html(value: object) -> None:
    text = go_json(value)
    assert json.loads(text) == value
    assert not re.search("[<>&]", text)


@given(st.integers(-(10**12), 10**12), st.sampled_from(["", "m", "k", "M", "Ki", "Mi", "Gi", "n", "u", "e3", "E-2"]))
def test_the_canonical_text_of_a_quantity_is_the_same_quantity(number: int, suffix: str) -> None:
    quantity = parse_quantity(f"{number}{suffix}")
    assert parse_quantity(str(quantity)) == quantity


@given(VERSIONS, VERSIONS, VERSIONS)
def test_versions_are_ordered(a: Version, b: Version, c: Version) -> None:
    assert (a < b) + (a == b) + (a > b) == 1
    assert not (a <= b <= c) or a <= c


@given(VERSIONS, VERSIONS)
def test_ranges_agree_with_the_order(bound: Version, version: Version) -> None:
    def admits(operator: str) -> bool:
        # a bound with a pre-release admits pre-releases
        return Constraint.parse(f"{operator}{bound}").check(version)

    if version.prerelease and not bound.prerelease:
        assert not any(map(admits, ("<", "<=", "=", ">=", ">", "!=")))
        return
    assert [admits("<"), admits("="), admits(">")] == [version < bound, version == bound, version > bound]
    assert admits("<=") is not admits(">")
    assert admits(">=") is not admits("<")
    assert admits("=") is not admits("!=")


@given(st.text(max_size=20))
def test_any_text_is_found_by_its_own_escaped_form(text: str) -> None:
    pattern = "^" + re.sub(r"([\\.+*?()|\[\]{}^$])", r"\\\1", text) + "$"
    assert compile_re2(pattern).search(text)


@given(st.text(st.sampled_from("ab(){}[]|*+?^$.\\dpQE:<P>-=!,01i"), max_size=14))
def test_any_pattern_is_compiled_or_refused_in_gos_words(pattern: str) -> None:
    try:
        compile_re2(pattern)
    except ValueError as error:
        problem = str(error)
    else:
        return
    assert problem.startswith("error parsing regexp: ")
