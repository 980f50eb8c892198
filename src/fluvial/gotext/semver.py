"""Semantic versions and ranges as Masterminds/semver v3 (3.4 and later) has them."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import total_ordering

from fluvial.gotext.quoting import go_quote

_WORDS = r"[0-9A-Za-z\-]+(?:\.[0-9A-Za-z\-]+)*"
_VERSION = re.compile(rf"v?([0-9]+)(?:\.([0-9]+))?(?:\.([0-9]+))?(?:-({_WORDS}))?(?:\+({_WORDS}))?\Z")
_MAX_VERSION, _MAX_CONSTRAINT, _MAX_GROUPS = 256, 512, 32


@total_ordering
@dataclass(frozen=True, slots=True, eq=False)
class Version:
    """One version. Comparison follows semver 2.0: pre-releases sort before their release, metadata doesn't count."""

    major: int
    minor: int
    patch: int
    prerelease: str = ""
    metadata: str = ""
    original: str = ""  # the text it was read from, for instance `v1.2`

    @classmethod
    def parse(cls, text: str) -> "Version":
        """Read a version leniently: a leading `v`, a missing minor or patch, leading zeros of the numbers.

        Raises:
            ValueError: with Masterminds' message.
        """
        if len(text) > _MAX_VERSION:
            raise ValueError(f"version string is too long (max {_MAX_VERSION} bytes)")
        match = _VERSION.match(text)
        if not match:
            raise ValueError("invalid semantic version")
        major, minor, patch, prerelease, metadata = match.groups()
        _check_prerelease(prerelease or "")
        return cls(
            _segment(major), _segment(minor or "0"), _segment(patch or "0"), prerelease or "", metadata or "", text
        )

    def __str__(self) -> str:
        text = f"{self.major}.{self.minor}.{self.patch}"
        if self.prerelease:
            text += f"-{self.prerelease}"
        return f"{text}+{self.metadata}" if self.metadata else text

    def compare(self, other: "Version") -> int:
        """Return -1, 0 or 1."""
        ours, theirs = self._numbers(), other._numbers()
        if ours != theirs:
            return -1 if ours < theirs else 1
        if self.prerelease == other.prerelease:
            return 0
        if not self.prerelease or not other.prerelease:
            return 1 if not self.prerelease else -1
        return _compare_prerelease(self.prerelease, other.prerelease)

    def _numbers(self) -> tuple[int, int, int]:
        return self.major, self.minor, self.patch

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Version) and self.compare(other) == 0

    def __lt__(self, other: "Version") -> bool:
        return self.compare(other) < 0

    def __hash__(self) -> int:
        return hash((self._numbers(), self.prerelease))


def _segment(text: str) -> int:
    number = int(text) if len(text.lstrip("0")) <= 20 else 2**64
    if number >= 2**64:
        raise ValueError(
            f"error parsing version segment: strconv.ParseUint: parsing {go_quote(text)}: value out of range"
        )
    return number


def _check_prerelease(text: str) -> None:
    for part in text.split("."):
        if part.isdigit() and len(part) > 1 and part[0] == "0":
            raise ValueError("version segment starts with 0")


def _compare_prerelease(ours: str, theirs: str) -> int:
    a, b = ours.split("."), theirs.split(".")
    for index in range(max(len(a), len(b))):
        left = a[index] if index < len(a) else ""
        right = b[index] if index < len(b) else ""
        if left == right:
            continue
        if not left or not right:
            return -1 if not left else 1
        left_number, right_number = _number(left), _number(right)
        if left_number is None and right_number is None:
            return -1 if left < right else 1
        if left_number is None or right_number is None:
            return 1 if left_number is None else -1  # numbers come before words
        return -1 if left_number < right_number else 1
    return 0


def _number(text: str) -> int | None:
    if not text.isdigit() or len(text) > 20:
        return None
    number = int(text)
    return number if number < 2**64 else None


_ANY = r"[0-9|x|X|\*]+"  # the bars are upstream's; they make `1|2` pass here and fail as a version
_LOOSE = rf"v?({_ANY})(\.{_ANY})?(\.{_ANY})?(-{_WORDS})?(?:\+{_WORDS})?"
_PLAIN = re.sub(r"(?<!\\)\((?!\?)", "(?:", _LOOSE)
# Go takes the first alternative that lets the rest match; so does Python, hence the same order.
_OPERATOR = r"=||!=|>|<|>=|=>|<=|=<|~|~>|\^"
_SPACE = r"[\t\n\f\r ]"
_ONE = re.compile(rf"{_SPACE}*({_OPERATOR}){_SPACE}*({_LOOSE}){_SPACE}*\Z")
_RANGE = re.compile(rf"{_SPACE}*({_PLAIN}){_SPACE}+-{_SPACE}+({_PLAIN}){_SPACE}*")
_TERM = re.compile(rf"(?:{_OPERATOR}){_SPACE}*(?:{_PLAIN})")
_WILD = ("x", "X", "*")


@dataclass(frozen=True, slots=True)
class _Term:
    operator: str
    version: Version
    minor_any: bool = False  # `1` or `1.x`
    patch_any: bool = False  # `1.2` or `1.2.x`
    any: bool = False  # either of them, or a bare `*`

    def check(self, version: Version, with_prereleases: bool) -> bool:
        if version.prerelease and not with_prereleases:
            return False
        return _CHECKS[self.operator](version, self)


