"""Go's regular expressions: on Python's engine where that is safe, else on one that is linear in time like Go's.

Alternation and repetition prefer the leftmost and the first in all three.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Protocol, cast

from fluvial.gotext.regex_ambiguity import may_explode
from fluvial.gotext.regex_machine import Machine
from fluvial.gotext.regex_syntax import Assertion, Char, Choice, Group, Node, Repetition, Sequence, parse


class Match(Protocol):
    """What `re.Match` has, as far as Go's programs ask for it."""

    def group(self, which: int | str = 0, /) -> Any: ...
    def groups(self) -> tuple[Any, ...]: ...
    def groupdict(self) -> dict[str, Any]: ...
    def span(self, which: int | str = 0, /) -> tuple[int, int]: ...
    def start(self, which: int | str = 0, /) -> int: ...
    def end(self, which: int | str = 0, /) -> int: ...


class Regexp(Protocol):
    """A compiled pattern, with the methods of `re.Pattern` of these names."""

    def search(self, string: str, /) -> Match | None: ...
    def match(self, string: str, /) -> Match | None: ...
    def fullmatch(self, string: str, /) -> Match | None: ...
    def finditer(self, string: str, /) -> Iterator[Match]: ...

    @property
    def groups(self) -> int: ...
    @property
    def groupindex(self) -> Any: ...


@lru_cache(maxsize=1024)
def compile_re2(pattern: str) -> Regexp:
    """Return Go's regular expression `pattern`.

    Matching takes time at most polynomial in the text: where Python's engine would backtrack without end, as in
    `(a+)+$`, a slower linear one is taken.

    Raises:
        ValueError: with the message of Go's regexp package. Beyond what Go refuses also `\\p{Script}`, names of groups
            that begin with a digit, and patterns of more than 16 KiB.
    """
    node, groups = parse(pattern)
    if may_explode(node):
        return Machine(node, groups)
    return cast(Regexp, re.compile(as_python(node)))


_ASSERTIONS = {
    "begin": r"\A",
    "end": r"\Z",
    "line begin": "(?m:^)",
    "line end": "(?m:$)",
    "word edge": r"(?a:\b)",
    "no word edge": r"(?:(?a:\B)|\A\Z)",  # Python finds no \B in an empty text
}


def as_python(node: Node) -> str:
    """Return the tree in Python's syntax."""
    match node:
        case Char():
            return f"(?i:{node.text})" if node.folded else node.text
        case Assertion():
            return _ASSERTIONS[node.kind]
        case Group():
            opening = f"(?P<{node.name}>" if node.name else "(" if node.index else "(?:"
            return f"{opening}{as_python(node.node)})"
        case Sequence():
            return "".join(map(as_python, node.nodes))
        case Choice():
            return "|".join(map(as_python, node.nodes))
        case Repetition():
            return f"(?:{as_python(node.node)}){_bounds(node)}"


def _bounds(node: Repetition) -> str:
    ends = {(0, None): "*", (1, None): "+", (0, 1): "?"}
    text = ends.get((node.low, node.high))
    if text is None:
        text = f"{{{node.low},{'' if node.high is None else node.high}}}"
    return text + ("?" if node.lazy else "")
