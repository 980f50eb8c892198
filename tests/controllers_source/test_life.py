"""A GitRepository from its first commit to its deletion."""

import asyncio

from fluvial import testing
from fluvial.objects import dig, get_condition
from tests.controllers_source.world import World, conditions, run, status_of, world


def test_a_commit_becomes_an_artifact_with_two_writes() -> None:
    async def play(world: World) -> None:
        revision = "main@sha1:" + world.git.commit({"a.yaml": "x: 1\n", "logo.png": "p"}, message="Title\n\nbody")
        await world.apply()
        obj = await world.ready(revision)
        stored = f"stored artifact for revision '{revision}'"
        assert conditions(obj) == [
            ("Ready", "True", "Succeeded", stored),
            ("ArtifactInStorage", "True", "Succeeded", stored),
        ]
        artifact = obj["status"]["artifact"]
        assert artifact["path"] == f"gitrepository/default/fleet/{revision[-40:]}.tar.gz"
        assert artifact["url"] == f"http://source.test/{artifact['path']}"
        assert artifact["size"] > 0
        assert dict(await world.artifact(obj)) == {"a.yaml": b"x: 1\n"}
        assert world.writes() == ["patch gitrepositories", "patch gitrepositories/status"]
        assert await world.events() == [("Normal", "NewArtifact", "stored artifact for commit 'Title'")]

    run(play)


def test_nothing_is_written_while_nothing_happens() -> None:
    async def play(world: World) -> None:
        world.git.commit({"a.yaml": "x"}, message="start")
        await world.apply(interval="1m")
        await world.ready()
        world.writes()
        world.git_requests.clear()
        before = await world.events()
        await asyncio.sleep(3600)
        assert world.writes() == []
        assert await world.events() == before
        assert 57 * 2 <= len(world.git_requests) <= 63 * 2, "an advertisement and a list of references each minute"

    run(play)


def test_a_new_commit_costs_one_status_write_and_old_archives_go() -> None:
    async def play(world: World) -> None:
        await world.apply(interval="1m")
        hashes = []
        for number in range(5):
            hashes.append(world.git.commit({"a.yaml": f"x: {number}"}, message=f"commit {number}"))
            if number == 0:
                await world.until("failed or not", lambda: asyncio.sleep(0, True))
            obj = await world.ready("main@sha1:" + hashes[-1])
            if number == 0:
                world.writes()
            assert (await world.artifact(obj))["a.yaml"] == f"x: {number}".encode()
        assert world.writes() == ["patch gitrepositories/status"] * 4
        await asyncio.sleep(120)
        assert world.files() == [f"gitrepository/default/fleet/{hashes[-1]}.tar.gz"]
        events = await world.events()
        assert ("Normal", "NewArtifact", "stored artifact for commit 'commit 4'") in events
        assert any(reason == "GarbageCollectionSucceeded" for _, reason, _ in events)

    run(play)


def test_the_previous_archive_stays_for_its_time() -> None:
    async def play(world: World) -> None:
        first = world.git.commit({"a.yaml": "1"}, message="one")
        await world.apply()
        old = await world.ready()
        second = world.git.commit({"a.yaml": "2"}, message="two")
        await world.request("1")
        await world.ready("main@sha1:" + second)
        assert world.files() == sorted(f"gitrepository/default/fleet/{each}.tar.gz" for each in (first, second))
        assert await world.http_status(old) == 200
        await asyncio.sleep(61)
        await world.request("2")
        await world.until("collected", lambda: _count(world, 1))
        assert await world.http_status(old) == 404

    run(play)


async def _count(world: World, files: int) -> bool:
    return len(world.files()) == files


def test_a_request_is_answered_although_nothing_is_new() -> None:
    async def play(world: World) -> None:
        world.git.commit({"a.yaml": "1"}, message="one")
        await world.apply()
        before = await world.ready()
        world.writes()
        events = await world.events()
        await world.request("now")

        async def handled() -> bool:
            return dig(await world.get(), "status", "lastHandledReconcileAt") == "now"

        await world.until("handled", handled)
        after = await world.get()
        assert conditions(after) == conditions(before)
        assert after["status"]["artifact"] == before["status"]["artifact"]
        assert world.writes() == ["patch gitrepositories/status"]
        assert await world.events() == events

    run(play)


def test_other_ignore_rules_make_another_artifact_of_the_same_commit() -> None:
    async def play(world: World) -> None:
        revision = "main@sha1:" + world.git.commit(
            {"deploy/a.yaml": "x", "deploy/b.md": "y", "src/c": "z"}, message="one"
        )
        await world.apply(ignore="/*\n!/deploy\n/deploy/**/*.md\n")
        first = await world.ready(revision)
        assert list(await world.artifact(first)) == ["deploy/a.yaml"]
        assert first["status"]["observedIgnore"].startswith("/*")
        await world.apply(ignore=None)
        second = await world.ready(revision)
        assert list(await world.artifact(second)) == ["deploy/a.yaml", "deploy/b.md", "src/c"]
        assert "observedIgnore" not in second["status"]
        assert first["status"]["artifact"]["digest"] != second["status"]["artifact"]["digest"]
        assert await world.event_counts() == {"NewArtifact": 2}

    run(play)


