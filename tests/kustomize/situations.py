"""A small repository, and what kustomize makes of it.

With FLUVIAL_PEERS set, every expectation is put to the real kustomize too.
"""

import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent

import pytest

from fluvial.kustomize import KustomizeError, Options, build, render
from fluvial.stdx import Tree
from tests.support.realserver import peers_folder

Files = Mapping[str, str]
FLUX = Options()
COMMAND = Options(order="legacy")


def tree(files: Files) -> Tree:
    return Tree({name: dedent(text).encode() for name, text in files.items()})


def built(files: Files, at: str = ".", options: Options = FLUX) -> str:
    return render(build(tree(files), at, options=options))


def check(files: Files, expect: str, at: str = ".", options: Options = FLUX) -> None:
    """Build the kustomization in `at`, and compare the text."""
    wanted = dedent(expect).lstrip("\n")
    assert built(files, at, options) == wanted
    real = ask_kustomize(files, at, options)
    assert real is None or real == (wanted, ""), "the real kustomize answers differently"


def refused(files: Files, *words: str, at: str = ".", options: Options = FLUX, really: bool = True) -> KustomizeError:
    """Build, and expect an error whose text has all of `words`, in this order; return it.

    Args:
        really: the real kustomize refuses it too.
    """
    with pytest.raises(KustomizeError) as caught:
        built(files, at, options)
    rest = str(caught.value)
    for word in words:
        assert word in rest, f"no {word!r} in what is left of: {caught.value}"
        rest = rest.partition(word)[2]
    real = ask_kustomize(files, at, options)
    assert real is None or bool(real[1]) == really, f"the real kustomize answers {real}"
    return caught.value


def ask_kustomize(files: Files, at: str, options: Options) -> tuple[str, str] | None:
    """Return what the real kustomize prints, and its error; None without it."""
    folder = peers_folder()
    if folder is None or not (folder / "kustomize").exists():
        return None
    with tempfile.TemporaryDirectory() as name:
        for path, content in tree(files).items():
            file = Path(name, "source", path)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
        flags = ["--reorder", options.order]
        if not options.root_only:
            flags += ["--load-restrictor", "LoadRestrictionsNone"]
        command = [folder / "kustomize", "build", at, *flags]
        done = subprocess.run(command, cwd=Path(name, "source"), capture_output=True, text=True, timeout=60)
    return done.stdout, done.stderr if done.returncode else ""
