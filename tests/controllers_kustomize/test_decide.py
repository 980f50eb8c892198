"""Decisions and reports as rows."""

from datetime import UTC, datetime
from typing import Any

import pytest

from fluvial.api import Artifact, Kustomization, unsupported_fields
from fluvial.apply import Live, taken_over
from fluvial.controllers.kustomize import decide, report
from fluvial.controllers.kustomize.decide import Kind
from fluvial.controllers.kustomize.observe import Observation, SourceState
from fluvial.controllers.kustomize.report import Draft
from fluvial.objects import GroupKind, Object, Ref, get_condition
from fluvial.runtime import Key

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ARTIFACT = Artifact(revision="r@2", digest="sha256:2", url="http://x/a.tar.gz", path="a.tar.gz")
KEY = Key("flux-system", "apps")


def obj(**more: Any) -> Object:
    metadata = {"name": "apps", "namespace": "flux-system", "generation": 2, "uid": "u"}
    metadata |= {"finalizers": ["finalizers.fluxcd.io"], **more.pop("metadata", {})}
    spec = {
        "interval": "10m",
        "retryInterval": "2m",
        "prune": True,
        "sourceRef": {"kind": "GitRepository", "name": "fleet"},
    }
    return {
        "apiVersion": "kustomize.toolkit.fluxcd.io/v1",
        "kind": "Kustomization",
        "metadata": metadata,
        "spec": spec | more.pop("spec", {}),
        "status": more.pop("status", {}),
    }


def seen(found: Object | None = None, **more: Any) -> Observation:
    found = obj() if found is None else found
    given: dict[str, Any] = {"source": SourceState.READY, "artifact": ARTIFACT}
    given |= {"ks": Kustomization.parse(found), "unsupported": tuple(unsupported_fields(found))}
    return Observation(key=KEY, obj=found, **(given | more))


def dependency(ready: str = "True", *, revision: str = "r@2", observed: int = 1, source: str = "fleet") -> Object:
    return {
        "metadata": {"name": "infra", "namespace": "flux-system", "generation": 1},
        "spec": {"sourceRef": {"kind": "GitRepository", "name": source}},
        "status": {
            "conditions": [{"type": "Ready", "status": ready}],
            "observedGeneration": observed,
            "lastAppliedRevision": revision,
        },
    }


DEPENDS = obj(spec={"dependsOn": [{"name": "infra"}]})


@pytest.mark.parametrize(
    ("around", "kind", "reason", "after"),
    [
        (Observation(key=KEY, obj=None), Kind.FORGET, "", None),
        (seen(obj(metadata={"deletionTimestamp": "2026-01-01T00:00:00Z"})), Kind.FINALIZE, "", None),
        (seen(obj(metadata={"finalizers": []})), Kind.ADOPT, "", None),
        (seen(ks=None, invalid="spec.interval: is bad"), Kind.STALL, "InvalidSpec", None),
        (seen(obj(spec={"suspend": True})), Kind.SUSPENDED, "", None),
        (seen(obj(spec={"kubeConfig": {"secretRef": {"name": "x"}}})), Kind.STALL, "Unsupported", None),
        (seen(obj(spec={"suspend": True, "kubeConfig": {}})), Kind.SUSPENDED, "", None),
        (seen(source=SourceState.DENIED), Kind.STALL, "AccessDenied", None),
        (seen(source=SourceState.GATED), Kind.STALL, "AccessDenied", None),
        (seen(source=SourceState.MISSING), Kind.DELAY, "ArtifactFailed", 120.0),
        (seen(source=SourceState.NO_ARTIFACT), Kind.DELAY, "ArtifactFailed", 30.0),
        (seen(), Kind.PROCEED, "", None),
    ],
)
def test_the_first_decision(around: Observation, kind: Kind, reason: str, after: float | None) -> None:
    found = decide.first(around, requeue_dependency=30.0)
    assert (found.kind, found.reason, found.after) == (kind, reason, after)


