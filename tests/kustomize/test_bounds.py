"""Inputs made to hurt: nothing takes long, and nothing ends in another error than ours."""

from time import process_time

import pytest

from fluvial.kustomize import KustomizeError, build
from fluvial.stdx import Tree
from tests.kustomize.situations import tree

CONFIG = "{apiVersion: v1, kind: ConfigMap, metadata: {name: %s}}\n"


def refusal(files: dict[str, str], at: str = ".") -> str:
    with pytest.raises(KustomizeError) as caught:
        build(tree(files), at)
    return str(caught.value)


def test_an_alias_bomb() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join(['*a' + str(i - 1)] * 10)}]" for i in range(1, 12)]
    bomb = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: b}\n" + "\n".join(lines)
    assert "excessive aliasing" in refusal({"kustomization.yaml": "resources: [b.yaml]", "b.yaml": bomb})


def test_an_anchor_that_contains_itself() -> None:
    text = "apiVersion: v1\nkind: ConfigMap\nmetadata: &m {name: b, labels: *m}"
    assert "contains itself" in refusal({"kustomization.yaml": "resources: [b.yaml]", "b.yaml": text})


def foo(spec: str) -> str:
    return f"apiVersion: a/v1\nkind: Foo\nmetadata: {{name: b}}\nspec: {spec}\n"


@pytest.mark.parametrize("depth", [300, 100_000])
def test_what_is_nested_too_deeply(depth: int) -> None:
    files = {"kustomization.yaml": "resources: [b.yaml]", "b.yaml": foo("[" * depth + "]" * depth)}
    assert "max depth" in refusal(files)


def test_what_is_nested_as_deeply_as_may_be() -> None:
    depth = 245
    files = {
        "kustomization.yaml": """\
            resources: [b.yaml]
            commonLabels: {team: a}
            images: [{name: x, newTag: v2}]
            patches:
            - path: p.yaml
            - target: {name: b}
              patch: '[{"op": "add", "path": "/spec/c", "value": 1}]'
            replacements:
            - {source: {kind: Foo}, targets: [{select: {kind: Foo}, fieldPaths: [spec.d], options: {create: true}}]}
            """,
        "b.yaml": foo("{a: " * depth + "1" + "}" * depth),
        "p.yaml": foo("{a: " * (depth - 1) + "{b: 1}" + "}" * (depth - 1)),
    }
    [built] = build(tree(files), ".")
    assert built["spec"].keys() == {"a", "c", "d"}
    value = built["spec"]
    for _ in range(depth - 1):
        value = value["a"]
    assert value == {"a": 1, "b": 1}


def test_kustomizations_within_one_another() -> None:
    files = {f"{'a/' * n}kustomization.yaml": "resources: [a]" for n in range(500)}
    assert "nested deeper than 100 levels" in refusal(files)


def test_many_layers_of_deep_objects() -> None:
    files = {f"{'a/' * n}kustomization.yaml": "resources: [a]\npatches: [{path: p.yaml}]" for n in range(99)}
    files |= {f"{'a/' * n}p.yaml": foo("{a: " * 246 + f"{{a{n}: 1}}" + "}" * 246) for n in range(99)}
    files |= {f"{'a/' * 99}kustomization.yaml": "resources: [b.yaml]", f"{'a/' * 99}b.yaml": foo("{}")}
    [built] = build(tree(files), ".")
    value = built["spec"]
    for _ in range(246):
        value = value["a"]
    assert len(value) == 99


def test_a_pattern_that_would_backtrack() -> None:
    started = process_time()
    files = {
        "kustomization.yaml": "resources: [b.yaml]\npatches:\n- target: {name: '(a+)+b'}\n  path: p.yaml\n",
        "b.yaml": CONFIG % ("a" * 200),
        "p.yaml": CONFIG % "x",
    }
    build(tree(files), ".")
    assert process_time() - started < 1


def seconds(files: dict[str, str]) -> float:
    repository = tree(files)
    started = process_time()
    build(repository, ".")
    return process_time() - started


@pytest.mark.parametrize("feature", ["generators", "patches", "json", "replacements"])
def test_time_grows_with_the_size_and_not_its_square(feature: str) -> None:
    def files(count: int) -> dict[str, str]:
        base = "---\n".join(CONFIG % f"c{i}" for i in range(count))
        entries = {
            "generators": "configMapGenerator:\n"
            + "".join(f"- {{name: g{i}, literals: [a=b]}}\n" for i in range(count)),
            "patches": "patches:\n"
            + "".join(
                f"- {{patch: '{{apiVersion: v1, kind: ConfigMap, metadata: {{name: c{i}}}, data: {{a: b}}}}'}}\n"
                for i in range(count)
            ),
            "json": "patches:\n"
            + "".join(
                f'- {{target: {{name: c{i}}}, patch: \'[{{"op": "add", "path": "/a", "value": 1}}]\'}}\n'
                for i in range(count)
            ),
            "replacements": "replacements:\n"
            + "".join(
                f"- {{source: {{name: c{i}}}, targets: [{{select: {{name: c{i}}}, fieldPaths: [data.a],"
                " options: {create: true}}]}\n"
                for i in range(count)
            ),
        }
        return {"kustomization.yaml": "resources: [b.yaml]\n" + entries[feature], "b.yaml": base}

    small = min(seconds(files(200)) for _ in range(3))
    assert seconds(files(1600)) < 8 * small * 2.5


def test_a_thousand_patterns_over_a_thousand_objects() -> None:
    files = {
        "kustomization.yaml": "resources: [b.yaml]\npatches:\n"
        + "".join(f"- {{target: {{name: 'c{i}.*'}}, path: p.yaml}}\n" for i in range(300)),
        "b.yaml": "---\n".join(CONFIG % f"c{i}" for i in range(300)),
        "p.yaml": "{apiVersion: v1, kind: ConfigMap, metadata: {name: x}, data: {a: b}}",
    }
    assert seconds(files) < 10


def test_a_tree_of_bytes_that_are_no_text() -> None:
    for data in (b"\xff\xfe\x00", b"\x00" * 100, b"a: \xc3\x28", b"\x80"):
        with pytest.raises(KustomizeError):
            build(Tree({"kustomization.yaml": data}), ".")
        with pytest.raises(KustomizeError):
            build(Tree({"kustomization.yaml": b"resources: [b.yaml]", "b.yaml": data}), ".")
