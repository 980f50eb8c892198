"""Go's rules for text, as Go was recorded to apply them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fluvial.gotext import Constraint, Version, compile_re2, format_duration, parse_duration, parse_quantity

VECTORS = Path(__file__).parents[1] / "vectors" / "gotext"


def rows(name: str) -> list[Any]:
    return json.loads((VECTORS / name).read_text())


def answer(function: Callable[..., Any], *arguments: Any) -> Any:
    try:
        return function(*arguments)
    except ValueError as error:
        return str(error)


@pytest.mark.parametrize(
    ("name", "function"),
    [
        ("versions.json", lambda text: str(Version.parse(text))),
        ("quantities.json", lambda text: str(parse_quantity(text))),
        ("durations.json", lambda text: format_duration(parse_duration(text))),
    ],
)
def test_text_is_read_and_refused_as_in_go(name: str, function: Callable[[str], str]) -> None:
    wrong = [(text, expected, got) for text, expected in rows(name) if (got := answer(function, text)) != expected]
    assert wrong == []


def test_ranges_admit_the_versions_that_masterminds_semver_admits() -> None:
    def check(constraint: str, version: str) -> str:
        return str(Constraint.parse(constraint).check(Version.parse(version))).lower()

    wrong = [(row, got) for row in rows("semver.json") if (got := answer(check, *row[:2])) != row[2]]
    assert wrong == []


def test_regular_expressions_find_and_refuse_what_go_finds_and_refuses() -> None:
    def first(pattern: str, text: str) -> list[int] | None:
        match = compile_re2(pattern).search(text)
        if match is None:
            return None
        return [place for group in range(match.re.groups + 1) for place in match.span(group)]

    wrong = [(row, got) for row in rows("regexps.json") if (got := answer(first, *row[:2])) != row[2]]
    assert wrong == []
