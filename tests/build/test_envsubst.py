"""`${name}` and its functions."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluvial.build import lookup_in, substitute
from fluvial.build.envsubst import SubstitutionError

VARIABLES = {
    "v": "abcABCabc",
    "path": "/usr/lib/x.tar.gz",
    "empty": "",
    "word": "straße İ ﬀ",
    "star": "a*b?c",
    "back": "a\\b",
}

RESULTS = {
    "no variable": "no variable",
    "${v}": "abcABCabc",
    "-${v}-${v}-": "-abcABCabc-abcABCabc-",
    "$v": "$v",
    "$$": "$",
    "$${v}": "${v}",
    "$$$${v}": "$${v}",
    "cost: 5$": "cost: 5$",
    "${empty}": "",
    "${gone}": "",
    "${gone:-x}": "x",
    "${gone:=x}": "x",
    "${gone=x}": "x",
    "${gone:?x}": "x",
    "${gone:+x}": "x",
    "${empty:=x}": "x",
    "${v:=x}": "abcABCabc",
    "${gone:=${v}}": "abcABCabc",
    "${gone:=<${also:=${v}}>}": "<abcABCabc>",
    "${gone:=a b: c}": "a b: c",
    "${#v}": "9",
    "${#word}": "14",
    "${v^}": "AbcABCabc",
    "${v^^}": "ABCABCABC",
    "${v,}": "abcABCabc",
    "${v,,}": "abcabcabc",
    "${word^^}": "STRAßE İ ﬀ",
    "${word,,}": "straße i ﬀ",
    "${v:3}": "ABCabc",
    "${v:3:3}": "ABC",
    "${v:0:100}": "abcABCabc",
    "${v:100}": "",
    "${v:-3}": "abcABCabc",
    "${v:x}": "abcABCabc",
    "${path#*/}": "usr/lib/x.tar.gz",
    "${path##*/}": "x.tar.gz",
    "${path%.*}": "/usr/lib/x.tar",
    "${path%%.*}": "/usr/lib/x",
    "${path#none}": "/usr/lib/x.tar.gz",
    "${v#[a-c]}": "bcABCabc",
    "${star#a\\*}": "b?c",
    "${v/abc/-}": "-ABCabc",
    "${v//abc/-}": "-ABC-",
    "${v/#abc/-}": "-ABCabc",
    "${v/%abc/-}": "abcABC-",
    "${v/abc/}": "ABCabc",
    "${path//\\//.}": ".usr.lib.x.tar.gz",
}


@pytest.mark.parametrize("text", RESULTS)
def test_an_expression(text: str) -> None:
    assert substitute(text, lookup_in(VARIABLES, strict=False)) == RESULTS[text]


@pytest.mark.parametrize(
    "text", ["${gone}", "${#gone}", "${gone^^}", "${gone:1}", "${gone/a/b}", "${gone#a}", "${gone%%a}"]
)
def test_a_variable_that_is_not_set(text: str) -> None:
    with pytest.raises(SubstitutionError, match=r'variable not set \(strict mode\): "gone"'):
        substitute(text, lookup_in(VARIABLES, strict=True))
    substitute(text, lookup_in(VARIABLES, strict=False))


@pytest.mark.parametrize("text", ["${gone:-x}", "${gone:=x}", "${gone=x}", "${empty}", "$${gone}"])
def test_a_default_will_do(text: str) -> None:
    substitute(text, lookup_in(VARIABLES, strict=True))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("${", "unable to parse variable name"),
        ("${}", "unable to parse variable name"),
        ("${-v}", "unable to parse variable name"),
        ("${v", "missing closing brace"),
        ("${v-x}", "missing closing brace"),
        ("${v.x}", "missing closing brace"),
        ("${v:", "bad substitution"),
        ("${v:é}", "bad substitution"),
        ("${#v", "bad substitution"),
        ("${v^^^}", "bad substitution"),
        ("${gone} ${", "unable to parse variable name"),
    ],
)
def test_what_is_no_expression(text: str, problem: str) -> None:
    with pytest.raises(SubstitutionError) as caught:
        substitute(text, lookup_in(VARIABLES, strict=True))
    assert str(caught.value) == problem


@given(st.text(st.sampled_from("${}v:=-/#%^,*[]\\ab é"), max_size=30), st.booleans())
def test_any_text_gives_text_or_a_refusal(text: str, strict: bool) -> None:
    with contextlib.suppress(SubstitutionError):
        substitute(text, lookup_in(VARIABLES, strict=strict))


@given(st.text())
def test_a_text_without_dollars_stays(text: str) -> None:
    plain = text.replace("$", "")
    assert substitute(plain, lookup_in({}, strict=True)) == plain


def test_a_pattern_that_would_backtrack() -> None:
    assert substitute("${a##" + "*a" * 40 + "*b}", lambda name: "a" * 2000) == "a" * 2000