def test_a_source_that_takes_long_says_that_it_is_under_way() -> None:
    async def play(world: World) -> None:
        world.git.commit({"a.yaml": "1"}, message="one")
        world.git_delay = 5
        await world.apply()
        obj = await world.shows("Reconciling", "Progressing", "building artifact")
        assert status_of(obj, "Ready") == "Unknown"
        await world.ready()
        world.git_delay = 0
        before = world.writes()
        assert before == ["patch gitrepositories", "patch gitrepositories/status", "patch gitrepositories/status"]

    run(play)


def test_a_suspended_source_rests_and_answers() -> None:
    async def play(world: World) -> None:
        world.git.commit({"a.yaml": "1"}, message="one")
        await world.apply()
        before = await world.ready()
        await world.apply(suspend=True)
        world.git.commit({"a.yaml": "2"}, message="two")
        await world.request("while suspended")
        await asyncio.sleep(3600)
        after = await world.get()
        assert after["status"]["artifact"] == before["status"]["artifact"]
        assert after["status"]["lastHandledReconcileAt"] == "while suspended"
        assert status_of(after, "Ready") == "True"
        await world.apply(suspend=None)
        await world.ready("main@sha1:" + world.git.refs["refs/heads/main"])

    run(play)


def test_deletion_takes_everything_from_storage_even_of_a_suspended_source() -> None:
    async def play(world: World) -> None:
        world.git.commit({"a.yaml": "1"}, message="one")
        await world.apply()
        await world.apply("other")
        await world.ready()
        await world.ready(name="other")
        await world.apply(suspend=True)
        await world.delete()

        async def gone() -> bool:
            found = await world.client.list("source.toolkit.fluxcd.io/v1", "GitRepository", "default")
            return [obj["metadata"]["name"] for obj in found.items] == ["other"]

        await world.until("gone", gone)
        assert [path.split("/")[2] for path in world.files()] == ["other"]
        events = await world.events()
        assert ("Normal", "GarbageCollectionSucceeded", "garbage collected artifacts for deleted resource") in events

    run(play)


def test_an_old_object_works_as_it_is_written() -> None:
    async def play(world: World) -> None:
        files = {"deploy/a.yaml": "x", "deploy/doc/b.md": "y", "deploy/c.txt": "t", "README.md": "z"}
        world.git.commit(files, message="one", branch="master")
        obj = {
            "apiVersion": "source.toolkit.fluxcd.io/v1beta1",
            "kind": "GitRepository",
            "metadata": {"name": "fleet", "namespace": "default"},
            "spec": {
                "interval": "5m",
                "url": "https://git.test/fleet",
                "ignore": "## exclude all\n/*\n## include deploy dir\n!/deploy\n"
                "## exclude file extensions from deploy dir\n/deploy/**/*.md\n/deploy/**/*.txt\n",
            },
        }
        await world.client.apply(obj, field_manager="person", force=True)
        ready = await world.ready()
        assert ready["status"]["artifact"]["revision"].startswith("master@sha1:")
        assert list(await world.artifact(ready)) == ["deploy/a.yaml"]

    run(play)


def test_a_status_written_by_an_older_flux_is_understood() -> None:
    async def play(world: World) -> None:
        world.git.commit({"a.yaml": "1"}, message="one")
        await world.apply()
        obj = await world.ready()
        await world.stop()
        revision = obj["status"]["artifact"]["revision"].replace("@sha1:", "/")
        await world.edit({"status": {"artifact": {"revision": revision}}}, subresource="status")
        world.writes()
        await world.start()
        await world.request("x")
        await asyncio.sleep(10)
        assert (await world.get())["status"]["artifact"]["revision"] == revision
        assert world.writes() == ["patch gitrepositories/status"]

    run(play)


def test_conditions_of_others_survive() -> None:
    async def play(world: World) -> None:
        world.git.commit({"a.yaml": "1"}, message="one")
        await world.apply()
        obj = await world.ready()
        foreign = {
            "type": "Audited",
            "status": "True",
            "reason": "Clean",
            "message": "m",
            "lastTransitionTime": "2026-01-01T00:00:00Z",
        }
        both = [*obj["status"]["conditions"], foreign]
        world.git.commit({"a.yaml": "2"}, message="two")
        world.git_delay = 1
        await world.request("now")
        await asyncio.sleep(0.5)  # while the fetch is under way, so that the write meets a conflict
        await world.edit({"status": {"conditions": both}}, subresource="status")
        after = await world.ready("main@sha1:" + world.git.refs["refs/heads/main"])
        assert get_condition(after, "Audited") is not None

    run(play)


def test_two_runs_of_one_seed_leave_the_same_audit_log() -> None:
    async def play() -> list[str]:
        async with world() as made:
            await made.start()
            made.git.commit({"a.yaml": "1"}, message="one")
            await made.apply(interval="1m")
            await made.ready()
            made.git.commit({"a.yaml": "2"}, message="two")
            await made.apply("missing", ref={"branch": "nope"})
            await asyncio.sleep(600)
            return [f"{record.verb} {record.path} {record.user_agent} {record.status}" for record in made.audit]

    assert testing.run(play()) == testing.run(play())
