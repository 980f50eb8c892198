"""A regular expression engine that is linear in the text: Pike's machine, which Go uses too.

All ways through the pattern advance together, one character at a time, in order of preference; of those at one place of
the program only the most preferred survives. Slower than Python's engine by far, so it serves only the patterns that
would drive that one into exponential time.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from fluvial.gotext.regex_syntax import Assertion, Char, Choice, Group, Node, Repetition, Sequence

_MAX_PROGRAM = 20_000
Slots = tuple[int, ...]  # begin and end of each group, -1 where it did not take part


@dataclass(slots=True)
class _Step:
    """One instruction. `takes` consumes a character, `checks` looks at the place, `slot` notes it; else a fork."""

    takes: "_Taker | None" = None
    checks: str = ""
    slot: int = -1
    ways: tuple[int, ...] = ()  # next steps, the preferred first; none at the end


class _Taker:
    """Tells whether a character is in a set; remembers the answers."""

    __slots__ = ("_known", "_match")

    def __init__(self, char: Char) -> None:
        self._match = re.compile(f"(?i:{char.text})" if char.folded else char.text).match
        self._known: dict[str, bool] = {}

    def __call__(self, char: str) -> bool:
        answer = self._known.get(char)
        if answer is None:
            answer = self._match(char) is not None
            if len(self._known) < 1024:
                self._known[char] = answer
        return answer


class Found:
    """One match, with the methods of `re.Match` of these names."""

    __slots__ = ("_machine", "_slots", "string")

    def __init__(self, machine: "Machine", string: str, slots: Slots) -> None:
        self._machine, self.string, self._slots = machine, string, slots

    def span(self, which: int | str = 0, /) -> tuple[int, int]:
        index = self._machine.groupindex[which] if isinstance(which, str) else which
        if not 0 <= index <= self._machine.groups:
            raise IndexError("no such group")
        return self._slots[2 * index], self._slots[2 * index + 1]

    def start(self, which: int | str = 0, /) -> int:
        return self.span(which)[0]

    def end(self, which: int | str = 0, /) -> int:
        return self.span(which)[1]

    def group(self, which: int | str = 0, /) -> Any:
        begin, end = self.span(which)
        return None if begin < 0 else self.string[begin:end]

    def groups(self) -> tuple[Any, ...]:
        return tuple(self.group(index) for index in range(1, self._machine.groups + 1))

    def groupdict(self) -> dict[str, Any]:
        return {name: self.group(index) for name, index in self._machine.groupindex.items()}


class Machine:
    """A compiled pattern, with the methods of `re.Pattern` of these names.

    Raises:
        ValueError: the pattern unfolds to more than 20,000 steps.
    """

    __slots__ = ("_steps", "groupindex", "groups")

    def __init__(self, node: Node, groups: int) -> None:
        self.groups = groups
        self.groupindex: dict[str, int] = {}
        self._steps: list[_Step] = []
        self._add(Group(node, 0), slot=0)
        self._put(_Step())

    def search(self, string: str, /) -> Found | None:
        return self._run(string, 0, anchored=False, whole=False)

    def match(self, string: str, /) -> Found | None:
        return self._run(string, 0, anchored=True, whole=False)

    def fullmatch(self, string: str, /) -> Found | None:
        return self._run(string, 0, anchored=True, whole=True)

    def finditer(self, string: str, /) -> Iterator[Found]:
        """Give the matches one after another; as in Go, an empty one right behind another doesn't count."""
        place, previous = 0, -1
        while place <= len(string):
            found = self._run(string, place, anchored=False, whole=False)
            if found is None:
                return
            begin, end = found.span()
            if begin < end or begin != previous:
                yield found
            previous = end
            place = end if end > begin else end + 1

    def _put(self, step: _Step) -> int:
        if len(self._steps) >= _MAX_PROGRAM:
            raise ValueError("error parsing regexp: expression too large")
        self._steps.append(step)
        return len(self._steps) - 1

    def _add(self, node: Node, slot: int = -1) -> None:
        """Append the steps of `node`; each leads to the next one that is appended unless it says otherwise."""
        match node:
            case Char():
                self._put(_Step(takes=_Taker(node), ways=(len(self._steps) + 1,)))
            case Assertion():
                self._put(_Step(checks=node.kind, ways=(len(self._steps) + 1,)))
            case Group():
                slot = 2 * node.index if node.index else slot
                if node.name:
                    self.groupindex[node.name] = node.index
                self._note(slot)
                self._add(node.node)
                self._note(slot + 1 if slot >= 0 else -1)
            case Sequence():
                for item in node.nodes:
                    self._add(item)
            case Choice():
                self._choice(node.nodes)
            case Repetition():
                self._repeat(node)

    def _note(self, slot: int) -> None:
        if slot >= 0:
            self._put(_Step(slot=slot, ways=(len(self._steps) + 1,)))

    def _choice(self, nodes: tuple[Node, ...]) -> None:
        ends = []
        for item in nodes[:-1]:
            fork = self._put(_Step())
            self._add(item)
            ends.append(self._put(_Step()))
            self._steps[fork].ways = (fork + 1, len(self._steps))
        self._add(nodes[-1])
        for end in ends:
            self._steps[end].ways = (len(self._steps),)

    def _repeat(self, node: Repetition) -> None:
        for _ in range(node.low):
            self._add(node.node)
        if node.high is None:
            fork = self._put(_Step())
            self._add(node.node)
            self._put(_Step(ways=(fork,)))
            self._steps[fork].ways = self._preferred(node, fork + 1, len(self._steps))
            return
        forks = []
        for _ in range(node.high - node.low):
            forks.append(self._put(_Step()))
            self._add(node.node)
        for fork in forks:
            self._steps[fork].ways = self._preferred(node, fork + 1, len(self._steps))

    def _preferred(self, node: Repetition, inside: int, outside: int) -> tuple[int, int]:
        return (outside, inside) if node.lazy else (inside, outside)

    def _run(self, string: str, place: int, *, anchored: bool, whole: bool) -> Found | None:
        """Advance all ways together from `place` on; return the most preferred of the leftmost matches."""
        steps = self._steps
        nothing = (-1,) * (2 * self.groups + 2)
        best: Slots | None = None
        here = _Place(place)
        begin = place
        while here.at <= len(string):
            if best is None and (here.at == begin or not anchored):
                self._follow(0, nothing, string, here)
            if not here.ways and (anchored or best is not None):
                break
            ahead = _Place(here.at + 1)
            char = string[here.at : here.at + 1]
            for at, slots in here.ways.items():
                step = steps[at]
                if step.takes is None:  # the end
                    if whole and char:
                        continue
                    best = slots
                    break  # the others are less preferred
                if char and step.takes(char):
                    self._follow(step.ways[0], slots, string, ahead)
            here = ahead
        return None if best is None else Found(self, string, best)

    def _follow(self, at: int, slots: Slots, string: str, place: "_Place") -> None:
        """Note for `place` all steps that take a character or end, to which the step `at` leads without one."""
        pending = [(at, slots)]
        while pending:
            at, slots = pending.pop()
            if at in place.seen:
                continue
            place.seen.add(at)
            step = self._steps[at]
            if step.takes is not None or not step.ways:
                place.ways[at] = slots
            elif not step.checks or _holds(step.checks, string, place.at):
                if step.slot >= 0:
                    slots = (*slots[: step.slot], place.at, *slots[step.slot + 1 :])
                pending += [(way, slots) for way in reversed(step.ways)]


class _Place:
    """A place in the text: the steps to which ways have come, by preference, with what their groups hold."""

    __slots__ = ("at", "seen", "ways")

    def __init__(self, at: int) -> None:
        self.at = at
        self.seen: set[int] = set()
        self.ways: dict[int, Slots] = {}


def _holds(kind: str, string: str, place: int) -> bool:
    match kind:
        case "begin":
            return place == 0
        case "end":
            return place == len(string)
        case "line begin":
            return place == 0 or string[place - 1] == "\n"
        case "line end":
            return place == len(string) or string[place] == "\n"
    edge = _is_word(string[place - 1 : place]) is not _is_word(string[place : place + 1])
    return edge is (kind == "word edge")


def _is_word(char: str) -> bool:
    return char == "_" or (char.isascii() and char.isalnum())