@dataclass(frozen=True, slots=True)
class Constraint:
    """A range such as `>=1.2 <2 || ^3`, `1.2.x`, `1 - 3`. `str()` gives the text it was read from.

    A group that names no pre-release itself admits none (`>=1.0.0-0` admits them).
    """

    text: str
    _groups: tuple[tuple[_Term, ...], ...] = field(default=(), repr=False)

    @classmethod
    def parse(cls, text: str) -> "Constraint":
        """Read a range.

        Raises:
            ValueError: with Masterminds' message.
        """
        if len(text) > _MAX_CONSTRAINT:
            raise ValueError(f"constraint string is too long (max {_MAX_CONSTRAINT} bytes)")
        groups = _RANGE.sub(r">= \1, <= \2 ", text).split("||")
        if len(groups) > _MAX_GROUPS:
            raise ValueError(f"too many constraint groups (max {_MAX_GROUPS})")
        return cls(text, tuple(map(_group, groups)))

    def check(self, version: Version) -> bool:
        """Tell whether `version` lies in the range."""
        for group in self._groups:
            with_prereleases = any(term.version.prerelease for term in group)
            if all(term.check(version, with_prereleases) for term in group):
                return True
        return False

    def __str__(self) -> str:
        return self.text


def _group(text: str) -> tuple[_Term, ...]:
    if not _is_group(text):
        raise ValueError(f"improper constraint: {go_quote(text)}")
    return tuple(map(_term, _TERM.findall(text)))


def _is_group(text: str) -> bool:
    """Tell whether `text` is terms with spaces or commas between them; linear, unlike upstream's one expression."""
    position, first = 0, True
    while True:
        start = position
        position = _skip(text, position)
        if not first:
            comma = text[position : position + 1] == ","
            if comma:
                position = _skip(text, position + 1)
            elif position == start:
                return position == len(text)
            if position == len(text):
                return not comma
        match = _TERM.match(text, position)
        if match is None:
            return False
        position, first = match.end(), False


def _skip(text: str, position: int) -> int:
    while position < len(text) and text[position] in "\t\n\f\r ":
        position += 1
    return position


def _term(text: str) -> _Term:
    match = _ONE.match(text)
    if not match:
        raise ValueError(f"improper constraint: {go_quote(text)}")
    operator, _, major, minor, patch, prerelease = match.groups()
    minor, patch, tail = (minor or "")[1:], (patch or "")[1:], prerelease or ""
    minor_any = patch_any = False
    if major in _WILD:
        wanted = f"0.0.0{tail}"
    elif not minor or minor in _WILD:
        wanted, minor_any = f"{major}.0.0{tail}", True
    elif not patch or patch in _WILD:
        wanted, patch_any = f"{major}.{minor}.0{tail}", True
    else:
        wanted = text[match.start(2) : match.end(2)]
    try:
        version = Version.parse(wanted)
    except ValueError:
        raise ValueError("constraint parser error") from None
    return _Term(operator, version, minor_any, patch_any, major in _WILD or minor_any or patch_any)


def _equal(version: Version, term: _Term) -> bool:
    return _tilde(version, term) if term.any else version == term.version


def _not_equal(version: Version, term: _Term) -> bool:
    wanted = term.version
    if not term.any:
        return version != wanted
    if version.major != wanted.major or (version.minor != wanted.minor and not term.minor_any):
        return True
    if term.minor_any:
        return False
    if version.patch != wanted.patch and not term.patch_any:
        return True
    if term.patch_any:
        return version.prerelease != wanted.prerelease and bool(version.prerelease or wanted.prerelease)
    return version != wanted


def _greater(version: Version, term: _Term) -> bool:
    wanted = term.version
    if not term.any or version.major != wanted.major:
        return version > wanted
    if term.minor_any:
        return False
    if term.patch_any:
        return version.minor > wanted.minor
    return version > wanted


def _at_most(version: Version, term: _Term) -> bool:
    wanted = term.version
    if not term.any:
        return version <= wanted
    if version.major != wanted.major:
        return version.major < wanted.major
    return term.minor_any or version.minor <= wanted.minor


def _tilde(version: Version, term: _Term) -> bool:
    wanted = term.version
    if version < wanted:
        return False
    if wanted._numbers() == (0, 0, 0) and not term.minor_any and not term.patch_any:
        return True  # a bare `*`; upstream lets ~0.0.0 mean the same
    return version.major == wanted.major and (version.minor == wanted.minor or term.minor_any)


def _caret(version: Version, term: _Term) -> bool:
    wanted = term.version
    if version < wanted or version.major != wanted.major:
        return False
    if wanted.major > 0 or term.minor_any:
        return True
    if version.minor != wanted.minor:
        return False
    return wanted.minor > 0 or term.patch_any or version.patch == wanted.patch


_CHECKS: dict[str, Callable[[Version, _Term], bool]] = {
    "": _equal,
    "=": _equal,
    "!=": _not_equal,
    ">": _greater,
    "<": lambda version, term: version < term.version,
    ">=": lambda version, term: version >= term.version,
    "=>": lambda version, term: version >= term.version,
    "<=": _at_most,
    "=<": _at_most,
    "~": _tilde,
    "~>": _tilde,
    "^": _caret,
}
