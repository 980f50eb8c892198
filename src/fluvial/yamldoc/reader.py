"""Values from YAML text: libyaml's events, go-yaml's meaning.

The grammar is libyaml's, of which go-yaml is a port; the construction of values is ours, because no library has Go's
scalar rules. Values leave as sigs.k8s.io/yaml and the JSON reader of apimachinery would hand them on: a float without
a fraction that fits 64 bits is an int (Go writes it as `1000` and reads that back), keys are text.
"""

import base64
import binascii
import re
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import yaml
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)

from fluvial.gotext import format_float
from fluvial.yamldoc.errors import YamlError
from fluvial.yamldoc.scalars import BOOL, FLOAT, INT, MERGE, NULL, STR, SUSPECT, TIMESTAMP, Rules, resolve

try:
    from yaml.cyaml import CParser as _Parser
except ImportError:  # PyYAML built without libyaml: same events, about twenty times slower

    class _Parser(yaml.reader.Reader, yaml.scanner.Scanner, yaml.parser.Parser):  # type: ignore[no-redef]
        def __init__(self, stream: bytes | str) -> None:
            yaml.reader.Reader.__init__(self, stream)
            yaml.scanner.Scanner.__init__(self)
            yaml.parser.Parser.__init__(self)


MAX_BYTES = 64 << 20  # of one text; the API server takes 3 MiB an object, a Git tree is bounded by its source
MAX_DEPTH = 250  # go-yaml stops at 10,000; everything that walks a value here recurses, real manifests reach 25

_TAG = "tag:yaml.org,2002:"
_RESOLVABLE = {_TAG + kind: kind for kind in (STR, BOOL, INT, FLOAT, NULL, TIMESTAMP)}
_BUILDING = object()  # stands for an anchored value whose end has not been read


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
    if len(data) > MAX_BYTES:
        raise YamlError(f"text is larger than {MAX_BYTES >> 20} MiB")
    try:
        next_event: Callable[[], Event] = _Parser(data).get_event
        while True:
            event = next_event()
            if type(event) is DocumentStartEvent:
                root = next_event()
                value = _Builder(next_event, rules, strict).document(root)
                yield Document(value, root.start_mark.line + 1)
            elif type(event) is StreamEndEvent:
                return
    except yaml.MarkedYAMLError as error:
        raise _syntax_error(error) from None
    except yaml.reader.ReaderError as error:
        raise _encoding_error(error, data) from None


def _syntax_error(error: yaml.MarkedYAMLError) -> YamlError:
    mark = error.problem_mark or error.context_mark
    problem = error.problem or error.context or "unknown problem parsing YAML content"
    return YamlError(problem, mark.line + 1, mark.column + 1) if mark else YamlError(problem)


def _encoding_error(error: yaml.reader.ReaderError, data: bytes | str) -> YamlError:
    raw = data.encode("utf-8", "surrogatepass") if isinstance(data, str) else data
    before = raw[: error.position]
    reason = "control characters are not allowed" if "not allowed" in str(error.reason) else str(error.reason)
    line_start = before.rfind(b"\n") + 1
    return YamlError(reason, before.count(b"\n") + 1, len(before[line_start:].decode("utf-8", "replace")) + 1)


class _Plain(dict[str, Any]):
    """Values of plain scalars by text, worked out once a document (texts repeat massively)."""

    def __init__(self, rules: Rules) -> None:
        super().__init__()
        self._rules = rules

    def __missing__(self, text: str) -> Any:
        value = text
        if not text or text[0] in SUSPECT:
            value = _json_value(*resolve(text, self._rules))
        if len(self) < 65536:
            self[text] = value
        return value


def _json_value(kind: str, value: Any) -> Any:
    if kind is not FLOAT:
        return value
    if value != value or value in (float("inf"), float("-inf")):
        text = "NaN" if value != value else "+Inf" if value > 0 else "-Inf"
        raise _NoJson(f"json: unsupported value: {text}")
    if value == int(value) and abs(value) < 2**63:
        return int(value)
    return value


class _NoJson(Exception):
    """A scalar that JSON cannot say; whoever knows the position makes it a YamlError."""


