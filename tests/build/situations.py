"""A small source, the spec of a Kustomization, and what is built of them."""

from collections.abc import Mapping
from textwrap import dedent
from typing import Any

import pytest

from fluvial.build import BuildError, BuildRequest, BuildResult, build
from fluvial.stdx import Tree

CONFIG = "{apiVersion: v1, kind: ConfigMap, metadata: {name: %s}, data: {k: v}}\n"


def request(files: Mapping[str, str], spec: Mapping[str, Any], **more: Any) -> BuildRequest:
    """Return a request; `variables`, `strict`, `path` and `ignore` may be given."""
    tree = Tree({name: dedent(text).encode() for name, text in files.items()})
    return BuildRequest(**{"tree": tree, "path": ".", "spec": spec, "variables": {}, **more})


def built(files: Mapping[str, str], spec: Mapping[str, Any] | None = None, **more: Any) -> BuildResult:
    return build(request(files, spec or {}, **more))


def check(files: Mapping[str, str], spec: Mapping[str, Any] | None, expect: str, **more: Any) -> None:
    """Build, and compare the text."""
    assert built(files, spec, **more).text == dedent(expect).lstrip("\n")


def refused(files: Mapping[str, str], spec: Mapping[str, Any] | None, *words: str, **more: Any) -> BuildError:
    """Build, and expect an error whose text has all of `words`, in this order; return it."""
    with pytest.raises(BuildError) as caught:
        built(files, spec, **more)
    rest = str(caught.value)
    for word in words:
        assert word in rest, f"no {word!r} in what is left of: {caught.value}"
        rest = rest.partition(word)[2]
    return caught.value
