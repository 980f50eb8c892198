"""The habits of pflag, Go's flag library, which flux users' fingers know.

`--wait`, `--wait=false` but not `--wait false`; `-n NS`, `-nNS`, `-n=NS`; clusters such as `-Aw`; flags before and
after arguments; `--` ends flags. `normalise` rewrites what the user typed into `--name=value` pairs and arguments,
so that the parser behind it meets one form only. Texts of errors are pflag's.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from fluvial.cli.errors import UsageFailure


@dataclass(frozen=True, slots=True)
class FlagSpec:
    """A flag as the scanner sees it; `bare` is the value of the flag without one ("" = a value is required)."""

    name: str
    bare: str = ""


@dataclass(frozen=True, slots=True)
class FlagSet:
    """The flags that a command knows, by long name and by letter."""

    by_name: Mapping[str, FlagSpec]
    by_letter: Mapping[str, FlagSpec]


@dataclass(slots=True)
class Scanned:
    """What the user typed: (name, value) pairs in order, then the arguments."""

    flags: list[tuple[str, str]] = field(default_factory=list)
    arguments: list[str] = field(default_factory=list)


def normalise(words: Sequence[str], known: FlagSet) -> Scanned:
    """Sort `words` into flags and arguments.

    Raises:
        UsageFailure: a flag that `known` lacks, or a flag whose value is missing.
    """
    scanned = Scanned()
    rest = iter(words)
    for word in rest:
        if word == "--":
            scanned.arguments.extend(rest)
        elif word.startswith("--"):
            scanned.flags.append(_long(word, rest, known))
        elif len(word) > 1 and word.startswith("-"):
            scanned.flags.extend(_letters(word, rest, known))
        else:
            scanned.arguments.append(word)
    return scanned


def _long(word: str, rest: Iterator[str], known: FlagSet) -> tuple[str, str]:
    name, equals, value = word[2:].partition("=")
    if not name or name.startswith("-"):
        raise UsageFailure(f"bad flag syntax: {word}")
    spec = known.by_name.get(name)
    if spec is None:
        raise UsageFailure(f"unknown flag: --{name}")
    if equals:
        return name, value
    if spec.bare:
        return name, spec.bare
    following = next(rest, None)
    if following is None:
        raise UsageFailure(f"flag needs an argument: {word}")
    return name, following


def _letters(word: str, rest: Iterator[str], known: FlagSet) -> Iterator[tuple[str, str]]:
    cluster = word[1:]
    while cluster:
        letter, cluster = cluster[0], cluster[1:]
        spec = known.by_letter.get(letter)
        if spec is None:
            raise UsageFailure(f"unknown shorthand flag: {letter!r} in {word}")
        if cluster.startswith("="):
            yield spec.name, cluster[1:]
            return
        if spec.bare:
            yield spec.name, spec.bare
            continue
        if cluster:
            yield spec.name, cluster
            return
        following = next(rest, None)
        if following is None:
            raise UsageFailure(f"flag needs an argument: {letter!r} in {word}")
        yield spec.name, following


def first_argument(words: Sequence[str], known: FlagSet) -> int | None:
    """Return the index of the first word that is neither a flag nor a flag's value, or None.

    A flag that is not known yet (it belongs to a deeper command) takes the next word with it unless it has an equals
    sign, as cobra decides when it looks for the command.
    """
    skip = False
    for index, word in enumerate(words):
        if skip:
            skip = False
        elif word == "--":
            return None
        elif word.startswith("--"):
            skip = "=" not in word and not _is_bare(known.by_name.get(word[2:]))
        elif word.startswith("-") and len(word) > 1:
            skip = len(word) == 2 and not _is_bare(known.by_letter.get(word[1]))
        else:
            return index
    return None


def _is_bare(spec: FlagSpec | None) -> bool:
    return spec is not None and bool(spec.bare)
