"""configurations, crds, openapi; generators, transformers and validators of objects; buildMetadata."""

from dataclasses import replace

from fluvial.kustomize import Options
from tests.kustomize.situations import FLUX, built, check, refused

FOO = (
    "{apiVersion: a.io/v1, kind: Foo, metadata: {name: f},"
    " spec: {ref: {name: c}, image: 'web:1', list: [{name: one, v: 1}]}}"
)
CONFIG = "{apiVersion: v1, kind: ConfigMap, metadata: {name: c}}"


def test_a_configuration_adds_fields_to_transformations() -> None:
    check(
        {
            "kustomization.yaml": """\
                resources: [foo.yaml, c.yaml]
                namePrefix: x-
                images: [{name: web, newTag: v2}]
                configurations: [config.yaml]
                """,
            "config.yaml": """\
                nameReference:
                - kind: ConfigMap
                  fieldSpecs: [{kind: Foo, path: spec/ref/name}]
                images:
                - {kind: Foo, path: spec/image}
                """,
            "foo.yaml": FOO,
            "c.yaml": CONFIG,
        },
        """
        apiVersion: a.io/v1
        kind: Foo
        metadata:
          name: x-f
        spec:
          image: web:v2
          list:
          - name: one
            v: 1
          ref:
            name: x-c
        ---
        apiVersion: v1
        kind: ConfigMap
        metadata:
          name: x-c
        """,
    )


def test_crds_say_where_names_are() -> None:
    check(
        {
            "kustomization.yaml": "resources: [foo.yaml, c.yaml]\nnamePrefix: x-\ncrds: [crd.json]",
            "crd.json": """\
                {"x.v1.Foo": {"Schema": {"properties": {"apiVersion": {"type": "string"}, "kind": {"type": "string"},
                 "metadata": {"type": "object"}, "spec": {"$ref": "x.v1.FooSpec"}},
                 "x-kubernetes-group-version-kind": [{"group": "a.io", "version": "v1", "kind": "Foo"}]}},
                 "x.v1.FooSpec": {"Schema": {"properties": {"ref": {
                    "x-kubernetes-object-ref-api-version": "v1", "x-kubernetes-object-ref-kind": "ConfigMap",
                    "$ref": "x.v1.Ref"}}}},
                 "x.v1.Ref": {"Schema": {"properties": {"name": {"type": "string"}}}}}
                """,
            "foo.yaml": FOO,
            "c.yaml": CONFIG,
        },
        """
        apiVersion: a.io/v1
        kind: Foo
        metadata:
          name: x-f
        spec:
          image: web:1
          list:
          - name: one
            v: 1
          ref:
            name: x-c
        ---
        apiVersion: v1
        kind: ConfigMap
        metadata:
          name: x-c
        """,
    )


OPENAPI = """\
{"definitions": {"io.a.v1.Foo": {
  "properties": {"spec": {"properties": {"list": {"type": "array", "items": {"type": "object"},
    "x-kubernetes-patch-merge-key": "name", "x-kubernetes-patch-strategy": "merge"}}}},
  "x-kubernetes-group-version-kind": [{"group": "a.io", "version": "v1", "kind": "Foo"}]}}}
"""


def test_a_schema_gives_custom_resources_merge_keys() -> None:
    check(
        {
            "kustomization.yaml": "resources: [foo.yaml]\nopenapi: {path: schema.json}\npatches: [{path: p.yaml}]",
            "schema.json": OPENAPI,
            "foo.yaml": FOO,
            "p.yaml": "{apiVersion: a.io/v1, kind: Foo, metadata: {name: f}, spec: {list: [{name: two, v: 2}]}}",
        },
        """
        apiVersion: a.io/v1
        kind: Foo
        metadata:
          name: f
        spec:
          image: web:1
          list:
          - name: two
            v: 2
          - name: one
            v: 1
          ref:
            name: c
        """,
    )


