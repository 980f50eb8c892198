"""JSON pointers (RFC 6901)."""

from typing import Any

Tokens = tuple[str, ...]


def parse_pointer(text: str) -> Tokens:
    """Return the reference tokens of `text`; `""` is the whole document, hence no tokens.

    Raises:
        ValueError: `text` is not empty and does not begin with `/`.
    """
    if not text:
        return ()
    if not text.startswith("/"):
        raise ValueError(f"JSON pointer must begin with /: {text!r}")
    return tuple(token.replace("~1", "/").replace("~0", "~") for token in text[1:].split("/"))


def format_pointer(tokens: tuple[str | int, ...]) -> str:
    """Return the pointer text of `tokens`."""
    return "".join("/" + str(token).replace("~", "~0").replace("/", "~1") for token in tokens)


def get_pointer(document: Any, pointer: str) -> Any:
    """Return the value at `pointer`.

    Raises:
        KeyError: nothing is there.
        ValueError: `pointer` is malformed.
    """
    for token in parse_pointer(pointer):
        if isinstance(document, dict) and token in document:
            document = document[token]
        elif isinstance(document, list) and is_index(token) and int(token) < len(document):
            document = document[int(token)]
        else:
            raise KeyError(pointer)
    return document


def is_index(token: str) -> bool:
    """Tell whether `token` names a list position by RFC 6901: digits of ASCII, no leading zero."""
    return token == "0" or (token.isascii() and token.isdigit() and token[0] != "0")
