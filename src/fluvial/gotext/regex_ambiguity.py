"""Which regular expressions make a backtracking engine take exponential time.

Those that can read one text in two ways inside a loop: then each round of the loop doubles the ways, and a text that
finally does not match is tried in all of them. We look at the positions of the pattern that take a character and at
which may follow which (Glushkov's automaton). There is such a loop if an edge that lies on a cycle exists twice, or if
two different paths over the same characters lead from one position back to it (found in the square of the automaton).
Assertions are taken as always true, so the answer errs on the safe side.
"""

from collections import Counter
from dataclasses import dataclass, field

from fluvial.gotext.charclass import Ranges
from fluvial.gotext.regex_syntax import Assertion, Char, Choice, Group, Node, Repetition, Sequence

# Beyond these bounds a pattern is taken for dangerous, which costs speed alone.
_MAX_POSITIONS = 300
_MAX_WORK = 100_000
_WIDE = 10  # 2 to this power is how often such a pattern may be tried


@dataclass(slots=True)
class _Part:
    """A part of the pattern: whether it may be empty, where it may begin and end."""

    empty: bool
    first: list[int] = field(default_factory=list)
    last: list[int] = field(default_factory=list)


class _TooLarge(Exception):
    pass


class _Positions:
    """The positions of a pattern, and how many ways lead from one to the next."""

    def __init__(self) -> None:
        self.sets: list[Ranges] = []
        self.edges: Counter[tuple[int, int]] = Counter()

    def part(self, node: Node) -> _Part:
        match node:
            case Char():
                if len(self.sets) >= _MAX_POSITIONS:
                    raise _TooLarge
                self.sets.append(_folded(node.ranges) if node.folded else node.ranges)
                here = [len(self.sets) - 1]
                return _Part(False, here, here)
            case Assertion():
                return _Part(True)
            case Group():
                return self.part(node.node)
            case Sequence():
                return self._sequence([self.part(item) for item in node.nodes])
            case Choice():
                parts = [self.part(item) for item in node.nodes]
                first = [position for part in parts for position in part.first]
                last = [position for part in parts for position in part.last]
                return _Part(any(part.empty for part in parts), first, last)
            case Repetition():
                return self._repetition(node)

    def _sequence(self, parts: list[_Part]) -> _Part:
        whole = _Part(True)
        for part in parts:
            self._join(whole.last, part.first)
            whole = _Part(
                whole.empty and part.empty,
                whole.first + (part.first if whole.empty else []),
                part.last + (whole.last if part.empty else []),
            )
        return whole

    def _repetition(self, node: Repetition) -> _Part:
        copies = [self.part(node.node) for _ in range(max(node.low, 1 if node.high is None else node.high))]
        for index, copy in enumerate(copies):
            if index >= node.low:
                copy.empty = True
        whole = self._sequence(copies)
        if node.high is None and copies:
            self._join(copies[-1].last, copies[-1].first)
        return whole

    def _join(self, before: list[int], after: list[int]) -> None:
        for left in before:
            for right in after:
                self.edges[left, right] += 1


def may_explode(node: Node) -> bool:
    """Tell whether a backtracking engine may take time exponential in the text. Errs on the safe side."""
    if not _has_nested_choice(node, inside=False):
        return False
    if _has_wide_count(node):
        return True
    positions = _Positions()
    try:
        positions.part(node)
    except _TooLarge:
        return True
    following: dict[int, list[int]] = {}
    for left, right in positions.edges:
        following.setdefault(left, []).append(right)
    reach = {start: _reachable(start, following) for start in range(len(positions.sets))}
    if any(
        ways > 1 and left in reach[left] and left in reach[right] for (left, right), ways in positions.edges.items()
    ):
        return True
    return _has_two_ways_round(positions.sets, following, reach)


def _has_nested_choice(node: Node, inside: bool) -> bool:
    """Tell whether a loop holds anything that can be read in more than one way; if not, there is nothing to compute."""
    match node:
        case Char() | Assertion():
            return False
        case Group():
            return _has_nested_choice(node.node, inside)
        case Repetition():
            loops = node.high is None or node.high > 1
            if inside and node.low != node.high:
                return True
            return _has_nested_choice(node.node, inside or loops)
        case Choice():
            return inside or any(_has_nested_choice(item, inside) for item in node.nodes)
        case Sequence():
            return any(_has_nested_choice(item, inside) for item in node.nodes)


def _has_wide_count(node: Node) -> bool:
    """Tell whether something that can be read in several ways is repeated many times: the ways multiply each time."""
    match node:
        case Group():
            return _has_wide_count(node.node)
        case Repetition():
            wide = node.high is not None and node.high > _WIDE and _has_nested_choice(node.node, inside=True)
            return wide or _has_wide_count(node.node)
        case Sequence() | Choice():
            return any(map(_has_wide_count, node.nodes))
        case Char() | Assertion():
            return False


def _reachable(start: int, following: dict[int, list[int]]) -> set[int]:
    found: set[int] = set()
    pending = [start]
    while pending:
        for place in following.get(pending.pop(), ()):
            if place not in found:
                found.add(place)
                pending.append(place)
    return found


def _has_two_ways_round(sets: list[Ranges], following: dict[int, list[int]], reach: dict[int, set[int]]) -> bool:
    """Tell whether two paths part at a position of a loop and meet again in that loop, over the same characters."""
    work = 0
    pending = [(place, place) for place in reach if place in reach[place]]
    seen: set[tuple[int, int]] = set()
    while pending:
        a, b = pending.pop()
        for left in following.get(a, ()):
            if a not in reach[left]:
                continue  # out of the loop
            for right in following.get(b, ()):
                work += 1
                if b not in reach[right] or (left == right and a == b) or not _overlap(sets[left], sets[right]):
                    continue
                if left == right or work > _MAX_WORK:
                    return True
                if (left, right) not in seen:
                    seen.add((left, right))
                    pending.append((left, right))
    return False


def _overlap(a: Ranges, b: Ranges) -> bool:
    return any(low <= top and bottom <= high for low, high in a for bottom, top in b)


def _folded(ranges: Ranges) -> Ranges:
    """Add the other case of ASCII letters; beyond ASCII take every set for overlapping with every other."""
    swapped = [
        (max(low, base) + shift, min(high, base + 25) + shift)
        for low, high in ranges
        for base, shift in ((0x41, 32), (0x61, -32))
        if low <= base + 25 and base <= high
    ]
    return (*ranges, *swapped, (0x80, 0x10FFFF))
