"""What goes wrong is told in Flux's words, the last artifact stays, and all is well again when the cause is gone."""

import asyncio
import random
from collections.abc import Callable
from typing import Any

import pytest

from fluvial import testing
from fluvial.objects import Object, dig, get_condition
from tests.controllers_source.world import World, conditions, run, status_of, world

CLONE = "failed to checkout and determine revision: unable to clone 'https://git.test/fleet': "
LIST = "failed to checkout and determine revision: unable to list remote for 'https://git.test/fleet': "


async def failed(world: World, reason: str, message: str) -> Object:
    """Wait for a failure, and see that conditions and event tell the same."""
    obj = await world.shows("FetchFailed", reason, message)
    ready = get_condition(obj, "Ready")
    assert ready is not None
    assert (ready["status"], ready["reason"]) == ("False", reason)
    assert message in ready["message"]
    reconciling = get_condition(obj, "Reconciling")
    assert reconciling is not None
    assert reconciling["reason"] == "ProgressingWithRetry"
    assert any(kind == "Warning" and why == reason and message in text for kind, why, text in await world.events())
    return obj


@pytest.mark.parametrize(
    ("spec", "reason", "message"),
    [
        (
            {"secretRef": {"name": "nope"}},
            "AuthenticationFailed",
            "failed to get secret 'default/nope': secrets \"nope\" not found",
        ),
        (
            {"secretRef": {"name": "half"}},
            "AuthenticationFailed",
            "failed to configure authentication options: invalid 'https' auth option: 'password' requires 'username'"
            " to be set",
        ),
        (
            {"secretRef": {"name": "app"}},
            "InvalidProviderConfiguration",
            "secretRef 'default/app' has github app data but provider is not set to github",
        ),
        ({"secretRef": {"name": "tls"}}, "GitOperationFailed", CLONE + "the certificate and its key cannot be used"),
        ({"ref": {"branch": "nope"}}, "GitOperationFailed", CLONE + 'couldn\'t find remote ref "refs/heads/nope"'),
        ({"ref": {"tag": "v9"}}, "GitOperationFailed", CLONE + 'couldn\'t find remote ref "refs/tags/v9"'),
        (
            {"ref": {"name": "refs/heads/nope"}},
            "GitOperationFailed",
            "failed to checkout and determine revision: unable to resolve ref 'refs/heads/nope' to a specific commit",
        ),
        (
            {"ref": {"semver": ">1"}},
            "GitOperationFailed",
            "failed to checkout and determine revision: no match found for semver: >1",
        ),
        (
            {"ref": {"commit": "1" * 40}},
            "GitOperationFailed",
            f"failed to checkout and determine revision: unable to resolve commit object for '{'1' * 40}':"
            " object not found",
        ),
        ({"url": "https://git.test/gone"}, "GitOperationFailed", "repository not found"),
        ({"url": "https://nobody.test/x"}, "GitOperationFailed", "unable to clone 'https://nobody.test/x': "),
        ({"url": "ssh://git@git.test/x"}, "AuthenticationFailed", "'identity' is required"),
    ],
)
def test_a_source_that_cannot_be_read_says_why(spec: dict[str, Any], reason: str, message: str) -> None:
    async def play(world: World) -> None:
        world.git.commit({"a.yaml": "1"}, message="one")
        await world.secret("half", password="only this")
        await world.secret("app", githubAppID="7")
        await world.secret("tls", **{"tls.crt": "no", "tls.key": "pem"})
        await world.apply(**spec)
        obj = await failed(world, reason, message)
        assert dig(obj, "status", "artifact") is None
        assert dig(obj, "status", "observedGeneration") in (None, -1)

    run(play)


def test_a_failure_is_retried_by_backoff_and_recovery_is_told() -> None:
    async def play(world: World) -> None:
        world.git.commit({"a.yaml": "1"}, message="one")
        await world.apply(interval="1m")
        before = await world.ready()
        gone = world.repositories.pop("fleet")
        await world.request("now")
        after = await failed(world, "GitOperationFailed", LIST + "repository not found")
        assert after["status"]["artifact"] == before["status"]["artifact"]
        assert status_of(after, "ArtifactInStorage") == "True"
        assert await world.http_status(after) == 200
        world.writes()
        await asyncio.sleep(600)
        assert world.writes() == [], "the same failure again is not written again"
        world.repositories["fleet"] = gone
        await asyncio.sleep(900)  # the longest wait between two tries
        again = await world.ready()
        assert [type_ for type_, *_ in conditions(again)] == ["Ready", "ArtifactInStorage"]
        revision = before["status"]["artifact"]["revision"]
        assert ("Normal", "Succeeded", f"stored artifact for commit '{revision}'") in await world.events()

    run(play)


def test_wrong_credentials_are_told_and_never_shown() -> None:
    async def play(world: World) -> None:
        world.git.commit({"a.yaml": "1"}, message="one")
        world.allow = lambda request: request.headers.get("authorization") == "Basic bWU6cmlnaHQtb25l"  # me:right-one
        await world.secret("auth", username="me", password="wrong-one")
        await world.apply(secretRef={"name": "auth"})
        obj = await failed(world, "GitOperationFailed", CLONE + "authentication required")
        assert "wrong-one" not in str(obj)
        assert "wrong-one" not in str(await world.events())
        await world.secret("auth", username="me", password="right-one")
        await world.ready()

    run(play)


def test_an_empty_repository_has_its_own_reason() -> None:
    async def play(world: World) -> None:
        await world.apply()
        await failed(world, "EmptyGitRepository", "git repository is empty")
        world.git.commit({"a.yaml": "1"}, message="one")
        await world.ready()

    run(play)


