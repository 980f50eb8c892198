"""Strategic merge and JSON 6902 patches, and what selects their objects."""

import pytest

from tests.kustomize.situations import check, refused

DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  labels: {tier: front}
spec:
  template:
    spec:
      containers:
      - name: web
        image: web:1
        ports:
        - containerPort: 80
        env:
        - {name: A, value: "1"}
        - {name: B, value: "2"}
      - name: proxy
        image: proxy:1
      tolerations:
      - key: a
"""
CONFIG = "{apiVersion: v1, kind: ConfigMap, metadata: {name: %s}, data: {k: v}}\n"


def patched(patch: str, expect: str, base: str = DEPLOYMENT) -> None:
    """Merge a patch of the base's containers' level, or of any other."""
    check(
        {"kustomization.yaml": "resources: [b.yaml]\npatches: [{path: p.yaml}]", "b.yaml": base, "p.yaml": patch},
        expect,
    )


def test_lists_with_a_merge_key_are_merged_and_others_replaced() -> None:
    patched(
        """\
        apiVersion: apps/v1
        kind: Deployment
        metadata: {name: web}
        spec:
          template:
            spec:
              containers:
              - name: web
                image: web:2
                env:
                - {name: C, value: "3"}
                - {name: A, value: "9"}
              - name: more
                image: more:1
              tolerations:
              - key: b
        """,
        """
        apiVersion: apps/v1
        kind: Deployment
        metadata:
          labels:
            tier: front
          name: web
        spec:
          template:
            spec:
              containers:
              - env:
                - name: C
                  value: "3"
                - name: A
                  value: "9"
                - name: B
                  value: "2"
                image: web:2
                name: web
                ports:
                - containerPort: 80
              - image: more:1
                name: more
              - image: proxy:1
                name: proxy
              tolerations:
              - key: b
        """,
    )


@pytest.mark.parametrize(
    ("directive", "left"),
    [
        ("containers: [{name: proxy, $patch: delete}, {name: web, ports: null, env: null}]", ["web:1 web"]),
        ("containers: [{$patch: replace}, {name: only, image: 'x:1'}]", ["x:1 only"]),
        ("containers: [{name: web, $patch: delete}, {name: new, image: 'n:1'}]", ["n:1 new", "proxy:1 proxy"]),
    ],
)
def test_patch_directives(directive: str, left: list[str]) -> None:
    containers = "\n".join(
        f"              - image: {image}\n                name: {name}"
        for image, name in (entry.split() for entry in left)
    )
    patched(
        f"""\
        apiVersion: apps/v1
        kind: Deployment
        metadata: {{name: web}}
        spec: {{template: {{spec: {{tolerations: null, {directive}}}}}}}
        """,
        f"""
        apiVersion: apps/v1
        kind: Deployment
        metadata:
          labels:
            tier: front
          name: web
        spec:
          template:
            spec:
              containers:\n{containers}
        """,
    )


def test_a_patch_may_delete_its_object() -> None:
    check(
        {
            "kustomization.yaml": "resources: [b.yaml]\npatches: [{path: p.yaml}]",
            "b.yaml": CONFIG % "gone" + "---\n" + CONFIG % "kept",
            "p.yaml": "{apiVersion: v1, kind: ConfigMap, metadata: {name: gone}, $patch: delete}",
        },
        """
        apiVersion: v1
        data:
          k: v
        kind: ConfigMap
        metadata:
          name: kept
        """,
    )


def test_null_deletes_a_field() -> None:
    patched(
        "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {k: null, n: w}}",
        """
        apiVersion: v1
        data:
          "n": w
        kind: ConfigMap
        metadata:
          name: a
        """,
        CONFIG % "a",
    )


def test_custom_resources_have_no_merge_keys_and_their_lists_are_replaced() -> None:
    patched(
        "{apiVersion: a.io/v1, kind: Foo, metadata: {name: a}, spec: {list: [{name: two}]}}",
        """
        apiVersion: a.io/v1
        kind: Foo
        metadata:
          name: a
        spec:
          list:
          - name: two
        """,
        "{apiVersion: a.io/v1, kind: Foo, metadata: {name: a}, spec: {list: [{name: one}]}}",
    )


TARGETS = {
    "{kind: ConfigMap}": "abc",
    "{kind: Config}": "",  # anchored
    "{kind: Config.*}": "abc",
    "{name: a}": "a",
    "{name: a|c}": "ac",
    "{name: '[ab]'}": "ab",
    "{version: v1, group: ''}": "abc",
    "{group: apps}": "",
    "{namespace: one}": "b",
    "{namespace: default}": "ac",
    "{labelSelector: tier=front}": "a",
    "{labelSelector: 'tier in (front, back)'}": "ac",
    "{labelSelector: '!tier'}": "b",
    "{annotationSelector: note}": "b",
    "{labelSelector: tier, name: c}": "c",
}


@pytest.mark.parametrize(("target", "chosen"), TARGETS.items(), ids=list(TARGETS))
def test_a_target_selects_by_anchored_patterns_and_selectors(target: str, chosen: str) -> None:
    metadata = {
        "a": "metadata:\n  labels:\n    tier: front\n  name: a\n",
        "b": 'metadata:\n  annotations:\n    note: "yes"\n  name: b\n  namespace: one\n',
        "c": "metadata:\n  labels:\n    tier: back\n  name: c\n",
    }
    objects = {name: f"apiVersion: v1\nkind: ConfigMap\n{text}" for name, text in metadata.items()}
    expect = {
        name: text.replace("kind:", "data:\n  hit: here\nkind:") if name in chosen else text
        for name, text in objects.items()
    }
    check(
        {
            "kustomization.yaml": "resources: [b.yaml]\npatches:\n- target: " + target + "\n  path: p.yaml\n",
            "b.yaml": "---\n".join(objects.values()),
            "p.yaml": "{apiVersion: v1, kind: Any, metadata: {name: any}, data: {hit: here}}",
        },
        "---\n".join(expect.values()),
    )


def test_json_patches_apply_to_every_object_that_is_selected() -> None:
    check(
        {
            "kustomization.yaml": """\
                resources: [b.yaml]
                patches:
                - target: {kind: ConfigMap}
                  patch: |-
                    - {op: replace, path: /data/k, value: w}
                    - {op: add, path: /metadata/labels, value: {a.b/c: d}}
                    - {op: copy, from: /data/k, path: /data/copy}
                    - {op: test, path: /metadata/labels/a.b~1c, value: d}
                """,
            "b.yaml": CONFIG % "a",
        },
        """
        apiVersion: v1
        data:
          copy: w
          k: w
        kind: ConfigMap
        metadata:
          labels:
            a.b/c: d
          name: a
        """,
    )


@pytest.mark.parametrize(
    ("operation", "words"),
    [
        ("{op: replace, path: /none/k, value: x}", "replace operation does not apply: doc is missing path"),
        ("{op: remove, path: /data/none}", "error in remove for path: '/data/none'"),
        ("{op: test, path: /data/k, value: other}", "testing value /data/k failed: test failed"),
        ("{op: add, path: /data/a/b, value: x}", "add operation does not apply: doc is missing path"),
    ],
)
def test_an_operation_that_does_not_apply_says_why(operation: str, words: str) -> None:
    error = refused(
        {
            "kustomization.yaml": f"resources: [b.yaml]\npatches:\n- target: {{name: a}}\n  patch: '- {operation}'\n",
            "b.yaml": CONFIG % "a",
        },
        words,
    )
    assert error.file == "kustomization.yaml"


def test_the_deprecated_patch_fields_still_work() -> None:
    check(
        {
            "kustomization.yaml": """\
                resources: [b.yaml]
                patchesStrategicMerge:
                - p.yaml
                - |-
                  {apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {inline: "1"}}
                patchesJson6902:
                - target: {version: v1, kind: ConfigMap, name: a}
                  path: ops.yaml
                """,
            "b.yaml": CONFIG % "a",
            "p.yaml": "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {file: '1'}}",
            "ops.yaml": "- {op: remove, path: /data/k}",
        },
        """
        apiVersion: v1
        data:
          file: "1"
          inline: "1"
        kind: ConfigMap
        metadata:
          name: a
        """,
    )


def test_a_patch_keeps_name_and_kind_unless_it_may_change_them() -> None:
    files = {
        "kustomization.yaml": "resources: [b.yaml]\npatches: [{path: p.yaml, target: {name: a}%s}]",
        "b.yaml": CONFIG % "a",
        "p.yaml": "{apiVersion: v1, kind: Secret, metadata: {name: b}, data: {x: y}}",
    }
    expect = """
        apiVersion: v1
        data:
          k: v
          x: "y"
        kind: %s
        metadata:
          name: %s
        """
    plain = files | {"kustomization.yaml": files["kustomization.yaml"] % ""}
    check(plain, expect % ("ConfigMap", "a"))
    allowed = ", options: {allowNameChange: true, allowKindChange: true}"
    check(files | {"kustomization.yaml": files["kustomization.yaml"] % allowed}, expect % ("Secret", "b"))


def test_a_patch_finds_its_object_by_the_names_that_it_had() -> None:
    check(
        {
            "kustomization.yaml": "resources: [base]\npatches: [{path: p.yaml}]",
            "base/kustomization.yaml": "resources: [b.yaml]\nnamePrefix: x-",
            "base/b.yaml": CONFIG % "a",
            "p.yaml": "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {k: old name}}",
        },
        """
        apiVersion: v1
        data:
          k: old name
        kind: ConfigMap
        metadata:
          name: x-a
        """,
    )


def test_a_patch_without_an_object_names_what_it_looked_for() -> None:
    error = refused(
        {
            "kustomization.yaml": "resources: [b.yaml]\npatches: [{path: p.yaml}]",
            "b.yaml": CONFIG % "a",
            "p.yaml": CONFIG % "b",
        },
        'no resource matches strategic merge patch "ConfigMap.v1.[noGrp]/b.[noNs]"',
    )
    assert error.file == "p.yaml"


def test_unreadable_patches() -> None:
    base = {"b.yaml": CONFIG % "a"}
    error = refused(
        {"kustomization.yaml": "resources: [b.yaml]\npatches: [{path: p.yaml}]", "p.yaml": "a: b\n- c\n", **base},
        'unable to parse SM or JSON patch from [path: "p.yaml"]',
    )
    assert (error.file, error.line, error.field) == ("p.yaml", 2, "patches")
    refused({"kustomization.yaml": "resources: [b.yaml]\npatches: [{}]", **base}, "must specify one of patch and path")
    refused(
        {"kustomization.yaml": "resources: [b.yaml]\npatches: [{path: none.yaml}]", **base},
        "failed to get the patch file from path(none.yaml)",
    )
    refused(
        {"kustomization.yaml": "resources: [b.yaml]\npatches: [{patch: '- {op: remove, path: /data}'}]", **base},
        "must specify a target for JSON patch",
    )
    refused(
        {"kustomization.yaml": "resources: [b.yaml]\npatches: [{target: {name: '['}, path: p.yaml}]"}
        | {"p.yaml": CONFIG % "a", **base},
        "error parsing regexp: missing closing ]",
    )


def test_an_inline_patch_is_not_printed_beyond_its_first_line() -> None:
    error = refused(
        {"kustomization.yaml": "resources: []\npatches:\n- patch: |\n    kind: Secret\n    data: {password: hidden\n"},
        "unable to parse SM or JSON patch",
    )
    assert "hidden" not in str(error)
