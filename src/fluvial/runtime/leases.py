"""Who acts: one holder of a Lease at a time, under Flux's names and timings, so that ours and Flux's controllers
exclude each other.

Source of the rules: client-go leaderelection. Only the local clock counts: a record is as old as the time since we saw
it change, never as its own timestamps say. Our own lease is as old as the moment before the request that renewed it was
sent.
"""

import asyncio
import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from fluvial.gotext import rfc3339
from fluvial.kube import Client, KubeError
from fluvial.objects import Object
from fluvial.stdx import NO_METRICS, Chance, Clock, Metrics
from fluvial.telemetry import Logger

_JITTER = 1.2  # client-go's JitterFactor: a candidate waits up to 2.2 times the retry period
_API = "coordination.k8s.io/v1"


class LeadershipLost(Exception):
    """We hold no lease that is young enough: stop writing. The process ends and starts anew as a candidate."""


class Leadership(Protocol):
    """What a batch of writes asks before it begins."""

    @property
    def is_leader(self) -> bool: ...

    def check(self) -> None:
        """Raise LeadershipLost unless our lease is younger than its renew deadline."""
        ...


class AlwaysLeader:
    """Leadership without election, as with `--enable-leader-election=false`."""

    is_leader = True

    def check(self) -> None:
        pass


def lease_name(controller: str, *selectors: str) -> str:
    """Return Flux's lease name: `<controller>-leader-election`, and with a shard's label selector a hash of it
    behind."""
    name = f"{controller}-leader-election"
    if selectors:
        name += "-" + hashlib.sha256("".join(selectors).encode()).hexdigest()[:8]
    return name


@dataclass(frozen=True, slots=True)
class Timings:
    """Seconds; Flux's defaults.

    Raises:
        ValueError: lease_duration > renew_deadline > 1.2 × retry_period > 0 does not hold.
    """

    lease_duration: float = 35.0
    renew_deadline: float = 30.0
    retry_period: float = 5.0

    def __post_init__(self) -> None:
        if self.retry_period <= 0:
            raise ValueError("the retry period must be greater than zero")
        if self.renew_deadline <= _JITTER * self.retry_period:
            raise ValueError("the renew deadline must be greater than 1.2 times the retry period")
        if self.lease_duration <= self.renew_deadline:
            raise ValueError("the lease duration must be greater than the renew deadline")


