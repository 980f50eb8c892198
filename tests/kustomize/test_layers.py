"""Resources, bases, nested kustomizations, components, files and folders."""

from dataclasses import replace

from fluvial.kustomize import build_tracked
from tests.kustomize.situations import COMMAND, FLUX, check, refused, tree

CONFIG = "{apiVersion: v1, kind: ConfigMap, metadata: {name: %s}}\n"


def test_objects_come_in_the_order_in_which_they_are_named() -> None:
    check(
        {
            "kustomization.yaml": "resources: [b.yaml, base, a.yaml]",
            "a.yaml": CONFIG % "a",
            "b.yaml": CONFIG % "b" + "---\n" + CONFIG % "c",
            "base/kustomization.yaml": "resources: [d.yaml]",
            "base/d.yaml": CONFIG % "d",
        },
        """
        apiVersion: v1
        kind: ConfigMap
        metadata:
          name: b
        ---
        apiVersion: v1
        kind: ConfigMap
        metadata:
          name: c
        ---
        apiVersion: v1
        kind: ConfigMap
        metadata:
          name: d
        ---
        apiVersion: v1
        kind: ConfigMap
        metadata:
          name: a
        """,
    )


def test_the_command_puts_namespaces_first_and_webhooks_last() -> None:
    check(
        {
            "kustomization.yaml": "resources: [all.yaml]",
            "all.yaml": """\
                apiVersion: admissionregistration.k8s.io/v1
                kind: ValidatingWebhookConfiguration
                metadata: {name: w}
                ---
                apiVersion: v1
                kind: Service
                metadata: {name: s}
                ---
                apiVersion: v1
                kind: Namespace
                metadata: {name: n}
                """,
        },
        """
        apiVersion: v1
        kind: Namespace
        metadata:
          name: "n"
        ---
        apiVersion: v1
        kind: Service
        metadata:
          name: s
        ---
        apiVersion: admissionregistration.k8s.io/v1
        kind: ValidatingWebhookConfiguration
        metadata:
          name: w
        """,
        options=COMMAND,
    )


def test_sort_options_win_over_the_order_that_was_asked_for() -> None:
    files = {
        "kustomization.yaml": """\
            resources: [all.yaml]
            sortOptions: {order: legacy, legacySortOptions: {orderFirst: [Secret], orderLast: [Namespace]}}
            """,
        "all.yaml": "{apiVersion: v1, kind: Namespace, metadata: {name: a}}\n---\n"
        "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}\n---\n"
        "{apiVersion: v1, kind: Secret, metadata: {name: a}}\n",
    }
    expect = "\n---\n".join(
        f"apiVersion: v1\nkind: {kind}\nmetadata:\n  name: a" for kind in ("Secret", "ConfigMap", "Namespace")
    )
    check(files, expect + "\n")
    refused({**files, "kustomization.yaml": "resources: [all.yaml]\nsortOptions: {order: alphabet}"}, "order")


def test_a_component_changes_what_its_parent_gathered() -> None:
    check(
        {
            "app/kustomization.yaml": "resources: [cm.yaml]\ncomponents: [../debug]\nnamePrefix: my-",
            "app/cm.yaml": CONFIG % "app",
            "debug/kustomization.yaml": """\
                apiVersion: kustomize.config.k8s.io/v1alpha1
                kind: Component
                patches:
                - target: {kind: ConfigMap}
                  patch: '[{"op": "add", "path": "/data", "value": {"level": "debug"}}]'
                """,
        },
        """
        apiVersion: v1
        data:
          level: debug
        kind: ConfigMap
        metadata:
          name: my-app
        """,
        at="app",
    )


def test_components_and_kustomizations_are_not_taken_for_each_other() -> None:
    component = "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nnamePrefix: a-\n"
    refused(
        {"kustomization.yaml": "resources: [c]", "c/kustomization.yaml": component},
        "expected kind != 'Component' for path",
    )
    refused(
        {"kustomization.yaml": "components: [c]", "c/kustomization.yaml": "namePrefix: a-"},
        "expected kind 'Component' for path",
        "but got 'Kustomization'",
    )


def test_each_of_the_three_file_names_is_found() -> None:
    for name in ("kustomization.yaml", "kustomization.yml", "Kustomization"):
        check(
            {name: "resources: [cm.yaml]", "cm.yaml": CONFIG % "a"},
            """
            apiVersion: v1
            kind: ConfigMap
            metadata:
              name: a
            """,
        )


def test_two_kustomization_files_in_one_folder_are_refused() -> None:
    refused(
        {"kustomization.yaml": "namePrefix: a-", "kustomization.yml": "namePrefix: a-"},
        "Found multiple kustomization files under",
    )


def test_deprecated_bases_are_resources() -> None:
    check(
        {
            "top/kustomization.yaml": "bases: [../b]",
            "b/kustomization.yaml": "resources: [a.yaml]",
            "b/a.yaml": CONFIG % 1,
        },
        """
        apiVersion: v1
        kind: ConfigMap
        metadata:
          name: 1
        """,
        at="top",
    )


