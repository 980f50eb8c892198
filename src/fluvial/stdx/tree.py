"""A tree of bytes: the files of a commit, an artifact or a folder, as a value.

Nothing is ever unpacked to disk (ARCHITECTURE.md, "How it gets fast"): sources make a tree, artifacts carry it,
builds read it. Only regular files exist; links are dropped by whoever makes the tree, as Flux does.
"""

import hashlib
from collections.abc import Iterator, Mapping

from fluvial.stdx.paths import clean_path


class Tree(Mapping[str, bytes]):
    """An immutable mapping of clean relative paths to contents, iterated in sorted order.

    Args:
        files: contents by path; paths use `/`, have no `.`, `..` or leading slash.
        executable: the paths among them that carry the executable bit.
    Raises:
        ValueError: a path is not clean, or is both a file and a folder.
    """

    __slots__ = ("_dirs", "_files", "executable")

    def __init__(self, files: Mapping[str, bytes], executable: frozenset[str] = frozenset()) -> None:
        self._files: dict[str, bytes] = dict(sorted(files.items()))
        self._dirs: dict[str, list[str]] = _directories(self._files)
        self.executable = executable & self._files.keys()

    def __getitem__(self, path: str) -> bytes:
        return self._files[path]

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)

    def __contains__(self, path: object) -> bool:
        return path in self._files

    def __repr__(self) -> str:
        return f"Tree({len(self._files)} files, {self.size} bytes)"

    @property
    def size(self) -> int:
        """The bytes of all files together."""
        return sum(map(len, self._files.values()))

    def is_file(self, path: str) -> bool:
        """Tell whether `path` (clean) is a file."""
        return path in self._files

    def is_dir(self, path: str) -> bool:
        """Tell whether `path` (clean, `.` for the root) is a folder that holds a file somewhere below."""
        return path in self._dirs

    def listdir(self, path: str = ".") -> list[str]:
        """Return the sorted names in a folder; an absent folder is empty, not an error."""
        return self._dirs.get(path, [])

    def subtree(self, path: str) -> "Tree":
        """Return the files below the folder `path`, with paths relative to it; empty if there is none."""
        base = clean_path(path)
        if base == ".":
            return self
        prefix = base + "/"
        cut = len(prefix)
        files = {name[cut:]: data for name, data in self._files.items() if name.startswith(prefix)}
        return Tree(files, frozenset(name[cut:] for name in self.executable if name.startswith(prefix)))

    def digest(self) -> str:
        """Return a `sha256:` digest of paths, modes and contents; equal trees have equal digests."""
        whole = hashlib.sha256()
        for name, data in self._files.items():
            mode = "x" if name in self.executable else "-"
            whole.update(f"{mode}{name}\0{len(data)}\0".encode())
            whole.update(hashlib.sha256(data).digest())
        return "sha256:" + whole.hexdigest()


def _directories(files: Mapping[str, bytes]) -> dict[str, list[str]]:
    dirs: dict[str, set[str]] = {".": set()}
    for path in files:
        if not path or clean_path(path) != path or path.startswith("../") or path == "..":
            raise ValueError(f"not a clean relative path: {path!r}")
        child = path
        while True:
            parent, _, name = child.rpartition("/")
            parent = parent or "."
            siblings = dirs.get(parent)
            if siblings is not None and name in siblings:
                break
            dirs.setdefault(parent, set()).add(name)
            if parent == ".":
                break
            child = parent
    for path in dirs:
        if path in files:
            raise ValueError(f"both a file and a folder: {path!r}")
    return {path: sorted(names) for path, names in dirs.items()}
