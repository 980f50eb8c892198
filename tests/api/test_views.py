"""Typed views, inventory ids, history, revisions, events, credentials."""

import base64
from datetime import UTC, datetime
from typing import Any

import pytest

from fluvial.api import (
    Artifact,
    Event,
    GitRepository,
    InvalidObject,
    Kustomization,
    git_credentials,
    git_revision,
    normal_revision,
    secret_data,
)
from fluvial.api.event import event_metadata
from fluvial.api.history import Snapshot, upsert_history
from fluvial.api.inventory import inventory_id, inventory_size, parse_inventory_id, read_inventory, write_inventory
from fluvial.objects import Ref


def kustomization(**spec: Any) -> Kustomization:
    given = {"interval": "10m", "prune": True, "sourceRef": {"kind": "GitRepository", "name": "fleet"}} | spec
    return Kustomization.parse({"metadata": {"name": "apps", "namespace": "flux-system"}, "spec": given})


@pytest.mark.parametrize(
    ("spec", "timeout", "retry"),
    [
        ({}, 570.0, 600.0),
        ({"interval": "40s"}, 30.0, 40.0),
        ({"timeout": "5s"}, 30.0, 600.0),
        ({"timeout": "2m", "retryInterval": "1m30s"}, 120.0, 90.0),
    ],
)
def test_timeout_is_interval_minus_half_a_minute_and_at_least_that(spec: Any, timeout: float, retry: float) -> None:
    ks = kustomization(**spec)
    assert (ks.timeout, ks.retry_interval) == (timeout, retry)


def test_references_without_a_namespace_mean_our_own() -> None:
    ks = kustomization(dependsOn=[{"name": "infra"}, {"name": "crds", "namespace": "base"}])
    assert [str(each) for each in ks.depends_on] == ["flux-system/infra", "base/crds"]
    assert (ks.source.namespace, str(ks.source)) == ("flux-system", "GitRepository/fleet")
    other = kustomization(sourceRef={"kind": "Bucket", "name": "b", "namespace": "sources"})
    assert str(other.source) == "Bucket/sources/b"


def test_a_health_check_without_api_version_is_a_workload() -> None:
    ks = kustomization(healthChecks=[{"kind": "Deployment", "name": "web", "namespace": "apps"}])
    assert ks.health_checks == (Ref("apps", "v1", "Deployment", "apps", "web"),)
    assert ks.health_checks[0].api_version == "apps/v1"


@pytest.mark.parametrize(
    ("policy", "prune", "suspend", "deletes"),
    [
        ("", True, False, True),
        ("", False, False, False),
        ("MirrorPrune", True, False, True),
        ("Delete", False, False, True),
        ("WaitForTermination", False, False, True),
        ("Orphan", True, False, False),
        ("Delete", True, True, False),
    ],
)
def test_what_happens_on_removal_follows_the_deletion_policy(
    policy: str, prune: bool, suspend: bool, deletes: bool
) -> None:
    spec = {"interval": "1m", "prune": prune, "suspend": suspend, "sourceRef": {}}
    if policy:
        spec["deletionPolicy"] = policy
    status = {"inventory": {"entries": [{"id": "a_b__ConfigMap", "v": "v1"}]}}
    metadata = {"name": "apps", "namespace": "flux-system"}
    assert Kustomization.parse({"metadata": metadata, "spec": spec, "status": status}).deletes_on_removal is deletes


@pytest.mark.parametrize("interval", ["999999999h", "soon", 5, None])
def test_an_interval_that_nobody_can_read_names_its_field(interval: Any) -> None:
    with pytest.raises(InvalidObject, match=r"spec\.interval"):
        kustomization(interval=interval)


def test_a_git_repository_has_fluxs_defaults() -> None:
    view = GitRepository.parse({"metadata": {"name": "r"}, "spec": {"interval": "1m", "url": "https://host/r"}})
    assert (view.timeout, view.provider, view.reference.branch, view.ignore) == (60.0, "generic", "", None)


@pytest.mark.parametrize(
    ("ref", "text"),
    [
        (Ref("apps", "v1", "Deployment", "web", "front"), "web_front_apps_Deployment"),
        (Ref("", "v1", "Namespace", "", "web"), "_web__Namespace"),
        (
            Ref("rbac.authorization.k8s.io", "v1", "ClusterRole", "", "system:a"),
            "_system__a_rbac.authorization.k8s.io_ClusterRole",
        ),
        (
            Ref("rbac.authorization.k8s.io", "v1", "Role", "n", "with_line"),
            "n_with_line_rbac.authorization.k8s.io_Role",
        ),
    ],
)
def test_inventory_ids_are_fluxs_and_can_be_read_back(ref: Ref, text: str) -> None:
    assert inventory_id(ref) == text
    assert parse_inventory_id(text, "v1") == ref


def test_an_inventory_survives_writing_and_reading() -> None:
    refs = (Ref("", "v1", "ConfigMap", "a", "b"), Ref("apps", "v1", "Deployment", "a", "c"))
    assert read_inventory({"status": {"inventory": write_inventory((*refs, refs[0]))}}) == refs
    assert inventory_size(refs) > 40


