"""Digests as OCI and Flux write them: `<algorithm>:<hex>`."""

import hashlib


def sha256(data: bytes) -> str:
    """Return `sha256:` and 64 lower-case hexadecimal digits."""
    return "sha256:" + hashlib.sha256(data).hexdigest()