@pytest.mark.parametrize(
    ("found", "problem"),
    [
        (None, 'not found: kustomizations.kustomize.toolkit.fluxcd.io "infra" not found'),
        (dependency(), ""),
        (dependency("False"), "is not ready"),
        (dependency("Unknown"), "is not ready"),
        (dependency(observed=0), "is not ready"),
        ({**dependency(), "status": {"observedGeneration": 1}}, "is not ready"),
        (dependency(revision="r@1"), "revision is not up to date"),
        (dependency(revision="r@1", source="other"), ""),
    ],
)
def test_what_a_dependency_has_to_be(found: Object | None, problem: str) -> None:
    infra = Kustomization.parse(DEPENDS).depends_on[0]
    decision = decide.first(seen(DEPENDS, dependencies=((infra, found),)), requeue_dependency=30.0)
    if not problem:
        assert decision.kind is Kind.PROCEED
    else:
        assert (decision.kind, decision.after) == (Kind.BLOCKED, 30.0)
        assert decision.message == f"dependency 'flux-system/infra' {problem}"


@pytest.mark.parametrize(
    ("changes", "tick"),
    [
        ({}, False),
        ({"is_due": True}, True),
        ({"status": {"observedGeneration": 1}}, True),
        ({"status": {"lastAppliedRevision": "r@1"}}, True),
        ({"metadata": {"annotations": {"reconcile.fluxcd.io/requestedAt": "x"}}}, True),
    ],
)
def test_which_looks_are_fluxs_too(changes: dict[str, Any], tick: bool) -> None:
    is_due = changes.pop("is_due", False)
    status = {"observedGeneration": 2, "lastAppliedRevision": "r@2"} | changes.pop("status", {})
    found = obj(status=status, **changes)
    assert decide.is_tick(found, Kustomization.parse(found), ARTIFACT, is_due=is_due) is tick


@pytest.mark.parametrize(
    ("compared", "not_before", "doubt", "tick", "due"),
    [
        (None, 0.0, "", True, False),
        (10.0, 500.0, "", True, False),
        (10.0, 50.0, "", True, True),
        (10.0, 50.0, "", False, False),
        (10.0, 500.0, "a watch began anew", True, True),
        (10.0, 500.0, "a watch began anew", False, False),
    ],
)
def test_when_every_object_is_compared(
    compared: float | None, not_before: float, doubt: str, tick: bool, due: bool
) -> None:
    found = decide.compare_is_due(compared=compared, not_before=not_before, now=100.0, doubt=doubt, tick=tick)
    assert found is due


@pytest.mark.parametrize(("interval", "seconds"), [(60.0, 3600.0), (600.0, 6000.0), (3600.0, 36000.0)])
def test_the_full_comparison_comes_each_tenth_interval_and_at_most_hourly(interval: float, seconds: float) -> None:
    assert decide.next_compare(0.0, interval) == seconds


# -- what was applied already


DESIRED: Object = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "a", "namespace": "d", "labels": {"l": "1"}},
    "data": {"k": "v"},
}
FIELDS = {"f:data": {"f:k": {}}, "f:metadata": {"f:labels": {"f:l": {}}}}


def live(fields: Any = None, *others: Object, **metadata: Any) -> Live:
    entries = [{"manager": "kustomize-controller", "operation": "Apply", "fieldsV1": fields or FIELDS}, *others]
    given = {"name": "a", "namespace": "d", "labels": {"l": "1"}, "managedFields": entries} | metadata
    return Live.of({"apiVersion": "v1", "kind": "ConfigMap", "metadata": given}, taken_over())


