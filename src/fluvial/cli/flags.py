"""Flags as commands declare them: one function for each type of value, with pflag's texts for wrong ones."""

import csv
import keyword
from collections.abc import Callable, Sequence
from typing import Any

import click

from fluvial.cli.errors import UsageFailure

_TRUE = {"1", "t", "T", "TRUE", "true", "True"}
_FALSE = {"0", "f", "F", "FALSE", "false", "False"}


class Flag(click.Option):
    """An option that remembers its Go type (for help), its letter, and whether it may stand without a value."""

    def __init__(self, name: str, letter: str, go_type: str, default: Any, text: str, **more: Any) -> None:
        self.letter = letter
        self.go_type = go_type
        self.bare = more.pop("bare", "")
        self.shown_default = more.pop("shown_default", "")
        self.deprecated_by = more.pop("deprecated_by", "")
        parameter = name.replace("-", "_") + ("_" if keyword.iskeyword(name) else "")
        super().__init__([f"--{name}", parameter], default=default, help=text, **more)
        self.flag_name = name

    @property
    def label(self) -> str:
        """Return `-n, --namespace` or `--url`, as error texts name the flag."""
        return f"-{self.letter}, --{self.flag_name}" if self.letter else f"--{self.flag_name}"


class Value(click.ParamType[Any]):
    """Turns text into a value; a ValueError's text becomes the end of pflag's error message."""

    def __init__(self, name: str, read: Callable[[str], Any]) -> None:
        self.name = name
        self.read = read

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if not isinstance(value, str) or not isinstance(param, Flag):
            return value
        try:
            return self.read(value)
        except ValueError as wrong:
            raise UsageFailure(f'invalid argument "{value}" for "{param.label}" flag: {wrong}') from wrong


def text(name: str, help_text: str, default: str = "", *, letter: str = "", hidden: bool = False) -> Flag:
    """Declare a flag with a text value."""
    return Flag(name, letter, "string", default, help_text, type=str, hidden=hidden)


def boolean(name: str, help_text: str, default: bool = False, *, letter: str = "", hidden: bool = False) -> Flag:
    """Declare a flag that may stand alone: `--wait`, `--wait=false`."""
    value = Value("bool", read_bool)
    shown = "true" if default else ""
    return Flag(
        name, letter, "", default, help_text, type=value, bare="true", shown_default=shown, is_flag=False, hidden=hidden
    )


def maybe(name: str, help_text: str) -> Flag:
    """Declare a boolean whose absence is a third answer: the command gets None."""
    return Flag(name, "", "", None, help_text, type=Value("bool", read_bool), bare="true", is_flag=False)


def duration(name: str, help_text: str, default: str = "0s", *, letter: str = "") -> Flag:
    """Declare a flag with a duration in Go's text; the command gets seconds as a float."""
    value = Value("duration", read_duration)
    shown = "" if default == "0s" else default
    return Flag(name, letter, "duration", default, help_text, type=value, shown_default=shown)


def integer(name: str, help_text: str, default: int = 0, *, letter: str = "") -> Flag:
    """Declare a flag with a whole number."""
    value = Value("int", read_int)
    return Flag(name, letter, "int", default, help_text, type=value, shown_default=str(default) if default else "")


def number(name: str, help_text: str, default: float = 0.0) -> Flag:
    """Declare a flag with a decimal number."""
    shown = f"{default:g}" if default else ""
    return Flag(name, "", "float32", default, help_text, type=Value("float", read_float), shown_default=shown)


def strings(name: str, help_text: str, default: Sequence[str] = ()) -> Flag:
    """Declare a flag that may be repeated and takes comma-separated lists; the command gets a tuple."""
    shown = "[" + ",".join(default) + "]" if default else ""
    return Flag(
        name,
        "",
        "strings",
        tuple(default),
        help_text,
        type=Value("strings", str),
        multiple=True,
        callback=_split,
        shown_default=shown,
    )


def pairs(name: str, help_text: str) -> Flag:
    """Declare a flag with `key=value` pairs, repeated or comma-separated; the command gets a dict."""
    value = Value("pairs", str)
    return Flag(name, "", "stringToString", (), help_text, type=value, multiple=True, callback=_pairs)


def choice(
    name: str,
    help_text: str,
    options: Sequence[str],
    wrong: Callable[[str], str],
    default: str = "",
    *,
    letter: str = "",
) -> Flag:
    """Declare a flag that takes one of `options`; `wrong(value)` is the text of the error."""

    def read(value: str) -> str:
        if value != default and value not in options:
            raise ValueError(wrong(value))
        return value

    return Flag(name, letter, "|".join(options), default, help_text, type=Value("choice", read), shown_default=default)


def parsed(
    name: str, help_text: str, read: Callable[[str], Any], default: Any = None, *, go_type: str = "string"
) -> Flag:
    """Declare a flag whose value `read` understands; the default is not read."""

    def reading(value: str) -> Any:
        return value if value == default else read(value)

    return Flag(name, "", go_type, default, help_text, type=Value(go_type, reading))


def read_bool(value: str) -> bool:
    """Read a boolean as Go's strconv does."""
    if value in _TRUE:
        return True
    if value in _FALSE:
        return False
    raise ValueError(f'strconv.ParseBool: parsing "{value}": invalid syntax')


def read_duration(value: str) -> float:
    """Read a duration as Go's time package does, in seconds."""
    from fluvial.gotext import parse_duration

    return parse_duration(value)


def read_int(value: str) -> int:
    """Read a whole number."""
    try:
        return int(value, 0)
    except ValueError:
        raise ValueError(f'strconv.ParseInt: parsing "{value}": invalid syntax') from None


def read_float(value: str) -> float:
    """Read a decimal number."""
    try:
        return float(value)
    except ValueError:
        raise ValueError(f'strconv.ParseFloat: parsing "{value}": invalid syntax') from None


def _split(ctx: click.Context, flag: click.Parameter, values: Sequence[str]) -> tuple[str, ...]:
    parts: list[str] = []
    for value in values:
        parts.extend(next(csv.reader([value]), []) if value else [])
    return tuple(parts)


def _pairs(ctx: click.Context, flag: click.Parameter, values: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for part in _split(ctx, flag, values):
        key, equals, value = part.partition("=")
        if not equals:
            raise UsageFailure(
                f'invalid argument "{part}" for "--{flag.name}" flag: {part} must be formatted as key=value'
            )
        found[key] = value
    return found
