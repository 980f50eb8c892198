"""The one redactor that every outgoing text passes: logs, events, conditions, errors."""

import base64
import re

_URL_PASSWORD = re.compile(r"(?P<head>[a-z][a-z0-9+.-]*://[^/\s:@]*):(?P<password>[^/\s@]+)@")
_SHORTEST = 4  # shorter secrets occur in ordinary words and would garble every message


class Redactor:
    """Replaces known secrets, and passwords inside URLs, by `***`.

    Secrets are remembered for the life of the redactor; values shorter than four characters are not, since they
    would match ordinary text.
    """

    def __init__(self) -> None:
        self._secrets: set[str] = set()
        self._pattern: re.Pattern[str] | None = None

    def add(self, secret: str | bytes) -> None:
        """Remember a secret, its lines if it has several, and its base64 form."""
        raw = secret.encode() if isinstance(secret, str) else secret
        text = raw.decode("utf-8", "replace")
        for form in (text, text.strip(), base64.b64encode(raw).decode(), *(line.strip() for line in text.splitlines())):
            if len(form) >= _SHORTEST and form not in self._secrets:
                self._secrets.add(form)
                self._pattern = None

    def clean(self, text: str) -> str:
        """Return `text` with every known secret and every URL password replaced by `***`."""
        if "://" in text:
            text = _URL_PASSWORD.sub(r"\g<head>:***@", text)
        if not self._secrets:
            return text
        if self._pattern is None:
            longest_first = sorted(self._secrets, key=len, reverse=True)
            self._pattern = re.compile("|".join(map(re.escape, longest_first)))
        return self._pattern.sub("***", text)
