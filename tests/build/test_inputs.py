"""The key of a build: what was read, and a digest that is the same for trees that build alike."""

from textwrap import dedent

from fluvial.build import BuildRequest, build
from fluvial.stdx import Tree, sha256
from tests.build.situations import CONFIG, built

FILES = {
    "app/kustomization.yaml": "resources: [a.yaml, ../base]\nconfigMapGenerator: [{name: g, files: [../x.txt]}]",
    "app/a.yaml": CONFIG % "a",
    "base/kustomization.yaml": "resources: [b.yaml]",
    "base/b.yaml": CONFIG % "b",
    "x.txt": "x",
    "docs/readme.md": "not part of it",
}


def tree(files: dict[str, str]) -> Tree:
    return Tree({name: dedent(text).encode() for name, text in files.items()})


def test_the_files_that_were_read() -> None:
    result = built(FILES, path="app")
    assert result.read == FILES.keys() - {"docs/readme.md"}
    assert result.digest == sha256(result.text.encode())


def test_what_was_not_read_does_not_change_the_key() -> None:
    result = built(FILES, path="app")
    assert result.inputs.digest(tree(FILES)) == result.read_digest
    assert result.inputs.digest(tree(FILES | {"docs/readme.md": "changed", "new": "file"})) == result.read_digest


def test_what_was_read_does() -> None:
    result = built(FILES, path="app")
    for name in result.read:
        assert result.inputs.digest(tree(FILES | {name: FILES[name] + "\n# more"})) != result.read_digest
        gone = {path: text for path, text in FILES.items() if path != name}
        assert result.inputs.digest(tree(gone)) != result.read_digest


def test_a_rival_kustomization_file_changes_the_key() -> None:
    result = built(FILES, path="app")
    assert result.inputs.digest(tree(FILES | {"base/Kustomization": ""})) != result.read_digest


def test_a_new_file_in_a_scanned_folder_changes_the_key() -> None:
    files = {"app/a.yaml": CONFIG % "a", "app/sub/b.yaml": CONFIG % "b"}
    result = built(files, path="app")
    assert result.inputs.scanned == {"app"}
    assert result.inputs.digest(tree(files | {"app/sub/c.yaml": CONFIG % "c"})) != result.read_digest
    assert result.inputs.digest(tree(files | {"other.yaml": ""})) == result.read_digest


def test_a_missing_component_that_appears_changes_the_key() -> None:
    files = {"app/a.yaml": CONFIG % "a"}
    spec = {"components": ["../c"], "ignoreMissingComponents": True}
    result = built(files, spec, path="app")
    component = {"c/kustomization.yaml": "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component"}
    assert result.inputs.digest(tree(files | component)) != result.read_digest


def test_a_cache_of_parsed_files_changes_nothing() -> None:
    parsed: dict[bytes, object] = {}
    request = BuildRequest(tree=tree(FILES), path="app", spec={"namePrefix": "p-"}, variables={})
    assert build(request, parsed=parsed) == build(request, parsed=parsed) == build(request)
    assert parsed
