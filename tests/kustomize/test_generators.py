"""configMapGenerator and secretGenerator: content, names, behaviors, options."""

import pytest

from fluvial.kustomize import build
from fluvial.stdx import Tree
from tests.kustomize.situations import Files, built, check, refused


def test_a_config_map_of_literals_files_and_env_files() -> None:
    check(
        {
            "kustomization.yaml": """\
                configMapGenerator:
                - name: app
                  literals: [A=1, 'B="quoted"', C=a=b]
                  files: [conf/app.ini, renamed.ini=conf/app.ini]
                  envs: [app.env]
                """,
            "conf/app.ini": "[a]\nb = c\n",
            "app.env": "# comment\n\nD=d\nE=\n  F=f  \n",
        },
        """
        apiVersion: v1
        data:
          A: "1"
          B: quoted
          C: a=b
          D: d
          E: ""
          F: 'f  '
          app.ini: |
            [a]
            b = c
          renamed.ini: |
            [a]
            b = c
        kind: ConfigMap
        metadata:
          name: app-kcff45d268
        """,
    )


def test_a_secret_is_encoded_and_typed() -> None:
    check(
        {
            "kustomization.yaml": """\
                secretGenerator:
                - {name: tls, type: kubernetes.io/tls, literals: [tls.key=x], namespace: web}
                """
        },
        """
        apiVersion: v1
        data:
          tls.key: eA==
        kind: Secret
        metadata:
          name: tls-95th5f5gk9
          namespace: web
        type: kubernetes.io/tls
        """,
    )


def test_what_is_not_utf8_becomes_binary_data() -> None:
    files = {"kustomization.yaml": b"configMapGenerator: [{name: a, files: [x]}]", "x": b"\xff\x00"}
    [config] = build(Tree(files), ".")
    assert config["binaryData"] == {"x": "/wA="}


def test_the_name_follows_the_content_and_references_follow_the_name() -> None:
    files = {
        "kustomization.yaml": "resources: [p.yaml]\nconfigMapGenerator: [{name: c, literals: [a=%s]}]",
        "p.yaml": "{apiVersion: v1, kind: Pod, metadata: {name: p},"
        " spec: {volumes: [{name: v, configMap: {name: c}}]}}",
    }
    names = set()
    for value in "12":
        text = built({**files, "kustomization.yaml": files["kustomization.yaml"] % value})
        [name] = {line.strip() for line in text.splitlines() if "name: c-" in line}
        assert text.count(name) == 2
        names.add(name)
    assert len(names) == 2


def test_options_of_all_generators_and_of_one() -> None:
    check(
        {
            "kustomization.yaml": """\
                generatorOptions: {labels: {a: all}, annotations: {note: all}, disableNameSuffixHash: true}
                configMapGenerator:
                - {name: one, literals: [k=v]}
                - {name: two, literals: [k=v], options: {labels: {a: own, b: own}, immutable: true}}
                """
        },
        """
        apiVersion: v1
        data:
          k: v
        kind: ConfigMap
        metadata:
          annotations:
            note: all
          labels:
            a: all
          name: one
        ---
        apiVersion: v1
        data:
          k: v
        immutable: true
        kind: ConfigMap
        metadata:
          annotations:
            note: all
          labels:
            a: own
            b: own
          name: two
        """,
    )


def layered(behavior: str) -> Files:
    return {
        "kustomization.yaml": "resources: [base]\ngeneratorOptions: {disableNameSuffixHash: true}\n"
        f"configMapGenerator: [{{name: a, behavior: {behavior}, literals: [k=new, m=new]}}]",
        "base/kustomization.yaml": "configMapGenerator: [{name: a, literals: [k=old, l=old]}]",
    }


@pytest.mark.parametrize(
    ("behavior", "data"), [("merge", "k: new\n  l: old\n  m: new"), ("replace", "k: new\n  m: new")]
)
def test_behaviors(behavior: str, data: str) -> None:
    text = built(layered(behavior))
    assert f"data:\n  {data}\nkind" in text
    check(layered(behavior), text)


def test_behaviors_that_do_not_fit() -> None:
    refused(layered("create"), "exists; can not use behavior: 'create', behavior must be merge or replace")
    refused(layered("unknown"), "exists; can not use behavior")
    refused(
        {"kustomization.yaml": "configMapGenerator: [{name: a, behavior: merge, literals: [k=v]}]"},
        "does not exist; cannot merge or replace",
    )


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ("{literals: [a=b]}", "name"),
        ("{name: a, literals: [a]}", "invalid literal source a, expected key=value"),
        ("{name: a, files: [gone.txt]}", "gone.txt"),
        ("{name: a, files: [a=b=c]}", "key name or file path contains '='"),
        ("{name: a, envs: [gone.env]}", "gone.env"),
        ("{name: a, literals: [k=1, k=2]}", "configmap a illegally repeats the key `k`"),
    ],
)
def test_a_bad_source_names_itself(entry: str, words: str) -> None:
    error = refused({"kustomization.yaml": f"configMapGenerator: [{entry}]"}, words)
    assert error.file == "kustomization.yaml"
