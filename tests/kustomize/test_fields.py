"""Labels, annotations, images, replicas: transformations of fields that specs name."""

import pytest

from tests.kustomize.situations import check, refused

DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  replicas: 1
  selector:
    matchLabels:
      app: web
  template:
    metadata:
      labels:
        app: web
    spec:
      containers:
      - image: %s
        name: web
"""


def one(extra: str, expect: str, base: str = DEPLOYMENT % "web:1") -> None:
    check({"kustomization.yaml": "resources: [b.yaml]\n" + extra, "b.yaml": base}, expect)


def test_common_labels_reach_selectors_and_templates() -> None:
    one(
        "commonLabels: {team: a}",
        """
        apiVersion: apps/v1
        kind: Deployment
        metadata:
          labels:
            team: a
          name: web
        spec:
          replicas: 1
          selector:
            matchLabels:
              app: web
              team: a
          template:
            metadata:
              labels:
                app: web
                team: a
            spec:
              containers:
              - image: web:1
                name: web
        """,
    )


LABELS = {
    "labels: [{pairs: {team: a}}]": (True, False, False),
    "labels: [{pairs: {team: a}, includeTemplates: true}]": (True, False, True),
    "labels: [{pairs: {team: a}, includeSelectors: true}]": (True, True, True),
}


@pytest.mark.parametrize("field", LABELS)
def test_labels_go_where_they_are_told_to(field: str) -> None:
    own, selector, template = LABELS[field]
    expect = DEPLOYMENT % "web:1"
    if own:
        expect = expect.replace("metadata:\n  name", "metadata:\n  labels:\n    team: a\n  name")
    if selector:
        expect = expect.replace("      app: web\n  template", "      app: web\n      team: a\n  template")
    if template:
        expect = expect.replace("        app: web\n", "        app: web\n        team: a\n")
    one(field, expect)


def test_a_label_of_a_field_of_ones_own() -> None:
    one(
        "labels: [{pairs: {team: a}, fields: [{path: spec/labels, kind: Foo, create: true}]}]",
        """
        apiVersion: a.io/v1
        kind: Foo
        metadata:
          labels:
            team: a
          name: f
        spec:
          labels:
            team: a
        """,
        "{apiVersion: a.io/v1, kind: Foo, metadata: {name: f}}",
    )


def test_annotations_reach_templates() -> None:
    expect = DEPLOYMENT % "web:1"
    for before in ("metadata:\n  name", "    metadata:\n      labels"):
        indent = "  " if before.startswith("m") else "      "
        expect = expect.replace(before, before.replace("\n", f'\n{indent}annotations:\n{indent}  note: "1"\n', 1))
    one("commonAnnotations: {note: '1'}", expect)


IMAGES = {
    "{name: web, newTag: v2}": "web:v2",
    "{name: web, newName: r.io:5000/x}": "r.io:5000/x:1",
    "{name: web, newName: x, newTag: '2'}": "x:2",
    "{name: web, digest: 'sha256:%s'}" % ("0" * 64): "web@sha256:" + "0" * 64,
    "{name: web, tagSuffix: -slim}": "web:1-slim-slim",  # upstream meets containers twice
    "{name: we, newTag: v2}": "web:1",
    "{name: w.b, newTag: v2}": "web:v2",
}


@pytest.mark.parametrize("entry", IMAGES)
def test_images(entry: str) -> None:
    one(f"images: [{entry}]", DEPLOYMENT % IMAGES[entry])


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("localhost:5000/web:1", "localhost:5000/web:v2"),
        ("localhost:5000/web", "localhost:5000/web:v2"),
        ("localhost:5000/web@sha256:aa", "localhost:5000/web:v2"),
        ("localhost:5000/web:1@sha256:aa", "localhost:5000/web:v2"),
    ],
)
def test_a_port_is_not_a_tag(before: str, after: str) -> None:
    one("images: [{name: 'localhost:5000/web', newTag: v2}]", DEPLOYMENT % after, DEPLOYMENT % before)


def test_images_of_custom_resources_are_found_in_lists_named_containers() -> None:
    one(
        "images: [{name: web, newTag: v2}]",
        """
        apiVersion: a.io/v1
        kind: Foo
        metadata:
          name: f
        spec:
          deep:
            initContainers:
            - image: web:v2
          image: web:1
        """,
        "{apiVersion: a.io/v1, kind: Foo, metadata: {name: f},"
        " spec: {image: 'web:1', deep: {initContainers: [{image: 'web:1'}]}}}",
    )


def test_replicas() -> None:
    one("replicas: [{name: web, count: 5}]", (DEPLOYMENT % "web:1").replace("replicas: 1", "replicas: 5"))
    refused(
        {"kustomization.yaml": "resources: [b.yaml]\nreplicas: [{name: none, count: 5}]", "b.yaml": DEPLOYMENT % 1},
        "resource with name none does not match a config with the following GVK",
    )


def test_a_label_is_one_value_in_all_its_places() -> None:
    """The places share a node upstream, so a later layer that changes one of them changes all; people rely on it."""
    check(
        {
            "kustomization.yaml": "resources: [base]\npatches: [{path: p.yaml}]",
            "base/kustomization.yaml": "resources: [b.yaml]\ncommonLabels: {team: a}",
            "base/b.yaml": "{apiVersion: apps/v1, kind: Deployment, metadata: {name: web}}",
            "p.yaml": "{apiVersion: apps/v1, kind: Deployment, metadata: {name: web, labels: {team: b}}}",
        },
        """
        apiVersion: apps/v1
        kind: Deployment
        metadata:
          labels:
            team: b
          name: web
        spec:
          selector:
            matchLabels:
              team: b
          template:
            metadata:
              labels:
                team: b
        """,
    )
