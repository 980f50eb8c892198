"""The files of a build from this machine's disk: a folder, and whatever its kustomizations point at beside it.

A build knows only a tree of bytes. Reading the whole disk for it would be absurd, reading the folder alone would miss
bases such as `../base`; so the kustomization files are followed.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fluvial.cli.errors import Failure
from fluvial.stdx import Tree
from fluvial.yamldoc import YamlError, load_all

KUSTOMIZATION_FILES = ("kustomization.yaml", "kustomization.yml", "Kustomization")
_SKIPPED = {".git"}


def read_tree(folder: Path, also: tuple[str, ...] = ()) -> tuple[Tree, str]:
    """Return the files that a build of `folder` can need, and the folder's path among them.

    Links are left out, as artifacts leave them out.

    Args:
        also: further paths, relative to `folder`, that the Flux Kustomization names (its components).
    Raises:
        Failure: a file cannot be read.
    """
    start = Path(os.path.abspath(folder))
    wanted = [start, *(Path(os.path.abspath(start / each)) for each in also)]
    files: dict[Path, bytes] = {}
    walked: list[Path] = []
    while wanted:
        path = wanted.pop()
        if path in files or any(path == done or done in path.parents for done in walked):
            continue
        if path.is_dir() and not path.is_symlink():
            walked.append(path)
            fresh = dict(_read_folder(path))
        elif path.is_file() and not path.is_symlink():
            fresh = {path: _read(path)}
        else:
            continue  # the build itself says best what it misses
        files |= fresh
        for name, data in fresh.items():
            if name.name in KUSTOMIZATION_FILES:
                wanted += [Path(os.path.abspath(name.parent / text)) for text in _references(data)]
    root = Path(os.path.commonpath([start, *(path.parent for path in files)]))
    tree = Tree({path.relative_to(root).as_posix(): data for path, data in files.items()})
    return tree, start.relative_to(root).as_posix()


def _read_folder(folder: Path) -> Iterator[tuple[Path, bytes]]:
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if name not in _SKIPPED)
        for name in sorted(names):
            path = Path(parent, name)
            if path.is_file() and not path.is_symlink():
                yield path, _read(path)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise Failure(f"failed to read {path}: {error.strerror}") from error


def _references(data: bytes) -> Iterator[str]:
    """Yield every text of a kustomization file that may be a path outside of its folder."""
    try:
        documents = load_all(data)
    except YamlError:
        return  # the build names file and line
    for document in documents:
        yield from (text for text in _texts(document.value) if ".." in text and "\n" not in text and "://" not in text)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        # files of generators are written `key=path`
        yield value.rpartition("=")[2]
    elif isinstance(value, dict):
        for part in value.values():
            yield from _texts(part)
    elif isinstance(value, list):
        for part in value:
            yield from _texts(part)
