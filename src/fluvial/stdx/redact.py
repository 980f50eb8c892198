"""The one redactor that every outgoing text passes: logs, events, conditions, errors."""

import base64
import json
import re
from bisect import insort
from collections import OrderedDict

_URL_PASSWORD = re.compile(r"(?P<head>[a-z][a-z0-9+.-]*://[^/\s:@]*):(?P<password>[^/\s@]+)@")
_SHORTEST = 4  # shorter secrets occur in ordinary words and would garble every message
_MOST = 100_000  # forms of secrets


class Redactor:
    """Replaces known secrets, and passwords inside URLs, by `***`.

    Secrets are remembered until 100,000 newer forms came; one that is in use is added again and again, and stays.
    Values shorter than four characters are not remembered, since they would match ordinary text.
    """

    def __init__(self) -> None:
        self._secrets: OrderedDict[str, None] = OrderedDict()  # the one added longest ago first
        self._by_head: dict[str, list[str]] = {}  # first characters → secrets, the longest first

    def add(self, secret: str | bytes) -> None:
        """Remember a secret, its lines if it has several, and its base64 and JSON forms."""
        raw = secret.encode() if isinstance(secret, str) else secret
        text = raw.decode("utf-8", "replace")
        parts = (text, text.strip(), *(line.strip() for line in text.splitlines()))
        for form in (*parts, *map(_in_json, parts), base64.b64encode(raw).decode()):
            if len(form) >= _SHORTEST:
                self._remember(form)

    def clean(self, text: str) -> str:
        """Return `text` with every known secret and every URL password replaced by `***`."""
        if "://" in text:
            text = _URL_PASSWORD.sub(r"\g<head>:***@", text)
        if not self._by_head:
            return text
        # A look into a table for each character; an alternation of ten thousand lines of keys takes seconds to compile.
        kept: list[str] = []
        start = at = 0
        while at <= len(text) - _SHORTEST:
            found = self._by_head.get(text[at : at + _SHORTEST])
            secret = next((each for each in found if text.startswith(each, at)), "") if found else ""
            if not secret:
                at += 1
                continue
            kept += (text[start:at], "***")
            start = at = at + len(secret)
        return "".join((*kept, text[start:])) if kept else text

    def _remember(self, form: str) -> None:
        if form in self._secrets:
            self._secrets.move_to_end(form)
            return
        insort(self._by_head.setdefault(form[:_SHORTEST], []), form, key=lambda each: -len(each))
        self._secrets[form] = None
        if len(self._secrets) > _MOST:
            self._forget(next(iter(self._secrets)))

    def _forget(self, form: str) -> None:
        del self._secrets[form]
        same_head = self._by_head[form[:_SHORTEST]]
        same_head.remove(form)
        if not same_head:
            del self._by_head[form[:_SHORTEST]]


def _in_json(text: str) -> str:
    """As it stands in a line of JSON, or in quotes of an error."""
    return json.dumps(text, ensure_ascii=False)[1:-1]
