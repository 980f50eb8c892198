"""Nodes to JSON values and back, as kyaml does it: by writing YAML and reading it again.

Nothing is written here; what the round trip does to a scalar is worked out from its text, tag and style.
Source: kyaml `RNode.MarshalJSON`, `UnmarshalJSON`; go-yaml v3 `encode.go` (`node`), `decode.go` (`scalar`).
"""

import base64
import binascii
import re
from functools import lru_cache
from itertools import pairwise
from typing import Any

from fluvial.gotext import format_float, go_json
from fluvial.kustomize.errors import KustomizeError
from fluvial.yamldoc.nodes import (
    DOUBLE,
    FLOW,
    FOLDED,
    LITERAL,
    MAP,
    MAPPING,
    QUOTED,
    SCALAR,
    SEQ,
    SEQUENCE,
    SINGLE,
    SUSPECT,
    TAGGED,
    Node,
    first_node,
    plain_tag,
    plain_value,
    resolve_v3,
)

BOOL, FLOAT, INT, NULL, STR, TIMESTAMP = "bool", "float", "int", "null", "str", "timestamp"

_RESOLVABLE = frozenset((STR, BOOL, INT, FLOAT, NULL, TIMESTAMP))
# What go-yaml's reader refuses; kustomize meets it when it reads its own JSON text as YAML.
_CONTROL = re.compile("[\x7f-\x84\x86-\x9f\ufffe\uffff]")


def to_json(node: Node) -> Any:
    """Return the JSON value of a whole object.

    Raises:
        KustomizeError: a key written twice, a nested key that is no text, `.inf`, a tag that does not fit its text.
    """
    if node.odd:
        _check_keys(node, top=True)
    return _value(node, bool(node.style & FLOW), top=True)


def _value(node: Node, flow: bool, *, top: bool = False) -> Any:
    if node.kind == MAPPING:
        if node.odd and not top:
            _check_keys(node, top=False)
        flow = flow or bool(node.style & FLOW)
        # the condition is "a string that is neither folded nor escaped": most of what a manifest holds
        return {
            key: child.value if child.tag == STR and child.style in _SIMPLE else _value(child, flow)
            for key, child in node.content.items()
        }
    if node.kind == SEQUENCE:
        flow = flow or bool(node.style & FLOW)
        return [
            child.value if child.tag == STR and child.style in _SIMPLE else _value(child, flow)
            for child in node.content
        ]
    return _scalar(node, flow) if node.kind == SCALAR else None


_SIMPLE = frozenset((0, SINGLE, TAGGED, TAGGED | SINGLE))


def _check_keys(node: Node, *, top: bool) -> None:
    for key, problem in (node.odd or {}).items():
        if key not in node.content:
            continue
        if problem == "complex":
            raise KustomizeError("yaml: invalid map key: a map or a list")
        if problem != "bare":
            raise KustomizeError(f"yaml: unmarshal errors:\n  {problem}")
        if not top:
            raise KustomizeError(
                f"json: unsupported type: map[interface {{}}]interface {{}}: the key {key} is not text: quote it"
            )


def _scalar(node: Node, flow: bool) -> Any:
    tag, style, text = node.tag, node.style, node.value
    if tag == STR:
        return _string(text, style, flow)
    if tag == "":
        if style & QUOTED or "\n" in text or (flow and not text):
            return _string(text, style, flow)
        return number(plain_value(text))
    if tag in _RESOLVABLE and not style & TAGGED and plain_tag(text) == tag:
        # the tag says what the text says, so it is left out, and the style decides
        if style & QUOTED or (flow and (not text or (tag == TIMESTAMP and ":" in text))):
            return _string(text, style, flow)
        return number(plain_value(text))
    return _tagged(tag, text)


def _string(text: str, style: int, flow: bool) -> str:
    if style & FOLDED and not flow:
        text = _refold(text)
    if _CONTROL.search(text):
        raise KustomizeError("yaml: control characters are not allowed")
    return text


def _tagged(tag: str, text: str) -> Any:
    if tag == "binary":
        try:
            raw = base64.b64decode(text.replace("\n", "").replace("\r", ""), validate=True)
        except (binascii.Error, ValueError):
            raise KustomizeError("yaml: !!binary value contains invalid base64 data") from None
        return raw.decode("utf-8", "replace")
    if tag not in _RESOLVABLE:
        return text
    kind, value = resolve_v3(text)
    if kind == tag:
        return number(value)
    if tag == FLOAT and kind == INT:
        return number(float(value))
    raise KustomizeError(f"yaml: cannot decode !!{kind} `{text}` as a !!{tag}")


