"""What of a source goes into its artifact: `.sourceignore` files, `spec.ignore` and Flux's built-in excludes.

Patterns have .gitignore's form with the meaning that fluxcd/pkg/sourceignore gives them, which differs from Git's: a
file is judged by its own path alone, so it can be re-included below an excluded folder; in brackets only `^` negates;
`**` counts only as a whole segment.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from fluvial.stdx.tree import Tree

IGNORE_FILE = ".sourceignore"
EXCLUDE_VCS = (".git/", ".gitignore", ".gitmodules", ".gitattributes")
EXCLUDE_EXTENSIONS = ("*.jpg", "*.jpeg", "*.gif", "*.png", "*.wmv", "*.flv", "*.tar.gz", "*.zip")
EXCLUDE_CI = (
    ".github/",
    ".circleci/",
    ".travis.yml",
    ".gitlab-ci.yml",
    "appveyor.yml",
    ".drone.yml",
    "cloudbuild.yaml",
    "codeship-services.yml",
    "codeship-steps.yml",
)
EXCLUDE_EXTRA = ("**/.goreleaser.yml", "**/.sops.yaml", "**/.flux.yaml")

_LONGEST_LINE = 64 << 10  # bytes; Flux stops reading a file at a longer line


@dataclass(frozen=True, slots=True)
class Pattern:
    """One line of an ignore file. `domain` is the folder it counts in, as path segments; () for the root."""

    domain: tuple[str, ...]
    segments: tuple[str, ...]
    includes: bool  # begins with `!`
    folders_only: bool  # ends with `/`
    anchored: bool  # has a slash elsewhere, so counts from its domain on; else any segment may match

    @classmethod
    def parse(cls, line: str, domain: tuple[str, ...] = ()) -> "Pattern":
        """Read one line that is neither blank nor a comment."""
        includes = line.startswith("!")
        text = line[1:] if includes else line
        if not text.endswith("\\ "):
            text = text.rstrip(" ")
        folders_only = text.endswith("/")
        text = text.removesuffix("/")
        return cls(domain, tuple(text.split("/")), includes, folders_only, "/" in text)

    def matches(self, path: Sequence[str], is_dir: bool) -> bool:
        """Tell whether the path (its segments, from the root) falls under the pattern."""
        depth = len(self.domain)
        if len(path) <= depth or tuple(path[:depth]) != self.domain:
            return False
        below = path[depth:]
        return self._matches_anchored(below, is_dir) if self.anchored else self._matches_name(below, is_dir)

    def _matches_name(self, path: Sequence[str], is_dir: bool) -> bool:
        matches = _glob(self.segments[0])
        for index, name in enumerate(path):
            if matches(name):
                return is_dir or not self.folders_only or index < len(path) - 1
        return False

    def _matches_anchored(self, path: Sequence[str], is_dir: bool) -> bool:
        matched = anywhere = False
        at, last = 0, len(self.segments) - 1
        for index, segment in enumerate(self.segments):
            if segment == "":
                anywhere = False
                continue
            if segment == "**":
                if index == last:
                    break
                anywhere = True
                continue
            if "**" in segment or at == len(path):
                return False
            matches = _glob(segment)
            if anywhere:
                found = next((place for place in range(at, len(path)) if matches(path[place])), None)
                matched = found is not None
                at = len(path) if found is None else found + 1
                anywhere = False
            else:
                if not matches(path[at]):
                    return False
                matched = True
                at += 1
        if matched and self.folders_only and not is_dir and at == len(path):
            return False
        return matched


@dataclass(frozen=True, slots=True)
class Matcher:
    """Patterns in order of rising priority: of those that match a path the last decides."""

    patterns: tuple[Pattern, ...]

    def excludes(self, path: str, *, is_dir: bool = False) -> bool:
        """Tell whether the path (relative, `/` between segments) is left out."""
        segments = path.split("/")
        for pattern in reversed(self.patterns):
            if pattern.matches(segments, is_dir):
                return not pattern.includes
        return False


def read_patterns(text: bytes | str, domain: tuple[str, ...] = ()) -> list[Pattern]:
    """Return the patterns of an ignore file; comments and blank lines give none, nothing is an error."""
    raw = text.encode("utf-8", "surrogateescape") if isinstance(text, str) else text
    patterns = []
    for line in raw.split(b"\n"):
        if len(line) >= _LONGEST_LINE:
            break
        decoded = line.removesuffix(b"\r").decode("utf-8", "surrogateescape")
        if not decoded.startswith("#") and decoded.strip():
            patterns.append(Pattern.parse(decoded, domain))
    return patterns


def load_patterns(tree: Tree) -> list[Pattern]:
    """Return the patterns of all `.sourceignore` files of the tree, each scoped to its folder, outer ones first."""
    paths = [path for path in tree if path.rpartition("/")[2] == IGNORE_FILE]
    patterns: list[Pattern] = []
    for path in sorted(paths, key=lambda path: (path.count("/"), path)):
        domain = tuple(path.split("/")[:-1])
        if ".git" not in domain:
            patterns += read_patterns(tree[path], domain)
    return patterns


def default_matcher(patterns: Iterable[Pattern] = ()) -> Matcher:
    """Return a matcher of all built-in excludes below `patterns`."""
    return Matcher((*_built_in(EXCLUDE_VCS, EXCLUDE_EXTENSIONS, EXCLUDE_CI, EXCLUDE_EXTRA), *patterns))


def source_matcher(patterns: Sequence[Pattern]) -> Matcher:
    """Return the matcher of a Git or OCI artifact: as soon as there is a custom pattern, of the built-in excludes only
    those of version control remain.
    """
    return Matcher((*_built_in(EXCLUDE_VCS), *patterns)) if patterns else default_matcher()


def load_ignore_file(text: bytes | str) -> Matcher:
    """Return the matcher of an ignore file alone, without built-in excludes: the command line's `--ignore-paths`."""
    return Matcher(tuple(read_patterns(text)))


