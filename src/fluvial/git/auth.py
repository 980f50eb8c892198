"""Who we are to a Git server: a value, read from a Secret by `fluvial.sources`."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Auth:
    """Credentials for one repository; empty fields are unused.

    Attributes:
        username, password: basic authentication; over SSH the login name (default `git`) and the key's passphrase.
        bearer_token: `Authorization: Bearer`, exclusive with basic.
        identity: SSH private key, PEM or OpenSSH format.
        known_hosts: lines as in `~/.ssh/known_hosts`; a server that is not in them is refused.
    """

    username: str = ""
    password: str = ""
    bearer_token: str = ""
    identity: bytes = b""
    known_hosts: bytes = b""

    def __repr__(self) -> str:
        return "Auth(***)" if self != Auth() else "Auth()"


@dataclass(frozen=True, slots=True)
class SshAlgorithms:
    """Ordered algorithm names from `--ssh-kex-algos` and `--ssh-hostkey-algos`; empty means the library's own."""

    kex: tuple[str, ...] = ()
    host_key: tuple[str, ...] = ()
