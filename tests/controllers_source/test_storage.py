"""Storage is not trusted: what the status names is proved, and what is lost is made again."""

import asyncio
import fcntl
import json

from fluvial.objects import dig, get_condition
from tests.controllers_source.world import World, conditions, run, status_of


def test_an_archive_with_other_bytes_is_replaced() -> None:
    async def play(world: World) -> None:
        world.git.commit({"a.yaml": "1"}, message="one")
        await world.apply()
        before = await world.ready()
        path = world.storage / before["status"]["artifact"]["path"]
        path.write_bytes(b"evil")
        await world.request("now")

        async def rebuilt() -> bool:
            obj = await world.get()
            return dig(obj, "status", "lastHandledReconcileAt") == "now" and status_of(obj, "Ready") == "True"

        await world.until("rebuilt", rebuilt)
        after = await world.get()
        assert dict(await world.artifact(after)) == {"a.yaml": b"1"}
        digest = before["status"]["artifact"]["digest"]
        assert after["status"]["artifact"]["digest"] == digest
        told = f"failed to verify integrity of artifact: computed digest doesn't match '{digest}'"
        assert ("Warning", "ArtifactVerificationFailed", told) in await world.events()

    run(play)


def test_an_archive_that_is_gone_takes_ready_away_at_once() -> None:
    async def play(world: World) -> None:
        world.git.commit({"a.yaml": "1"}, message="one")
        await world.apply()
        before = await world.ready()
        (world.storage / before["status"]["artifact"]["path"]).unlink()
        world.git_delay = 5
        await world.request("now")
        obj = await world.shows("Reconciling", "Progressing", "building artifact: disappeared from storage")
        assert status_of(obj, "Ready") == "Unknown"
        assert get_condition(obj, "ArtifactInStorage") is None
        assert dig(obj, "status", "artifact") is None
        after = await world.ready()
        assert dict(await world.artifact(after)) == {"a.yaml": b"1"}

    run(play)


def test_after_a_restart_without_its_volume_no_ready_outlives_its_archive() -> None:
    async def play(world: World) -> None:
        world.git.commit({"a.yaml": "1"}, message="one")
        for name in ("one", "two", "three", "four"):
            await world.apply(name)
            await world.ready(name=name)
        await world.stop()
        for path in world.files():
            (world.storage / path).unlink()
        world.git_delay = 5
        await world.start()
        await asyncio.sleep(1)
        for name in ("one", "two", "three", "four"):
            obj = await world.get(name)
            assert status_of(obj, "Ready") == "Unknown"
            assert dig(obj, "status", "artifact") is None
        for name in ("one", "two", "three", "four"):
            assert dict(await world.artifact(await world.ready(name=name))) == {"a.yaml": b"1"}

    run(play)


def test_a_restart_with_its_volume_writes_nothing() -> None:
    async def play(world: World) -> None:
        world.git.commit({"a.yaml": "1"}, message="one")
        await world.apply()
        before = await world.ready()
        await world.stop()
        world.writes()
        await world.start()
        await asyncio.sleep(60)
        assert world.writes() == []
        assert (await world.get())["status"] == before["status"]

    run(play)


def test_another_advertised_address_changes_the_url_and_nothing_else() -> None:
    async def play(world: World) -> None:
        world.git.commit({"a.yaml": "1"}, message="one")
        await world.apply()
        before = await world.ready()
        await world.stop()
        world.writes()
        await world.start(storage_adv_addr="http://elsewhere.test")
        path = before["status"]["artifact"]["path"]

        async def moved() -> bool:
            return dig(await world.get(), "status", "artifact", "url") == f"http://elsewhere.test/{path}"

        await world.until("moved", moved)
        after = await world.get()
        assert {**after["status"]["artifact"], "url": ""} == {**before["status"]["artifact"], "url": ""}
        assert conditions(after) == conditions(before)
        assert world.writes() == ["patch gitrepositories/status"]

    run(play)


