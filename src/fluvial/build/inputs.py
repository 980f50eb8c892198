"""What a build read of its tree, so that another tree can be asked whether its build would come out the same."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from fluvial.kustomize import FILE_NAMES
from fluvial.stdx import Tree


@dataclass(frozen=True, slots=True)
class Inputs:
    """The files read, and what else of the tree the build looked at.

    Args:
        read: paths of the files whose contents were used.
        scanned: folders without a kustomization, of which every name below counted.
        missing: paths that would have changed the build had they existed (`ignoreMissingComponents`).
    """

    read: frozenset[str]
    scanned: frozenset[str] = frozenset()
    missing: frozenset[str] = frozenset()

    def digest(self, tree: Tree) -> str:
        """Return a digest of what these inputs are in `tree`. Trees with one digest give one build."""
        whole = hashlib.sha256()
        for path in sorted(self.read):
            data = tree.get(path)
            whole.update(f"{path}\0{-1 if data is None else len(data)}\0".encode())
            if data is not None:
                whole.update(hashlib.sha256(data).digest())
        for path in sorted(self.missing | frozenset(self._rivals())):
            whole.update(f"{path}\0{tree.is_file(path)}{tree.is_dir(path)}\0".encode())
        for folder in sorted(self.scanned):
            for path in _names(tree, folder):
                whole.update(f"{path}\0".encode())
        return "sha256:" + whole.hexdigest()

    def _rivals(self) -> Iterator[str]:
        """Yield the other names that the kustomization files read could have: two in one folder are an error."""
        for path in self.read:
            folder, slash, name = path.rpartition("/")
            if name in FILE_NAMES:
                yield from (folder + slash + rival for rival in FILE_NAMES if rival != name)


def _names(tree: Tree, folder: str) -> Iterator[str]:
    for name in tree.listdir(folder):
        path = name if folder == "." else f"{folder}/{name}"
        yield path
        if tree.is_dir(path):
            yield from _names(tree, path)
