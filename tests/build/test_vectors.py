"""Builds with the answers of Flux's own library (tests/vectors/build)."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from fluvial.build import BuildError
from tests.build.situations import built

BUILDS: list[dict[str, Any]] = json.loads((Path(__file__).parents[1] / "vectors/build/flux.json").read_text())


def run(vector: dict[str, Any]) -> str:
    return built(vector["files"], vector["spec"], path=vector["path"], strict=vector["strict"]).text


def first_words(message: str) -> list[str]:
    """Return five words, without the object that Flux's library leaves for the controller to name."""
    return re.sub(r"^post build failed for '.*?'", "post build failed for", message).split()[:5]


@pytest.mark.parametrize("vector", [vector for vector in BUILDS if "output" in vector])
def test_a_build_gives_the_same_bytes(vector: dict[str, Any]) -> None:
    assert run(vector) == vector["output"]


@pytest.mark.parametrize("vector", [vector for vector in BUILDS if "error" in vector])
def test_what_is_refused_is_refused_in_the_same_words(vector: dict[str, Any]) -> None:
    with pytest.raises(BuildError) as caught:
        run(vector)
    assert first_words(str(caught.value)) == first_words(vector["error"])
