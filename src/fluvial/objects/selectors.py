"""Label and field selectors: the text of `-l` and `--field-selector`, and `metav1.LabelSelector` objects."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


class SelectorError(ValueError):
    """A selector that Kubernetes would refuse, with its message."""


@dataclass(frozen=True, slots=True)
class Requirement:
    """One clause: `operator` is one of `=`, `!=`, `in`, `notin`, `exists`, `!`, `gt`, `lt`."""

    key: str
    operator: str
    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LabelSelector:
    """Requirements that all must hold. Without any it matches everything; `str()` gives the text for a query."""

    requirements: tuple[Requirement, ...] = ()

    @classmethod
    def parse(cls, text: str) -> "LabelSelector":
        """Parse `a=b,c!=d,e in (x,y),!f,g>1`.

        Raises:
            SelectorError: with the message of apimachinery's labels.Parse.
        """
        raise NotImplementedError

    @classmethod
    def from_object(cls, selector: Mapping[str, Any]) -> "LabelSelector":
        """Read a `metav1.LabelSelector` (`matchLabels`, `matchExpressions`); an empty one matches everything.

        Raises:
            SelectorError: an unknown operator, values missing or superfluous, a bad key or value.
        """
        raise NotImplementedError

    def matches(self, labels: Mapping[str, str]) -> bool:
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class FieldSelector:
    """`metadata.name=x,status.phase!=Running`: terms (path, is_equal, value) that all must hold."""

    terms: tuple[tuple[str, bool, str], ...] = ()

    @classmethod
    def parse(cls, text: str) -> "FieldSelector":
        """Parse the text of `--field-selector`.

        Raises:
            SelectorError: with the message of apimachinery's fields.ParseSelector.
        """
        raise NotImplementedError

    def matches(self, obj: Mapping[str, Any]) -> bool:
        """Tell whether `obj` has these values; an absent field is the empty string."""
        raise NotImplementedError