def test_an_entry_that_is_no_id_is_an_error() -> None:
    with pytest.raises(InvalidObject):
        parse_inventory_id("nonsense", "v1")


def snapshot(digest: str, status: str = "ReconciliationSucceeded", minute: int = 0) -> Snapshot:
    at = datetime(2026, 1, 1, 0, minute, tzinfo=UTC)
    return Snapshot(digest=digest, at=at, duration=1.5, status=status, metadata={"revision": "main@sha1:1"})


def test_history_merges_the_same_outcome_and_keeps_five() -> None:
    history: list[Any] = []
    for minute, digest in enumerate(["a", "b", "a", "c", "d", "e", "f"]):
        history = upsert_history(history, snapshot(digest, minute=minute))
    assert [entry["digest"] for entry in history] == ["f", "e", "d", "c", "a"]
    assert history[-1]["totalReconciliations"] == 2
    assert history[-1]["firstReconciled"] == "2026-01-01T00:00:00Z"
    assert history[-1]["lastReconciledDuration"] == "1.5s"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("main/5394cb7f48332b2de7c17dd8b8384bbc84b7e738", "main@sha1:5394cb7f48332b2de7c17dd8b8384bbc84b7e738"),
        ("HEAD/5394cb7f48332b2de7c17dd8b8384bbc84b7e738", "sha1:5394cb7f48332b2de7c17dd8b8384bbc84b7e738"),
        ("f/b/5394cb7f48332b2de7c17dd8b8384bbc84b7e738", "f/b@sha1:5394cb7f48332b2de7c17dd8b8384bbc84b7e738"),
        (
            "d52bde83c5b2bd0fa7910264e0afc3ac9cfe9b6636ca29c05c09742f01d5a4bd",
            "sha256:d52bde83c5b2bd0fa7910264e0afc3ac9cfe9b6636ca29c05c09742f01d5a4bd",
        ),
        ("main@sha1:5394cb7", "main@sha1:5394cb7"),
        ("6.0.0", "6.0.0"),
        ("", ""),
    ],
)
def test_revisions_of_old_flux_are_read_in_todays_form(old: str, new: str) -> None:
    assert normal_revision(old) == new


def test_a_revision_names_reference_and_commit() -> None:
    assert git_revision("main", "5" * 40) == f"main@sha1:{'5' * 40}"
    assert git_revision("", "5" * 40) == f"sha1:{'5' * 40}"


def test_an_artifact_keeps_its_origin() -> None:
    found = {"path": "p", "url": "u", "revision": "r", "digest": "sha256:1", "lastUpdateTime": "t"}
    found["metadata"] = {"org.opencontainers.image.revision": "main@sha1:1"}  # type: ignore[assignment]
    artifact = Artifact.of({"status": {"artifact": found}})
    assert artifact is not None
    assert artifact.origin_revision == "main@sha1:1"
    assert artifact.as_object() == found
    assert Artifact.of({"status": {}}) is None


def test_an_event_carries_the_objects_own_event_annotations() -> None:
    obj = {"metadata": {"annotations": {"event.toolkit.fluxcd.io/summary": "s", "other": "o"}}}
    metadata = event_metadata(obj, "kustomize.toolkit.fluxcd.io", {"revision": "r"})
    assert metadata == {"event.toolkit.fluxcd.io/summary": "s", "kustomize.toolkit.fluxcd.io/revision": "r"}


def test_a_long_message_is_cut_between_characters() -> None:
    event = Event(involved={}, severity="info", timestamp="t", message="é" * 30000, reason="R")
    message = event.payload()["message"]
    assert len(message.encode()) <= 39000
    assert message.endswith("é...")


def test_a_secret_gives_bytes_and_a_config_map_text() -> None:
    secret = {"kind": "Secret", "data": {"password": base64.b64encode(b"s3cret").decode()}}
    assert secret_data(secret) == {"password": b"s3cret"}
    assert secret_data({"kind": "ConfigMap", "data": {"a": "b"}}) == {"a": b"b"}
    with pytest.raises(InvalidObject) as caught:
        secret_data({"kind": "Secret", "data": {"password": "not base64!"}})
    assert "not base64!" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "data", "problem"),
    [
        ("https://host/r", {"password": b"p"}, "'password' requires 'username' to be set"),
        ("ssh://git@host/r", {"identity": b"k"}, "'known_hosts' is required"),
        ("ssh://git@host/r", {}, "'identity' is required"),
        ("ftp://host/r", {}, "unknown transport 'ftp'"),
    ],
)
def test_credentials_that_do_not_fit_the_transport_are_refused(url: str, data: Any, problem: str) -> None:
    with pytest.raises(InvalidObject, match=problem):
        git_credentials(url, data)


def test_credentials_come_from_the_secret_and_then_from_the_url() -> None:
    found = git_credentials("https://me:pw@host:8443/r", {"bearerToken": b"t", "ca.crt": b"CA"})
    assert (found.host, found.bearer_token, found.username, found.ca) == ("host:8443", "t", "me", b"CA")
    assert "pw" not in repr(found)
    key = git_credentials("ssh://host/r", {"identity": b"k", "known_hosts": b"h", "password": b"p"})
    assert (key.username, key.password, key.identity) == ("git", "p", b"k")
