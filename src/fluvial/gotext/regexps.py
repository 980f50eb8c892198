"""Go's regular expressions on Python's engine."""

import re


def compile_re2(pattern: str) -> re.Pattern[str]:
    """Return Go's regular expression `pattern` as a Python one with the same meaning.

    Raises:
        ValueError: with the message of Go's regexp/syntax; also for what RE2 refuses (lookaround, backreferences).
    """
    raise NotImplementedError
