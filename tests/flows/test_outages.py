"""The API server away, refusing, forgetful or new; and two pairs of controllers on one cluster.

Only on the embedded server, where an outage lasts as long as it is told to, on virtual time.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from fluvial.controlplane import AuditRecord, ServerFault, SqliteStore
from fluvial.objects import Object, labels
from fluvial.wire import status
from tests.flows.flow import Flow, config_map
from tests.flows.servers import Api, play_embedded
from tests.flows.world import World

ONE = {"apps/a.yaml": config_map("a", {"key": "one"}), "apps/b.yaml": config_map("b")}
TWO = {"apps/a.yaml": config_map("a", {"key": "two"}), "apps/b.yaml": None, "apps/c.yaml": config_map("c")}
OUTAGE = 60.0  # seconds
REFUSALS: dict[str, ServerFault | None] = {
    "500": ServerFault(answer=status.internal_error("etcdserver: leader changed")),
    "429": ServerFault(
        answer=status.make_status(429, "TooManyRequests", "too many requests, please try again later"), retry_after=2
    ),
    "503": ServerFault(answer=status.make_status(503, "ServiceUnavailable", "the server is starting")),
    "the end of the process": None,
}


class Outage:
    """Refuses the controllers' requests while it lasts; it may begin by itself in the middle of an apply."""

    def __init__(self, fault: ServerFault | None) -> None:
        self._fault = fault
        self.armed = False
        self.begun = asyncio.Event()
        self.lasts = False

    def __call__(self, record: AuditRecord) -> ServerFault | None:
        if "controller" not in record.user_agent:
            return None
        if self.armed and record.resource == "configmaps" and record.verb == "patch" and not record.dry_run:
            self.armed, self.lasts = False, True
            self.begun.set()
        return self._fault if self.lasts else None


@pytest.fixture
def storage(tmp_path: Path) -> Path:
    folder = tmp_path / "artifacts"
    folder.mkdir(mode=0o700)
    return folder


async def is_two(world: World) -> None:
    live = await world.get("ConfigMap", "a")
    assert live is not None
    assert live["data"] == {"key": "two"}
    assert await world.get("ConfigMap", "b") is None
    assert await world.get("ConfigMap", "c") is not None


async def data_of(world: World, name: str) -> Object | None:
    live = await world.get("ConfigMap", name)
    return None if live is None else live["data"]


def becomes(world: World, name: str, data: dict[str, str]) -> Callable[[], Any]:
    async def look() -> bool:
        return await data_of(world, name) == data

    return look


@pytest.mark.parametrize("kind", REFUSALS)
def test_an_outage_in_the_middle_of_an_apply_is_survived(kind: str, storage: Path, tmp_path: Path) -> None:
    outage = Outage(REFUSALS[kind])

    async def flow(world: World) -> None:
        api: Api = world.extra["api"]
        await world.reconciled(ONE)
        outage.armed = True
        second = await world.pushed(TWO)
        await outage.begun.wait()
        if REFUSALS[kind] is None:
            await api.stop()
        await asyncio.sleep(OUTAGE)
        if REFUSALS[kind] is None:
            await api.start()
        outage.lasts = False
        await world.ready("Kustomization", "apps", second, timeout=90)
        await is_two(world)
        await world.edit("ConfigMap", "a", {"data": {"key": "drifted"}})
        await world.until("drift is seen again", becomes(world, "a", {"key": "two"}))

    data = str(tmp_path / "cluster.sqlite")
    play_embedded(flow, {}, storage, faults=outage, store=lambda: SqliteStore(data))


def test_a_server_that_fails_for_a_while_is_asked_again_long_before_the_interval(storage: Path) -> None:
    outage = Outage(None)

    def only_applies(record: AuditRecord) -> ServerFault | None:
        outage(record)
        refused = outage.lasts and record.resource == "configmaps" and record.verb == "patch"
        return REFUSALS["500"] if refused else None

    async def flow(world: World) -> None:
        await world.reconciled(ONE)
        outage.armed = True
        second = await world.pushed(TWO)
        text = "ConfigMap/flow/a apply failed: Internal error occurred: etcdserver: leader changed"
        await world.condition("Kustomization", "apps", "False", "ReconciliationFailed", text)
        await asyncio.sleep(OUTAGE)
        outage.lasts = False
        await world.ready("Kustomization", "apps", second, timeout=90)
        await is_two(world)
        failures = [event for event in await world.events("Kustomization", "apps") if event[0] == "Warning"]
        assert len(failures) <= 2  # the apply and, after it, the dry-run: each is told once

    play_embedded(flow, {}, storage, faults=only_applies)


@contextlib.asynccontextmanager
async def blind(world: World, watching: Outage) -> AsyncIterator[None]:
    """The controllers are cut off, and what happens meanwhile is forgotten before they come back (410 Gone)."""
    api: Api = world.extra["api"]
    assert api.plane is not None
    watching.lasts = True
    api.plane.cut_watches()
    await asyncio.sleep(1)
    yield
    api.plane.compact()
    await asyncio.sleep(1)
    watching.lasts = False


