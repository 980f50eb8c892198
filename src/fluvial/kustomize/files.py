"""The files of a build: path rules, what was read, and parsed files by content.

A folder with a kustomization is a root; paths in it are relative to it. Nothing outside of the tree exists: `../`
beyond the tree's own root is an error, and so is an absolute path. Source: api `internal/loader`.
"""

from collections.abc import MutableMapping
from typing import Any

from fluvial.kustomize.errors import KustomizeError, NotSupported
from fluvial.stdx import Tree, clean_path


class Store:
    """What all roots of one build share: the tree, the files read, and parsed files by content.

    `parsed` is the caller's and outlives the build; without one, what is read a second time is kept in `again`.
    """

    __slots__ = ("again", "parsed", "read", "seen", "tree")

    def __init__(self, tree: Tree, parsed: MutableMapping[bytes, Any] | None) -> None:
        self.tree = tree
        self.read: set[str] = set()
        self.parsed = parsed
        self.again: MutableMapping[bytes, Any] = {}
        self.seen: set[bytes] = set()


class Root:
    """One folder with a kustomization, and the roots through which the build came to it."""

    __slots__ = ("folder", "parent", "root_only", "store")

    def __init__(self, store: Store, folder: str, *, root_only: bool, parent: "Root | None" = None) -> None:
        self.store = store
        self.folder = folder
        self.root_only = root_only
        self.parent = parent

    def path(self, name: str) -> str:
        """Return the path in the tree that `name`, relative to this folder, means; it may begin with `..`."""
        return clean_path(name if self.folder == "." else f"{self.folder}/{name}")

    def load(self, name: str) -> bytes:
        """Return a file's content.

        Raises:
            KustomizeError: there is no such file, or it may not be read from here.
            NotSupported: the name is a URL.
        """
        if is_url(name):
            raise NotSupported(
                f"remote file {name!r} is not supported: put a copy into the repository", field="resources"
            )
        if name.startswith("/"):
            raise KustomizeError(f"open {name}: no such file or directory: use a path relative to {self.folder}")
        path = self.path(name)
        if path == ".." or path.startswith("../"):
            raise KustomizeError(
                f"open {path}: no such file or directory: the path leaves the source", file=self.folder
            )
        tree = self.store.tree
        if tree.is_dir(path):
            raise KustomizeError(
                f"'{path}' must resolve to a file" if self.root_only else f"read {path}: is a directory"
            )
        if not tree.is_file(path):
            if self.root_only:
                raise KustomizeError(f"evalsymlink failure on '{path}' : lstat {path}: no such file or directory")
            raise KustomizeError(f"open {path}: no such file or directory")
        if self.root_only and not _is_inside(path, self.folder):
            raise KustomizeError(f"security; file '{path}' is not in or below '{self.folder}'")
        self.store.read.add(path)
        return tree[path]

    def descend(self, name: str) -> "Root":
        """Return the root that the folder `name` is.

        Raises:
            KustomizeError: it is no folder, or one through which the build came here.
            NotSupported: the name is a Git URL.
        """
        if not name:
            raise KustomizeError("new root cannot be empty")
        if is_repository(name):
            raise NotSupported(
                f"remote base {name!r} is not supported: use a GitRepository of its own, or put a copy into this one",
                field="resources",
            )
        if name.startswith("/"):
            raise KustomizeError(f"new root '{name}' cannot be absolute")
        path = self.path(name)
        tree = self.store.tree
        if tree.is_file(path):
            raise KustomizeError(f"must build at directory: '{path}': file is not directory")
        if not tree.is_dir(path):
            where = "the path leaves the source" if path.startswith("..") else "no such file or directory"
            raise KustomizeError(
                f"must build at directory: not a valid directory: evalsymlink failure on '{path}' : "
                f"lstat {path}: {where}"
            )
        self._refuse_cycle(path)
        return Root(self.store, path, root_only=self.root_only, parent=self)

    def _refuse_cycle(self, path: str) -> None:
        root: Root | None = self
        while root is not None:
            if _is_inside(root.folder, path):
                raise KustomizeError(f"cycle detected: candidate root '{path}' contains visited root '{root.folder}'")
            root = root.parent


def _is_inside(path: str, folder: str) -> bool:
    return folder == "." or path == folder or path.startswith(folder + "/")


def is_url(name: str) -> bool:
    """Tell whether a file is to be fetched by HTTP."""
    return name[:8].lower().startswith(("http:", "https:"))


def is_repository(name: str) -> bool:
    """Tell whether `name` is a Git URL for kustomize, hence no folder."""
    lowered = name.lower()
    if lowered.startswith(("http://", "https://", "ssh://", "file://", "github.com/", "github.com:", "git::")):
        return True
    user, at, rest = name.partition("@")
    return bool(at and user and user[0].isalpha() and user.replace("-", "").isalnum() and (":" in rest or "/" in rest))
