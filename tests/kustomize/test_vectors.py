"""Builds with the real kustomize's answers (tests/vectors/kustomize)."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from fluvial.kustomize import KustomizeError, NotSupported, build, render
from fluvial.stdx import Tree
from tests.kustomize.corpus import begins_alike, options_of

VECTORS = Path(__file__).parents[1] / "vectors/kustomize"
BUILDS: dict[str, dict[str, Any]] = {
    f"{group}/{name}": vector
    for group in ("edge", "krusty")
    for name, vector in json.loads((VECTORS / f"{group}.json").read_text()).items()
}
OTHER_WORDS = {"edge/doc-anchor-cycle": "anchor 's' value contains itself"}  # the real one crashes
ACCEPTED = {"edge/feat-validators-ok"}  # the real one compares the line numbers of a node that it copied


def tree(vector: dict[str, Any]) -> Tree:
    return Tree(
        {
            path: content.encode() if isinstance(content, str) else base64.b64decode(content["base64"])
            for path, content in vector["files"].items()
        }
    )


@pytest.mark.parametrize("name", [name for name, vector in BUILDS.items() if "output" in vector])
def test_a_build_gives_the_same_bytes(name: str) -> None:
    vector = BUILDS[name]
    options = options_of(vector["args"].split())
    assert render(build(tree(vector), vector["path"], options=options)) == vector["output"]


@pytest.mark.parametrize(
    "name", [name for name, vector in BUILDS.items() if "error" in vector and name not in ACCEPTED]
)
def test_what_is_refused_is_refused_in_the_same_words(name: str) -> None:
    vector = BUILDS[name]
    with pytest.raises(KustomizeError) as caught:
        build(tree(vector), vector["path"], options=options_of(vector["args"].split()))
    if isinstance(caught.value, NotSupported):
        assert "helm" in str(caught.value)
    elif name in OTHER_WORDS:
        assert OTHER_WORDS[name] in str(caught.value)
    else:
        assert begins_alike(str(caught.value), vector["error"])


@pytest.mark.parametrize("name", sorted(ACCEPTED))
def test_what_the_real_one_refuses_by_mistake(name: str) -> None:
    vector = BUILDS[name]
    assert build(tree(vector), vector["path"], options=options_of(vector["args"].split()))