class _Builder:
    """Builds one document from its events."""

    __slots__ = (
        "_aliased",
        "_anchors",
        "_count",
        "_depth",
        "_duplicates",
        "_next",
        "_plain",
        "_strict",
        "_v3",
        "_rules",
    )

    def __init__(self, next_event: Callable[[], Event], rules: Rules, strict: bool) -> None:
        self._next = next_event
        self._rules = rules
        self._v3 = rules == "v3"
        self._strict = strict or self._v3
        self._plain = _Plain(rules)
        self._anchors: dict[str, tuple[Any, int]] = {}  # value, number of nodes in it
        self._count = 0  # nodes decoded, as go-yaml counts them
        self._aliased = 0  # those among them that came out of an alias
        self._depth = 0
        self._duplicates: list[str] = []

    def document(self, root: Event) -> Any:
        self._count = 1
        value = self._node(root)
        if self._duplicates:
            raise YamlError.many(self._duplicates)
        return value

    def _node(self, event: Event) -> Any:
        kind = type(event)
        if kind is ScalarEvent:
            return self._scalar(event)
        if kind is AliasEvent:
            return self._alias(event)
        before = self._count
        if event.anchor is not None:
            self._anchors[event.anchor] = (_BUILDING, 0)
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise _error(event, f"exceeded max depth of {MAX_DEPTH}")
        value = self._mapping(event) if kind is MappingStartEvent else self._sequence()
        self._depth -= 1
        self._count += 1
        if event.anchor is not None:
            self._anchors[event.anchor] = (value, self._count - before)
        return value

    def _sequence(self) -> list[Any]:
        items: list[Any] = []
        append, next_event, plain = items.append, self._next, self._plain
        while type(event := next_event()) is not SequenceEndEvent:
            if type(event) is ScalarEvent and event.tag is None and event.anchor is None:
                self._count += 1
                try:
                    append(event.value if event.style else plain[event.value])
                except _NoJson as error:
                    raise _error(event, str(error)) from None
            else:
                append(self._node(event))
        return items

    def _mapping(self, start: Event) -> dict[str, Any]:
        result: dict[str, Any] = {}
        next_event, plain, strict = self._next, self._plain, self._strict
        lines: dict[str, int] = {}
        merges: list[Any] = []
        while type(event := next_event()) is not MappingEndEvent:
            if type(event) is ScalarEvent:
                key = event.value
                if event.style or (key and key[0] not in SUSPECT and key != "<<" and event.tag is None):
                    if event.anchor is not None or event.tag is not None:
                        key = self._key(event)
                elif key == "<<" and event.tag in (None, _TAG + MERGE):
                    merged = self._merge_values(next_event())
                    if self._v3:
                        merges = merged
                    else:
                        for other in reversed(merged):
                            self._update(result, other, event)
                    continue
                else:
                    key = self._key(event)
            else:
                key = self._key(event)
            value = next_event()
            if strict and self._is_duplicate(key, event, value, result, lines):
                self._node(value)
                continue
            self._count += 2
            if type(value) is ScalarEvent and value.tag is None and value.anchor is None:
                try:
                    result[key] = value.value if value.style else plain[value.value]
                except _NoJson as error:
                    raise _error(value, str(error)) from None
            else:
                self._count -= 1
                result[key] = self._node(value)
        for other in merges:
            for key, value in other.items():
                result.setdefault(key, value)
        return result

    def _is_duplicate(
        self, key: str, event: Event, value: Event, result: dict[str, Any], lines: dict[str, int]
    ) -> bool:
        """Note a key that is there already: v3 compares what is written in this map, v2 what the map holds by now."""
        if self._v3:
            line = lines.setdefault(key, event.start_mark.line)
            if key not in result:
                return False
            problem = f"mapping key {_quoted(key)} already defined at line {line + 1}"
            self._duplicates.append(f"line {event.start_mark.line + 1}: {problem}")
            return True
        if key not in result:
            return False
        self._duplicates.append(f"line {value.start_mark.line + 1}: key {_quoted(key)} already set in map")
        return True

    def _update(self, result: dict[str, Any], other: dict[str, Any], event: Event) -> None:
        """Merge as v2 does: where it stands, so that keys before `<<` lose and keys after it win."""
        for key, value in other.items():
            if self._strict and key in result:
                self._duplicates.append(f"line {event.start_mark.line + 1}: key {_quoted(key)} already set in map")
            else:
                result[key] = value

    def _merge_values(self, event: Event) -> list[dict[str, Any]]:
        kind = type(event)
        value = self._node(event)
        if kind is SequenceStartEvent and isinstance(value, list):
            found = value
        else:
            found = [value]
        if kind is ScalarEvent or not all(isinstance(item, dict) for item in found):
            raise _error(event, "map merge requires map or sequence of maps as the value")
        return found

    def _key(self, event: Event) -> str:
        kind = type(event)
        if kind is ScalarEvent:
            scalar, value = self._typed(event)
            if event.anchor is not None:
                self._anchors[event.anchor] = (value, 1)
        elif kind is AliasEvent:
            value = self._alias(event)
            scalar = FLOAT if isinstance(value, float) else STR
        else:
            raise _error(event, "invalid map key: a map or a list")
        return _key_text(event, scalar, value)

    def _scalar(self, event: Event) -> Any:
        self._count += 1
        kind, value = self._typed(event)
        try:
            value = _json_value(kind, value)
        except _NoJson as error:
            raise _error(event, str(error)) from None
        if event.anchor is not None:
            self._anchors[event.anchor] = (value, 1)
        return value

    def _typed(self, event: Event) -> tuple[str, Any]:
        """Return kind and value of a scalar with whatever tag and style."""
        tag, text = event.tag, event.value
        if tag is None:
            return (STR, text) if event.style else resolve(text, self._rules)
        if tag == _TAG + STR:
            return STR, text
        if tag == _TAG + "binary":
            return STR, _binary(event)
        wanted = _RESOLVABLE.get(tag)
        if wanted is None:
            return STR, text
        kind, value = resolve(text, self._rules)
        if kind is wanted:
            return kind, value
        if wanted is FLOAT and kind is INT:
            return FLOAT, float(value)
        raise _error(event, f"cannot decode !!{kind} `{text}` as a !!{wanted}")

    def _alias(self, event: Event) -> Any:
        found = self._anchors.get(event.anchor)
        if found is None:
            raise _error(event, f"unknown anchor '{event.anchor}' referenced")
        value, size = found
        if value is _BUILDING:
            raise _error(event, f"anchor '{event.anchor}' value contains itself")
        self._count += 1 + size
        self._aliased += size
        if (
            self._aliased > 100
            and self._count > 1000
            and self._aliased / self._count > _allowed_alias_ratio(self._count)
        ):
            raise _error(event, "document contains excessive aliasing")
        return _copy(value)


