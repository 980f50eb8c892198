"""Defaults, messages and warnings of a real kube-apiserver, replayed through the embedded one."""

from pathlib import Path

from tests.support.replay import comparable, replay

VECTORS = Path(__file__).parents[2] / "vectors/builtin"

# What is known to differ, and why. An entry that no longer differs may go.
DEFAULTS = {
    ("PersistentVolumeClaim d2 of v1", 1): "dataSourceRef is not filled in from dataSource",
    ("PersistentVolume d1 of v1", 1): "a time of now in status",
    ("Job d2 of batch/v1", 1): "labels of an indexed Job",
}
GO_STRUCT = "the server prints its internal Go type"
OTHER_PARTS = "decided outside the schemas: decoding, patches, allocation, warnings on refusals"
MISTAKES = {
    ("pod templates", 56): GO_STRUCT,
    ("Jobs", 2): GO_STRUCT,
    ("cluster objects", 13): GO_STRUCT,
    ("Jobs", 8): "a selector of the user's own is not told to be not auto-generated",
    ("autoscalers and budgets", 5): "the server lists one cause twice",
    ("cluster objects", 12): "a time of now in status",
    ("decoding", 20): OTHER_PARTS,
    **{("unknown fields are told, ignored or refused", step): OTHER_PARTS for step in (6, 7, 8, 11, 12, 14, 16)},
    **{("patches that do not fit", step): OTHER_PARTS for step in (2, 3, 4, 8, 10)},
    **{("pod templates", step): OTHER_PARTS for step in (42, 49)},
    ("Services", 19): OTHER_PARTS,
    ("cluster objects", 17): OTHER_PARTS,
    ("cluster objects", 18): OTHER_PARTS,
    ("custom resources: unknown fields and metadata", 13): OTHER_PARTS,
}


def differing(name: str) -> set[tuple[str, int]]:
    return {(e.situation, e.step) for e in replay(VECTORS / name) if comparable(e.answered) != comparable(e.expected)}


def test_new_objects_get_the_servers_defaults() -> None:
    assert differing("defaults.json") - DEFAULTS.keys() == set()


def test_mistakes_are_told_in_the_servers_words() -> None:
    assert differing("mistakes.json") - MISTAKES.keys() == set()
