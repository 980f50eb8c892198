"""Names, labels and keys: which texts the API accepts, and what it says of others.

Source: apimachinery `pkg/util/validation`, `pkg/api/validation`.
"""

import re
from collections.abc import Callable, Iterator

Check = Callable[[str], Iterator[str]]  # yields what is wrong

_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = rf"{_LABEL}(\.{_LABEL})*"
_LABEL_1035 = "[a-z]([-a-z0-9]*[a-z0-9])?"
_QUALIFIED = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_LABEL_VALUE = f"({_QUALIFIED})?"
_CONFIG_KEY = "[-._a-zA-Z0-9]+"

_SUBDOMAIN_TEXT = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', "
    "and must start and end with an alphanumeric character"
)
_LABEL_TEXT = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', "
    "and must start and end with an alphanumeric character"
)
_LABEL_1035_TEXT = (
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', "
    "start with an alphabetic character, and end with an alphanumeric character"
)
_QUALIFIED_TEXT = (
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character"
)
_VALUE_TEXT = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', "
    "and must start and end with an alphanumeric character"
)
_KEY_TEXT = "a valid config key must consist of alphanumeric characters, '-', '_' or '.'"


def _regex(text: str, pattern: str, *examples: str) -> str:
    shown = ", ".join(f" or '{e}'" if i else f"'{e}'" for i, e in enumerate(examples))
    return f"{text} (e.g. {shown}, regex used for validation is '{pattern}')"


def _rule(pattern: str, text: str, limit: int, *examples: str, unit: str = "characters") -> Check:
    compiled = re.compile(rf"(?:{pattern})\Z")

    def check(value: str) -> Iterator[str]:
        if len(value.encode()) > limit:
            yield f"must be no more than {limit} {unit}"
        if not compiled.match(value):
            yield _regex(text, pattern, *examples)

    return check


wildcard_subdomain: Check = _rule(
    rf"\*\.{_SUBDOMAIN}",
    "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of "
    "lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character",
    253,
    "*.example.com",
)
subdomain: Check = _rule(_SUBDOMAIN, _SUBDOMAIN_TEXT, 253, "example.com")
dns_label_1035: Check = _rule(_LABEL_1035, _LABEL_1035_TEXT, 63, "my-name", "abc-123")
label_value: Check = _rule(_LABEL_VALUE, _VALUE_TEXT, 63, "MyValue", "my_value", "12345", unit="bytes")

_prefix = _rule(_SUBDOMAIN, _SUBDOMAIN_TEXT, 253, "example.com", unit="bytes")
_dns_label = _rule(_LABEL, _LABEL_TEXT, 63, "my-name", "123-abc")
_IS_SUBDOMAIN = re.compile(rf"(?:{_SUBDOMAIN})\Z")
_IS_QUALIFIED = re.compile(rf"(?:{_QUALIFIED})\Z")
_IS_CONFIG_KEY = re.compile(rf"{_CONFIG_KEY}\Z")


def dns_label(value: str) -> Iterator[str]:
    """A label of a DNS name; a name with dots is told so."""
    for problem in _dns_label(value):
        yield "must not contain dots" if "(e.g." in problem and _IS_SUBDOMAIN.match(value) else problem


def path_segment(value: str) -> Iterator[str]:
    """Whatever may stand between two slashes of a path (names of roles)."""
    if value in (".", ".."):
        yield f"may not be '{value}'"
        return
    for char in "/%":
        if char in value:
            yield f"may not contain '{char}'"


def qualified_name(value: str) -> Iterator[str]:
    """A label key, annotation key or finalizer: a name with an optional DNS prefix."""
    prefix, slash, name = value.partition("/")
    if "/" in name:
        yield (
            _regex(f"a valid label key {_QUALIFIED_TEXT}", _QUALIFIED, "MyName", "my.name", "123-abc")
            + " with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"
        )
        return
    if not slash:
        name = prefix
    elif not prefix:
        yield "prefix part must be non-empty"
    else:
        for problem in _prefix(prefix):
            yield f"prefix part {problem}"
    if not name:
        yield "name part must be non-empty"
    elif len(name.encode()) > 63:
        yield "name part must be no more than 63 bytes"
    if not _IS_QUALIFIED.match(name):
        yield "name part " + _regex(_QUALIFIED_TEXT, _QUALIFIED, "MyName", "my.name", "123-abc")


def config_key(value: str) -> Iterator[str]:
    """A key of a ConfigMap or Secret."""
    if len(value.encode()) > 253:
        yield "must be no more than 253 characters"
    if not _IS_CONFIG_KEY.match(value):
        yield _regex(_KEY_TEXT, _CONFIG_KEY, "key.name", "KEY_NAME", "key-name")
    elif value == ".":
        yield "must not be '.'"
    elif value == "..":
        yield "must not be '..'"
    elif value.startswith(".."):
        yield "must not start with '..'"


def port_name(value: str) -> Iterator[str]:
    """A name of a container's port (IANA service name)."""
    if len(value) > 15:
        yield "must be no more than 15 characters"
    if not re.match(r"[-a-z0-9]+\Z", value):
        yield "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)"
    if not re.search("[a-z]", value):
        yield "must contain at least one letter (a-z)"
    if "--" in value:
        yield "must not contain consecutive hyphens"
    if value and (value[0] == "-" or value[-1] == "-"):
        yield "must not begin or end with a hyphen"
