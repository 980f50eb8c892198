"""Many paths are judged at once as each would be judged alone."""

from hypothesis import given
from hypothesis import strategies as st

from fluvial.stdx.ignore import Pattern, _Sieve, default_matcher, read_patterns, source_matcher

NAME = st.sampled_from(
    ["a", "b", "ab", ".git", "x.yaml", "x.jpg", ".sops.yaml", "deploy", "**", "*", "?", "[ab]", "a*"]
)
PATH = st.lists(NAME, min_size=1, max_size=5).map("/".join)
LINE = st.builds(
    lambda bang, lead, path, tail: bang + lead + path + tail,
    st.sampled_from(["", "!"]),
    st.sampled_from(["", "/", "**/"]),
    PATH,
    st.sampled_from(["", "/", "/*", "/**", "*"]),
)
DOMAIN = st.lists(st.sampled_from(["a", "b", "deploy"]), max_size=2).map(tuple)


@given(st.lists(st.tuples(LINE, DOMAIN), max_size=8), st.lists(PATH, max_size=20))
def test_a_sieve_judges_as_its_matcher_does(lines: list[tuple[str, tuple[str, ...]]], paths: list[str]) -> None:
    patterns: list[Pattern] = [pattern for line, domain in lines for pattern in read_patterns(line, domain)]
    for matcher in (source_matcher(patterns), default_matcher(patterns)):
        sieve = _Sieve(matcher)
        for path in paths:
            assert sieve.excludes(path) == matcher.excludes(path), path
