"""`${name}` in text, with the functions that Flux knows.

The grammar, of which each `_parse_*` function below is a rule:

    text      = { chunk | "$$" (a dollar) | "${" expr "}" }
    expr      = "#" name | name [ op ]
    op        = ( "," | ",," | "^" | "^^" )
              | ( ":" | "" ) "=" args | ":" ( "-" | "?" | "+" ) args     default; so is a plain `=`
              | ":" arg [ ":" arg ]                                       substring
              | ( "#" | "##" | "%" | "%%" ) arg                           trim by pattern
              | ( "/" | "//" | "/#" | "/%" ) arg "/" [ arg ]              replace
    arg       = "${" expr "}" | word

A `$name` without braces is left alone. Source: fluxcd/pkg `envsubst` (a fork of drone/envsubst); its peculiarities are
kept: `${v-d}` is an error, `${v:+d}` means `${v:-d}`, lengths and positions count bytes.
"""

from collections.abc import Callable, Mapping

from fluvial.build.glob import BadPattern, matches

Lookup = Callable[[str], str | None]


class SubstitutionError(ValueError):
    """Text that is no template, or names a variable that is not set."""


def substitute(text: str, lookup: Lookup) -> str:
    """Return `text` with every expression replaced.

    Args:
        lookup: the value of a variable, None if it is not set (an error unless the expression has a default).
    Raises:
        SubstitutionError: with upstream's message.
    """
    if "$" not in text:
        return text
    return _Evaluation(text, lookup).run()


def lookup_in(variables: Mapping[str, str], *, strict: bool) -> Lookup:
    """Return the lookup of `variables`; unless `strict`, what is not there is empty."""
    return variables.get if strict else lambda name: variables.get(name, "")


_BAD = "bad substitution"


def _lower(text: str) -> str:
    """Return the text as Go lowers it: character by character, whatever stands beside."""
    return text.lower() if text.isascii() else "".join(map(_lower_char, text))


def _upper(text: str) -> str:
    return text.upper() if text.isascii() else "".join(map(_upper_char, text))


def _lower_char(char: str) -> str:
    return char.lower()[0]  # of one character alone makes two: of a dotted capital i, and Go drops the dot


def _upper_char(char: str) -> str:
    for form in (char.upper(), char.title()):
        if len(form) == 1:
            return form
    return char  # as the German sharp s, which has no capital of one character


_CASES: dict[str, Callable[[str], str]] = {
    ",": lambda text: _lower(text[:1]) + text[1:],
    ",,": _lower,
    "^": lambda text: _upper(text[:1]) + text[1:],
    "^^": _upper,
}


