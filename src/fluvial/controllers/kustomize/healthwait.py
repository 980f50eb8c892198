"""Waiting until objects are what their specs ask for: by watch, without a worker, under the identity of the object.

Full objects are seen only here and only while something waits: those with our owner labels by one watch a kind, others
by name, and the pods of a workload in progress. Source of the rules: fluxcd/pkg `ssa/manager_wait.go`.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from fluvial.apply import Owner
from fluvial.health import NOT_FOUND, State, Verdict, assess
from fluvial.kube import ApiError, Client, KubeError
from fluvial.objects import LabelSelector, Object, Ref, SelectorError, dig
from fluvial.runtime import Cache, Change, Informer, drop_managed_fields
from fluvial.stdx import Clock

POLL: Final = 5.0  # seconds between reads where an identity may read but not watch; Flux reads as often

# Kinds whose objects have no status that could be bad: what is there is Current.
STATELESS: Final = frozenset(
    {
        ("", "ConfigMap"),
        ("", "Secret"),
        ("", "ServiceAccount"),
        ("", "LimitRange"),
        ("rbac.authorization.k8s.io", "Role"),
        ("rbac.authorization.k8s.io", "RoleBinding"),
        ("rbac.authorization.k8s.io", "ClusterRole"),
        ("rbac.authorization.k8s.io", "ClusterRoleBinding"),
        ("scheduling.k8s.io", "PriorityClass"),
        ("storage.k8s.io", "StorageClass"),
    }
)
_JUDGED_BY_PODS: Final = frozenset({("apps", "StatefulSet"), ("apps", "ReplicaSet")})


@dataclass(frozen=True, slots=True, kw_only=True)
class Checks:
    """What is waited for.

    Args:
        owned: objects that carry our owner labels; all others are watched by name.
        seen: objects as a write returned them: a state older than that is not believed.
        ttl_jobs: Jobs that delete themselves: gone means done.
        timeout: seconds.
        fail_fast: end at the first failure.
        everywhere: watch all namespaces at once, as an account of one namespace may not.
    """

    refs: Sequence[Ref]
    owned: frozenset[Ref]
    seen: Mapping[Ref, Object]
    ttl_jobs: frozenset[Ref]
    timeout: float
    fail_fast: bool = True
    everywhere: bool = True


@dataclass(frozen=True, slots=True)
class HealthResult:
    """How the wait ended: `problem` is Flux's text, "" when all is well; `versions`: where each object was Current."""

    problem: str
    seconds: float
    versions: Mapping[Ref, tuple[str, str]] = field(default_factory=dict)


def version_of(obj: Object) -> tuple[str, str]:
    """(uid, resourceVersion) of `obj`."""
    metadata = obj.get("metadata") or {}
    return str(metadata.get("uid", "")), str(metadata.get("resourceVersion", ""))


def verdict_text(ref: Ref, verdict: Verdict | None, error: str) -> str:
    """Flux's line for an object that is not Current."""
    if verdict is None and not error:
        return f"can't determine status for {ref}"
    state = verdict.state if verdict is not None else State.UNKNOWN
    return f"{ref} status: '{state.value}'" + (f": {error}" if error else "")


