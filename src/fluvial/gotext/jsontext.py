"""JSON text as Go's encoding/json writes it."""

import json
import re
from typing import Any

from fluvial.gotext.floats import json_float

_SPECIAL = re.compile("[<>&\u2028\u2029\x7f\ud800-\udfff]")
_ESCAPES = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029", "\x7f": "\x7f"}


def go_json(value: Any, *, escape_html: bool = True) -> str:
    """Return `value` as `json.Marshal` writes it: keys sorted by bytes, no spaces, `<`, `>`, `&` escaped.

    Raises:
        ValueError: NaN, an infinity, or a value that JSON has no form for.
    """
    parts: list[str] = []
    _write(value, parts.append, escape_html)
    return "".join(parts)


def _write(value: Any, put: Any, html: bool) -> None:
    if isinstance(value, str):
        put(_string(value, html))
    elif value is None:
        put("null")
    elif value is True or value is False:
        put("true" if value else "false")
    elif isinstance(value, int):
        put(str(value))
    elif isinstance(value, float):
        put(json_float(value))
    elif isinstance(value, dict):
        separator = "{"
        for key in sorted(value, key=_utf8):
            put(f"{separator}{_string(key, html)}:")
            _write(value[key], put, html)
            separator = ","
        put("}" if value else "{}")
    elif isinstance(value, list | tuple):
        separator = "["
        for item in value:
            put(separator)
            _write(item, put, html)
            separator = ","
        put("]" if value else "[]")
    else:
        raise ValueError(f"json: unsupported type: {type(value).__name__}")


def _string(text: str, html: bool) -> str:
    quoted = json.dumps(text, ensure_ascii=False)
    found = _SPECIAL.search(quoted)
    return _SPECIAL.sub(lambda match: _escape(match[0], html), quoted) if found else quoted


def _escape(char: str, html: bool) -> str:
    if char in "<>&" and not html:
        return char
    return _ESCAPES.get(char, "\\ufffd")


def _utf8(key: str) -> bytes:
    return key.encode("utf-8", "surrogatepass")
