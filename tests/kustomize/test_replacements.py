"""Values copied from one object into others: replacements, and the older vars."""

import pytest

from fluvial.yamldoc import dump_all, load_all
from tests.kustomize.situations import Files, check, refused

OBJECTS = """\
apiVersion: v1
data:
  host: example.org
  port: "80"
kind: ConfigMap
metadata:
  name: source
---
apiVersion: a.io/v1
kind: Foo
metadata:
  name: target
spec:
  list:
  - name: one
    url: http://old:1/path
  - name: two
    url: http://old:2/path
"""


def replaced(source: str, target: str, objects: str = OBJECTS) -> Files:
    return {
        "kustomization.yaml": f"resources: [o.yaml]\nreplacements:\n- source: {source}\n  targets: [{target}]\n",
        "o.yaml": objects,
    }


SITUATIONS = {
    "one item by its key": (
        "{kind: ConfigMap, fieldPath: data.host}",
        "{select: {kind: Foo}, fieldPaths: ['spec.list.[name=two].url']}",
        ("http://old:2/path", "example.org"),
    ),
    "all items": (
        "{kind: ConfigMap, fieldPath: data.host}",
        "{select: {kind: Foo}, fieldPaths: ['spec.list.*.url'], options: {delimiter: /, index: 2}}",
        ("old:1", "example.org"),
        ("old:2", "example.org"),
    ),
    "an index": (
        "{kind: ConfigMap, fieldPath: data.port}",
        "{select: {name: target}, fieldPaths: [spec.list.0.url], options: {delimiter: ':', index: 1}}",
        ("http://old:1/path", "http:80:1/path"),
    ),
    "a part of the source": (
        "{kind: ConfigMap, fieldPath: data.host, options: {delimiter: ., index: 1}}",
        "{select: {kind: Foo}, fieldPaths: ['spec.list.[name=one].url']}",
        ("http://old:1/path", "org"),
    ),
    "the name, where no path is given": (
        "{kind: ConfigMap}",
        "{select: {kind: Foo}, fieldPaths: ['spec.list.[name=one].url']}",
        ("http://old:1/path", "source"),
    ),
    "before the first part": (
        "{kind: ConfigMap}",
        "{select: {kind: Foo}, fieldPaths: ['spec.list.[name=one].url'], options: {delimiter: ':', index: -1}}",
        ("http://old:1/path", "source:http://old:1/path"),
    ),
    "a field that is made": (
        "{kind: ConfigMap, fieldPath: data.host}",
        "{select: {kind: Foo}, fieldPaths: [spec.new.field], options: {create: true}}",
        ("url: http://old:2/path\n", "url: http://old:2/path\n  new:\n    field: example.org\n"),
    ),
    "rejected objects stay": (
        "{kind: ConfigMap, fieldPath: data.host}",
        "{select: {version: v1}, reject: [{name: target}], fieldPaths: [data.port]}",
        ('port: "80"', "port: example.org"),
    ),
}


@pytest.mark.parametrize("situation", SITUATIONS)
def test_a_replacement(situation: str) -> None:
    source, target, *changes = SITUATIONS[situation]
    expect = OBJECTS
    for before, after in changes:
        assert before in expect
        expect = expect.replace(before, after)
    check(replaced(source, target), ordered(expect))


def ordered(text: str) -> str:
    """Return objects as kustomize prints them: keys sorted."""
    return dump_all([document.value for document in load_all(text)])


def test_a_field_inside_a_text_of_json() -> None:
    objects = (
        OBJECTS + '---\n{apiVersion: v1, kind: ConfigMap, metadata: {name: json}, data: {c: \'{"a": {"b": "c"}}\'}}\n'
    )
    check(
        replaced(
            "{kind: ConfigMap, name: source, fieldPath: data.host}",
            "{select: {name: json}, fieldPaths: [data.c.a.b]}",
            objects,
        ),
        ordered(OBJECTS)
        + """---
apiVersion: v1
data:
  c: '{"a":{"b":"example.org"}}'
kind: ConfigMap
metadata:
  name: json
""",
    )


def test_replacements_may_stand_in_a_file() -> None:
    check(
        {
            "kustomization.yaml": "resources: [o.yaml]\nreplacements: [{path: r.yaml}]",
            "o.yaml": OBJECTS,
            "r.yaml": "- source: {kind: ConfigMap, fieldPath: data.host}\n"
            "  targets: [{select: {kind: Foo}, fieldPaths: ['spec.list.[name=one].url']}]\n",
        },
        ordered(OBJECTS).replace("http://old:1/path", "example.org"),
    )


@pytest.mark.parametrize(
    ("source", "target", "words"),
    [
        ("{kind: None}", "{select: {kind: Foo}}", "nothing selected by None"),
        ("{version: v1}", "{select: {kind: Foo}}", "multiple matches for selector"),
        ("{kind: ConfigMap, fieldPath: data.none}", "{select: {kind: Foo}}", "fieldPath `data.none` is missing"),
        ("{kind: ConfigMap}", "{select: {kind: Foo}, fieldPaths: [spec.none]}", 'unable to find field "spec.none"'),
        ("{kind: ConfigMap}", "{fieldPaths: [spec.list]}", "target must specify resources to select"),
        (
            "{kind: ConfigMap, options: {delimiter: ':', index: 7}}",
            "{select: {kind: Foo}}",
            "options.index 7 is out of bounds",
        ),
    ],
)
def test_a_replacement_that_finds_nothing_is_refused(source: str, target: str, words: str) -> None:
    error = refused(replaced(source, target), words)
    assert error.file == "kustomization.yaml"


def test_vars_fill_texts_and_whole_fields() -> None:
    check(
        {
            "kustomization.yaml": """\
                resources: [all.yaml]
                namePrefix: x-
                vars:
                - {name: SERVICE, objref: {kind: Service, name: s, apiVersion: v1}}
                - name: PORT
                  objref: {kind: Service, name: s, apiVersion: v1}
                  fieldref: {fieldPath: 'spec.ports[0].port'}
                """,
            "all.yaml": """\
                apiVersion: v1
                kind: Service
                metadata: {name: s}
                spec: {ports: [{port: 80}]}
                ---
                apiVersion: v1
                kind: Pod
                metadata: {name: p}
                spec:
                  containers:
                  - name: c
                    command: [run, --to, $(SERVICE).local, $(UNKNOWN), $$(SERVICE)]
                    env: [{name: P, value: $(PORT)}]
                """,
        },
        """
        apiVersion: v1
        kind: Service
        metadata:
          name: x-s
        spec:
          ports:
          - port: 80
        ---
        apiVersion: v1
        kind: Pod
        metadata:
          name: x-p
        spec:
          containers:
          - command:
            - run
            - --to
            - x-s.local
            - $(UNKNOWN)
            - $(SERVICE)
            env:
            - name: P
              value: 80
            name: c
        """,
    )


def test_a_var_of_an_object_that_is_not_there() -> None:
    refused(
        {
            "kustomization.yaml": "resources: [o.yaml]\n"
            "vars: [{name: X, objref: {kind: Secret, name: none, apiVersion: v1}}]",
            "o.yaml": OBJECTS,
        },
        "X",
        "cannot be mapped to a field in the set of known resources",
    )