class HealthWait:
    """One wait. `run` it as a task of its own; `result` is there when it has ended."""

    def __init__(self, checks: Checks, owner: Owner, client: Client, cache: Cache, clock: Clock) -> None:
        self.checks = checks
        self.result: HealthResult | None = None
        self._owner = owner
        self._client = client
        self._cache = cache
        self._clock = clock
        self._verdicts: dict[Ref, Verdict | None] = dict.fromkeys(checks.refs)
        self._pending: set[Ref] = set(checks.refs)  # neither Current nor Failed
        self._failed: set[Ref] = set()
        self._objects: dict[Ref, Object] = {}  # of those not Current, as last seen
        self._errors: dict[Ref, str] = {}
        self._versions: dict[Ref, tuple[str, str]] = {}
        self._informers: list[Informer] = []
        self._undo: list[Callable[[], None]] = []
        self._pods: dict[Ref, Informer] = {}
        self._timers: dict[Ref, asyncio.TimerHandle] = {}
        self._concluded = asyncio.Event()
        for ref, obj in checks.seen.items():
            if ref in self._verdicts:
                self._put(ref, assess(obj, now=clock.now()))
                if self._is_current(ref):
                    self._versions[ref] = version_of(obj)

    def is_over(self) -> bool:
        """Whether nothing has to be waited for: every object was Current when it was written."""
        return not self._pending and not self._failed

    def conclude_at_once(self) -> HealthResult:
        """The result of a wait that `is_over` before it began."""
        self.result = self._conclude(0.0, timed_out=False)
        return self.result

    async def run(self) -> HealthResult:
        """Wait; the result is also kept. Cancelled, every watch ends."""
        loop = asyncio.get_running_loop()
        started = loop.time()
        timed_out = False
        try:
            async with asyncio.TaskGroup() as group:
                self._begin(group)
                try:
                    async with asyncio.timeout(self.checks.timeout):
                        await self._concluded.wait()
                except TimeoutError:
                    timed_out = True
                raise _Ended
        except* _Ended:
            pass
        finally:
            self._end()
        self.result = self._conclude(loop.time() - started, timed_out)
        return self.result

    def _conclude(self, seconds: float, timed_out: bool) -> HealthResult:
        lines = [
            verdict_text(ref, verdict, self._errors.get(ref, ""))
            for ref, verdict in self._verdicts.items()
            if not self._is_current(ref) and (timed_out or verdict is None or verdict.state is State.FAILED)
        ]
        if not lines:
            return HealthResult("", seconds, dict(self._versions))
        head = "timeout waiting for" if timed_out else "failed early due to stalled resources"
        return HealthResult(f"{head}: [{', '.join(lines)}]", seconds, dict(self._versions))

    # -- watching

    def _begin(self, group: asyncio.TaskGroup) -> None:
        scopes: dict[tuple[str, str, str, str, str], list[Ref]] = {}
        for ref in self.checks.refs:
            if self._is_current(ref):
                continue
            if ref in self.checks.owned:
                namespace = "" if self.checks.everywhere else ref.namespace
                scope = (ref.api_version, ref.kind, namespace, self._owner.selector, "")
            else:
                scope = (ref.api_version, ref.kind, ref.namespace, "", f"metadata.name={ref.name}")
            scopes.setdefault(scope, []).append(ref)
        for scope, refs in scopes.items():
            self._watch(group, scope, refs)
        self._look()

    def _watch(self, group: asyncio.TaskGroup, scope: tuple[str, str, str, str, str], refs: list[Ref]) -> None:
        api_version, kind, namespace, labels, fields = scope
        informer = self._cache.informer(
            self._client,
            api_version,
            kind,
            namespace,
            labels=labels,
            fields=fields,
            transform=drop_managed_fields,
        )
        self._informers.append(informer)
        wanted = frozenset(refs)
        polling = False

        def on_change(change: Change) -> None:
            ref = Ref.of(change.object)
            if ref in wanted:
                self._take(ref, None if change.type == "DELETED" else change.object)
                self._look()

        def on_state() -> None:
            nonlocal polling
            if informer.is_live:
                for ref in refs:
                    if informer.get(ref.namespace, ref.name) is None:
                        self._take(ref, None)
                self._look()
            elif isinstance(informer.error, ApiError) and informer.error.status in (403, 405) and not polling:
                polling = True
                group.create_task(self._poll(refs), name=f"health of {kind} by reading")
            elif informer.error is not None and not informer.synced:
                self._errors |= dict.fromkeys(refs, str(informer.error))

        self._undo.append(informer.subscribe(on_change))
        self._undo.append(informer.subscribe_state(on_state))
        on_state()

    async def _poll(self, refs: Sequence[Ref]) -> None:
        while True:
            for ref in refs:
                try:
                    obj = await self._client.get(ref.api_version, ref.kind, ref.namespace, ref.name)
                except KubeError as error:
                    self._put(ref, Verdict(State.UNKNOWN, str(error)))
                    self._errors[ref] = str(error)
                else:
                    self._take(ref, obj)
            self._look()
            await asyncio.sleep(POLL)

    def _end(self) -> None:
        for undo in self._undo:
            undo()
        for timer in self._timers.values():
            timer.cancel()
        for informer in [*self._informers, *self._pods.values()]:
            self._cache.release(informer)
        self._undo.clear()
        self._timers.clear()
        self._informers.clear()
        self._pods.clear()

    # -- judging

    def _take(self, ref: Ref, obj: Object | None) -> None:
        if obj is not None and self._is_older(ref, obj):
            return
        self._errors.pop(ref, None)
        if (timer := self._timers.pop(ref, None)) is not None:
            timer.cancel()
        if obj is None:
            self._put(ref, NOT_FOUND)
            return
        pods = self._pods[ref].list(ref.namespace) if ref in self._pods else []
        verdict = assess(obj, now=self._clock.now(), pods=pods)
        self._put(ref, verdict)
        if verdict.state is State.CURRENT:
            self._versions[ref] = version_of(obj)
            self._objects.pop(ref, None)
            return
        self._objects[ref] = obj
        if verdict.state is State.IN_PROGRESS and (ref.group, ref.kind) in _JUDGED_BY_PODS:
            self._watch_pods(ref, obj)
        if verdict.look_again is not None:
            loop = asyncio.get_running_loop()
            self._timers[ref] = loop.call_later(verdict.look_again, self._look_again, ref)

    def _put(self, ref: Ref, verdict: Verdict) -> None:
        self._verdicts[ref] = verdict
        self._failed.discard(ref)
        self._pending.discard(ref)
        if verdict.state is State.FAILED:
            self._failed.add(ref)
        elif not self._is_current(ref):
            self._pending.add(ref)

    def _look_again(self, ref: Ref) -> None:
        if ref in self._objects:
            self._take(ref, self._objects[ref])
            self._look()

    def _is_older(self, ref: Ref, obj: Object) -> bool:
        seen = self.checks.seen.get(ref)
        if seen is None or obj is seen:
            return False
        (uid, version), (seen_uid, seen_version) = version_of(obj), version_of(seen)
        if uid != seen_uid or not (version.isdecimal() and seen_version.isdecimal()):
            return False
        return int(version) < int(seen_version)

    def _watch_pods(self, ref: Ref, obj: Object) -> None:
        if ref in self._pods:
            return
        try:
            selector = LabelSelector.from_object(dig(obj, "spec", "selector", default={}))
        except SelectorError:
            return  # without a selector there are no pods to be found
        informer = self._cache.informer(
            self._client, "v1", "Pod", ref.namespace, labels=str(selector), transform=drop_managed_fields
        )
        self._pods[ref] = informer

        def on_pod(change: Change) -> None:
            self._look_again(ref)

        self._undo.append(informer.subscribe(on_pod))

    def _is_current(self, ref: Ref) -> bool:
        verdict = self._verdicts[ref]
        if verdict is None:
            return False
        return verdict.state is State.CURRENT or (verdict.state is State.NOT_FOUND and ref in self.checks.ttl_jobs)

    def _look(self) -> None:
        """Is there anything left to wait for?"""
        if not self._pending or (self._failed and self.checks.fail_fast):
            self._concluded.set()


class _Ended(Exception):
    """Ends the task group once there is nothing left to wait for."""
