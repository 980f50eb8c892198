"""Watches: from a revision, with selectors, through compaction and outages."""

from __future__ import annotations

import asyncio
from typing import Any

CONFIGMAPS = "/api/v1/namespaces/default/configmaps"


def cm(name: str, labels: dict[str, str] | None = None, **data: str) -> dict[str, Any]:
    return {"metadata": {"name": name, "labels": labels or {}}, "data": data}


async def revision(api: Any) -> str:
    return str((await api.get(CONFIGMAPS)).json["metadata"]["resourceVersion"])


async def collect(reply: Any) -> list[str]:
    return [f"{event['type']} {event['object']['metadata'].get('name', '')}" async for event in reply.events]


def test_a_watch_goes_on_from_its_revision(drive: Any) -> None:
    async def scenario(api: Any) -> None:
        await api.post(CONFIGMAPS, cm("old"))
        start = await revision(api)
        await api.post(CONFIGMAPS, cm("a"))
        watch = await api.get(f"{CONFIGMAPS}?watch=1&resourceVersion={start}&timeoutSeconds=5")
        await api.patch(f"{CONFIGMAPS}/a", {"data": {"k": "v"}})
        await api.patch(f"{CONFIGMAPS}/a", {"data": {"k": "v"}})  # changes nothing, so tells nothing
        await api.delete(f"{CONFIGMAPS}/a")
        assert await collect(watch) == ["ADDED a", "MODIFIED a", "DELETED a"]

    drive(scenario)


def test_an_object_that_leaves_the_selector_is_deleted_for_this_watch(drive: Any) -> None:
    async def scenario(api: Any) -> None:
        start = await revision(api)
        watch = await api.get(f"{CONFIGMAPS}?watch=1&resourceVersion={start}&timeoutSeconds=5&labelSelector=app%3Dx")
        await api.post(CONFIGMAPS, cm("a", {"app": "y"}))
        await api.patch(f"{CONFIGMAPS}/a", {"metadata": {"labels": {"app": "x"}}})
        await api.patch(f"{CONFIGMAPS}/a", {"data": {"k": "v"}})
        gone = (await api.patch(f"{CONFIGMAPS}/a", {"metadata": {"labels": {"app": "z"}}})).json
        events = [event async for event in watch.events]
        assert [event["type"] for event in events] == ["ADDED", "MODIFIED", "DELETED"]
        last = events[-1]["object"]["metadata"]
        assert last["labels"] == {"app": "x"}  # as it was when it last matched
        assert last["resourceVersion"] == gone["metadata"]["resourceVersion"]

    drive(scenario)


def test_a_watch_from_a_compacted_revision_is_told_to_list_again(drive: Any) -> None:
    async def scenario(api: Any) -> None:
        start = await revision(api)
        await api.post(CONFIGMAPS, cm("a"))
        api.plane.compact()
        (event,) = [e async for e in (await api.get(f"{CONFIGMAPS}?watch=1&resourceVersion={start}")).events]
        assert event["type"] == "ERROR"
        assert (event["object"]["code"], event["object"]["reason"]) == (410, "Expired")
        assert event["object"]["message"].startswith("too old resource version: ")
        now = await revision(api)
        watch = await api.get(f"{CONFIGMAPS}?watch=1&resourceVersion={now}&timeoutSeconds=1")
        assert await collect(watch) == []

    drive(scenario)


def test_a_bookmark_comes_when_others_have_moved_on(drive: Any) -> None:
    async def scenario(api: Any) -> None:
        start = await revision(api)
        query = f"watch=1&resourceVersion={start}&timeoutSeconds=100&allowWatchBookmarks=true"
        watch = await api.get(f"{CONFIGMAPS}?{query}")
        await api.post("/api/v1/namespaces/default/secrets", {"metadata": {"name": "s"}})
        (event,) = [e async for e in watch.events]
        assert event["type"] == "BOOKMARK"
        assert int(event["object"]["metadata"]["resourceVersion"]) > int(start)

    drive(scenario)


def test_initial_events_end_with_their_bookmark(drive: Any) -> None:
    async def scenario(api: Any) -> None:
        await api.post(CONFIGMAPS, cm("a"))
        query = "watch=1&timeoutSeconds=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan"
        watch = await api.get(f"{CONFIGMAPS}?{query}&allowWatchBookmarks=true")
        await api.post(CONFIGMAPS, cm("b"))
        assert (await collect(watch))[:3] == ["ADDED a", "BOOKMARK ", "ADDED b"]

    drive(scenario)


def test_cut_watches_end_and_can_be_taken_up_again(drive: Any) -> None:
    async def scenario(api: Any) -> None:
        start = await revision(api)
        watch = await api.get(f"{CONFIGMAPS}?watch=1&resourceVersion={start}")
        reader = asyncio.create_task(collect(watch), name="reader")
        await asyncio.sleep(0)
        await api.post(CONFIGMAPS, cm("a"))
        await asyncio.sleep(0)
        assert api.plane.cut_watches() == 1
        assert await reader == ["ADDED a"]
        await api.post(CONFIGMAPS, cm("b"))
        watch = await api.get(f"{CONFIGMAPS}?watch=1&resourceVersion={start}&timeoutSeconds=1")
        assert await collect(watch) == ["ADDED a", "ADDED b"]

    drive(scenario)


def test_pages_show_one_moment_although_the_world_moves(drive: Any) -> None:
    async def scenario(api: Any) -> None:
        for name in "abcde":
            await api.post(CONFIGMAPS, cm(name))
        first = (await api.get(f"{CONFIGMAPS}?limit=2")).json
        await api.delete(f"{CONFIGMAPS}/d")
        await api.post(CONFIGMAPS, cm("cc"))
        second = (await api.get(f"{CONFIGMAPS}?limit=2&continue={first['metadata']['continue']}")).json
        third = (await api.get(f"{CONFIGMAPS}?limit=2&continue={second['metadata']['continue']}")).json
        pages = [[item["metadata"]["name"] for item in page["items"]] for page in (first, second, third)]
        assert pages == [["a", "b"], ["c", "d"], ["e"]]
        assert first["metadata"]["remainingItemCount"] == 3
        assert {page["metadata"]["resourceVersion"] for page in (first, second, third)} == {
            first["metadata"]["resourceVersion"]
        }
        assert "continue" not in third["metadata"]
        api.plane.compact()
        gone = await api.get(f"{CONFIGMAPS}?limit=2&continue={first['metadata']['continue']}")
        assert (gone.code, gone.json["reason"]) == (410, "Expired")

    drive(scenario)
