"""Values from YAML text."""

from dataclasses import dataclass
from typing import Any, Literal

Rules = Literal["v2", "v3"]


@dataclass(frozen=True, slots=True)
class Document:
    """One document of a stream; `value` is None for an empty one, `line` is the 1-based line of its first content."""

    value: Any
    line: int


def load(data: bytes | str, *, rules: Rules = "v2", strict: bool = False) -> Any:
    """Return the value of the first document; None if there is none. What follows `---` or `...` is not looked at.

    `strict` makes a duplicate key an error (always one under `v3`); else the last one wins.

    Raises:
        YamlError: not YAML, no JSON value, or beyond the limits on size, depth and alias expansion.
    """
    raise NotImplementedError


def load_all(data: bytes | str, *, rules: Rules = "v2", strict: bool = False) -> list[Document]:
    """Return every document in order. Empty ones (only comments, or `null`) are kept with the value None: skip them."""
    raise NotImplementedError
