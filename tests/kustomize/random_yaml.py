"""YAML text of values in random styles: block and flow, quoted and plain, literal and folded."""

from random import Random
from typing import Any

_OTHER = ("y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan")  # unquoted, these are no text


class Writer:
    """Writes values as people write them; what is read back is the value, but for its types now and then."""

    def __init__(self, random: Random) -> None:
        self.random = random

    def pick(self, *choices: Any) -> Any:
        return self.random.choice(choices)

    def chance(self, share: float) -> bool:
        return self.random.random() < share

    def document(self, value: Any) -> str:
        style = self.pick("block", "block", "block", "flow")
        lines = self.flow(value) + "\n" if style == "flow" else "".join(f"{line}\n" for line in self.block(value))
        return self.pick("", "", "# note\n", "---\n") + lines

    def block(self, value: Any) -> list[str]:
        if isinstance(value, dict) and value:
            lines = []
            for key, item in value.items():
                lines += self._entry(self.quoted_key(key) + ":", item)
            return lines
        if isinstance(value, list) and value:
            lines = []
            for item in value:
                if isinstance(item, dict) and item and self.chance(0.7):
                    inner = self.block(item)
                    lines += ["- " + inner[0], *(f"  {line}" for line in inner[1:])]
                else:
                    lines += self._entry("-", item)
            return lines
        return [self.flow(value)]

    def _entry(self, head: str, item: Any) -> list[str]:
        if isinstance(item, dict | list) and item and self.chance(0.85):
            indent = "" if isinstance(item, list) and head != "-" and self.chance(0.5) else "  "
            return [head, *(f"{indent}{line}" for line in self.block(item))]
        if isinstance(item, str) and self.chance(0.5) and "\n" in item:
            return self._literal(head, item)
        note = "  # note" if self.chance(0.05) else ""
        return [f"{head} {self.flow(item)}{note}"]

    def _literal(self, head: str, text: str) -> list[str]:
        if not text.strip("\n") or text[0] in " \n" or any(line != line.rstrip() for line in text.split("\n")):
            return [f"{head} {self.double(text)}"]
        body = text.rstrip("\n")
        trailing = len(text) - len(body)
        mark = "-" if trailing == 0 else "" if trailing == 1 else "+"
        symbol = ">" if self.chance(0.2) else "|"
        extra = [""] * (trailing - 1)
        return [f"{head} {symbol}{mark}", *(f"  {line}" if line else "" for line in body.split("\n")), *extra]

    def flow(self, value: Any) -> str:
        if isinstance(value, dict):
            return "{" + ", ".join(f"{self.quoted_key(k)}: {self.flow(v)}" for k, v in value.items()) + "}"
        if isinstance(value, list):
            return "[" + ", ".join(map(self.flow, value)) + "]"
        if value is None:
            return self.pick("null", "~", "null")
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, str):
            return self.quoted(value)
        return repr(value)

    def quoted_key(self, key: str) -> str:
        return key if key not in ("true", "y", "1key") else f'"{key}"'

    def quoted(self, text: str) -> str:
        plain = text and all(c.isalnum() or c in "-_./" for c in text) and text[0] not in "-./"
        as_text = text.lower() not in _OTHER and not text[:1].isdigit() and text[:1] not in "+-"
        if plain and self.chance(0.7 if as_text else 0.02):
            return text
        if "\n" not in text and "\t" not in text and self.chance(0.4):
            return "'" + text.replace("'", "''") + "'"
        return self.double(text)

    def double(self, text: str) -> str:
        escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")
        return f'"{escaped}"'
