"""Conditions as Flux makes them, row by row (fluxcd/pkg conditions merge, source-controller summarize)."""

from datetime import UTC, datetime, timedelta

import pytest

from fluvial.api import Artifact
from fluvial.controllers.source.decide import First, content_changed, first, refusal
from fluvial.controllers.source.observe import read_object
from fluvial.controllers.source.report import Draft, outcome_event
from fluvial.controllers.source.writer import OWNED
from fluvial.objects import Object, get_condition
from fluvial.runtime import rebased
from tests.controllers_source.world import conditions

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
ARTIFACT = Artifact(path="p", url="u", revision="main@sha1:1", digest="sha256:1", last_update_time="t", size=1)


def source(generation: int = 1, observed: int = 1, **status: object) -> Object:
    return {
        "apiVersion": "source.toolkit.fluxcd.io/v1",
        "kind": "GitRepository",
        "metadata": {"name": "x", "namespace": "y", "generation": generation, "finalizers": ["finalizers.fluxcd.io"]},
        "spec": {"url": "https://git.test/x", "interval": "1m"},
        "status": {"observedGeneration": observed, **status},
    }


def ready_source() -> Object:
    draft = Draft(source(observed=-1), NOW)
    draft.begin()
    draft.without_artifact(disappeared=False)
    draft.fetched(ARTIFACT.revision, known=False, had_artifact=False)
    draft.stored(ARTIFACT, None)
    draft.succeeded()
    return draft.obj


def words(obj: Object) -> list[tuple[str, str, str]]:
    return [(type_, status, reason) for type_, status, reason, _ in conditions(obj)]


def test_a_first_artifact_leaves_two_conditions() -> None:
    obj = ready_source()
    assert words(obj) == [("Ready", "True", "Succeeded"), ("ArtifactInStorage", "True", "Succeeded")]
    assert obj["status"]["observedGeneration"] == 1


def test_a_routine_look_does_not_doubt_ready() -> None:
    draft = Draft(ready_source(), LATER)
    draft.begin()
    assert words(draft.obj)[:2] == [("Reconciling", "True", "Progressing"), ("Ready", "True", "Succeeded")]


def test_a_look_at_nothing_new_changes_nothing() -> None:
    before = ready_source()
    draft = Draft(before, LATER)
    draft.begin()
    draft.with_artifact(ARTIFACT)
    draft.looking_upstream()
    draft.unchanged(ARTIFACT.revision)
    draft.succeeded()
    assert draft.obj == before


def test_a_new_generation_says_which() -> None:
    draft = Draft(source(generation=3, observed=2), NOW)
    draft.begin()
    assert conditions(draft.obj)[0] == (
        "Reconciling",
        "True",
        "Progressing",
        "processing object: new generation 2 -> 3",
    )


def test_a_new_revision_outdates_the_artifact_until_it_is_stored() -> None:
    draft = Draft(ready_source(), LATER)
    draft.begin()
    draft.with_artifact(ARTIFACT)
    draft.fetched("main@sha1:2", known=False, had_artifact=True)
    new = "new upstream revision 'main@sha1:2'"
    assert conditions(draft.obj)[:3] == [
        ("Reconciling", "True", "Progressing", f"building artifact: {new}"),
        ("Ready", "Unknown", "Progressing", f"building artifact: {new}"),
        ("ArtifactInStorage", "True", "Succeeded", "stored artifact for revision 'main@sha1:1'"),
    ] or conditions(draft.obj)[2] == ("ArtifactOutdated", "True", "NewRevision", new)
    draft.storage_failed("ArchiveOperationFailed", "disk full")
    draft.will_retry()
    assert words(draft.obj) == [
        ("Reconciling", "True", "ProgressingWithRetry"),
        ("Ready", "False", "ArchiveOperationFailed"),
        ("ArtifactInStorage", "True", "Succeeded"),
        ("ArtifactOutdated", "True", "NewRevision"),
        ("StorageOperationFailed", "True", "ArchiveOperationFailed"),
    ]
    assert draft.status["artifact"]["revision"] == "main@sha1:1"


@pytest.mark.parametrize("failed_before", [True, False])
def test_a_failed_fetch_keeps_the_artifact_and_the_generation(failed_before: bool) -> None:
    before = ready_source()
    before["metadata"]["generation"] = 2
    if failed_before:
        draft = Draft(before, NOW)
        draft.begin()
        draft.fetch_failed("GitOperationFailed", "why")
        draft.will_retry()
        before = draft.obj
    draft = Draft(before, LATER)
    draft.begin()
    draft.with_artifact(ARTIFACT)
    draft.fetch_failed("GitOperationFailed", "why")
    draft.will_retry()
    assert words(draft.obj) == [
        ("Reconciling", "True", "ProgressingWithRetry"),
        ("Ready", "False", "GitOperationFailed"),
        ("FetchFailed", "True", "GitOperationFailed"),
        ("ArtifactInStorage", "True", "Succeeded"),
    ]
    assert draft.status["observedGeneration"] == 1
    if failed_before:
        assert draft.obj == before, "the same failure again is no change"


def test_what_stalls_is_observed_and_not_reconciling() -> None:
    draft = Draft(source(generation=2), NOW)
    draft.begin()
    draft.fetch_failed("URLInvalid", "bad url")
    draft.stalled("URLInvalid", "bad url")
    assert words(draft.obj) == [
        ("Stalled", "True", "URLInvalid"),
        ("Ready", "False", "URLInvalid"),
        ("FetchFailed", "True", "URLInvalid"),
    ]
    assert draft.status["observedGeneration"] == 2