@pytest.mark.parametrize(
    ("found", "proven"),
    [
        (live(), True),
        (None, False),
        (live({"f:data": {}, "f:extra": {}, "f:metadata": {"f:labels": {"f:l": {}}}}), True),
        (live({"f:metadata": {"f:labels": {"f:l": {}}}}), False),
        (live(None, {"manager": "kubectl-edit", "operation": "Update", "fieldsV1": {}}), False),
        (live(None, {"manager": "operator", "operation": "Update", "fieldsV1": {}}), True),
        (live(labels={"l": "2"}), False),
        (live(deletionTimestamp="2026-01-01T00:00:00Z"), False),
    ],
)
def test_what_proves_that_nobody_touched_what_another_process_applied(found: Live | None, proven: bool) -> None:
    assert decide.proven(DESIRED, found, {}) is proven


@pytest.mark.parametrize(
    ("history", "applied"),
    [
        ([], False),
        ([{"digest": "d", "lastReconciledStatus": "ReconciliationSucceeded"}], True),
        ([{"digest": "d", "lastReconciledStatus": "HealthCheckFailed"}], False),
        ([{"digest": "e", "lastReconciledStatus": "ReconciliationSucceeded"}], False),
    ],
)
def test_the_history_tells_what_was_applied_last(history: list[Object], applied: bool) -> None:
    assert decide.was_applied(obj(status={"history": history}), "d") is applied


def test_a_run_that_was_cut_off_proves_nothing() -> None:
    history = [{"digest": "d", "lastReconciledStatus": "ReconciliationSucceeded"}]
    conditions = [{"type": "Reconciling", "status": "True", "reason": "Progressing", "message": ""}]
    assert not decide.was_applied(obj(status={"history": history, "conditions": conditions}), "d")


# -- prune


def test_one_that_waits_for_us_cannot_claim_anything_first() -> None:
    chain = {KEY: [Key("flux-system", "b")], Key("flux-system", "b"): [Key("flux-system", "c")]}

    def dependents(key: Key) -> list[Key]:
        return chain.get(key, [])

    def other(name: str, **spec: Any) -> Object:
        return {"metadata": {"name": name, "namespace": "flux-system"}, "spec": spec}

    assert decide.may_claim(other("free"), KEY, dependents)
    assert not decide.may_claim(other("c"), KEY, dependents)
    assert not decide.may_claim(other("free", suspend=True), KEY, dependents)


@pytest.mark.parametrize(
    ("origin", "generation", "changed"),
    [
        (("GitRepository/fleet", "./apps"), 2, False),
        (("GitRepository/fleet", "./other"), 2, True),
        (("GitRepository/other", "./apps"), 2, True),
        (None, 2, False),
        (None, 3, True),
    ],
)
def test_where_the_manifests_come_from_may_have_changed(
    origin: tuple[str, str] | None, generation: int, changed: bool
) -> None:
    found = obj(spec={"path": "./apps"}, metadata={"generation": generation}, status={"observedGeneration": 2})
    assert decide.origin_changed(found, origin, Kustomization.parse(found)) is changed


# -- health


def test_everything_applied_is_waited_for_but_what_was_skipped_and_ourselves() -> None:
    ks = Kustomization.parse(obj(spec={"wait": True, "healthChecks": [{"kind": "Deployment", "name": "no"}]}))
    ours = Ref("kustomize.toolkit.fluxcd.io", "v1", "Kustomization", "flux-system", "apps")
    a, b = Ref("", "v1", "ConfigMap", "d", "a"), Ref("", "v1", "ConfigMap", "d", "b")
    assert decide.health_refs(ks, [a, b, ours], {b}, {}) == [a]


def test_a_check_without_a_namespace_means_ours_where_the_kind_has_one() -> None:
    checks = [{"kind": "Deployment", "name": "web"}, {"apiVersion": "v1", "kind": "Namespace", "name": "team"}]
    ks = Kustomization.parse(obj(spec={"healthChecks": checks}))
    namespaced = {GroupKind("apps", "Deployment"): True, GroupKind("", "Namespace"): False}
    assert [str(ref) for ref in decide.health_refs(ks, [], set(), namespaced)] == [
        "Deployment/flux-system/web",
        "Namespace/team",
    ]


