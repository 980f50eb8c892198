"""Go's regular expressions (regexp/syntax, which is RE2's) read into a tree.

Go's syntax is read in full, so that nothing of Python's shines through: lookaround, backreferences, possessive and
atomic forms are refused as Go refuses them, `$` means the very end, `\\d`, `\\s`, `\\w` are ASCII, `{,3}` is text.
"""

import re
from dataclasses import dataclass
from typing import NoReturn, TypeAlias

from fluvial.gotext.charclass import PERL, POSIX, Ranges, as_class, category, negate

_MAX_REPEAT = 1000
_MAX_DEPTH = 200  # Go allows 1000; Python's own compiler recurses
_MAX_LENGTH = 16 << 10
_C_ESCAPES = {"a": "\a", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_ASSERTIONS = {"A": "begin", "z": "end", "b": "word edge", "B": "no word edge"}
_REPEATS: dict[str, tuple[int, int | None]] = {"*": (0, None), "+": (1, None), "?": (0, 1)}
_OCTAL = frozenset("01234567")


@dataclass(frozen=True, slots=True)
class Char:
    """One character of a set; `text` is its form in Python's syntax."""

    text: str
    ranges: Ranges
    folded: bool = False  # without regard to case


@dataclass(frozen=True, slots=True)
class Assertion:
    """A condition on a place: "begin", "end", "line begin", "line end", "word edge" or "no word edge"."""

    kind: str


@dataclass(frozen=True, slots=True)
class Group:
    node: "Node"
    index: int = 0  # 0: doesn't capture
    name: str = ""


@dataclass(frozen=True, slots=True)
class Sequence:
    nodes: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """Alternatives in order of preference."""

    nodes: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Repetition:
    node: "Node"
    low: int
    high: int | None  # None: without end
    lazy: bool


Node: TypeAlias = Char | Assertion | Group | Sequence | Choice | Repetition


def parse(pattern: str) -> tuple[Node, int]:
    """Return the tree of `pattern` and the number of its capturing groups.

    Raises:
        ValueError: with the message of Go's regexp package; also for `\\p{Script}` and beyond 16 KiB.
    """
    if len(pattern) > _MAX_LENGTH:
        raise _error("expression too large", pattern)
    parser = _Parser(pattern)
    return parser.whole(), parser.groups


def _error(problem: str, part: str) -> ValueError:
    return ValueError(f"error parsing regexp: {problem}: `{part}`")


class _Parser:
    """Reads from left to right. Beside a node, methods return how often its deepest part is repeated."""

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern  # for messages
        self._text = pattern
        self._at = 0
        self._flags = frozenset[str]()  # of i, m, s, U
        self._depth = 0
        self._names: set[str] = set()
        self.groups = 0

    def whole(self) -> Node:
        node, _ = self._alternation()
        if self._at < len(self._text):
            self._fail("unexpected )", self._pattern)
        return node

    def _fail(self, problem: str, part: str) -> NoReturn:
        raise _error(problem, part)

    def _alternation(self) -> tuple[Node, int]:
        """Read up to a closing parenthesis or the end."""
        branches, weight = [], 1
        while True:
            node, heaviest = self._concatenation()
            branches.append(node)
            weight = max(weight, heaviest)
            if not self._text.startswith("|", self._at):
                return (branches[0] if len(branches) == 1 else Choice(tuple(branches))), weight
            self._at += 1

    def _concatenation(self) -> tuple[Node, int]:
        parts: list[Node] = []
        weight = 1
        while self._at < len(self._text) and self._text[self._at] not in "|)":
            if not self._is_repetition():
                part, heaviest = self._atom()
                if part is None:
                    continue
            elif parts:  # a change of flags stands between, which Go looks past
                part, heaviest = parts.pop(), weight
            else:
                operator = self._operator()
                self._check_count(operator)
                self._fail("missing argument to repetition operator", operator)
            repeated, heaviest = self._repetition(part, heaviest)
            parts.append(repeated)
            weight = max(weight, heaviest)
        return (parts[0] if len(parts) == 1 else Sequence(tuple(parts))), weight

    def _is_repetition(self) -> bool:
        char = self._text[self._at : self._at + 1]
        return char in ("*", "+", "?") or (char == "{" and _COUNTED.match(self._text, self._at) is not None)

    def _operator(self) -> str:
        """Consume a repetition operator with the question mark behind it, and return it."""
        match = _COUNTED.match(self._text, self._at)
        end = match.end() if match else self._at + 1
        if self._text.startswith("?", end):
            end += 1
        operator = self._text[self._at : end]
        self._at = end
        return operator

    def _repetition(self, atom: Node, weight: int) -> tuple[Node, int]:
        if not self._is_repetition():
            return atom, weight
        operator = self._operator()
        weight *= self._check_count(operator)
        if weight > _MAX_REPEAT:
            self._fail("invalid repeat count", operator)
        if self._is_repetition():
            second = self._operator()
            self._check_count(second)
            self._fail("invalid nested repetition operator", operator + second)
        lazy = operator.endswith("?") and len(operator) > 1
        low, high = _bounds(operator[:-1] if lazy else operator)
        return Repetition(atom, low, high, lazy != ("U" in self._flags)), weight

    def _check_count(self, operator: str) -> int:
        """Return how often a counted repetition repeats at most (1 for the others); too often is an error."""
        core = operator.removesuffix("?")
        if not core.startswith("{"):
            return 1
        low, comma, high = core[1:-1].partition(",")
        most = high or low
        too_big = len(low) > 4 or len(most) > 4 or int(low) > _MAX_REPEAT or int(most) > _MAX_REPEAT
        if too_big or (comma and int(low) > int(most)):
            self._fail("invalid repeat count", core)
        return max(int(most), 1)

    def _atom(self) -> tuple[Node | None, int]:
        """Return one unit, or None for a change of flags, which is no unit."""
        char = self._text[self._at]
        if char == "(":
            return self._group()
        self._at += 1
        if char == "[":
            return self._class(), 1
        if char == "\\":
            return self._escape(), 1
        if char == ".":
            return self._set(((0x0A, 0x0A),), negated=True) if "s" not in self._flags else self._set(
                (), negated=True
            ), 1
        if char == "^":
            return Assertion("line begin" if "m" in self._flags else "begin"), 1
        if char == "$":
            return Assertion("line end" if "m" in self._flags else "end"), 1
        return self._literal(char), 1

    def _literal(self, char: str) -> Char:
        return Char(re.escape(char), ((ord(char), ord(char)),), "i" in self._flags)

    def _set(self, ranges: Ranges, *, negated: bool = False) -> Char:
        if not ranges:
            return Char("(?s:.)" if negated else "(?!)", ((0, 0x10FFFF),) if negated else ())
        text = f"[{'^' if negated else ''}{as_class(ranges)}]"
        return Char(text, negate(ranges) if negated else ranges, "i" in self._flags)

    def _group(self) -> tuple[Node | None, int]:
        outer = self._flags
        opening = self._opening()
        if opening is None:
            return None, 1
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            self._fail("expression nests too deeply", self._pattern)
        inside, weight = self._alternation()
        self._depth -= 1
        if not self._text.startswith(")", self._at):
            self._fail("missing closing )", self._pattern)
        self._at += 1
        self._flags = outer
        index, name = opening
        return Group(inside, index, name), weight

    def _opening(self) -> tuple[int, str] | None:
        """Consume what opens a group; return its number (0 doesn't capture) and name, None if it changes flags only."""
        rest = self._text[self._at :]
        if not rest.startswith("(?"):
            self._at += 1
            self.groups += 1
            return self.groups, ""
        named = "(?P<" if rest.startswith("(?P<") else "(?<" if rest.startswith("(?<") else ""
        if named and len(rest) > len(named):
            return self._name(rest, named)
        flags, removing, seen = set(self._flags), False, False
        for index, char in enumerate(rest[2:], start=2):
            if char in "imsU":
                (flags.discard if removing else flags.add)(char)
                seen = True
            elif char == "-" and not removing:
                removing, seen = True, False
            elif char in ":)" and (seen or not removing):
                self._at += index + 1
                self._flags = frozenset(flags)
                return (0, "") if char == ":" else None
            else:
                rest = rest[: index + 1]
                break
        raise _error("invalid or unsupported Perl syntax", rest)

    def _name(self, rest: str, named: str) -> tuple[int, str]:
        end = rest.find(">")
        name = rest[len(named) : end]
        if end < 0:
            self._fail("invalid named capture", rest)
        if not re.fullmatch("[0-9A-Za-z_]+", name):
            self._fail("invalid named capture", rest[: end + 1])
        if name[0].isdigit():
            self._fail("named captures that begin with a digit are not supported", rest[: end + 1])
        self._at += end + 1
        self.groups += 1
        if name in self._names:  # Go finds the first group of a name; Python allows only one
            return self.groups, ""
        self._names.add(name)
        return self.groups, name

    def _escape(self) -> Node | None:
        """Read what follows a backslash outside of a class; None if the rest of the text was rewritten."""
        char = self._text[self._at : self._at + 1]
        if char in _ASSERTIONS:
            self._at += 1
            return Assertion(_ASSERTIONS[char])
        if char == "Q":
            self._unquote()
            return None
        named = self._named_set()
        if named is not None:
            return self._set(named[0], negated=named[1])
        return self._literal(chr(self._char_escape()))

    def _unquote(self) -> None:
        r"""Replace `\Q…\E` by its characters, each escaped: a repetition behind it repeats the last one."""
        literal, _, rest = self._text[self._at + 1 :].partition("\\E")
        escaped = "".join(char if char.isalnum() or not char.isascii() else "\\" + char for char in literal)
        self._at -= 1
        self._text = self._text[: self._at] + escaped + rest

    def _named_set(self) -> tuple[Ranges, bool] | None:
        """Consume `d`, `W`, `pL`, `P{Lu}` … and return the set and whether all but it is meant; None
        if something else is there.
        """
        char = self._text[self._at : self._at + 1]
        if char and char in "dswDSW":
            self._at += 1
            return PERL[char.lower()], char.isupper()
        if char and char in "pP":
            return self._category(char == "P")
        return None

    def _category(self, negated: bool) -> tuple[Ranges, bool]:
        begin = self._at - 1
        match = re.compile(r"[pP](?:\{([^}]*)\}|(.))", re.DOTALL).match(self._text, self._at)
        if not match:
            self._fail("invalid character class range", self._text[begin:])
        self._at = match.end()
        name = match[1] if match[1] is not None else match[2]
        if name.startswith("^"):
            negated, name = not negated, name[1:]
        ranges = category(name)
        if ranges is None:
            self._fail("invalid character class range", self._text[begin : self._at])
        return ranges, negated

    def _char_escape(self) -> int:
        """Read one escaped character and return its code point."""
        begin = self._at - 1
        char = self._text[self._at : self._at + 1]
        if not char:
            raise ValueError("error parsing regexp: trailing backslash at end of expression: ``")
        self._at += 1
        if char in _C_ESCAPES:
            return ord(_C_ESCAPES[char])
        if char == "x":
            match = re.compile(r"\{([0-9a-fA-F]{1,8})\}|([0-9a-fA-F]{2})").match(self._text, self._at)
            if match and int(match[1] or match[2], 16) <= 0x10FFFF:
                self._at = match.end()
                return int(match[1] or match[2], 16)
            self._at = _HEX_READ.match(self._text, self._at).end()  # type: ignore[union-attr]
        elif char in _OCTAL and (char == "0" or self._text[self._at : self._at + 1] in _OCTAL):
            end = self._at
            while end < self._at + 2 and self._text[end : end + 1] in _OCTAL:
                end += 1
            digits, self._at = char + self._text[self._at : end], end
            return int(digits, 8)
        elif char.isascii() and not char.isalnum():
            return ord(char)
        raise _error("invalid escape sequence", self._text[begin : self._at])

    def _class(self) -> Char:
        begin = self._at - 1
        negated = self._text.startswith("^", self._at)
        self._at += negated
        ranges: list[tuple[int, int]] = []
        first = True
        while first or not self._text.startswith("]", self._at):
            first = False
            if self._at >= len(self._text):
                self._fail("missing closing ]", self._text[begin:])
            ranges += self._class_item(begin)
        self._at += 1
        return self._set(tuple(ranges), negated=negated)

    def _class_item(self, begin: int) -> Ranges:
        posix = re.compile(r"\[:(\^?)([^:\]]*):\]").match(self._text, self._at)
        if posix:
            self._at = posix.end()
            ranges = POSIX.get(posix[2])
            if ranges is None:
                self._fail("invalid character class range", posix[0])
            return negate(ranges) if posix[1] else ranges
        if self._text.startswith("\\", self._at):
            self._at += 1
            named = self._named_set()
            if named is not None:
                return negate(named[0]) if named[1] else named[0]
            self._at -= 1
        start = self._at
        low = high = self._class_char(begin)
        if self._text.startswith("-", self._at) and self._text[self._at + 1 : self._at + 2] not in ("]", ""):
            self._at += 1
            high = self._class_char(begin)
            if high < low:
                self._fail("invalid character class range", self._text[start : self._at])
        return ((low, high),)

    def _class_char(self, begin: int) -> int:
        char = self._text[self._at : self._at + 1]
        if not char:
            self._fail("missing closing ]", self._text[begin:])
        self._at += 1
        return self._char_escape() if char == "\\" else ord(char)


# what Go has read of a hexadecimal escape when it gives up
_HEX_READ = re.compile(
    r"\{0*(?:1[1-9a-fA-F]|[2-9a-fA-F][0-9a-fA-F])[0-9a-fA-F]{4}|\{[0-9a-fA-F]*.?|[0-9a-fA-F].?|.?", re.DOTALL
)
_COUNTED = re.compile(r"\{[0-9]+(?:,[0-9]*)?\}")


def _bounds(operator: str) -> tuple[int, int | None]:
    if operator in _REPEATS:
        return _REPEATS[operator]
    low, comma, high = operator[1:-1].partition(",")
    return int(low), int(high) if high else None if comma else int(low)