def apply_ignore(tree: Tree, spec_ignore: str | None) -> Tree:
    """Return the files of a Git or OCI source that go into its artifact.

    `spec_ignore` is `spec.ignore`; it outranks the `.sourceignore` files. A tree of which nothing is left is not an
    error here.
    """
    patterns = load_patterns(tree)
    if spec_ignore is not None:
        patterns += read_patterns(spec_ignore)
    sieve = _Sieve(source_matcher(patterns))
    kept = {path: data for path, data in tree.items() if not sieve.excludes(path)}
    return tree if len(kept) == len(tree) else Tree(kept, tree.executable)


class _Sieve:
    """A matcher for thousands of paths: patterns that cannot match a path are not asked.

    Whatever matches a path matches one of its names with its last name, so each name is looked at once, by one
    expression for all patterns; most names of most trees match none.
    """

    def __init__(self, matcher: Matcher) -> None:
        self._patterns = matcher.patterns
        keys = [_key(pattern) for pattern in matcher.patterns]
        expressions = [expression for key in keys if key is not None and (expression := _expression(key)) is not None]
        self._any = re.compile("|".join(f"(?:{expression})" for expression in dict.fromkeys(expressions)), re.DOTALL)
        self._globs = [None if key is None else _glob(key) for key in keys]
        self._by_name: dict[str, int] = {}

    def excludes(self, path: str) -> bool:
        """Tell what `Matcher.excludes` tells of a file."""
        candidates = 0
        segments = path.split("/")
        for name in segments:
            bits = self._by_name.get(name)
            candidates |= self._look_at(name) if bits is None else bits
        while candidates:
            highest = candidates.bit_length() - 1
            pattern = self._patterns[highest]
            if pattern.matches(segments, is_dir=False):
                return not pattern.includes
            candidates &= (1 << highest) - 1
        return False

    def _look_at(self, name: str) -> int:
        """Return the patterns whose last name may be this one, a bit for each."""
        bits = 0
        if self._any.fullmatch(name) is not None:
            for index, glob in enumerate(self._globs):
                if glob is not None and glob(name):
                    bits |= 1 << index
        self._by_name[name] = bits
        return bits


def _key(pattern: Pattern) -> str | None:
    """Return the last segment that must match a name; None for a pattern that matches nothing."""
    names = [segment for segment in pattern.segments if segment not in ("", "**")] if pattern.anchored else None
    if names is None:
        return pattern.segments[0]
    return names[-1] if names else None


def _built_in(*groups: Iterable[str]) -> Iterable[Pattern]:
    return (Pattern.parse(line) for group in groups for line in group)


class _Glob:
    """A segment with wildcards as Go's filepath.Match reads it; a malformed one matches nothing."""

    __slots__ = ("_expression",)

    def __init__(self, pattern: str) -> None:
        expression = _expression(pattern)
        self._expression = None if expression is None else re.compile(expression, re.DOTALL)

    def __call__(self, name: str) -> bool:
        return self._expression is not None and self._expression.fullmatch(name) is not None


@lru_cache(maxsize=4096)
def _glob(pattern: str) -> _Glob:
    return _Glob(pattern)


def _expression(pattern: str) -> str | None:
    chunks = [""]  # what stands between the asterisks
    position = 0
    while position < len(pattern):
        char = pattern[position]
        position += 1
        if char == "*":
            chunks.append("")
        elif char == "?":
            chunks[-1] += "."
        elif char == "[":
            found = _char_class(pattern, position)
            if found is None:
                return None
            chunks[-1] += found[0]
            position = found[1]
        else:
            if char == "\\":
                if position == len(pattern):
                    return None
                char = pattern[position]
                position += 1
            chunks[-1] += re.escape(char)
    first, *others = chunks
    if not others:
        return first
    # Each chunk may be taken where it is first found, hence atomic groups: a pattern of many asterisks stays linear.
    middle = "".join(f"(?>.*?{chunk})" for chunk in others[:-1] if chunk)
    return f"{first}{middle}.*{others[-1]}"


def _char_class(pattern: str, position: int) -> tuple[str, int] | None:
    """Return the expression of the class whose inside begins at `position`, and where it ends."""
    negated = pattern.startswith("^", position)
    position += negated
    ranges: list[str] = []
    while not ranges or not pattern.startswith("]", position):
        low = _class_char(pattern, position)
        if low is None:
            return None
        high = low
        if pattern.startswith("-", low[1]):
            following = _class_char(pattern, low[1] + 1)
            if following is None:
                return None
            high = following
        position = high[1]
        # a range the wrong way round holds nothing, but is well-formed
        ranges.append(f"{re.escape(low[0])}-{re.escape(high[0])}" if low[0] <= high[0] else "")
    inside = "".join(ranges)
    if not inside:
        return ("." if negated else "(?!)"), position + 1
    return f"[{'^' if negated else ''}{inside}]", position + 1


def _class_char(pattern: str, position: int) -> tuple[str, int] | None:
    if position >= len(pattern) or pattern[position] in "-]":
        return None
    if pattern[position] == "\\":
        position += 1
        if position >= len(pattern):
            return None
    return (pattern[position], position + 1) if position + 1 < len(pattern) else None