def test_a_server_that_never_answers_is_given_up_at_the_timeout() -> None:
    async def play(world: World) -> None:
        world.git.commit({"a.yaml": "1"}, message="one")
        world.git_delay = 10_000
        await world.apply(timeout="20s")
        await failed(world, "GitOperationFailed", CLONE + "context deadline exceeded")
        world.git_delay = 0
        await world.ready()

    run(play)


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ({"recurseSubmodules": True}, "spec.recurseSubmodules is not supported yet"),
        ({"verify": {"mode": "HEAD", "secretRef": {"name": "keys"}}}, "spec.verify is not supported yet"),
        ({"include": [{"repository": {"name": "other"}}]}, "spec.include is not supported yet"),
        ({"sparseCheckout": ["./deploy"]}, "spec.sparseCheckout is not supported yet"),
        ({"proxySecretRef": {"name": "proxy"}}, "spec.proxySecretRef is not supported yet"),
        ({"provider": "azure"}, "spec.provider is not supported yet"),
        (
            {"recurseSubmodules": True, "sparseCheckout": ["x"]},
            "spec.recurseSubmodules is not supported yet; spec.sparseCheckout is not supported yet",
        ),
    ],
)
def test_what_is_not_built_is_refused_and_the_last_artifact_kept(spec: dict[str, Any], says: str) -> None:
    async def play(world: World) -> None:
        world.git.commit({"a.yaml": "1"}, message="one")
        await world.apply()
        before = await world.ready()
        asked = len(world.git_requests)
        await world.apply(**spec)
        obj = await world.shows("Stalled", "Unsupported", says)
        assert conditions(obj)[:2] == [
            ("Stalled", "True", "Unsupported", says),
            ("Ready", "False", "Unsupported", says),
        ]
        assert get_condition(obj, "Reconciling") is None
        assert obj["status"]["observedGeneration"] == obj["metadata"]["generation"]
        assert obj["status"]["artifact"] == before["status"]["artifact"]
        assert await world.http_status(obj) == 200
        await asyncio.sleep(3600)
        assert len(world.git_requests) == asked
        await world.stop()
        world.writes()
        counts = await world.event_counts()
        assert counts["Unsupported"] == 1
        await world.start()
        await asyncio.sleep(60)
        assert world.writes() == []
        assert await world.event_counts() == counts, "a restart does not tell it again"
        await world.apply()
        ready = await world.ready()
        assert [type_ for type_, *_ in conditions(ready)] == ["Ready", "ArtifactInStorage"]

    run(play)


def test_a_value_that_no_controller_can_read_stalls_alone() -> None:
    async def play(world: World) -> None:
        world.git.commit({"a.yaml": "1"}, message="one")
        await world.apply(interval="999999999999h")
        await world.shows("Stalled", "InvalidSpec", "spec.interval")
        await world.apply()
        await world.ready()

    run(play)


class CrashedBefore:
    """Remembers three crashes for every object until they are forgiven."""

    limit = 3

    def __init__(self) -> None:
        self.forgiven: set[str] = set()

    def crashes(self, name: str) -> int:
        return 0 if name in self.forgiven else 3

    def begin(self, name: str) -> None:
        pass

    def end(self, name: str) -> None:
        pass

    def forgive(self, name: str) -> None:
        self.forgiven.add(name)


def test_a_source_at_which_the_controller_crashed_is_set_aside_until_it_changes() -> None:
    async def main() -> None:
        async with world() as made:
            made.in_flight = CrashedBefore()
            made.git.commit({"a.yaml": "1"}, message="one")
            await made.apply()
            await made.start()
            obj = await made.shows("Stalled", "Quarantined", "the controller crashed 3 times in a row")
            assert status_of(obj, "Ready") == "False"
            assert made.git_requests == []
            await asyncio.sleep(3600)
            assert made.git_requests == []
            await made.request("look again")
            await made.ready()

    testing.run(main())


def test_a_hostile_commit_is_refused() -> None:
    async def play(world: World) -> None:
        from dulwich.objects import Blob, Tree

        world.git.commit({"a.yaml": "1"}, message="one")
        await world.apply()
        before = await world.ready()
        blob = Blob.from_string(b"x")
        tree = Tree.from_string(b"100644 ..\0" + blob.sha().digest())
        for each in (blob, tree):
            world.git.store.add_object(each)
        world.git.commit_tree(tree.id.decode(), message="evil")
        await world.request("now")
        obj = await failed(world, "GitOperationFailed", CLONE + "the commit holds a path that is not safe: '..'")
        assert obj["status"]["artifact"] == before["status"]["artifact"]
        good = world.git.commit({"b.yaml": "2"}, message="good", clear=True)
        await world.ready("main@sha1:" + good)

    run(play)


class BrokenWorkers:
    """Workers with a bug that nobody foresaw."""

    async def run(self, function: Callable[[bytes], bytes], payload: bytes) -> bytes:
        raise RuntimeError("hunter2 may stand in here")


def test_an_error_that_nobody_foresaw_is_shown_by_its_kind_alone_and_heals() -> None:
    async def play(world: World) -> None:
        noise = random.Random(1).randbytes(600_000).hex()
        world.git.commit({"a.yaml": noise}, message="one")
        world.workers, working = BrokenWorkers(), world.workers
        await world.stop()
        await world.start()
        await world.apply()
        await world.shows("FetchFailed", "Failed", "internal error: RuntimeError, see the controller's log")
        assert all("hunter2" not in event[2] for event in await world.events())
        world.workers = working
        await world.stop()
        await world.start()
        await world.ready()

    run(play)