def test_storage_that_cannot_be_written_is_told_and_tried_again() -> None:
    async def play(world: World) -> None:
        world.git.commit({"a.yaml": "1"}, message="one")
        blocker = world.storage / "gitrepository"
        blocker.write_text("a file where a folder is needed")
        await world.apply()
        obj = await world.shows(
            "StorageOperationFailed", "ArchiveOperationFailed", "unable to archive artifact to storage: "
        )
        assert (status_of(obj, "Ready"), status_of(obj, "Reconciling")) == ("False", "True")
        assert dig(obj, "status", "artifact") is None
        assert any(reason == "ArchiveOperationFailed" for _, reason, _ in await world.events())
        blocker.unlink()
        ready = await world.ready()
        assert [type_ for type_, *_ in conditions(ready)] == ["Ready", "ArtifactInStorage"]

    run(play)


def test_the_last_archive_stays_while_a_new_one_cannot_be_written() -> None:
    async def play(world: World) -> None:
        world.git.commit({"a.yaml": "1"}, message="one")
        await world.apply()
        before = await world.ready()
        second = world.git.commit({"a.yaml": "2"}, message="two")
        lock = world.storage / f"gitrepository/default/fleet/{second}.tar.gz.lock"
        with lock.open("w") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            await world.request("now")
            obj = await world.shows("StorageOperationFailed", "Failed", "failed to acquire lock for artifact")
            outdated = get_condition(obj, "ArtifactOutdated")
            assert outdated is not None
            assert (outdated["reason"], outdated["message"]) == (
                "NewRevision",
                f"new upstream revision 'main@sha1:{second}'",
            )
            assert obj["status"]["artifact"] == before["status"]["artifact"]
            assert await world.http_status(obj) == 200
        ready = await world.ready("main@sha1:" + second)
        assert [type_ for type_, *_ in conditions(ready)] == ["Ready", "ArtifactInStorage"]

    run(play)


def test_a_status_cannot_point_the_controller_at_files_of_others() -> None:
    async def play(world: World) -> None:
        world.git.commit({"a.yaml": "1"}, message="one")
        await world.apply()
        await world.apply("other")
        mine, others = await world.ready(), await world.ready(name="other")
        for path in (others["status"]["artifact"]["path"], "../../../etc/passwd", "", "gitrepository"):
            stolen = {**others["status"]["artifact"], "path": path, "digest": "sha256:" + "0" * 64}
            await world.edit({"status": {"artifact": stolen}}, subresource="status")
            await world.request(f"now {json.dumps(path)}")
            await asyncio.sleep(5)
            after = await world.get()
            assert after["status"]["artifact"]["path"] == mine["status"]["artifact"]["path"]
            assert await world.http_status(others) == 200

    run(play)


def test_storage_belongs_to_its_owner_alone() -> None:
    async def play(world: World) -> None:
        world.git.commit({"a.yaml": "1"}, message="one")
        await world.apply()
        await world.ready()
        for path in world.storage.rglob("*"):
            assert path.stat().st_mode & 0o777 == (0o700 if path.is_dir() else 0o600), path

    run(play)


def test_deletion_waits_until_storage_lets_go() -> None:
    async def play(world: World) -> None:
        world.git.commit({"a.yaml": "1"}, message="one")
        await world.apply()
        await world.ready()
        kind = world.storage / "gitrepository"
        kind.rename(world.storage / "moved")
        kind.write_text("no folder")
        await world.delete()
        await asyncio.sleep(5)
        assert (await world.get())["metadata"]["finalizers"] == ["finalizers.fluxcd.io"]
        told = [text for _, reason, text in await world.events() if reason == "GarbageCollectionFailed"]
        assert told
        assert told[0].startswith("garbage collection for deleted resource failed: ")
        kind.unlink()

        async def gone() -> bool:
            found = await world.client.list("source.toolkit.fluxcd.io/v1", "GitRepository", "default")
            return not found.items

        await world.until("gone", gone)

    run(play)
