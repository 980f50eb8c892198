"""What `why` answers with, and what it asks for on the way."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, TypeAlias

from fluvial.objects import Object, Ref


class Stage(Enum):
    """Where on the way from a commit to a healthy object something is wrong."""

    OBJECT = "object"  # the object that was asked about is not there, or nobody manages it
    CONTROLLER = "controller"  # nobody has looked at the object
    SUSPENDED = "suspended"  # someone said stop
    SPEC = "spec"  # what the object asks for cannot be done
    SOURCE = "source"  # the revision cannot be fetched
    ARTIFACT = "artifact"  # the fetched revision cannot be handed on
    BUILD = "build"  # the files do not make objects
    APPLY = "apply"  # the API server refuses the objects
    PRUNE = "prune"  # objects that left the source cannot be removed
    HEALTH = "health"  # the applied objects do not become what they should
    WORKING = "working"  # nothing is wrong yet: it takes time
    FINE = "fine"  # nothing is wrong


@dataclass(frozen=True, slots=True)
class Step:
    """One link from the object asked about to the cause: what it is, and how the link before leads to it."""

    ref: Ref
    relation: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One cause.

    Args:
        path: from the object asked about (first) to the object to look at (last).
        text: the cause in one sentence.
        evidence: what was read that shows it, quoted.
        next: the command, or the sentence, that takes a person further.
    """

    stage: Stage
    path: tuple[Step, ...]
    text: str
    evidence: tuple[str, ...] = ()
    next: str = ""

    @property
    def root(self) -> Ref:
        """The object to look at."""
        return self.path[-1].ref

    def after(self, step: Step) -> "Answer":
        """Return this answer with `step` before its path."""
        return Answer(stage=self.stage, path=(step, *self.path), text=self.text, evidence=self.evidence, next=self.next)

    def by(self, relation: str) -> "Answer":
        """Return this answer with its first step reached by `relation`."""
        first = Step(self.path[0].ref, relation)
        return Answer(
            stage=self.stage, path=(first, *self.path[1:]), text=self.text, evidence=self.evidence, next=self.next
        )


@dataclass(frozen=True, slots=True)
class PodsOf:
    """Asks for the pods that the workload `ref` selects."""

    ref: Ref


@dataclass(frozen=True, slots=True)
class WarningsOf:
    """Asks for the Warning events about `ref`, newest last."""

    ref: Ref


Question: TypeAlias = "Ref | PodsOf | WarningsOf"


@dataclass(frozen=True, slots=True)
class Ask:
    """The diagnosis cannot go on before these are answered."""

    questions: tuple[Question, ...]


class Unanswered(Exception):
    """Raised inside a diagnosis that needs more; carries what it needs."""

    def __init__(self, questions: Sequence[Question]) -> None:
        super().__init__("more has to be read")
        self.questions = tuple(questions)


class Known:
    """What has been read so far: objects (None = not there), pods, events."""

    def __init__(self, facts: Mapping[Question, Any]) -> None:
        self._facts = facts

    def object(self, ref: Ref) -> Object | None:
        """Return the object, or None if it does not exist."""
        found: Object | None = self._answer(ref)
        return found

    def objects(self, refs: Sequence[Ref]) -> list[tuple[Ref, Object | None]]:
        """Return all of `refs` with their objects, asking for the unread ones at once."""
        missing = [ref for ref in refs if ref not in self._facts]
        if missing:
            raise Unanswered(missing)
        return [(ref, self._facts[ref]) for ref in refs]

    def pods(self, ref: Ref) -> Sequence[Object]:
        found: Sequence[Object] = self._answer(PodsOf(ref))
        return found

    def warnings(self, ref: Ref) -> Sequence[str]:
        found: Sequence[str] = self._answer(WarningsOf(ref))
        return found

    def _answer(self, question: Question) -> Any:
        if question not in self._facts:
            raise Unanswered([question])
        return self._facts[question]
