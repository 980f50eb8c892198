"""How go-yaml v2 writes one string: plain, quoted, or as a literal block; and where it breaks long lines."""

import re
from enum import Enum, auto

from fluvial.yamldoc.scalars import SUSPECT, stays_string

WIDTH = 80  # go-yaml's best_width: a line is broken at the first space beyond this column
_KEY_BYTES = 128  # a longer key stands behind a question mark


class Style(Enum):
    PLAIN = auto()
    SINGLE = auto()
    DOUBLE = auto()
    LITERAL = auto()


_BREAK = "[\n\r\x85\u2028\u2029]"
# What no style but the double-quoted can hold: controls, the tab too, and (go-yaml's notion of "printable") everything
# beyond the basic plane.
_SPECIAL = re.compile("[^\n -~\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd]")
_SPACE_THEN_BREAK = re.compile(" " + _BREAK)
_BREAK_THEN_SPACE = re.compile(_BREAK + " ")
_ANY_BREAK = re.compile(_BREAK)
_INDICATORS = frozenset("#,[]{}&*!|>'\"%@`")
_SAFE_START = frozenset(map(chr, range(0x21, 0x7F))) - _INDICATORS - SUSPECT - frozenset("?:-.")
_DOUBTFUL = re.compile(r"[^ -~]|:(?: |\Z)| (?:#|\Z)")
_ESCAPES = {
    "\0": "\\0",
    "\a": "\\a",
    "\b": "\\b",
    "\t": "\\t",
    "\n": "\\n",
    "\v": "\\v",
    "\f": "\\f",
    "\r": "\\r",
    "\x1b": "\\e",
    '"': '\\"',
    "\\": "\\\\",
    "\x85": "\\N",
    "\xa0": "\\_",
    "\u2028": "\\L",
    "\u2029": "\\P",
}
_ESCAPED = re.compile("[^ !#-\\[\\]-~\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd]")


def style_of(text: str) -> Style:
    """Return the style that go-yaml chooses for a value, or for a key that is not `is_simple_key`."""
    if text and text[0] in _SAFE_START and not _DOUBTFUL.search(text):
        return Style.PLAIN
    if "\n" in text:
        # go-yaml lets a final U+2028 stand for the newline behind the block; no text of ours relies on that
        blocked = text.endswith((" ", "\u2028", "\u2029")) or _SPECIAL.search(text) or _SPACE_THEN_BREAK.search(text)
        return Style.DOUBLE if blocked else Style.LITERAL
    if not stays_string(text) or _SPECIAL.search(text):
        return Style.DOUBLE
    if _SPACE_THEN_BREAK.search(text) or _BREAK_THEN_SPACE.search(text):
        return Style.DOUBLE
    return Style.PLAIN if _plain_allowed(text) else Style.SINGLE


def _plain_allowed(text: str) -> bool:
    if text[0] in _INDICATORS or text.startswith(("---", "...", " ")) or text.endswith((" ", ":")):
        return False
    if text[0] in "-?:" and text[1:2] in ("", " "):
        return False
    return ": " not in text and " #" not in text and not _ANY_BREAK.search(text)


def is_simple_key(text: str) -> bool:
    """Tell whether a key fits before its colon; another one is written `? key` with the value on a line of its own."""
    return len(text.encode("utf-8", "surrogatepass")) <= _KEY_BYTES and not _ANY_BREAK.search(text)


def on_one_line(text: str) -> str | None:
    """Return `text` as it is written where no line is broken; None if it takes a block."""
    style = style_of(text)
    if style is Style.PLAIN:
        return text
    if style is Style.SINGLE:
        return None if _ANY_BREAK.search(text) else "'" + text.replace("'", "''") + "'"
    return _double_quoted(text) if style is Style.DOUBLE else None


def over_lines(text: str, indent: int, column: int) -> str:
    """Return `text` as a value that begins at `column` (0-based), broken over lines where go-yaml breaks it.

    Further lines stand at `indent`. A literal block comes without the newline that ends its last line.
    """
    style = style_of(text)
    if style is Style.LITERAL:
        return _literal(text, indent)
    if style is Style.PLAIN:
        return _fold(text, indent, column)
    if style is Style.SINGLE:
        body = "'" + text.replace("'", "''") + "'"
        # a line or paragraph separator is followed by the indentation, as a newline is
        return _SEPARATORS.sub(lambda match: match[0] + " " * indent, _fold(body, indent, column))
    return _fold_double(_double_quoted(text), indent, column)


def _double_quoted(text: str) -> str:
    if text.startswith("\ufeff"):  # go-yaml looks for the mark at the start of the text whatever character it is at
        return '"' + "".join(map(_escape, text)) + '"'
    return '"' + _ESCAPED.sub(lambda match: _escape(match[0]), text) + '"'


def _escape(char: str) -> str:
    if char in _ESCAPES:
        return _ESCAPES[char]
    code = ord(char)
    if code <= 0xFF:
        return f"\\x{code:02X}"
    return f"\\u{code:04X}" if code <= 0xFFFF else f"\\U{code:08X}"


_SEPARATORS = re.compile("[\u2028\u2029]++(?!\\Z|'\\Z)")
_LINE_START = re.compile("\n(?=[^\n\u2028\u2029])")
_SEPARATED = re.compile("[\u2028\u2029](?=[^\n\u2028\u2029])")


def _fold(written: str, indent: int, column: int) -> str:
    """Break a plain or single-quoted text at lone spaces that come beyond WIDTH; quotes don't count as neighbours."""
    first, last = (2, len(written) - 3) if written[0] == "'" else (1, len(written) - 2)
    parts, start = [], 0
    here = written.find(" ", max(WIDTH + 1 - column, first))
    while 0 <= here <= last:
        if written[here - 1] != " " and written[here + 1] != " ":
            parts.append(written[start:here])
            start = here + 1
            here = max(here, start + WIDTH - indent)
        here = written.find(" ", here + 1)
    parts.append(written[start:])
    return ("\n" + " " * indent).join(parts)


def _fold_double(written: str, indent: int, column: int) -> str:
    """Break a double-quoted text at the first of some spaces beyond WIDTH; the others then follow a backslash."""
    parts, start, sign = [], 0, ""
    here = written.find(" ", max(WIDTH + 1 - column, 2))
    while 0 <= here < len(written) - 2:
        if written[here - 1] != " ":
            parts.append(sign + written[start:here])
            start = here + 1
            sign = "\\" if written[start] == " " else ""
            here = max(here, start + WIDTH - indent - len(sign))
        here = written.find(" ", here + 1)
    parts.append(sign + written[start:])
    return ("\n" + " " * indent).join(parts)


def _literal(text: str, indent: int) -> str:
    hint = "2" if text[0] in " \n\u2028\u2029" else ""
    if not _ANY_BREAK.match(text[-1]):
        chomp = "-"
    elif len(text) == 1 or _ANY_BREAK.match(text[-2]):
        chomp = "+"
    else:
        chomp = ""
    pad = " " * indent
    body = _LINE_START.sub("\n" + pad, text)
    if "\u2028" in text or "\u2029" in text:
        body = _SEPARATED.sub(lambda match: match[0] + pad, body)
    if not _ANY_BREAK.match(text):
        body = pad + body
    return f"|{hint}{chomp}\n{body.removesuffix(chr(10))}"
