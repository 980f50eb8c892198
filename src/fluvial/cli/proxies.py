"""Which proxy a request goes through, as Go's programs read it from HTTP_PROXY, HTTPS_PROXY and NO_PROXY.

Source of the rules: golang.org/x/net/http/httpproxy.
"""

from collections.abc import Callable, Mapping
from ipaddress import ip_address, ip_network
from urllib.parse import urlsplit


def proxy_for(environ: Mapping[str, str]) -> Callable[[str], str]:
    """Return the rule that the environment makes: URL → URL of the proxy, or "" for none."""
    chosen = {scheme: _variable(environ, f"{scheme}_proxy") for scheme in ("http", "https")}
    direct = [entry for entry in (part.strip().lower() for part in _variable(environ, "no_proxy").split(",")) if entry]

    def proxy(url: str) -> str:
        parts = urlsplit(url)
        found = chosen.get(parts.scheme, "")
        port = parts.port or (443 if parts.scheme == "https" else 80)
        if not found or is_direct(parts.hostname or "", port, direct):
            return ""
        return found if "://" in found else f"http://{found}"

    return proxy


def _variable(environ: Mapping[str, str], name: str) -> str:
    return environ.get(name.upper()) or environ.get(name, "")


def is_direct(host: str, port: int, entries: list[str]) -> bool:
    """Tell whether NO_PROXY's `entries` exempt the host; this machine itself always is."""
    if host == "localhost" or _is_loopback(host):
        return True
    return any(_matches(host.lower().rstrip("."), port, entry) for entry in entries)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _matches(host: str, port: int, entry: str) -> bool:
    if entry == "*":
        return True
    try:
        return ip_address(host) in ip_network(entry, strict=False)
    except ValueError:
        pass  # the entry or the host is a name
    name, colon, wanted = entry.rpartition(":")
    if colon and wanted.isdigit():
        if int(wanted) != port:
            return False
        entry = name
    entry = entry.removeprefix("*")
    return host.endswith(entry) if entry.startswith(".") else host == entry or host.endswith(f".{entry}")
