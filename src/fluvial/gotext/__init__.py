"""Go's rules for text: regular expressions (RE2), number and date formats, durations, JSON text, quantities, semantic
versions and ranges.

Everything here is a function from text to values or back that gives what Go's standard library, Masterminds/semver
or apimachinery's resource.Quantity gives. Text that they refuse raises ValueError with their message.
"""

from fluvial.gotext.durations import format_duration, parse_duration
from fluvial.gotext.floats import format_float, json_float
from fluvial.gotext.jsontext import go_json
from fluvial.gotext.quantities import Quantity, parse_quantity
from fluvial.gotext.quoting import go_quote
from fluvial.gotext.regexps import Regexp, compile_re2
from fluvial.gotext.semver import Constraint, Version
from fluvial.gotext.times import parse_rfc3339, rfc3339, rfc3339_micro, rfc3339_nano

__all__ = [
    "Constraint",
    "Quantity",
    "Regexp",
    "Version",
    "compile_re2",
    "format_duration",
    "format_float",
    "go_json",
    "go_quote",
    "json_float",
    "parse_duration",
    "parse_quantity",
    "parse_rfc3339",
    "rfc3339",
    "rfc3339_micro",
    "rfc3339_nano",
]
