"""Who leads, when, and what `check` says of it; candidates share one server in memory, on virtual time."""

import asyncio
import hashlib
import random
from collections.abc import Callable

import pytest

from fluvial.kube import Client
from fluvial.net import Fault, MemoryTransport, Request
from fluvial.runtime import LeaderElector, LeadershipLost, Timings, lease_name
from fluvial.telemetry import Registry, silent_logger
from fluvial.testing import VirtualClock, run
from tests.runtime.miniapi import API, LEASES, MiniApi

NAME = "kustomize-controller-leader-election"


class Candidate:
    """One process that wants to lead, with a network of its own."""

    def __init__(self, api: MiniApi, identity: str, seed: int = 0) -> None:
        self.fault: Callable[[Request], Fault | None] = lambda request: None
        self.transport = MemoryTransport({API: api.handle}, faults=lambda request: self.fault(request))
        self.client = Client(API, self.transport, chance=random.Random(seed))
        self.registry = Registry(process=False)
        self.elector = LeaderElector(
            self.client,
            namespace="flux-system",
            name=NAME,
            identity=identity,
            clock=VirtualClock(),
            chance=random.Random(seed),
            log=silent_logger(VirtualClock()),
            metrics=self.registry,
        )

    async def lead_for_ever(self) -> None:
        await self.elector.acquire()
        await self.elector.hold()

    async def close(self) -> None:
        await self.client.close()


def lease_of(api: MiniApi) -> dict[str, object]:
    found: dict[str, object] = api.objects[LEASES, "flux-system", NAME]["spec"]
    return found


def test_the_first_candidate_leads_at_once_under_its_name() -> None:
    async def main() -> None:
        api = MiniApi()
        one = Candidate(api, "host_1")
        await one.elector.acquire()
        assert asyncio.get_running_loop().time() == 0
        one.elector.check()
        assert lease_of(api) == {
            "holderIdentity": "host_1",
            "leaseDurationSeconds": 35,
            "acquireTime": "2026-01-01T00:00:00.000000Z",
            "renewTime": "2026-01-01T00:00:00.000000Z",
            "leaseTransitions": 0,
        }
        await one.close()

    run(main())


def test_a_leader_renews_every_five_seconds_and_keeps_its_acquire_time() -> None:
    async def main() -> None:
        api = MiniApi()
        one = Candidate(api, "one")
        task = asyncio.create_task(one.lead_for_ever())
        await asyncio.sleep(62)
        assert lease_of(api)["renewTime"] == "2026-01-01T00:01:00.000000Z"
        assert lease_of(api)["acquireTime"] == "2026-01-01T00:00:00.000000Z"
        assert [request.method for request in api.requests if "leases" in request.path][2:] == ["PUT"] * 12
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await one.close()

    run(main())


def test_a_second_candidate_takes_over_when_the_first_is_dead() -> None:
    async def main() -> float:
        api = MiniApi()
        one, two = Candidate(api, "one"), Candidate(api, "two")
        leading = asyncio.create_task(one.lead_for_ever())
        await asyncio.sleep(12)
        waiting = asyncio.create_task(two.elector.acquire())
        await asyncio.sleep(100)
        assert not waiting.done()
        leading.cancel()
        await asyncio.gather(leading, return_exceptions=True)
        died = asyncio.get_running_loop().time()
        await waiting
        took = asyncio.get_running_loop().time() - died
        assert lease_of(api)["holderIdentity"] == "two"
        assert lease_of(api)["leaseTransitions"] == 1
        await one.close()
        await two.close()
        return took

    assert 30 < run(main()) < 50


def test_a_lease_given_back_is_taken_without_waiting_it_out() -> None:
    async def main() -> float:
        api = MiniApi()
        one, two = Candidate(api, "one"), Candidate(api, "two")
        await one.elector.acquire()
        waiting = asyncio.create_task(two.elector.acquire())
        await asyncio.sleep(20)
        await one.elector.release()
        with pytest.raises(LeadershipLost):
            one.elector.check()
        released = asyncio.get_running_loop().time()
        await waiting
        await one.close()
        await two.close()
        return asyncio.get_running_loop().time() - released

    assert run(main()) <= 5 * 2.2


def test_a_leader_that_cannot_renew_stops_before_another_may_begin() -> None:
    async def main() -> None:
        api = MiniApi()
        one, two = Candidate(api, "one"), Candidate(api, "two")
        loop = asyncio.get_running_loop()
        leading = asyncio.create_task(one.lead_for_ever())
        waiting = asyncio.create_task(two.elector.acquire())
        await asyncio.sleep(50)
        one.fault = lambda request: Fault(refuse=True)
        while True:
            try:
                one.elector.check()
            except LeadershipLost:
                break
            await asyncio.sleep(0.1)
        stopped = loop.time()
        assert stopped - 50 <= 30.1
        with pytest.raises(LeadershipLost):
            await leading
        await waiting
        assert loop.time() > stopped + 4
        await one.close()
        await two.close()

    run(main())