def _allowed_alias_ratio(count: int) -> float:
    """Return go-yaml's bound: 99 % of a small document may come out of aliases, 10 % of a very large one."""
    low, high = 400_000, 4_000_000
    return 0.99 - 0.89 * min(1.0, max(0.0, (count - low) / (high - low)))


def _copy(value: Any) -> Any:
    """Return a copy, so that nobody changes two places of a document at once."""
    if isinstance(value, dict):
        return {key: _copy(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_copy(item) for item in value]
    return value


def _key_text(event: Event, kind: str, value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int) and kind is not FLOAT:
        if value >= 2**63:
            raise _error(event, f"unsupported map key of type: uint64, key: {value}")
        return str(value)
    if isinstance(value, int | float):
        return _float_key(value)
    name = "a null" if value is None else f"a {type(value).__name__}"
    raise _error(event, f"unsupported map key: {name}")


def _float_key(value: float) -> str:
    """Return the text sigs.k8s.io/yaml makes of a float key: shortest for 32 bits, though the value has 64."""
    if value != value:
        return ".nan"
    try:
        narrow = struct.unpack("f", struct.pack("f", value))[0]
    except OverflowError:
        narrow = float("inf") if value > 0 else float("-inf")
    if narrow in (float("inf"), float("-inf")):
        return ".inf" if narrow > 0 else "-.inf"
    return format_float(value, 32)


def _binary(event: Event) -> str:
    try:
        raw = base64.b64decode(event.value.replace("\n", "").replace("\r", ""), validate=True)
    except (binascii.Error, ValueError):
        raise _error(event, "!!binary value contains invalid base64 data") from None
    # each byte that is not UTF-8 becomes a U+FFFD of its own, as Go's JSON writer has it
    return re.sub("[\udc80-\udcff]", "\ufffd", raw.decode("utf-8", "surrogateescape"))


def _quoted(key: str) -> str:
    return '"' + key.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _error(event: Event, problem: str) -> YamlError:
    return YamlError(problem, event.start_mark.line + 1, event.start_mark.column + 1)
