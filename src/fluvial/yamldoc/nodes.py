"""YAML text to nodes: what a value lost, its tag and its style, is kept, and may be changed in place.

For editors of YAML that must do what tools built on go-yaml v3's `yaml.Node` do (kustomize): there a number set where
a quoted text stood stays text, because the style belongs to the place. Anchors are gone: an alias is a copy.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceStartEvent,
    StreamEndEvent,
)

from fluvial.yamldoc.builder import allowed_alias_ratio
from fluvial.yamldoc.errors import YamlError
from fluvial.yamldoc.events import MAX_DEPTH, Event, reading
from fluvial.yamldoc.scalars import MERGE, NULL, STR, SUSPECT, resolve

SCALAR, MAPPING, SEQUENCE = 1, 2, 3  # Node.kind
TAGGED, DOUBLE, SINGLE, LITERAL, FOLDED, FLOW = 1, 2, 4, 8, 16, 32  # Node.style; 0 is plain, or block
QUOTED = DOUBLE | SINGLE | LITERAL | FOLDED
MAP, SEQ = "map", "seq"

__all__ = [
    "DOUBLE",
    "FLOW",
    "FOLDED",
    "LITERAL",
    "MAP",
    "MAPPING",
    "QUOTED",
    "SCALAR",
    "SEQ",
    "SEQUENCE",
    "SINGLE",
    "SUSPECT",
    "TAGGED",
    "Node",
    "first_node",
    "plain_tag",
    "plain_value",
    "resolve_v3",
]

_MERGE_KEY = "<<"
_STYLES = {"": 0, None: 0, '"': DOUBLE, "'": SINGLE, "|": LITERAL, ">": FOLDED}
_PREFIX = "tag:yaml.org,2002:"


class Node:
    """One value of a document.

    `tag` is `str`, `int`, `null` … for YAML's own, else as written (`!mine`), "" where nothing was said: then the
    value means what its text would mean unquoted. `content` is a dict of a mapping's values by key, a list of a
    sequence's items, None for a scalar, whose text is `value`. `odd` names keys that would make the mapping unfit for
    JSON: written twice, or read back as something else than text.
    """

    __slots__ = ("content", "kind", "odd", "style", "tag", "value")

    def __init__(self, kind: int, tag: str, style: int = 0, value: str = "", content: Any = None) -> None:
        self.kind = kind
        self.tag = tag
        self.style = style
        self.value = value
        self.content = content
        self.odd: dict[str, str] | None = None

    def copy(self) -> "Node":
        """Return a copy that shares nothing with this node."""
        twin = Node(self.kind, self.tag, self.style, self.value)
        twin.odd = self.odd
        content = self.content
        if content is None:
            return twin
        if self.kind == MAPPING:
            twin.content = {key: value.copy() for key, value in content.items()}
        else:
            twin.content = [item.copy() for item in content]
        return twin

    def assign(self, other: "Node") -> None:
        """Become what `other` is, in place: whoever holds this node sees the change. Children are shared."""
        self.kind = other.kind
        self.tag = other.tag
        self.style = other.style
        self.value = other.value
        content = other.content
        self.content = content if content is None else content.copy()
        self.odd = other.odd

    def __repr__(self) -> str:
        return f"Node({self.tag or '-'}, {self.value!r})" if self.content is None else f"Node({self.content!r})"


def first_node(data: bytes | str) -> Node | None:
    """Return the root of the first document, None if there is none or it is null. What follows it is not looked at.

    Raises:
        YamlError: not YAML, or beyond the limits on size, depth and alias expansion.
    """
    with reading(data) as next_event:
        while True:
            kind = type(next_event())
            if kind is DocumentStartEvent:
                root = _compose(next_event)
                next_event()  # the document's end, or the error of what stands there instead
                return None if root.tag == NULL else root
            if kind is StreamEndEvent:
                return None


def resolve_v3(text: str) -> tuple[str, Any]:
    """Return the tag and the value of `text` as a plain scalar under v3 rules."""
    return resolve(text, "v3")


@lru_cache(maxsize=8192)
def plain_tag(text: str) -> str:
    """Return the tag of `text` as a plain scalar."""
    return MERGE if text == _MERGE_KEY else resolve(text, "v3")[0]


@lru_cache(maxsize=8192)
def plain_value(text: str) -> Any:
    """Return what `text` means as a plain scalar."""
    return resolve(text, "v3")[1]


class _Frame:
    """One collection that is being read."""

    __slots__ = ("items", "key", "lines", "merge", "node", "pairs")

    def __init__(self, node: Node) -> None:
        self.node = node
        self.pairs: dict[str, Node] | None = node.content if node.kind == MAPPING else None
        self.items: list[Node] | None = None if node.kind == MAPPING else node.content
        self.key: str | None = None  # read, and waiting for its value; a merge key is noted in `merge`
        self.merge: Node | None = None
        self.lines: dict[str, int] = {}  # of the keys, counted from 0


def _compose(next_event: Callable[[], Event]) -> Node:
    builder = _Composer()
    while True:
        event = next_event()
        kind = type(event)
        if kind is ScalarEvent:
            done = builder.scalar(event)
        elif kind is MappingStartEvent:
            done = builder.begin(event, MAPPING)
        elif kind is SequenceStartEvent:
            done = builder.begin(event, SEQUENCE)
        elif kind is AliasEvent:
            done = builder.alias(event)
        else:
            done = builder.end(event)
        if done is not None:
            return done


class _Composer:
    """Builds the nodes of one document from its events; each method returns the root once it is complete."""

    __slots__ = ("_aliased", "_anchors", "_count", "_open", "_stack")

    def __init__(self) -> None:
        self._stack: list[_Frame] = []
        self._anchors: dict[str, Node] = {}
        self._open: set[int] = set()  # ids of anchored collections whose end has not been read
        self._count = 0  # nodes so far, those that aliases copied included
        self._aliased = 0  # those among them that came out of an alias

    def scalar(self, event: Event) -> Node | None:
        text, style, tag = event.value, event.style, event.tag
        self._count += 1
        stack = self._stack
        frame = stack[-1] if stack else None
        if frame is not None and frame.pairs is not None and frame.key is None and tag is None and event.anchor is None:
            if style or (text and text[0] not in SUSPECT and text != _MERGE_KEY):
                return self._key(frame, text, "", event)
            return self._key(frame, text, plain_tag(text), event)
        if tag is None:
            if style:
                node = Node(SCALAR, STR, _STYLES[style], text)
            elif text and text[0] not in SUSPECT and text != _MERGE_KEY:
                node = Node(SCALAR, STR, 0, text)
            else:
                node = Node(SCALAR, plain_tag(text), 0, text)
        elif tag == "!":
            node = Node(SCALAR, STR if style else plain_tag(text), _STYLES[style], text)
        else:
            node = Node(SCALAR, tag.removeprefix(_PREFIX), TAGGED | _STYLES[style], text)
        if event.anchor is not None:
            self._anchors[event.anchor] = node
        return self._place(frame, node, event)

    def begin(self, event: Event, kind: int) -> Node | None:
        tag, style = event.tag, FLOW if event.flow_style else 0
        if tag is None or tag == "!":
            tag = MAP if kind == MAPPING else SEQ
        else:
            tag, style = tag.removeprefix(_PREFIX), style | TAGGED
        node = Node(kind, tag, style, "", {} if kind == MAPPING else [])
        self._count += 1
        stack = self._stack
        if len(stack) >= MAX_DEPTH:
            raise _error(event, f"exceeded max depth of {MAX_DEPTH}")
        if event.anchor is not None:
            self._anchors[event.anchor] = node
            self._open.add(id(node))
        stack.append(_Frame(node))
        return None

    def alias(self, event: Event) -> Node | None:
        node = self._anchors.get(event.anchor)
        if node is None:
            raise _error(event, f"unknown anchor '{event.anchor}' referenced")
        if id(node) in self._open:
            raise _error(event, f"anchor '{event.anchor}' value contains itself")
        size = _size(node)
        self._count += size
        self._aliased += size
        if (
            self._aliased > 100
            and self._count > 1000
            and self._aliased > self._count * allowed_alias_ratio(self._count)
        ):
            raise _error(event, "document contains excessive aliasing")
        frame = self._stack[-1] if self._stack else None
        if frame is not None and frame.key == _MERGE_KEY and frame.merge is _PENDING and node.kind != MAPPING:
            raise _error(event, "invalid map merge: received alias for a non-map value")
        return self._place(frame, node.copy(), event)

    def end(self, event: Event) -> Node | None:
        frame = self._stack.pop()
        node = frame.node
        if frame.merge is not None:
            _merge(frame, event)
        self._open.discard(id(node))
        return self._place(self._stack[-1] if self._stack else None, node, event)

    def _place(self, frame: _Frame | None, node: Node, event: Event) -> Node | None:
        """Put a complete node where it belongs: the root, an item, a value, or a key that is not plain text."""
        if frame is None:
            return node
        if frame.items is not None:
            frame.items.append(node)
            return None
        key = frame.key
        if key is None:
            if node.kind != SCALAR:
                return self._key(frame, f"? {len(frame.pairs or ())}", "complex", event)
            is_text = node.tag == STR or (node.tag != MERGE and node.tag not in _RESOLVED)
            return self._key(frame, node.value, "" if is_text else node.tag, event)
        frame.key = None
        if frame.merge is _PENDING:
            frame.merge = node
            return None
        pairs = frame.pairs
        assert pairs is not None
        if key in pairs:
            _note_double(frame, key, event)
        else:
            pairs[key] = node
        return None

    def _key(self, frame: _Frame, text: str, tag: str, event: Event) -> Node | None:
        """Remember a key; `tag` is "" for text, else what the key really is. Never completes the root, hence None."""
        frame.key = text
        frame.lines.setdefault(text, event.start_mark.line)
        if tag == MERGE:
            if frame.merge is not None:
                raise _error(event, "duplicate merge key")
            frame.merge = _PENDING
        elif tag and tag != STR and text:
            _note(frame.node, text, "complex" if tag == "complex" else "bare")
        return None


_PENDING = Node(0, "")
_RESOLVED = frozenset(("int", "float", "bool", "null", "timestamp"))


def _note(node: Node, key: str, problem: str) -> None:
    node.odd = {**(node.odd or {}), key: problem}


def _note_double(frame: _Frame, key: str, event: Event) -> None:
    line = event.start_mark.line + 1
    _note(frame.node, key, f'line {line}: mapping key "{key}" already defined at line {frame.lines[key] + 1}')


def _merge(frame: _Frame, event: Event) -> None:
    """Lay the maps under `<<` beneath the mapping's own values; of several the first wins."""
    node, value = frame.node, frame.merge
    assert value is not None
    if value.kind == MAPPING:
        sources = [value]
    elif value.kind == SEQUENCE:
        sources = list(reversed(value.content))
    else:
        raise _error(event, "map merge requires map or sequence of maps as the value")
    own = node.content
    merged = dict(own)
    for source in sources:
        if source.kind == SEQUENCE:
            raise _error(event, "invalid map merge: received a nested sequence")
        if source.kind != MAPPING:
            raise _error(event, "map merge requires map or sequence of maps as the value")
        merged.update(source.content)
        if source.odd:
            node.odd = {**source.odd, **(node.odd or {})}
    merged.update(own)
    node.content = merged


def _size(node: Node) -> int:
    """Count the nodes below and with `node`."""
    if node.content is None:
        return 1
    return 1 + sum(map(_size, node.content.values() if node.kind == MAPPING else node.content))


def _error(event: Event, problem: str) -> YamlError:
    return YamlError(problem, event.start_mark.line + 1, event.start_mark.column + 1)