def test_check_counts_from_before_the_renewal_was_sent() -> None:
    async def main() -> None:
        api = MiniApi()
        one = Candidate(api, "one")
        one.fault = lambda request: Fault(delay=8) if request.method == "POST" else None
        await one.elector.acquire()
        assert asyncio.get_running_loop().time() == 8
        await asyncio.sleep(21.9)
        one.elector.check()
        await asyncio.sleep(0.2)
        with pytest.raises(LeadershipLost, match="renewed 30"):
            one.elector.check()
        await one.close()

    run(main())


def test_a_hanging_server_costs_the_lease_at_its_deadline() -> None:
    async def main() -> float:
        api = MiniApi()
        one = Candidate(api, "one")
        leading = asyncio.create_task(one.lead_for_ever())
        await asyncio.sleep(11)
        one.fault = lambda request: Fault(delay=1000)
        with pytest.raises(LeadershipLost):
            await leading
        await one.close()
        return asyncio.get_running_loop().time()

    assert run(main()) <= 10 + 30


def test_short_outages_and_lost_replies_do_not_cost_the_lease() -> None:
    async def main() -> None:
        api = MiniApi()
        one = Candidate(api, "one", seed=3)
        chance = random.Random(5)
        one.fault = lambda request: chance.choice(
            [Fault(refuse=True), Fault(lose_reply=True), Fault(delay=2), None, None, None, None, None]
        )
        leading = asyncio.create_task(one.lead_for_ever())
        await asyncio.sleep(60)
        for _ in range(500):
            await asyncio.sleep(1)
            one.elector.check()
        assert lease_of(api)["holderIdentity"] == "one"
        assert lease_of(api)["leaseTransitions"] == 0
        leading.cancel()
        await asyncio.gather(leading, return_exceptions=True)
        await one.close()

    run(main())


def test_a_lease_taken_by_force_is_noticed_at_the_next_renewal() -> None:
    async def main() -> None:
        api = MiniApi()
        one = Candidate(api, "one")
        leading = asyncio.create_task(one.lead_for_ever())
        await asyncio.sleep(12)
        stolen = api.objects[LEASES, "flux-system", NAME]
        api.put({**stolen, "spec": {**stolen["spec"], "holderIdentity": "thief"}})
        await asyncio.sleep(5)
        with pytest.raises(LeadershipLost):
            one.elector.check()
        with pytest.raises(LeadershipLost):
            await leading
        assert lease_of(api)["holderIdentity"] == "thief"
        await one.close()

    run(main())


def test_never_two_leaders_whatever_the_network_does() -> None:
    async def main() -> int:
        api = MiniApi()
        chance = random.Random(11)
        candidates = [Candidate(api, f"host_{number}", seed=number) for number in range(3)]
        changes = 0

        async def live(candidate: Candidate) -> None:
            while True:
                try:
                    await candidate.lead_for_ever()
                except LeadershipLost:
                    await asyncio.sleep(1)

        def weather(request: Request) -> Fault | None:
            kind = chance.random()
            if kind < 0.1:
                return Fault(delay=chance.uniform(0, 40))
            return Fault(lose_reply=True) if kind < 0.2 else Fault(refuse=True) if kind < 0.3 else None

        tasks = [asyncio.create_task(live(candidate)) for candidate in candidates]
        leader = ""
        for step in range(8000):
            await asyncio.sleep(0.5)
            if step % 400 == 0:
                down = chance.randrange(4)
                for number, candidate in enumerate(candidates):
                    candidate.fault = (lambda request: Fault(refuse=True)) if number == down else weather
            sure = []
            for candidate in candidates:
                try:
                    candidate.elector.check()
                    sure.append(candidate.elector.identity)
                except LeadershipLost:
                    continue
            assert len(sure) <= 1, sure
            if sure and sure[0] != leader:
                leader = sure[0]
                changes += 1
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for candidate in candidates:
            await candidate.close()
        return changes

    assert run(main()) > 3


def test_lease_names_are_those_of_flux() -> None:
    assert lease_name("source-controller") == "source-controller-leader-election"
    selector = "sharding.fluxcd.io/key=shard1"
    suffix = hashlib.sha256(selector.encode()).hexdigest()[:8]
    assert lease_name("source-controller", selector) == f"source-controller-leader-election-{suffix}"


@pytest.mark.parametrize("timings", [(30, 30, 5), (35, 6, 5), (35, 30, 0)])
def test_timings_that_cannot_work_are_refused(timings: tuple[float, float, float]) -> None:
    with pytest.raises(ValueError, match="must be greater"):
        Timings(*timings)


def test_the_metric_says_who_leads() -> None:
    async def main() -> None:
        api = MiniApi()
        one = Candidate(api, "one")
        line = b'leader_election_master_status{name="%b"} ' % NAME.encode()
        assert line + b"0\n" in await one.registry.render()
        await one.elector.acquire()
        assert line + b"1\n" in await one.registry.render()
        await one.close()

    run(main())
