"""libyaml's events of a text, its errors in our words, and the limits that hold for every reader."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias

import yaml

from fluvial.yamldoc.errors import YamlError

try:
    from yaml.cyaml import CParser as Parser  # type: ignore[attr-defined]
except ImportError:  # PyYAML built without libyaml: same events, about twenty times slower

    class Parser(yaml.reader.Reader, yaml.scanner.Scanner, yaml.parser.Parser):  # type: ignore[no-redef]
        """PyYAML's own parser behind the one method that we use, `get_event`."""

        def __init__(self, stream: bytes | str) -> None:
            yaml.reader.Reader.__init__(self, stream)
            yaml.scanner.Scanner.__init__(self)
            yaml.parser.Parser.__init__(self)


Event: TypeAlias = Any  # PyYAML's common class declares none of the attributes that its classes share
NextEvent: TypeAlias = Callable[[], Event]

MAX_BYTES = 64 << 20  # of one text; the API server takes 3 MiB an object, a Git tree is bounded by its source
MAX_DEPTH = 250  # go-yaml stops at 10,000; everything that walks a value here recurses, real manifests reach 25

TAG = "tag:yaml.org,2002:"


@contextmanager
def reading(data: bytes | str) -> Iterator[NextEvent]:
    """Give the function that returns the next event of the text; libyaml's errors leave the block as YamlError.

    Raises:
        YamlError: the text is too large, not text, or not YAML.
    """
    if len(data) > MAX_BYTES:
        raise YamlError(f"text is larger than {MAX_BYTES >> 20} MiB")
    try:
        yield Parser(data).get_event
    except yaml.MarkedYAMLError as error:
        raise syntax_error(error) from None
    except yaml.reader.ReaderError as error:
        raise encoding_error(error, data) from None


def syntax_error(error: yaml.MarkedYAMLError) -> YamlError:
    """Return libyaml's error with the line where the problem is (go-yaml prints now that line, now the one before)."""
    mark = error.problem_mark or error.context_mark
    problem = error.problem or error.context or "unknown problem parsing YAML content"
    return YamlError(problem, mark.line + 1, mark.column + 1) if mark else YamlError(problem)


def encoding_error(error: yaml.reader.ReaderError, data: bytes | str) -> YamlError:
    """Return the error of bytes that are no text, or hold control characters."""
    raw = data.encode("utf-8", "surrogatepass") if isinstance(data, str) else data
    before = raw[: error.position]
    reason = "control characters are not allowed" if "not allowed" in str(error.reason) else str(error.reason)
    column = len(before[before.rfind(b"\n") + 1 :].decode("utf-8", "replace")) + 1
    return YamlError(reason, before.count(b"\n") + 1, column)


def problem_at(event: Event, problem: str) -> YamlError:
    """Return the error `problem` at the place of `event`."""
    return YamlError(problem, event.start_mark.line + 1, event.start_mark.column + 1)