def test_a_refusal_goes_before_an_earlier_failure() -> None:
    draft = Draft(ready_source(), NOW)
    draft.begin()
    draft.fetch_failed("GitOperationFailed", "why")
    draft.will_retry()
    draft = Draft(draft.obj, LATER)
    draft.refused("Unsupported", "spec.verify is not supported yet")
    ready = get_condition(draft.obj, "Ready")
    assert ready is not None
    assert ready["message"] == "spec.verify is not supported yet"
    assert get_condition(draft.obj, "FetchFailed") is None
    assert draft.status["artifact"]["revision"] == "main@sha1:1"


def test_verification_that_flux_did_once_is_forgotten_with_the_next_commit() -> None:
    before = ready_source()
    before["status"]["sourceVerificationMode"] = "HEAD"
    before["status"]["conditions"].append(
        {"type": "SourceVerified", "status": "False", "reason": "InvalidCommitSignature", "message": "m"}
    )
    draft = Draft(before, LATER)
    draft.begin()
    draft.looking_upstream()
    assert get_condition(draft.obj, "SourceVerified") is None
    draft.fetched("main@sha1:2", known=False, had_artifact=True)
    assert "sourceVerificationMode" not in draft.status


def test_what_is_written_answers_for_the_object_as_it_was() -> None:
    before = source(generation=1, observed=-1)
    draft = Draft(before, NOW)
    draft.begin()
    meanwhile = source(generation=2, observed=-1)
    meanwhile["metadata"]["annotations"] = {"reconcile.fluxcd.io/requestedAt": "later"}
    draft.go_on(meanwhile)
    draft.stored(ARTIFACT, None)
    draft.succeeded()
    assert draft.status["observedGeneration"] == 1
    assert "lastHandledReconcileAt" not in draft.status
    assert {each["observedGeneration"] for each in draft.status["conditions"]} == {1}


@pytest.mark.parametrize(
    ("before", "failing", "expected"),
    [
        (None, False, "NewArtifact"),
        ("sha256:0", False, "NewArtifact"),
        ("sha256:1", False, None),
        ("sha256:1", True, "Succeeded"),
        ("sha256:0", True, "NewArtifact"),
    ],
)
def test_an_event_is_for_news_only(before: str | None, failing: bool, expected: str | None) -> None:
    old = source()
    if before is not None:
        old["status"]["artifact"] = {"digest": before, "revision": "r", "path": "p", "url": "u"}
    if failing:
        old["status"]["conditions"] = [{"type": "FetchFailed", "status": "True"}]
    told = outcome_event(old, ready_source(), "Title")
    assert (told.reason if told else None) == expected
    if told:
        assert told.message == "stored artifact for commit 'Title'"
        assert told.metadata == {"revision": "main@sha1:1", "digest": "sha256:1"}


def test_a_conflict_is_settled_on_the_new_state() -> None:
    before = {"a": 1, "b": 1, "conditions": [{"type": "Ready", "status": "False"}]}
    after = {"a": 2, "conditions": [{"type": "Ready", "status": "True"}]}
    current = {
        "a": 1,
        "b": 1,
        "theirs": 3,
        "conditions": [{"type": "Ready", "status": "Unknown"}, {"type": "Audited", "status": "True"}],
    }
    assert rebased(current, before, after, OWNED) == {
        "a": 2,
        "theirs": 3,
        "conditions": [{"type": "Ready", "status": "True"}, {"type": "Audited", "status": "True"}],
    }


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, First.RECONCILE),
        ({"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}, "spec": {"suspend": True}}, First.CLEAN_UP),
        ({"metadata": {"finalizers": []}, "spec": {"suspend": True}}, First.ADOPT),
        ({"spec": {"suspend": True, "verify": {"mode": "HEAD"}}}, First.REST),
        ({"spec": {"verify": {"mode": "HEAD"}}}, First.REFUSE),
        ({"spec": {"interval": "for ever"}}, First.REFUSE),
        ({"metadata": {"deletionTimestamp": "x"}, "spec": {"interval": "for ever"}}, First.CLEAN_UP),
    ],
)
def test_the_first_decision(change: dict[str, dict[str, object]], expected: First) -> None:
    obj = source()
    for part, fields in change.items():
        obj[part].update(fields)
    assert first(read_object(obj)) is expected


def test_a_refusal_names_each_field() -> None:
    obj = source()
    obj["spec"].update({"verify": {"mode": "HEAD"}, "include": [{"repository": {"name": "x"}}]})
    assert refusal(read_object(obj)) == "spec.include is not supported yet; spec.verify is not supported yet"


@pytest.mark.parametrize(
    ("ignore", "status", "changed"),
    [
        (None, {}, False),
        ("a", {"observedIgnore": "a"}, False),
        ("", {}, True),
        (None, {"observedIgnore": ""}, True),
        ("a", {"observedIgnore": "b"}, True),
        (None, {"observedInclude": [{"repository": {"name": "x"}}]}, True),
        (None, {"observedRecurseSubmodules": True}, True),
        (None, {"observedSparseCheckout": ["x"]}, True),
        (None, {"includedArtifacts": [{}]}, True),
    ],
)
def test_other_inputs_ask_for_another_artifact(ignore: str | None, status: dict[str, object], changed: bool) -> None:
    assert content_changed(ignore, status) is changed
