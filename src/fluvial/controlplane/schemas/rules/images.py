"""Image names, as far as the default pull policy asks for their tag."""

import re

# docker reference: an optional host, a path, an optional tag and an optional digest.
_TAG = re.compile(
    r"(?:.*/)?[^/:@]+(?::(?P<tag>[\w][\w.-]{0,127}))?(?P<digest>@[A-Za-z][\w.+-]*:[0-9a-fA-F]{32,})?\Z", re.ASCII
)


def pull_policy(image: str) -> str:
    """Return the pull policy of an image that names none: `Always` for the tag latest, also where it is implied."""
    match = _TAG.match(image)
    if match is None:
        return "IfNotPresent"
    tag = match["tag"] or ("" if match["digest"] else "latest")
    return "Always" if tag == "latest" else "IfNotPresent"
