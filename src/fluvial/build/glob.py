"""Shell patterns as fluxcd/pkg `envsubst/path` matches them: Go's path.Match, but `*` also matches slashes."""


class BadPattern(ValueError):
    """A class that does not end, or a backslash at the end."""


def matches(pattern: str, name: str) -> bool:
    """Tell whether the whole of `name` matches: `*` any text, `?` one character, `[a-z]`, `[^a-z]`, `\\` escapes.

    Raises:
        BadPattern: found on the way; a mismatch before it is no error.
    """
    while pattern:
        star, chunk, pattern = _next_chunk(pattern)
        if star and not chunk:
            return True
        rest = _match_chunk(chunk, name)
        if rest is not None and (not rest or pattern):
            name = rest
            continue
        if not star:
            return False
        for skipped in range(1, len(name) + 1):
            rest = _match_chunk(chunk, name[skipped:])
            if rest is not None and (pattern or not rest):
                name = rest
                break
        else:
            return False
    return not name


def _next_chunk(pattern: str) -> tuple[bool, str, str]:
    """Return whether a star leads, the text up to the next star, and what follows."""
    chunk = pattern.lstrip("*")
    star = len(chunk) < len(pattern)
    in_class = False
    position = 0
    while position < len(chunk):
        char = chunk[position]
        if char == "\\" and position + 1 < len(chunk):
            position += 1
        elif char == "[":
            in_class = True
        elif char == "]":
            in_class = False
        elif char == "*" and not in_class:
            break
        position += 1
    return star, chunk[:position], chunk[position:]


def _match_chunk(chunk: str, name: str) -> str | None:
    """Return what of `name` is left behind the chunk, None if it does not match."""
    position = used = 0
    while position < len(chunk):
        if used == len(name):
            return None
        char = chunk[position]
        if char == "[":
            found, position = _match_class(chunk, position + 1, name[used])
            if not found:
                return None
        elif char == "?":
            position += 1
        else:
            if char == "\\":
                position += 1
                if position == len(chunk):
                    raise BadPattern(chunk)
            if chunk[position] != name[used]:
                return None
            position += 1
        used += 1
    return name[used:]


def _match_class(chunk: str, position: int, char: str) -> tuple[bool, int]:
    negated = chunk[position : position + 1] == "^"
    position += negated
    found = False
    count = 0
    while not (count and chunk[position : position + 1] == "]"):
        low, position = _class_char(chunk, position)
        high = low
        if chunk[position] == "-":
            high, position = _class_char(chunk, position + 1)
        found = found or low <= char <= high
        count += 1
    return found != negated, position + 1


def _class_char(chunk: str, position: int) -> tuple[str, int]:
    if chunk[position : position + 1] in ("", "-", "]"):
        raise BadPattern(chunk)
    if chunk[position] == "\\":
        position += 1
    if position + 1 >= len(chunk):
        raise BadPattern(chunk)
    return chunk[position], position + 1