def test_only_the_built_in_version_of_the_schema_is_known() -> None:
    files = {"kustomization.yaml": "resources: [c.yaml]\nopenapi: {version: %s}", "c.yaml": CONFIG}
    check(
        {**files, "kustomization.yaml": files["kustomization.yaml"] % "v1.21.2"},
        """
        apiVersion: v1
        kind: ConfigMap
        metadata:
          name: c
        """,
    )
    refused(
        {**files, "kustomization.yaml": files["kustomization.yaml"] % "v1.0.0"},
        "the specified OpenAPI version is not built in",
    )


def test_built_in_plugins_take_their_config_from_objects() -> None:
    check(
        {
            "kustomization.yaml": """\
                resources: [c.yaml]
                generators: [gen.yaml]
                transformers:
                - labels.yaml
                - |-
                  apiVersion: builtin
                  kind: PrefixTransformer
                  metadata: {name: inline}
                  prefix: x-
                  fieldSpecs: [{path: metadata/name}]
                """,
            "c.yaml": CONFIG,
            "gen.yaml": """\
                apiVersion: builtin
                kind: ConfigMapGenerator
                metadata: {name: made}
                literals: [k=v]
                options: {disableNameSuffixHash: true}
                """,
            "labels.yaml": """\
                apiVersion: builtin
                kind: LabelTransformer
                metadata: {name: l}
                labels: {team: a}
                fieldSpecs: [{path: metadata/labels, create: true}]
                """,
        },
        """
        apiVersion: v1
        kind: ConfigMap
        metadata:
          labels:
            team: a
          name: x-c
        ---
        apiVersion: v1
        data:
          k: v
        kind: ConfigMap
        metadata:
          labels:
            team: a
          name: x-made
        """,
    )


def test_plugins_that_would_run_programs_are_refused() -> None:
    refused(
        {
            "kustomization.yaml": "resources: [c.yaml]\ntransformers: [t.yaml]",
            "c.yaml": CONFIG,
            "t.yaml": "{apiVersion: a.io/v1, kind: Mine, metadata: {name: t}}",
        },
        "external plugins disabled; unable to load external plugin 'Mine'",
    )


def test_build_metadata_tells_where_objects_come_from() -> None:
    check(
        {
            "app/kustomization.yaml": """\
                buildMetadata: [originAnnotations, transformerAnnotations, managedByLabel]
                resources: [../base]
                namePrefix: x-
                configMapGenerator: [{name: made, options: {disableNameSuffixHash: true}}]
                """,
            "base/kustomization.yaml": "resources: [c.yaml]",
            "base/c.yaml": CONFIG,
        },
        """
        apiVersion: v1
        kind: ConfigMap
        metadata:
          annotations:
            alpha.config.kubernetes.io/transformations: |
              - configuredIn: kustomization.yaml
                configuredBy:
                  apiVersion: builtin
                  kind: PrefixTransformer
            config.kubernetes.io/origin: |
              path: ../base/c.yaml
          labels:
            app.kubernetes.io/managed-by: kustomize-v5.8.1
          name: x-c
        ---
        apiVersion: v1
        kind: ConfigMap
        metadata:
          annotations:
            alpha.config.kubernetes.io/transformations: |
              - configuredIn: kustomization.yaml
                configuredBy:
                  apiVersion: builtin
                  kind: PrefixTransformer
            config.kubernetes.io/origin: |
              configuredIn: kustomization.yaml
              configuredBy:
                apiVersion: builtin
                kind: ConfigMapGenerator
          labels:
            app.kubernetes.io/managed-by: kustomize-v5.8.1
          name: x-made
        """,
        at="app",
    )


def test_the_command_with_a_custom_schema_forgets_kubernetes_own() -> None:
    files = {
        "kustomization.yaml": "resources: [d.yaml]\nopenapi: {path: schema.json}\npatches: [{path: p.yaml}]",
        "schema.json": OPENAPI,
        "d.yaml": "{apiVersion: v1, kind: Pod, metadata: {name: p}, spec: {containers: [{name: a, image: x}]}}",
        "p.yaml": "{apiVersion: v1, kind: Pod, metadata: {name: p}, spec: {containers: [{name: b, image: y}]}}",
    }
    assert built(files, options=replace(FLUX, keep_built_in_schema=False)).count("image:") == 1
    assert built(files, options=Options()).count("image:") == 2