class _Evaluation:
    """One pass over the text: expressions are replaced as they are read."""

    __slots__ = ("_at", "_lookup", "_text", "_unset")

    def __init__(self, text: str, lookup: Lookup) -> None:
        self._text = text
        self._at = 0
        self._lookup = lookup
        self._unset = ""  # the first variable that is not set; a text that is no template is worse

    def run(self) -> str:
        text, parts = self._text, []
        start = 0
        while (dollar := text.find("$", self._at)) >= 0:
            following = text[dollar + 1 : dollar + 2]
            if following == "{":
                parts.append(text[start:dollar])
                self._at = dollar + 2
                parts.append(self._parse_expression())
                start = self._at
            elif following == "$":
                parts.append(text[start : dollar + 1])
                start = self._at = dollar + 2
            else:
                self._at = dollar + 1
        parts.append(text[start:])
        if self._unset:
            raise SubstitutionError(f'variable not set (strict mode): "{self._unset}"')
        return "".join(parts)

    def _peek(self) -> str:
        return self._text[self._at : self._at + 1]

    def _parse_expression(self) -> str:
        """expr: the part behind `${`, and the closing brace."""
        if self._peek() == "#":
            self._at += 1
            name = self._parse_name(_BAD)
            self._close(_BAD)
            return str(len(self._value(name).encode("utf-8", "surrogatepass")))
        name = self._parse_name("unable to parse variable name")
        sign = self._peek()
        if sign == ":":
            following = self._text[self._at + 1 : self._at + 2]
            if not following or not following.isascii():
                raise SubstitutionError(_BAD)
            return self._parse_default(name) if following in "=-?+" else self._parse_substring(name)
        if sign == "=":
            return self._parse_default(name)
        if sign in (",", "^"):
            return self._parse_case(name)
        if sign == "/":
            return self._parse_replace(name)
        if sign in ("#", "%"):
            return self._parse_trim(name, sign)
        self._close("missing closing brace")
        return self._value(name)

    def _parse_name(self, problem: str) -> str:
        start = self._at
        while _is_name_char(self._peek()):
            self._at += 1
        if start == self._at:
            raise SubstitutionError(problem)
        return self._text[start : self._at]

    def _close(self, problem: str) -> None:
        if self._peek() != "}":
            raise SubstitutionError(problem)
        self._at += 1

    def _value(self, name: str) -> str:
        value = self._lookup(name)
        if value is None:
            self._unset = self._unset or name
            return ""
        return value

    def _parse_default(self, name: str) -> str:
        """`=`, `:=`, `:-`, `:?` or `:+`, and arguments up to the brace: all of them mean the default if empty."""
        self._at += 1 if self._peek() == "=" else 2
        args = []
        while self._peek() != "}":
            args.append(self._parse_argument("}", "unable to parse substitution within function"))
        self._close(_BAD)
        return self._lookup(name) or "".join(args)

    def _parse_argument(self, until: str, problem: str, *, escapes: bool = False) -> str:
        """arg: a nested expression, or the text up to one of `until` or to the next expression."""
        if self._text.startswith("${", self._at):
            self._at += 2
            return self._parse_expression()
        text, parts = self._text, []
        begin = start = self._at
        while self._at < len(text):
            char = text[self._at]
            if escapes and self._is_escape(char):
                parts.append(text[start : self._at])
                start = self._at + 1
                self._at += 2
                continue
            if char in until or text.startswith("${", self._at):
                break
            self._at += 1
        if self._at == begin:
            raise SubstitutionError(problem)
        parts.append(text[start : self._at])
        return "".join(parts)

    def _is_escape(self, char: str) -> bool:
        following = self._text[self._at + 1 : self._at + 2]
        return (char == "$" and following == "$") or (char == "\\" and following in ("/", "\\") and bool(following))

    def _parse_substring(self, name: str) -> str:
        """`:position` or `:position:length`, in bytes; a negative position counts from the end."""
        self._at += 1
        args = [self._parse_argument(":}", "unable to parse substitution within function")]
        if self._peek() == ":":
            while self._peek() == ":":
                self._at += 1
            args.append(self._parse_argument("}", "unable to parse substitution within function"))
        self._close(_BAD)
        return _substring(self._value(name), args)

    def _parse_case(self, name: str) -> str:
        operator = self._take(2, ",^")
        self._close(_BAD)
        value = self._value(name)
        change = _CASES.get(operator)
        return value if change is None else change(value)

    def _take(self, most: int, chars: str) -> str:
        start = self._at
        while self._at - start < most and self._peek() and self._peek() in chars:
            self._at += 1
        return self._text[start : self._at]

    def _parse_trim(self, name: str, sign: str) -> str:
        operator = self._take(2, sign)
        pattern = self._parse_argument("}", "unable to parse substitution within function")
        self._close(_BAD)
        value = self._value(name)
        trim = _trim_longest if len(operator) == 2 else _trim_shortest
        if sign == "#":
            return trim(value, pattern)
        return trim(value[::-1], pattern[::-1])[::-1]

    def _parse_replace(self, name: str) -> str:
        self._at += 1
        operator = "/" + (self._take(1, "/#%"))
        old = self._parse_argument("/", "unable to parse substitution within function", escapes=True)
        if self._peek() != "/":
            raise SubstitutionError(_BAD)
        while self._peek() == "/":
            self._at += 1
        new = None
        if self._peek() != "}":
            new = self._parse_argument("}", "unable to parse substitution within function", escapes=True)
        self._close(_BAD)
        return _replace(self._value(name), operator, old, new)


def _is_name_char(char: str) -> bool:
    return bool(char) and (char == "_" or char.isalpha() or char.isdecimal())


def _substring(value: str, args: list[str]) -> str:
    raw = value.encode("utf-8", "surrogatepass")
    try:
        position = _integer(args[0])
        if position < 0:
            position = max(len(raw) + position, 0)
        length = len(raw) if len(args) == 1 else _integer(args[1])
    except ValueError:
        return value
    if position + length >= len(raw) or len(args) == 1:
        return raw[position:].decode("utf-8", "replace")
    if length < 0:
        raise SubstitutionError(f"substring length {length} is negative")
    return raw[position : position + length].decode("utf-8", "replace")


def _integer(text: str) -> int:
    if not text.isascii() or text != text.strip() or "_" in text:
        raise ValueError(text)
    return int(text)


def _replace(value: str, operator: str, old: str, new: str | None) -> str:
    if operator == "//":
        return value.replace(old, new or "")
    if operator == "/":
        return value.replace(old, new or "", 1)
    if new is None:
        return value
    if operator == "/#":
        return value.replace(old, new, 1) if value.startswith(old) else value
    return value.removesuffix(old) + new if value.endswith(old) else value


def _trim_shortest(value: str, pattern: str) -> str:
    best = ""
    try:
        for end in range(len(value), 0, -1):
            if matches(pattern, value[:end]):
                best = value[:end]
    except BadPattern:
        return value
    return value.removeprefix(best)


def _trim_longest(value: str, pattern: str) -> str:
    try:
        for end in range(len(value), 0, -1):
            if matches(pattern, value[:end]):
                return value[end:]
    except BadPattern:
        return value
    return value
