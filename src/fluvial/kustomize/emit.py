"""Nodes to YAML text, as go-yaml v3 writes them with two spaces and unindented lists.

Only for text inside of text (replacements into a ConfigMap's file): objects are written from their values. Comments
are not kept. Source: go-yaml v3 `emitterc.go`.
"""

from fluvial.kustomize.values import STR, written_style
from fluvial.yamldoc.nodes import DOUBLE, FLOW, FOLDED, LITERAL, MAPPING, SCALAR, SINGLE, Node, plain_tag


def node_text(node: Node) -> str:
    """Return the document that `node` is, with a newline at its end."""
    lines: list[str] = []
    _block(node, 0, lines)
    return "".join(line.rstrip(" ") + "\n" for line in lines)


def _block(node: Node, indent: int, lines: list[str]) -> None:
    pad = " " * indent
    if _is_inline(node):
        lines.append(pad + _inline(node))
    elif node.kind == MAPPING:
        for key, value in node.content.items():
            _entry(f"{pad}{_key(key)}:", value, indent, lines, lists_at=indent)
    else:
        for item in node.content:
            if _is_inline(item):
                _entry(f"{pad}-", item, indent, lines, lists_at=indent)
                continue
            first = len(lines)
            _block(item, indent + 2, lines)
            lines[first] = f"{pad}- {lines[first][indent + 2 :]}"


def _entry(head: str, value: Node, indent: int, lines: list[str], *, lists_at: int) -> None:
    if value.kind == SCALAR and _style(value) & (LITERAL | FOLDED):
        lines += _literal(head, value, indent + 2)
    elif _is_inline(value):
        lines.append(f"{head} {_inline(value)}")
    else:
        lines.append(head)
        _block(value, indent + 2 if value.kind == MAPPING else lists_at, lines)


def _is_inline(node: Node) -> bool:
    return node.kind == SCALAR or bool(node.style & FLOW) or not node.content


def _inline(node: Node) -> str:
    if node.kind == MAPPING:
        return "{" + ", ".join(f"{_key(key)}: {_inline(value)}" for key, value in node.content.items()) + "}"
    if node.kind != SCALAR:
        return "[" + ", ".join(map(_inline, node.content)) + "]"
    return _quoted(node.value, _style(node))


def _style(node: Node) -> int:
    """Return the style in which a scalar is written: its own, or what its tag and text ask for."""
    text, style = node.value, node.style
    if style & (DOUBLE | SINGLE | LITERAL | FOLDED):
        return style
    if "\n" in text:
        return LITERAL
    if node.tag == STR and plain_tag(text) != STR:
        return DOUBLE
    wanted = written_style(text)
    return wanted if wanted == SINGLE or node.tag == STR else 0


def _quoted(text: str, style: int) -> str:
    if style & SINGLE:
        return "'" + text.replace("'", "''") + "'"
    if style & (DOUBLE | LITERAL | FOLDED):
        return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t") + '"'
    return text


def _key(text: str) -> str:
    return _quoted(text, written_style(text) & (DOUBLE | SINGLE))


def _literal(head: str, node: Node, indent: int) -> list[str]:
    text = node.value
    chomp = "" if text.endswith("\n") and not text.endswith("\n\n") else "+" if text.endswith("\n") else "-"
    hint = "2" if text[:1] in (" ", "\n") else ""
    body = text.removesuffix("\n").split("\n")
    return [f"{head} |{hint}{chomp}", *(" " * indent + line if line else "" for line in body)]