class LeaderElector:
    """A candidate for, and then the holder of, one Lease."""

    def __init__(
        self,
        client: Client,
        *,
        namespace: str,
        name: str,
        identity: str,
        clock: Clock,
        chance: Chance,
        log: Logger,
        metrics: Metrics = NO_METRICS,
        timings: Timings | None = None,
    ) -> None:
        """`identity` names this process and no other (host name and a random part); `name` comes from `lease_name`."""
        self.name = name
        self.identity = identity
        self._client = client
        self._namespace = namespace
        self._clock = clock
        self._chance = chance
        self._log = log.bind(lease=f"{namespace}/{name}")
        self._metrics = metrics
        self._timings = timings or Timings()
        self._seen: dict[str, Any] = {}  # spec as last observed
        self._seen_at = 0.0  # loop time of that observation
        self._lease: Object | None = None
        self._renewed_at: float | None = None  # loop time before our last successful write was sent
        self._report(leading=False)

    @property
    def is_leader(self) -> bool:
        return self._renewed_at is not None

    @property
    def holder(self) -> str:
        """Who holds the lease as far as we know; may be empty."""
        return str(self._seen.get("holderIdentity") or "")

    def check(self) -> None:
        """Raise LeadershipLost unless our lease is younger than its renew deadline."""
        if self._renewed_at is None:
            raise LeadershipLost(f"{self.identity} does not hold the lease {self.name}")
        age = asyncio.get_running_loop().time() - self._renewed_at
        if age >= self._timings.renew_deadline:
            raise LeadershipLost(f"the lease {self.name} was renewed {age:.1f} s ago, too long to be sure of it")

    async def acquire(self) -> None:
        """Wait until the lease is ours."""
        self._log.info("Attempting to acquire leader lease...")
        while not await self._try():  # noqa: ASYNC110 - another process decides; there is nothing to wait on
            await asyncio.sleep(self._timings.retry_period * (1 + _JITTER * self._chance.random()))
        self._report(leading=True)
        self._log.info("Successfully acquired lease")

    async def hold(self) -> None:
        """Renew the lease for as long as it works.

        Raises:
            LeadershipLost: the renew deadline passed without success, or another holds the lease.
        """
        loop = asyncio.get_running_loop()
        try:
            while True:
                await asyncio.sleep(self._timings.retry_period)
                assert self._renewed_at is not None
                deadline = self._renewed_at + self._timings.renew_deadline
                while not await self._try_before(deadline):
                    if loop.time() + self._timings.retry_period >= deadline:
                        raise LeadershipLost(f"failed to renew the lease {self.name} within its deadline")
                    await asyncio.sleep(self._timings.retry_period)
        finally:
            self._report(leading=False)

    async def release(self) -> None:
        """Give the lease back, so that another need not wait for it to run out. Failure only costs that time."""
        if self._renewed_at is None:
            return
        self._renewed_at = None
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._timings.retry_period):
                # A renewal that was cancelled on its way may have been carried out, so what we hold may be old.
                self._observe(await self._client.get(_API, "Lease", self._namespace, self.name), loop.time())
                if self._lease is None or self.holder != self.identity:
                    return
                now = _micro_time(self._clock.now())
                empty = {"holderIdentity": "", "leaseDurationSeconds": 1, "renewTime": now, "acquireTime": now}
                await self._write({**self._seen, **empty})
        except (KubeError, TimeoutError) as error:
            self._log.error("Failed to release lease", error=error)
        else:
            self._log.info("Released lease")

    async def _try_before(self, deadline: float) -> bool:
        try:
            async with asyncio.timeout_at(deadline):
                return await self._try()
        except TimeoutError:
            return False

    async def _try(self) -> bool:
        """Take or renew the lease if that is allowed now; True when it is ours afterwards."""
        loop = asyncio.get_running_loop()
        try:
            if self._lease is not None and self.is_leader:
                try:
                    return await self._renew(loop.time())
                except KubeError as error:
                    self._log.debug("lease could not be renewed at once", error=str(error))
                    self._metrics.inc("leader_election_slowpath_total", {"name": self.name})
            lease = await self._client.get(_API, "Lease", self._namespace, self.name)
            self._observe(lease, loop.time())
            if self.holder and self.holder != self.identity and self._seen_is_valid(loop.time()):
                self._renewed_at = None
                return False
            return await self._renew(loop.time())
        except KubeError as error:
            self._log.error("error retrieving or writing the lease", error=error)
            return False

    async def _renew(self, sent_at: float) -> bool:
        now = _micro_time(self._clock.now())
        spec: dict[str, Any] = {
            "holderIdentity": self.identity,
            "leaseDurationSeconds": int(self._timings.lease_duration),
            "acquireTime": now,
            "renewTime": now,
            "leaseTransitions": int(self._seen.get("leaseTransitions") or 0),
        }
        if self.holder == self.identity:
            spec["acquireTime"] = self._seen.get("acquireTime") or now
        elif self._lease is not None:
            spec["leaseTransitions"] += 1
        await self._write(spec)
        self._renewed_at = sent_at
        return True

    async def _write(self, spec: dict[str, Any]) -> None:
        """Create or update the Lease; the update fails when somebody else wrote meanwhile."""
        loop = asyncio.get_running_loop()
        if self._lease is None:
            metadata = {"namespace": self._namespace, "name": self.name}
            lease = {"apiVersion": _API, "kind": "Lease", "metadata": metadata, "spec": spec}
            self._observe(await self._client.create(lease), loop.time())
        else:
            lease = {**self._lease, "spec": {**(self._lease.get("spec") or {}), **spec}}
            self._observe(await self._client.update(lease), loop.time())

    def _observe(self, lease: Object | None, now: float) -> None:
        spec = dict((lease or {}).get("spec") or {})
        if spec != self._seen or self._lease is None:
            self._seen = spec
            self._seen_at = now
        self._lease = lease

    def _seen_is_valid(self, now: float) -> bool:
        return self._seen_at + float(self._seen.get("leaseDurationSeconds") or 0) > now

    def _report(self, *, leading: bool) -> None:
        self._metrics.set("leader_election_master_status", {"name": self.name}, 1 if leading else 0)


def _micro_time(moment: datetime) -> str:
    """Return Kubernetes' MicroTime: RFC 3339 in UTC with six digits of fraction."""
    return rfc3339(moment).removesuffix("Z") + f".{moment.microsecond:06d}Z"
