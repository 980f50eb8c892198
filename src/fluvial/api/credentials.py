"""The Secret formats of sources: which keys mean what, and what a set of them gives access with.

Source: fluxcd/pkg `git/options.go` (`NewAuthOptions`); other formats come with the kinds that read them.
"""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import unquote, urlsplit

from fluvial.api.errors import InvalidObject
from fluvial.objects import Object, dig

KEY_IDENTITY: Final = "identity"
KEY_KNOWN_HOSTS: Final = "known_hosts"
KEY_USERNAME: Final = "username"
KEY_PASSWORD: Final = "password"
KEY_BEARER_TOKEN: Final = "bearerToken"
KEY_TLS_CERT: Final = "tls.crt"
KEY_TLS_KEY: Final = "tls.key"
KEY_CA: Final = "ca.crt"
KEY_CA_LEGACY: Final = "caFile"
KEY_GITHUB_APP_ID: Final = "githubAppID"
DEFAULT_SSH_USER: Final = "git"


def secret_data(obj: Object) -> dict[str, bytes]:
    """The decoded `data` of a Secret (or the `data` and `binaryData` of a ConfigMap).

    Raises:
        InvalidObject: a value is not base64; the message names the key, never the value.
    """
    encoded = obj.get("kind") == "Secret"
    out: dict[str, bytes] = {}
    for key, value in (dig(obj, "data", default={}) or {}).items():
        out[key] = _decoded(f"data[{key}]", value) if encoded else str(value).encode()
    if not encoded:
        for key, value in (dig(obj, "binaryData", default={}) or {}).items():
            out[key] = _decoded(f"binaryData[{key}]", value)
    return out


def _decoded(where: str, value: object) -> bytes:
    try:
        return base64.b64decode(str(value), validate=True)
    except (binascii.Error, ValueError):
        raise InvalidObject(where, "is not base64") from None


@dataclass(frozen=True, slots=True, kw_only=True)
class GitCredentials:
    """How to prove to a Git server who we are; empty fields are not used. Its `repr` shows no secret."""

    transport: str  # http, https or ssh
    host: str  # with the port when the URL has one
    username: str = ""
    password: str = field(default="", repr=False)  # of the SSH key when transport is ssh
    bearer_token: str = field(default="", repr=False)
    identity: bytes = field(default=b"", repr=False)
    known_hosts: bytes = b""
    client_certificate: bytes = b""
    client_key: bytes = field(default=b"", repr=False)
    ca: bytes = b""


def git_credentials(url: str, data: Mapping[str, bytes] | None = None) -> GitCredentials:
    """The credentials for `url` that a Secret's `data` gives; user and password in the URL count where it gives none.

    Raises:
        InvalidObject: the data does not fit the transport; the message is Flux's and goes to the user.
    """
    parts = urlsplit(url)
    transport, data = parts.scheme, data or {}
    netloc = parts.netloc.rpartition("@")[2]
    in_url = (unquote(parts.username or ""), unquote(parts.password or ""))
    if transport == "ssh":
        credentials = GitCredentials(
            transport=transport,
            host=netloc,
            username=(in_url[0] or DEFAULT_SSH_USER) if data else "",
            password=_text(data, KEY_PASSWORD),
            identity=data.get(KEY_IDENTITY, b""),
            known_hosts=data.get(KEY_KNOWN_HOSTS, b""),
        )
    else:
        bearer = KEY_BEARER_TOKEN in data
        credentials = GitCredentials(
            transport=transport,
            host=netloc,
            username=("" if bearer else _text(data, KEY_USERNAME)) or in_url[0],
            password=("" if bearer else _text(data, KEY_PASSWORD)) or in_url[1],
            bearer_token=_text(data, KEY_BEARER_TOKEN),
            client_certificate=data.get(KEY_TLS_CERT, b""),
            client_key=data.get(KEY_TLS_KEY, b""),
            ca=data.get(KEY_CA) or data.get(KEY_CA_LEGACY, b""),
        )
    _validate(credentials)
    return credentials


def _text(data: Mapping[str, bytes], key: str) -> str:
    try:
        return data.get(key, b"").decode()
    except UnicodeDecodeError:
        raise InvalidObject(key, "is not UTF-8 text") from None


def _validate(credentials: GitCredentials) -> None:
    transport = credentials.transport
    if transport in ("http", "https"):
        if not credentials.username and credentials.password:
            raise InvalidObject(
                "secretRef", f"invalid '{transport}' auth option: 'password' requires 'username' to be set"
            )
        return
    if transport != "ssh":
        raise InvalidObject("url", f"unknown transport '{transport}'" if transport else "no transport type set")
    for name, value in (
        ("host", credentials.host),
        ("identity", credentials.identity),
        ("known_hosts", credentials.known_hosts),
    ):
        if not value:
            raise InvalidObject("secretRef", f"invalid 'ssh' auth option: '{name}' is required")
