"""Image names, as far as the default pull policy asks for their tag."""

import re

_PART = r"[a-z0-9]+(?:(?:\.|__?|-+)[a-z0-9]+)*"
_HOST = r"(?:[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*|\[[0-9a-fA-F:]+\])(?::[0-9]+)?"
# A reference of docker's: an optional host, a path, an optional tag and an optional digest.
_REFERENCE = re.compile(
    rf"(?:{_HOST}/)?{_PART}(?:/{_PART})*"
    r"(?::(?P<tag>[\w][\w.-]{0,127}))?(?P<digest>@[A-Za-z][\w.+-]*:[0-9a-fA-F]{32,})?\Z",
    re.ASCII,
)


def pull_policy(image: str) -> str:
    """Return the pull policy of an image that names none: `Always` for the tag latest, also where it is implied."""
    match = _REFERENCE.match(image)
    if match is None:
        return "IfNotPresent"
    tag = match["tag"] or ("" if match["digest"] else "latest")
    return "Always" if tag == "latest" else "IfNotPresent"
