"""Label selectors: the text of `-l` and `metav1.LabelSelector` objects, as apimachinery's labels package has them."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fluvial.gotext import go_json, go_quote
from fluvial.objects.validation import label_key_problems, label_value_problems


class SelectorError(ValueError):
    """A selector that Kubernetes would refuse, with its message."""


_BINARY = ("in", "notin", "=", "==", "!=", "gt", "lt")
_SIGNS = {"=": "=", "==": "==", "!=": "!=", "gt": ">", "lt": "<", "in": " in ", "notin": " notin "}
_OPERATORS = {"In": "in", "NotIn": "notin", "Exists": "exists", "DoesNotExist": "!"}
_INTEGER = re.compile(r"[-+]?[0-9]{1,20}\Z")


@dataclass(frozen=True, slots=True)
class Requirement:
    """One clause: `operator` is one of `=`, `==`, `!=`, `in`, `notin`, `exists`, `!`, `gt`, `lt`."""

    key: str
    operator: str
    values: tuple[str, ...] = ()

    def matches(self, labels: Mapping[str, str]) -> bool:
        value = labels.get(self.key)
        match self.operator:
            case "=" | "==" | "in":
                return value is not None and value in self.values
            case "!=" | "notin":
                return value is None or value not in self.values
            case "exists":
                return value is not None
            case "!":
                return value is None
        number, bound = _int64(value), _int64(self.values[0])
        if number is None or bound is None:
            return False
        return number > bound if self.operator == "gt" else number < bound

    def __str__(self) -> str:
        if self.operator == "exists":
            return self.key
        if self.operator == "!":
            return f"!{self.key}"
        text = ",".join(sorted(self.values))
        if self.operator in ("in", "notin"):
            text = f"({text})"
        return f"{self.key}{_SIGNS[self.operator]}{text}"


@dataclass(frozen=True, slots=True)
class LabelSelector:
    """Requirements that all must hold. Without any it matches everything; `str()` gives the text for a query."""

    requirements: tuple[Requirement, ...] = ()

    @classmethod
    def parse(cls, text: str) -> "LabelSelector":
        """Parse `a=b,c!=d,e in (x,y),!f,g>1`; requirements are kept in the order of their keys.

        Raises:
            SelectorError: with the message of apimachinery's labels.Parse.
        """
        return cls(_by_key(_Parser(text).requirements()))

    @classmethod
    def from_object(cls, selector: Mapping[str, Any]) -> "LabelSelector":
        """Read a `metav1.LabelSelector` (`matchLabels`, `matchExpressions`); an empty one matches everything.

        Raises:
            SelectorError: an unknown operator, values missing or superfluous, a bad key or value.
        """
        found = [make_requirement(key, "=", [value]) for key, value in (selector.get("matchLabels") or {}).items()]
        for expression in selector.get("matchExpressions") or []:
            operator = expression.get("operator", "")
            if operator not in _OPERATORS:
                raise SelectorError(f"{go_quote(str(operator))} is not a valid label selector operator")
            values = expression.get("values") or []
            found.append(make_requirement(expression.get("key", ""), _OPERATORS[operator], values))
        return cls(_by_key(found))

    @classmethod
    def of_labels(cls, labels: Mapping[str, str]) -> "LabelSelector":
        """Return the selector of exactly these labels, unchecked."""
        return cls(_by_key(Requirement(key, "=", (value,)) for key, value in labels.items()))

    def matches(self, labels: Mapping[str, str]) -> bool:
        return all(requirement.matches(labels) for requirement in self.requirements)

    def __str__(self) -> str:
        return ",".join(map(str, self.requirements))


def make_requirement(key: str, operator: str, values: Sequence[str]) -> Requirement:
    """Return a checked requirement.

    Raises:
        SelectorError: a bad key or value, too many or too few values; all problems in one message.
    """
    problems = []
    if wrong := label_key_problems(key):
        problems.append(f"key: Invalid value: {go_quote(key)}: {'; '.join(wrong)}")
    if problem := _wrong_count(operator, values):
        problems.append(f"values: Invalid value: {go_json(list(values) or None)}: {problem}")
    if operator in ("gt", "lt"):
        problems += [
            f"values[{index}]: Invalid value: {go_quote(value)}: for 'Gt', 'Lt' operators, the value must be an integer"
            for index, value in enumerate(values)
            if _int64(value) is None
        ]
    for index, value in enumerate(values):
        if wrong := label_value_problems(value):
            problems.append(f"values[{index}][{key}]: Invalid value: {go_quote(value)}: {'; '.join(wrong)}")
    if problems:
        raise SelectorError(problems[0] if len(problems) == 1 else f"[{', '.join(dict.fromkeys(problems))}]")
    return Requirement(key, operator, tuple(values))


def _wrong_count(operator: str, values: Sequence[str]) -> str:
    if operator in ("in", "notin") and not values:
        return "for 'in', 'notin' operators, values set can't be empty"
    if operator in ("=", "==", "!=") and len(values) != 1:
        return "exact-match compatibility requires one single value"
    if operator in ("exists", "!") and values:
        return "values set must be empty for exists and does not exist"
    if operator in ("gt", "lt") and len(values) != 1:
        return "for 'Gt', 'Lt' operators, exactly one value is required"
    return ""


def _by_key(requirements: Iterable[Requirement]) -> tuple[Requirement, ...]:
    return tuple(sorted(requirements, key=lambda requirement: requirement.key))


def _int64(text: str | None) -> int | None:
    if text is None or not _INTEGER.match(text):
        return None
    number = int(text)
    return number if -(2**63) <= number < 2**63 else None


_TOKEN = re.compile(r"[ \t\r\n]*(?:([=!(),<>]+)|([^=!(),<> \t\r\n\0]+)|(\0|\Z))")
_SYMBOLS = (")", ",", "!", "==", "=", ">", "<", "!=", "(")
_END = ""


class _Parser:
    """Recursive descent over apimachinery's grammar; a token is (kind, text), kind "id", "" (the end) or the symbol."""

    def __init__(self, text: str) -> None:
        self._tokens = list(_tokens(text))
        self._at = 0

    def requirements(self) -> list[Requirement]:
        found: list[Requirement] = []
        while True:
            kind, text = self._peek()
            if kind == _END:
                return found
            if kind not in ("id", "!"):
                raise SelectorError(f"found '{text}', expected: !, identifier, or 'end of string'")
            try:
                found.append(self._requirement())
            except SelectorError as error:
                raise SelectorError(f"unable to parse requirement: {error}") from None
            kind, text = self._take()
            if kind == _END:
                return found
            if kind != ",":
                raise SelectorError(f"found '{text}', expected: ',' or 'end of string'")
            kind, text = self._peek()
            if kind not in ("id", "!"):
                raise SelectorError(f"found '{text}', expected: identifier after ','")

    def _requirement(self) -> Requirement:
        kind, key = self._take()
        absent = kind == "!"
        if absent:
            kind, key = self._take()
        if kind != "id":
            raise SelectorError(f"found '{key}', expected: identifier")
        if wrong := label_key_problems(key):
            raise SelectorError(f"<nil>: Invalid value: {go_quote(key)}: {'; '.join(wrong)}")
        if absent:
            return make_requirement(key, "!", [])
        if self._peek()[0] in (_END, ","):
            return make_requirement(key, "exists", [])
        operator = self._operator()
        values = self._values() if operator in ("in", "notin") else self._value()
        return make_requirement(key, operator, sorted(values))

    def _operator(self) -> str:
        kind, text = self._take()
        if kind == "id" and text in ("in", "notin"):
            return text
        if kind in ("=", "==", "!="):
            return kind
        if kind in (">", "<"):
            return "gt" if kind == ">" else "lt"
        raise SelectorError(f"found '{text}', expected: {', '.join(_BINARY)}")

    def _value(self) -> set[str]:
        if self._peek()[0] in (_END, ","):
            return {""}
        kind, text = self._take()
        if kind != "id":
            raise SelectorError(f"found '{text}', expected: identifier")
        return {text}

    def _values(self) -> set[str]:
        kind, text = self._take()
        if kind != "(":
            raise SelectorError(f"found '{text}' expected: '('")
        kind, text = self._peek()
        if kind == ")":
            self._take()
            return {""}
        if kind not in ("id", ","):
            raise SelectorError(f"found '{text}', expected: ',', ')' or identifier")
        values = self._listed()
        if self._take()[0] != ")":
            raise SelectorError(f"found '{text}', expected: ')'")
        return values

    def _listed(self) -> set[str]:
        values: set[str] = set()
        while True:
            kind, text = self._take()
            if kind == "id":
                values.add(text)
                kind, text = self._peek()
                if kind == ")":
                    return values
                if kind != ",":
                    raise SelectorError(f"found '{text}', expected: ',' or ')'")
            elif kind == ",":
                if not values:
                    values.add("")
                following = self._peek()[0]
                if following in (")", ","):
                    values.add("")
                if following == ")":
                    return values
            else:
                raise SelectorError(f"found '{text}', expected: ',', or identifier")

    def _peek(self) -> tuple[str, str]:
        return self._tokens[self._at]

    def _take(self) -> tuple[str, str]:
        token = self._tokens[self._at]
        self._at = min(self._at + 1, len(self._tokens) - 1)
        return token


def _tokens(text: str) -> Iterable[tuple[str, str]]:
    position = 0
    while True:
        match = _TOKEN.match(text, position)
        assert match is not None  # the pattern covers every text
        symbols, word, _ = match.groups()
        if symbols:
            symbol, length = _longest_symbol(symbols)
            yield symbol, symbol if symbol != "error" else f"error expected: keyword found '{symbols}'"
            position = match.start(1) + length
        elif word:
            yield "id", word
            position = match.end()
        else:
            yield _END, ""
            return


def _longest_symbol(run: str) -> tuple[str, int]:
    """Return the symbol at the start of `run` as the lexer finds it: it grows the text until it is no symbol again."""
    found = ""
    for end in range(1, len(run) + 1):
        if run[:end] in _SYMBOLS:
            found = run[:end]
        elif found:
            break
    return (found, len(found)) if found else ("error", len(run))
