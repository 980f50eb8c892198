"""Relative paths that cannot leave their root. Slashes only; no file system is asked."""


class UnsafePath(ValueError):
    """A path that leaves its root; the message names both. Retrying cannot help, the input must change."""


def clean_path(path: str) -> str:
    """Return the shortest equal path, as Go's `path.Clean` does, but relative: a leading slash is dropped.

    `""`, `"."`, `"./"` and `"/"` all give `"."`; a path that climbs out keeps its leading `..` elements.
    """
    parts: list[str] = []
    for part in path.split("/"):
        if part in ("", "."):
            continue
        if part == ".." and parts and parts[-1] != "..":
            parts.pop()
        elif part == ".." and path.startswith("/"):
            continue
        else:
            parts.append(part)
    return "/".join(parts) or "."


def join_inside(root: str, path: str) -> str:
    """Join `path` to `root`, both relative, and refuse to leave `root`.

    A leading slash in `path` means `root`, as in a chroot. `"."` is the root itself.

    Raises:
        UnsafePath: `path` climbs above `root`.
    """
    inner = clean_path(path.lstrip("/"))
    if inner == ".." or inner.startswith("../"):
        raise UnsafePath(f"path {path!r} leaves its root {root!r}: use a path below it")
    if inner == ".":
        return clean_path(root)
    return clean_path(f"{root}/{inner}") if root not in ("", ".") else inner
