"""String formats that CRD schemas know; any other is ignored."""

import base64
import binascii
import ipaddress
import re
from collections.abc import Callable
from datetime import date
from urllib.parse import urlsplit

from fluvial.gotext import parse_duration, parse_rfc3339

_HOSTNAME = re.compile(r"[a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?(\.[a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?)*\Z")
_EMAIL = re.compile(r"[^@\s<>]+@[^@\s<>]+\Z")
_MAC = re.compile(r"([0-9a-fA-F]{2}[:-]){5}[0-9a-fA-F]{2}\Z|([0-9a-fA-F]{4}\.){2}[0-9a-fA-F]{4}\Z")
_HEX = "[0-9a-fA-F]"
_SHORT_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?\Z")
_LONG_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\Z")


def _matches(pattern: str | re.Pattern[str]) -> Callable[[str], bool]:
    compiled = re.compile(pattern)
    return lambda text: compiled.match(text) is not None


def _parses(parse: Callable[[str], object]) -> Callable[[str], bool]:
    def check(text: str) -> bool:
        try:
            parse(text)
        except (ValueError, binascii.Error):
            return False
        return True

    return check


def _date(text: str) -> date:
    if len(text) != 10:
        raise ValueError(text)
    return date.fromisoformat(text)


def _uri(text: str) -> object:
    parts = urlsplit(text)
    if not parts.scheme and not text.startswith("/"):
        raise ValueError(text)
    return parts


def _uuid(version: str = "", variant: str = "") -> Callable[[str], bool]:
    third = f"{version}{_HEX}{{3}}" if version else f"{_HEX}{{4}}"
    fourth = f"[{variant}]{_HEX}{{3}}" if variant else f"{_HEX}{{4}}"
    return _matches(rf"{_HEX}{{8}}-?{_HEX}{{4}}-?{third}-?{fourth}-?{_HEX}{{12}}\Z")


_CHECKS: dict[str, Callable[[str], bool]] = {
    "bsonobjectid": _matches(rf"{_HEX}{{24}}\Z"),
    "byte": _parses(lambda text: base64.b64decode(text, validate=True)),
    "cidr": lambda text: "/" in text and _parses(lambda t: ipaddress.ip_network(t, strict=False))(text),
    "date": _parses(_date),
    "datetime": _parses(parse_rfc3339),
    "duration": _parses(parse_duration),
    "email": _matches(_EMAIL),
    "hexcolor": _matches(rf"#?({_HEX}{{3}}|{_HEX}{{6}})\Z"),
    "hostname": lambda text: len(text) <= 255 and _HOSTNAME.match(text) is not None,
    "ipv4": _parses(ipaddress.IPv4Address),
    "ipv6": _parses(ipaddress.IPv6Address),
    "k8s-long-name": lambda text: len(text) <= 253 and _LONG_NAME.match(text) is not None,
    "k8s-short-name": _matches(_SHORT_NAME),
    "mac": _matches(_MAC),
    "uri": _parses(_uri),
    "uuid": _uuid(),
    "uuid3": _uuid("3"),
    "uuid4": _uuid("4", "89abAB"),
    "uuid5": _uuid("5", "89abAB"),
}


def format_is_met(name: str, text: str) -> bool:
    """Tell whether `text` has the format `name`; a format that is not known has every text."""
    check = _CHECKS.get(name)
    return check is None or check(text)
