"""The value of one document from its events: keys, merge keys, tags and anchors, as go-yaml decodes them."""

import base64
import binascii
import re
import struct
from typing import Any

from yaml.events import (
    AliasEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from fluvial.gotext import format_float, go_quote, json_float
from fluvial.yamldoc.errors import YamlError
from fluvial.yamldoc.events import MAX_DEPTH, TAG, Event, NextEvent, problem_at
from fluvial.yamldoc.scalars import BOOL, FLOAT, INT, MERGE, NULL, STR, SUSPECT, TIMESTAMP, Rules, resolve

_RESOLVABLE = {TAG + kind: kind for kind in (STR, BOOL, INT, FLOAT, NULL, TIMESTAMP)}
_BUILDING = object()  # stands for an anchored value whose end has not been read
_INFINITY = float("inf")
_DOUBTFUL = SUSPECT | {"", "<"}  # first characters of keys that may be more than their text


class NoJson(Exception):
    """A scalar that JSON cannot say; whoever knows its place makes it a YamlError."""


class PlainValues(dict[str, Any]):
    """Values of plain scalars by their text, each worked out once a document, since texts repeat massively."""

    __slots__ = ("_rules",)

    def __init__(self, rules: Rules) -> None:
        super().__init__()
        self._rules = rules

    def __missing__(self, text: str) -> Any:
        value = text if text and text[0] not in SUSPECT else json_value(*resolve(text, self._rules))
        if len(self) < 65536:
            self[text] = value
        return value


def json_value(kind: str, value: Any) -> Any:
    """Return a scalar as it comes out of JSON: Go writes the float 1000.0 as `1000`, and reads that as an integer.

    Raises:
        NoJson: NaN or an infinity.
    """
    if kind is not FLOAT:
        return value
    if value != value or abs(value) == _INFINITY:
        raise NoJson(f"json: unsupported value: {format_float(value)}")
    if abs(value) < 2**53:
        return int(value) if value == int(value) else value
    # beyond, Go's digits are those that read back as the same float, not those of its exact value
    text = json_float(value)
    return int(text) if "e" not in text and -(2**63) <= int(text) < 2**63 else value


class Builder:
    """Builds the value of one document; `document` is called once."""

    __slots__ = ("_aliased", "_anchors", "_count", "_depth", "_duplicates", "_next", "_plain", "_rules", "_strict")

    def __init__(self, next_event: NextEvent, rules: Rules, strict: bool) -> None:
        self._next = next_event
        self._rules = rules
        self._strict = strict or rules == "v3"
        self._plain = PlainValues(rules)
        self._anchors: dict[str, tuple[Any, int]] = {}  # a value, and the number of nodes in it
        self._count = 1  # nodes decoded, as go-yaml counts them
        self._aliased = 0  # those among them that came out of an alias
        self._depth = 0
        self._duplicates: list[str] = []

    def document(self, root: Event) -> Any:
        """Return the value whose first event is `root`; duplicate keys are told all at once, as Go does."""
        value = self._node(root)
        if self._duplicates:
            raise YamlError.many(self._duplicates)
        return value

    def _node(self, event: Event) -> Any:
        kind = type(event)
        if kind is MappingStartEvent:
            return self._mapping(event)
        if kind is SequenceStartEvent:
            return self._sequence(event)
        return self._scalar(event) if kind is ScalarEvent else self._alias(event)

    def _begin(self, event: Event) -> tuple[Any, int] | None:
        """Enter the map or list that begins with `event`; return what its anchor stands for until it ends."""
        if self._depth >= MAX_DEPTH:
            raise problem_at(event, f"exceeded max depth of {MAX_DEPTH}")
        self._depth += 1
        self._count += 1
        if event.anchor is None:
            return None
        unfinished = self._anchors[event.anchor] = (_BUILDING, self._count)
        return unfinished

    def _end(self, event: Event, unfinished: tuple[Any, int] | None, value: Any) -> None:
        """Leave the map or list that began with `event`, and remember it for its aliases (unless the anchor has been
        given to something inside of it meanwhile).
        """
        self._depth -= 1
        if unfinished is not None and self._anchors[event.anchor] is unfinished:
            self._anchors[event.anchor] = (value, self._count - unfinished[1] + 1)

    def _sequence(self, start: Event) -> list[Any]:
        unfinished = self._begin(start)
        items: list[Any] = []
        append, next_event, plain = items.append, self._next, self._plain
        while (kind := type(event := next_event())) is not SequenceEndEvent:
            if kind is ScalarEvent and event.tag is None and event.anchor is None:
                self._count += 1
                try:
                    append(event.value if event.style else plain[event.value])
                except NoJson as error:
                    raise problem_at(event, str(error)) from None
            else:
                append(self._node(event))
        self._end(start, unfinished, items)
        return items

    def _mapping(self, start: Event) -> dict[str, Any]:
        unfinished = self._begin(start)
        result: dict[str, Any] = {}
        next_event, plain, strict = self._next, self._plain, self._strict
        written: dict[str, int] = {}  # v3: the keys of this map as they are written, and their lines
        merged: list[dict[str, Any]] = []
        while (kind := type(event := next_event())) is not MappingEndEvent:
            # most keys are their own text: by their first character nothing but a string
            if kind is ScalarEvent and event.value[:1] not in _DOUBTFUL and event.tag is None and event.anchor is None:
                key = event.value
            elif _is_merge(event):
                merged = self._merge(event, result)
                continue
            else:
                key = self._key(event)
            value = next_event()
            if strict and self._is_duplicate(key, event, value, result, written):
                self._node(value)
                continue
            kind = type(value)
            if kind is ScalarEvent and value.tag is None and value.anchor is None:
                self._count += 2
                try:
                    result[key] = value.value if value.style else plain[value.value]
                except NoJson as error:
                    raise problem_at(value, str(error)) from None
            else:
                self._count += 1
                result[key] = self._mapping(value) if kind is MappingStartEvent else self._node(value)
        for other in merged:
            for key, item in other.items():
                result.setdefault(key, item)
        self._end(start, unfinished, result)
        return result

    def _is_duplicate(
        self, key: str, event: Event, value: Event, result: dict[str, Any], written: dict[str, int]
    ) -> bool:
        """Note a key that is there already: v3 compares what is written in this map, v2 what it holds by now."""
        if self._rules == "v3":
            text = event.value if type(event) is ScalarEvent else f"*{event.anchor}"
            line = event.start_mark.line + 1
            if text not in written:
                written[text] = line
                return False
            self._duplicates.append(
                f"line {line}: mapping key {go_quote(text)} already defined at line {written[text]}"
            )
            return True
        if key in result:
            self._duplicates.append(f"line {value.start_mark.line + 1}: key {go_quote(key)} already set in map")
            return True
        return False

    def _merge(self, event: Event, result: dict[str, Any]) -> list[dict[str, Any]]:
        """Read the value of `<<`. v2 merges where it stands (keys before it lose, keys after it win); for v3 the maps
        are returned, to fill what the map itself lacks, the first one first.
        """
        others = self._maps_to_merge(self._next())
        if self._rules == "v3":
            return others
        for other in reversed(others):
            for key, item in other.items():
                if self._strict and key in result:
                    line = event.start_mark.line + 1
                    self._duplicates.append(f"line {line}: key {go_quote(key)} already set in map")
                else:
                    result[key] = item
        return []

    def _maps_to_merge(self, event: Event) -> list[dict[str, Any]]:
        value = self._node(event)
        found = value if type(event) is SequenceStartEvent else [value]
        if not all(isinstance(item, dict) for item in found):
            raise problem_at(event, "map merge requires map or sequence of maps as the value")
        return found

    def _key(self, event: Event) -> str:
        """Return the text that sigs.k8s.io/yaml makes of a key that is not a plain string; v3 keeps it as written, as
        go-yaml does where the target's keys are strings.
        """
        kind = type(event)
        if kind is AliasEvent:
            return _key_text(event, "", self._alias(event))
        if kind is not ScalarEvent:
            raise problem_at(event, "invalid map key: a map or a list")
        scalar, value = self._typed(event)
        if event.anchor is not None:
            self._anchors[event.anchor] = (value, 1)
        if scalar is TIMESTAMP or (self._rules == "v3" and scalar not in (STR, NULL)):
            return str(event.value)
        return _key_text(event, scalar, value)

    def _scalar(self, event: Event) -> Any:
        self._count += 1
        try:
            value = json_value(*self._typed(event))
        except NoJson as error:
            raise problem_at(event, str(error)) from None
        if event.anchor is not None:
            self._anchors[event.anchor] = (value, 1)
        return value

    def _typed(self, event: Event) -> tuple[str, Any]:
        """Return kind and value of a scalar of whatever tag and style."""
        tag, text = event.tag, event.value
        if tag is None or (tag == "!" and self._rules == "v3"):
            return (STR, text) if event.style else resolve(text, self._rules)
        if tag == TAG + "binary":
            return STR, _binary(event)
        wanted = _RESOLVABLE.get(tag, STR)
        if wanted is STR:
            return STR, text  # so do tags that nobody knows
        kind, value = resolve(text, self._rules)
        if kind is wanted:
            return kind, value
        if wanted is FLOAT and kind is INT:
            return FLOAT, float(value)
        raise problem_at(event, f"cannot decode !!{kind} `{text}` as a !!{wanted}")

    def _alias(self, event: Event) -> Any:
        value, size = self._anchors.get(event.anchor, (None, -1))
        if size < 0:
            raise problem_at(event, f"unknown anchor '{event.anchor}' referenced")
        if value is _BUILDING:
            raise problem_at(event, f"anchor '{event.anchor}' value contains itself")
        self._count += 1 + size
        self._aliased += size
        ratio = self._aliased / self._count
        if self._aliased > 100 and self._count > 1000 and ratio > allowed_alias_ratio(self._count):
            raise problem_at(event, "document contains excessive aliasing")
        return _copy(value)


def _is_merge(event: Event) -> bool:
    return type(event) is ScalarEvent and event.value == "<<" and not event.style and event.tag in (None, TAG + MERGE)


def allowed_alias_ratio(count: int) -> float:
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
            raise problem_at(event, f"unsupported map key of type: uint64, key: {value}")
        return str(value)
    if isinstance(value, int | float):
        return _float_key(float(value))
    problem = "unsupported map key of type: %!s(<nil>)" if value is None else "invalid map key: a map or a list"
    raise problem_at(event, problem)


def _float_key(value: float) -> str:
    """Return the text of a float key: shortest for 32 bits, though the value has 64."""
    try:
        struct.pack(">f", value)
    except OverflowError:
        value = _INFINITY if value > 0 else -_INFINITY
    return {"NaN": ".nan", "+Inf": ".inf", "-Inf": "-.inf"}.get(text := format_float(value, 32), text)


def _binary(event: Event) -> str:
    try:
        raw = base64.b64decode(event.value.replace("\n", "").replace("\r", ""), validate=True)
    except (binascii.Error, ValueError):
        raise problem_at(event, "!!binary value contains invalid base64 data") from None
    # each byte that is not UTF-8 becomes a U+FFFD of its own, as Go's JSON writer has it
    return re.sub("[\udc80-\udcff]", "\ufffd", raw.decode("utf-8", "surrogateescape"))