def test_lists_are_taken_apart_and_local_objects_left_out() -> None:
    check(
        {
            "kustomization.yaml": "resources: [list.yaml]",
            "list.yaml": """\
                apiVersion: v1
                kind: ConfigMapList
                items:
                - apiVersion: v1
                  kind: ConfigMap
                  metadata: {name: kept}
                - apiVersion: v1
                  kind: ConfigMap
                  metadata: {name: local, annotations: {config.kubernetes.io/local-config: "true"}}
                """,
        },
        """
        apiVersion: v1
        kind: ConfigMap
        metadata:
          name: kept
        """,
    )


def test_one_base_in_two_variants_is_built_twice() -> None:
    check(
        {
            "kustomization.yaml": "resources: [one, two]",
            "one/kustomization.yaml": "resources: [../base]\nnamePrefix: one-",
            "two/kustomization.yaml": "resources: [../base]\nnamePrefix: two-",
            "base/kustomization.yaml": "resources: [cm.yaml]",
            "base/cm.yaml": CONFIG % "a",
        },
        """
        apiVersion: v1
        kind: ConfigMap
        metadata:
          name: one-a
        ---
        apiVersion: v1
        kind: ConfigMap
        metadata:
          name: two-a
        """,
    )


def test_an_object_that_is_there_twice_names_the_file_that_brings_it_again() -> None:
    error = refused(
        {"kustomization.yaml": "resources: [a.yaml, b.yaml]", "a.yaml": CONFIG % "a", "b.yaml": CONFIG % "a"},
        "accumulating resources",
        "may not add resource with an already registered id: ConfigMap.v1.[noGrp]/a.[noNs]",
    )
    assert error.file == "b.yaml"


def test_a_missing_file_is_named_with_the_kustomization_that_names_it() -> None:
    error = refused(
        {"top/kustomization.yaml": "resources: [../base]", "base/kustomization.yaml": "resources: [gone.yaml]"},
        "accumulating resources",
        "base/gone.yaml",
        "no such file or directory",
        at="top",
    )
    assert error.file == "base/kustomization.yaml"


def test_paths_stay_within_the_source() -> None:
    refused(
        {"app/kustomization.yaml": "resources: [../../cm.yaml]"}, "../cm.yaml", "the path leaves the source", at="app"
    )
    refused({"app/kustomization.yaml": "resources: [../../x]"}, "the path leaves the source", at="app")
    refused({"kustomization.yaml": "resources: [/etc/passwd]"}, "/etc/passwd")


def test_flux_reads_files_of_other_folders_and_the_command_does_not() -> None:
    files = {"app/kustomization.yaml": "resources: [../cm.yaml]", "cm.yaml": CONFIG % "a"}
    check(
        files,
        """
        apiVersion: v1
        kind: ConfigMap
        metadata:
          name: a
        """,
        at="app",
    )
    refused(files, "security; file 'cm.yaml' is not in or below 'app'", at="app", options=replace(FLUX, root_only=True))


def test_a_cycle_is_seen() -> None:
    refused(
        {"a/kustomization.yaml": "resources: [../b]", "b/kustomization.yaml": "resources: [../a]"},
        "cycle detected: candidate root 'a' contains visited root 'a'",
        at="a",
    )
    refused({"a/kustomization.yaml": "resources: [..]", "kustomization.yaml": "resources: [a]"}, "cycle", at="a")


def test_a_folder_without_a_kustomization_says_what_it_lacks() -> None:
    refused(
        {"kustomization.yaml": "resources: [app]", "app/cm.yaml": CONFIG % "a"},
        "unable to find one of 'kustomization.yaml', 'kustomization.yml' or 'Kustomization' in directory 'app'",
    )


def test_what_is_no_object_is_refused_with_its_file() -> None:
    kustomization = {"kustomization.yaml": "resources: [x.yaml]"}
    error = refused({**kustomization, "x.yaml": "kind: ConfigMap\napiVersion: v1\n"}, "missing metadata.name in object")
    assert error.file == "x.yaml"
    error = refused(
        {**kustomization, "x.yaml": "a: b\n  c: d\n"}, "MalformedYAMLError: yaml: line 2", "in File: x.yaml"
    )
    assert (error.file, error.line) == ("x.yaml", 2)


def test_a_build_tells_which_files_it_read() -> None:
    built = build_tracked(
        tree(
            {
                "app/kustomization.yaml": "resources: [cm.yaml]\nconfigMapGenerator: [{name: g, files: [../x.txt]}]",
                "app/cm.yaml": CONFIG % "a",
                "x.txt": "content",
                "other.txt": "not read",
            }
        ),
        "app",
    )
    assert built.read == {"app/kustomization.yaml", "app/cm.yaml", "x.txt"}


def test_a_cache_that_the_caller_keeps_does_not_change_what_is_built() -> None:
    files = tree(
        {
            "kustomization.yaml": "resources: [one, two]",
            "one/kustomization.yaml": "resources: [../cm.yaml]\nnamePrefix: one-",
            "two/kustomization.yaml": "resources: [../cm.yaml]\nnamePrefix: two-",
            "cm.yaml": CONFIG % "a",
        }
    )
    parsed: dict[bytes, object] = {}
    builds = [build_tracked(files, ".", parsed=parsed) for _ in range(3)]
    assert builds[0] == builds[1] == builds[2] == build_tracked(files, ".")
    assert parsed