def test_what_happened_while_watches_were_compacted_is_noticed(storage: Path) -> None:
    outage = Outage(REFUSALS["503"])

    async def flow(world: World) -> None:
        await world.reconciled(ONE)
        async with blind(world, outage):
            await world.edit("ConfigMap", "a", {"data": {"key": "drifted"}})
            await world.delete("ConfigMap", "b")
        await world.until("the edit is corrected", becomes(world, "a", {"key": "one"}))
        await world.until("the object is back", becomes(world, "b", {"key": "value"}))

    play_embedded(flow, {}, storage, faults=outage)


def test_a_commit_while_watches_were_compacted_arrives(storage: Path) -> None:
    outage = Outage(REFUSALS["503"])

    async def flow(world: World) -> None:
        await world.reconciled(ONE)
        async with blind(world, outage):
            second = await world.pushed(TWO)
        await world.ready("Kustomization", "apps", second)
        await is_two(world)

    play_embedded(flow, {}, storage, faults=outage)


def test_watches_that_are_cut_go_on_where_they_were(storage: Path) -> None:
    async def flow(world: World) -> None:
        await world.reconciled(ONE)
        api: Api = world.extra["api"]
        assert api.plane is not None
        for number in range(5):
            assert api.plane.cut_watches() > 0
            await world.edit("ConfigMap", "a", {"data": {"key": f"drifted {number}"}})
            await world.until("the edit is corrected", becomes(world, "a", {"key": "one"}), timeout=10)

    play_embedded(flow, {}, storage)


def test_a_status_lost_while_nobody_ran_is_made_again_without_a_write_to_objects(storage: Path) -> None:
    async def flow(world: World) -> None:
        revision = await world.reconciled(ONE)
        before = await world.get("ConfigMap", "a")
        await world.engine.stop()
        for path in ("source.toolkit.fluxcd.io/v1/namespaces/flow/gitrepositories/fleet",
                     "kustomize.toolkit.fluxcd.io/v1/namespaces/flow/kustomizations/apps"):  # fmt: skip
            await world.wipe_status(f"/apis/{path}/status")
        await world.engine.start()
        obj = await world.ready("Kustomization", "apps", revision)
        assert len(obj["status"]["inventory"]["entries"]) == 2
        assert await world.get("ConfigMap", "a") == before

    play_embedded(flow, {}, storage)


# -- two at once


def play_rivals(flow: Flow, storage: Path) -> list[AuditRecord]:
    writes: list[AuditRecord] = []

    def note(record: AuditRecord) -> None:
        if "controller" in record.user_agent and record.writes and record.resource != "leases":
            writes.append(record)

    play_embedded(flow, {}, storage, rivals=True, audit=note)
    return writes


def test_of_two_pairs_of_controllers_one_acts_and_the_other_takes_over(storage: Path) -> None:
    async def flow(world: World) -> None:
        rival = world.extra["rival"]
        await rival.start()
        await world.reconciled(ONE)
        leases = (await world.client.list("coordination.k8s.io/v1", "Lease", "flow")).items
        names = {lease["metadata"]["name"] for lease in leases}
        assert names == {"source-controller-leader-election", "kustomize-controller-leader-election"}
        assert {lease["spec"]["holderIdentity"] for lease in leases} == {"first"}
        assert not rival.leads
        await world.engine.stop()
        second = await world.pushed(TWO)
        await world.ready("Kustomization", "apps", second, timeout=90)
        await is_two(world)
        assert rival.leads
        assert labels((await world.get("ConfigMap", "a")) or {})

    writes = play_rivals(flow, storage)
    made = [record for record in writes if record.resource == "configmaps"]
    assert len(made) == 5, made  # two created, one changed, one created, one deleted: nobody did a thing twice


def test_a_leader_that_cannot_renew_its_lease_stops_acting_before_another_begins(storage: Path) -> None:
    outage = Outage(None)

    def no_leases(record: AuditRecord) -> ServerFault | None:
        return REFUSALS["503"] if outage.lasts and record.resource == "leases" else None

    async def flow(world: World) -> None:
        rival = world.extra["rival"]
        await world.reconciled(ONE)
        outage.lasts = True
        await asyncio.sleep(31)  # past the renew deadline
        await world.edit("ConfigMap", "a", {"data": {"key": "drifted"}})
        await asyncio.sleep(10)
        assert await data_of(world, "a") == {"key": "drifted"}
        with pytest.raises(BaseExceptionGroup):  # the process ends, for its supervisor to start it again
            await world.engine.stop()
        outage.lasts = False
        await rival.start()
        await world.until("the other corrects it", becomes(world, "a", {"key": "one"}), timeout=90)
        second = await world.pushed(TWO)
        await world.ready("Kustomization", "apps", second)
        await is_two(world)
        assert rival.leads

    play_embedded(flow, {}, storage, rivals=True, faults=no_leases)