def number(value: Any) -> Any:
    """Return a number as it comes out of JSON text that is read as YAML: `1.0` is an int, beyond 64 bits a float."""
    if not isinstance(value, float):
        return value
    if value != value or value in (float("inf"), float("-inf")):
        raise KustomizeError(f"json: unsupported value: {format_float(value)}")
    if -(2.0**63) <= value < 2.0**64 and value == int(value):
        return int(value)
    return value


def _refold(text: str) -> str:
    """Return what a `>` block reads back as after go-yaml wrote it.

    Its writer doubles the break before a line that begins with a space too, where the reader does not fold.
    """
    if text.endswith(" ") or not text or _cannot_be_block(text):
        return text
    lines = text.split("\n")
    if text[0] in " \t\n":  # the writer looks at the first character of the whole text, see go-yaml `write_folded`
        return _unfold(lines)
    body = text.rstrip("\n")
    tail = text[len(body) :]
    out: list[str] = []
    pieces = re.split("(\n+)", body)
    for index in range(0, len(pieces), 2):
        piece = pieces[index]
        out.append(piece)
        if index + 1 < len(pieces):
            following = pieces[index + 2]
            spaced = piece.startswith((" ", "\t")) or following.startswith((" ", "\t"))
            breaks = pieces[index + 1]
            out.append(breaks + "\n" if spaced and not piece.startswith((" ", "\t")) else breaks)
    return "".join(out) + tail


def _unfold(lines: list[str]) -> str:
    """Join lines that were written with single breaks: a lone break between text lines reads as a space."""
    out = lines[0]
    for before, line in pairwise(lines):
        foldable = before and line and before[0] not in " \t" and line[0] not in " \t"
        out += (" " if foldable else "\n") + line
    return out


def _cannot_be_block(text: str) -> bool:
    return " \n" in text or any(not (char.isprintable() or char in "\n\t") for char in text)


def to_node(value: Any) -> Node:
    """Return `value` (from JSON) as a node: what kyaml's FromMap gives, numbers having passed through float64."""
    if isinstance(value, dict):
        style = 0 if value else FLOW
        return Node(MAPPING, MAP, style, "", {key: to_node(item) for key, item in value.items()})
    if isinstance(value, list):
        return Node(SEQUENCE, SEQ, 0 if value else FLOW, "", [to_node(item) for item in value])
    if isinstance(value, str):
        return Node(SCALAR, STR, written_style(value), value)
    if value is None:
        return Node(SCALAR, NULL, 0, "null")
    if isinstance(value, bool):
        return Node(SCALAR, BOOL, 0, "true" if value else "false")
    text = format_float(float(value))
    return Node(SCALAR, plain_tag(text), 0, text)


def json_text_node(value: Any) -> Node | None:
    """Return `value` as a node read from its JSON text: in flow style, every string quoted."""
    return first_node(go_json(value))


_OLD_BOOLEANS = frozenset(
    [
        "y",
        "Y",
        "yes",
        "Yes",
        "YES",
        "on",
        "On",
        "ON",
        "n",
        "N",
        "no",
        "No",
        "NO",
        "off",
        "Off",
        "OFF",
    ]  # YAML 1.1; go-yaml v3 quotes them for old readers
)
_BASE60 = re.compile(r"[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?\Z")


@lru_cache(maxsize=4096)
def written_style(text: str) -> int:
    """Return the style in which go-yaml v3 writes a string."""
    if "\n" in text:
        return LITERAL
    if (not text or text[0] in SUSPECT or text == "<<") and (
        plain_tag(text) != STR or text in _OLD_BOOLEANS or _BASE60.match(text)
    ):
        return DOUBLE
    if any(not (char.isprintable()) for char in text):
        return DOUBLE
    return 0 if _plain_allowed(text) else SINGLE


def _plain_allowed(text: str) -> bool:
    if text[0] == " " or text[-1] == " " or text.startswith(("---", "...")):
        return False
    if text[0] in "#,[]{}&*!|>'\"%@`" or (text[0] in "-?:" and (len(text) == 1 or text[1] == " ")):
        return False
    return not (": " in text or " #" in text or text[-1] == ":")


@lru_cache(maxsize=4096)
def reads_as_other(text: str) -> bool:
    """Tell whether `text`, unquoted, is something else than a string in YAML 1.1 (kyaml's IsValueNonString)."""
    if not text or "\n" in text or text[0] not in SUSPECT:
        return False
    return text in _OLD_BOOLEANS or plain_tag(text) not in (STR, TIMESTAMP)
