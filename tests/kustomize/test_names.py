"""Prefixes, suffixes, namespaces, and the references that follow."""

import pytest

from tests.kustomize.situations import FLUX, ask_kustomize, built, check, refused

CONFIG = "{apiVersion: v1, kind: ConfigMap, metadata: {name: %s}}\n"


def test_a_renamed_object_takes_its_references_along() -> None:
    check(
        {
            "kustomization.yaml": "resources: [all.yaml]\nnamePrefix: x-\nnameSuffix: -y\n",
            "all.yaml": """\
                apiVersion: v1
                kind: ConfigMap
                metadata: {name: settings}
                ---
                apiVersion: v1
                kind: Secret
                metadata: {name: settings}
                ---
                apiVersion: v1
                kind: Pod
                metadata: {name: p}
                spec:
                  serviceAccountName: unknown
                  containers:
                  - name: c
                    envFrom:
                    - configMapRef: {name: settings}
                    - secretRef: {name: settings}
                    - configMapRef: {name: other}
                  volumes:
                  - name: v
                    projected: {sources: [{configMap: {name: settings}}]}
                """,
        },
        """
        apiVersion: v1
        kind: ConfigMap
        metadata:
          name: x-settings-y
        ---
        apiVersion: v1
        kind: Secret
        metadata:
          name: x-settings-y
        ---
        apiVersion: v1
        kind: Pod
        metadata:
          name: x-p-y
        spec:
          containers:
          - envFrom:
            - configMapRef:
                name: x-settings-y
            - secretRef:
                name: x-settings-y
            - configMapRef:
                name: other
            name: c
          serviceAccountName: unknown
          volumes:
          - name: v
            projected:
              sources:
              - configMap:
                  name: x-settings-y
        """,
    )


REFERENCES = {
    "Ingress to Service": (
        "{apiVersion: v1, kind: Service, metadata: {name: t}}",
        "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata:\n  name: %si\nspec:\n  rules:\n  - http:\n"
        "      paths:\n      - backend:\n          service:\n            name: %st\n",
    ),
    "Ingress to Secret": (
        "{apiVersion: v1, kind: Secret, metadata: {name: t}}",
        "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata:\n  name: %si\nspec:\n  tls:\n  - secretName: %st\n",
    ),
    "HorizontalPodAutoscaler to Deployment": (
        "{apiVersion: apps/v1, kind: Deployment, metadata: {name: t}}",
        "apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata:\n  name: %sh\nspec:\n"
        "  scaleTargetRef:\n    apiVersion: apps/v1\n    kind: Deployment\n    name: %st\n",
    ),
    "StatefulSet to PersistentVolumeClaim": (
        "{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: t}}",
        "apiVersion: apps/v1\nkind: StatefulSet\nmetadata:\n  name: %ss\nspec:\n  template:\n    spec:\n"
        "      volumes:\n      - name: v\n        persistentVolumeClaim:\n          claimName: %st\n",
    ),
    "CronJob to ServiceAccount": (
        "{apiVersion: v1, kind: ServiceAccount, metadata: {name: t}}",
        "apiVersion: batch/v1\nkind: CronJob\nmetadata:\n  name: %sc\nspec:\n  jobTemplate:\n    spec:\n"
        "      template:\n        spec:\n          serviceAccountName: %st\n",
    ),
    "RoleBinding to Role": (
        "{apiVersion: rbac.authorization.k8s.io/v1, kind: Role, metadata: {name: t}}",
        "apiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nmetadata:\n  name: %sb\nroleRef:\n"
        "  apiGroup: rbac.authorization.k8s.io\n  kind: Role\n  name: %st\n",
    ),
    "PersistentVolumeClaim to StorageClass": (
        "{apiVersion: storage.k8s.io/v1, kind: StorageClass, metadata: {name: t}}",
        "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata:\n  name: %sp\nspec:\n  storageClassName: %st\n",
    ),
}


@pytest.mark.parametrize("situation", REFERENCES)
def test_references_through_two_layers(situation: str) -> None:
    target, referrer = REFERENCES[situation]
    files = {
        "kustomization.yaml": "resources: [base]\nnamePrefix: b-",
        "base/kustomization.yaml": "resources: [target.yaml, referrer.yaml]\nnamePrefix: a-",
        "base/target.yaml": target,
        "base/referrer.yaml": referrer % ("", ""),
    }
    text = built(files)
    assert text.endswith("---\n" + referrer % ("b-a-", "b-a-"))
    assert ask_kustomize(files, ".", FLUX) in (None, (text, ""))


