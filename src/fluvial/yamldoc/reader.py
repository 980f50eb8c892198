"""Values from YAML text: libyaml's grammar, of which go-yaml is a port, and go-yaml's meaning."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from yaml.events import DocumentStartEvent, StreamEndEvent

from fluvial.yamldoc.builder import Builder
from fluvial.yamldoc.events import reading
from fluvial.yamldoc.scalars import Rules


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
    document = next(_documents(data, rules, strict), None)
    return None if document is None else document.value


def load_all(data: bytes | str, *, rules: Rules = "v2", strict: bool = False) -> list[Document]:
    """Return every document in order. Empty ones (only comments, or `null`) are kept with the value None: skip them.

    A stream without any content gives no document. Errors are those of `load`; one bad document fails the stream.
    """
    return list(_documents(data, rules, strict))


def _documents(data: bytes | str, rules: Rules, strict: bool) -> Iterator[Document]:
    with reading(data) as next_event:
        while type(event := next_event()) is not StreamEndEvent:
            if type(event) is DocumentStartEvent:
                root = next_event()
                value = Builder(next_event, rules, strict).document(root)
                next_event()  # the document's end, or the error of what stands there instead
                yield Document(value, root.start_mark.line + 1)