def test_jobs_that_delete_themselves_are_done_when_they_are_gone() -> None:
    job = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "j", "namespace": "d"}}
    with_ttl = {**job, "spec": {"ttlSecondsAfterFinished": 0}}
    assert decide.ttl_jobs([with_ttl, {**job, "spec": {}}, DESIRED]) == {Ref.of(with_ttl)}


# -- reports


def conditions(draft: Draft) -> dict[str, tuple[str, str]]:
    found = draft.obj["status"].get("conditions", [])
    return {each["type"]: (each["status"], each["reason"]) for each in found}


def test_a_run_from_progress_to_success_leaves_ready_alone() -> None:
    draft = Draft(obj(), NOW)
    draft.progressing("Building")
    assert conditions(draft) == {"Ready": ("Unknown", "Progressing"), "Reconciling": ("True", "Progressing")}
    draft.succeeded(ARTIFACT)
    assert conditions(draft) == {"Ready": ("True", "ReconciliationSucceeded")}
    assert draft.status["observedGeneration"] == 2
    assert (draft.status["lastAppliedRevision"], draft.status["lastAttemptedRevision"]) == ("r@2", "r@2")


def test_a_failure_keeps_reconciling_with_retry_and_does_not_observe_the_generation() -> None:
    draft = Draft(obj(status={"observedGeneration": 1}), NOW)
    draft.progressing("Building manifests")
    draft.failed("BuildFailed", "why")
    assert conditions(draft) == {"Ready": ("False", "BuildFailed"), "Reconciling": ("True", "ProgressingWithRetry")}
    assert (get_condition(draft.obj, "Reconciling") or {})["message"] == "Building manifests"
    assert draft.status["observedGeneration"] == 1


def test_stalled_and_reconciling_exclude_each_other() -> None:
    draft = Draft(obj(), NOW)
    draft.progressing("Building")
    draft.stalled("AccessDenied", "no", observed=False)
    assert conditions(draft) == {"Ready": ("False", "AccessDenied"), "Stalled": ("True", "AccessDenied")}
    assert "observedGeneration" not in draft.status


def test_what_a_draft_was_made_from_stays_as_it_is() -> None:
    given = obj(status={"conditions": []})
    Draft(given, NOW).progressing("x")
    assert given["status"] == {"conditions": []}


def test_the_sentences_are_fluxs() -> None:
    ks = Kustomization.parse(obj())
    assert report.timed("Building manifests", ks, "r@2") == (
        "Building manifests for revision r@2 with a timeout of 9m30s"
    )
    assert report.source_not_found(ks) == 'gitrepositories.source.toolkit.fluxcd.io "fleet" not found'
    told = report.finished(1.25, ks, ARTIFACT)
    assert told.message == "Reconciliation finished in 1.25s, next run in 10m0s"
    assert told.details() == {"commit_status": "update", "revision": "r@2"}
    assert report.unsupported(["spec.ignore", "spec.kubeConfig"]) == (
        "spec.ignore is not supported yet, spec.kubeConfig is not supported yet"
    )


@pytest.mark.parametrize(
    ("annotations", "handled", "served", "full"),
    [
        ({}, "", True, False),
        ({"reconcile.fluxcd.io/requestedAt": "x"}, "", False, False),
        ({"reconcile.fluxcd.io/requestedAt": "x"}, "x", True, False),
        ({"reconcile.fluxcd.io/requestedAt": "x", "kustomize.fluvial.dev/fullAt": "x"}, "", False, True),
        ({"reconcile.fluxcd.io/requestedAt": "x", "kustomize.fluvial.dev/fullAt": "w"}, "", False, False),
        ({"reconcile.fluxcd.io/requestedAt": "x", "kustomize.fluvial.dev/fullAt": "x"}, "x", True, False),
    ],
)
def test_requests(annotations: dict[str, str], handled: str, served: bool, full: bool) -> None:
    found = obj(metadata={"annotations": annotations}, status={"lastHandledReconcileAt": handled})
    assert report.handled_request(found) is served
    assert report.wants_full(found) is full