def test_an_object_refers_to_the_one_of_its_own_layers() -> None:
    pod = """\
        apiVersion: v1
        kind: Pod
        metadata: {name: p}
        spec: {containers: [{name: c, envFrom: [{configMapRef: {name: a}}]}]}
        """
    check(
        {
            "kustomization.yaml": "resources: [one, two]",
            "one/kustomization.yaml": "resources: [../base]\nnamePrefix: one-",
            "two/kustomization.yaml": "resources: [../base]\nnamePrefix: two-",
            "base/kustomization.yaml": "resources: [pod.yaml, cm.yaml]",
            "base/pod.yaml": pod,
            "base/cm.yaml": CONFIG % "a",
        },
        "---\n".join(
            f"apiVersion: v1\nkind: Pod\nmetadata:\n  name: {n}-p\nspec:\n  containers:\n  - envFrom:\n"
            f"    - configMapRef:\n        name: {n}-a\n    name: c\n---\n"
            f"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {n}-a\n"
            for n in ("one", "two")
        ),
    )


def test_names_that_mean_something_are_kept() -> None:
    check(
        {
            "kustomization.yaml": "resources: [all.yaml]\nnamePrefix: x-",
            "all.yaml": """\
                {apiVersion: v1, kind: Namespace, metadata: {name: a}}
                ---
                {apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {name: foos.a.io}}
                ---
                {apiVersion: apiregistration.k8s.io/v1, kind: APIService, metadata: {name: v1.a.io}}
                """,
        },
        """
        apiVersion: v1
        kind: Namespace
        metadata:
          name: a
        ---
        apiVersion: apiextensions.k8s.io/v1
        kind: CustomResourceDefinition
        metadata:
          name: foos.a.io
        ---
        apiVersion: apiregistration.k8s.io/v1
        kind: APIService
        metadata:
          name: v1.a.io
        """,
    )


def test_a_namespace_reaches_namespaced_objects_and_default_subjects() -> None:
    check(
        {
            "kustomization.yaml": "resources: [all.yaml]\nnamespace: new",
            "all.yaml": """\
                {apiVersion: v1, kind: ConfigMap, metadata: {name: a, namespace: old}}
                ---
                {apiVersion: v1, kind: Namespace, metadata: {name: old}}
                ---
                {apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: r}}
                ---
                {apiVersion: v1, kind: ServiceAccount, metadata: {name: mine}}
                ---
                apiVersion: rbac.authorization.k8s.io/v1
                kind: ClusterRoleBinding
                metadata: {name: b}
                subjects:
                - {kind: ServiceAccount, name: default, namespace: old}
                - {kind: ServiceAccount, name: mine, namespace: default}
                - {kind: ServiceAccount, name: foreign, namespace: old}
                ---
                {apiVersion: a.io/v1, kind: Unknown, metadata: {name: u}}
                """,
        },
        """
        apiVersion: v1
        kind: ConfigMap
        metadata:
          name: a
          namespace: new
        ---
        apiVersion: v1
        kind: Namespace
        metadata:
          name: new
        ---
        apiVersion: rbac.authorization.k8s.io/v1
        kind: ClusterRole
        metadata:
          name: r
        ---
        apiVersion: v1
        kind: ServiceAccount
        metadata:
          name: mine
          namespace: new
        ---
        apiVersion: rbac.authorization.k8s.io/v1
        kind: ClusterRoleBinding
        metadata:
          name: b
        subjects:
        - kind: ServiceAccount
          name: default
          namespace: new
        - kind: ServiceAccount
          name: mine
          namespace: new
        - kind: ServiceAccount
          name: foreign
          namespace: old
        ---
        apiVersion: a.io/v1
        kind: Unknown
        metadata:
          name: u
          namespace: new
        """,
    )


def test_webhooks_follow_a_service_of_the_build_and_api_services_any() -> None:
    check(
        {
            "kustomization.yaml": "resources: [all.yaml]\nnamespace: new",
            "all.yaml": """\
                apiVersion: admissionregistration.k8s.io/v1
                kind: MutatingWebhookConfiguration
                metadata: {name: w}
                webhooks:
                - {name: a.b.c, clientConfig: {service: {name: s, namespace: old}}}
                ---
                apiVersion: apiregistration.k8s.io/v1
                kind: APIService
                metadata: {name: v1.a.io}
                spec: {service: {name: s, namespace: old}}
                ---
                {apiVersion: v1, kind: Service, metadata: {name: s, namespace: old}}
                """,
        },
        """
        apiVersion: admissionregistration.k8s.io/v1
        kind: MutatingWebhookConfiguration
        metadata:
          name: w
        webhooks:
        - clientConfig:
            service:
              name: s
              namespace: new
          name: a.b.c
        ---
        apiVersion: apiregistration.k8s.io/v1
        kind: APIService
        metadata:
          name: v1.a.io
        spec:
          service:
            name: s
            namespace: new
        ---
        apiVersion: v1
        kind: Service
        metadata:
          name: s
          namespace: new
        """,
    )


def test_a_namespace_that_makes_two_objects_one_is_refused() -> None:
    refused(
        {
            "kustomization.yaml": "resources: [all.yaml]\nnamespace: new",
            "all.yaml": "{apiVersion: v1, kind: ConfigMap, metadata: {name: a, namespace: one}}\n---\n"
            "{apiVersion: v1, kind: ConfigMap, metadata: {name: a, namespace: two}}\n",
        },
        "namespace transformation produces ID conflict",
    )
