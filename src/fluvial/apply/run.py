"""Carrying out a plan: preflight over everything that can be judged now, then stage by stage, wave by wave.

Absent on purpose: the inventory, which the caller writes between preflight and the first write, and health.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from fluvial.apply.changes import Change, ChangeSet
from fluvial.apply.cluster import Cluster, each
from fluvial.apply.dryrun import Finding, Options, examine, problems_of
from fluvial.apply.errors import PreflightFailed, StageFailed
from fluvial.apply.order import Stage, waves
from fluvial.apply.prepare import Plan
from fluvial.apply.scope import Expected, Resolved
from fluvial.apply.waiting import until_current
from fluvial.apply.write import Written, write
from fluvial.objects import Object, Ref


@dataclass(frozen=True, slots=True)
class Preflight:
    """A plan of which everything that exists already was examined.

    Args:
        findings: by object; objects that wait for a kind, namespace or role of this very plan are not in it.
    """

    plan: Plan
    findings: dict[Ref, Finding]
    expected: Expected

    @property
    def writes(self) -> bool:
        """Whether carrying it out will or may write."""
        refs = map(Ref.of, self.plan.objects)
        return any(ref not in self.findings or self.findings[ref].writes for ref in refs)


async def preflight(cluster: Cluster, resolved: Resolved, options: Options) -> Preflight:
    """Examine every object of the plan that can be, without writing.

    Raises:
        PreflightFailed: names every object that was refused.
    """
    plan, expected = resolved.plan, resolved.expected
    definitions = [obj for obj in plan.objects if expected.is_definition(obj)]
    findings = {Ref.of(obj): found for obj, found in await _examined(cluster, definitions, options)}
    expected = expected.after(findings.values())
    rest = [obj for obj in plan.objects if not expected.is_definition(obj) and not expected.waits(obj)]
    findings |= {Ref.of(obj): found for obj, found in await _examined(cluster, rest, options)}
    expected = expected.after(findings.values())
    for ref in [ref for ref, found in findings.items() if found.problem and expected.waits(found.desired)]:
        del findings[ref]  # refused only because a role of this plan is not there yet
    if problems := [*expected.problems, *problems_of(findings.values())]:
        denied = any(found.denied for found in findings.values())
        raise PreflightFailed(problems, denied=denied, passing=not expected.problems and _passing(findings.values()))
    return Preflight(plan, findings, expected)


def _passing(results: Iterable[Finding | Written]) -> bool:
    return all(result.passing for result in results if result.problem)


async def _examined(cluster: Cluster, objects: Sequence[Object], options: Options) -> list[tuple[Object, Finding]]:
    return list(zip(objects, await examine(cluster, objects, options), strict=True))


async def carry_out(cluster: Cluster, checked: Preflight, options: Options) -> ChangeSet:
    """Write what `checked` found, in order. Cancelled between two waves, a second run finishes the work.

    Raises:
        StageFailed: with what was done until then.
        whatever `cluster.gate` raises: before a wave, nothing of which was sent.
    """
    done: list[Change] = []
    for stage, objects in checked.plan.stages:
        done += await _stage(cluster, checked, stage, objects, options, tuple(done))
    return ChangeSet.of(done)


async def _stage(
    cluster: Cluster,
    checked: Preflight,
    stage: Stage,
    objects: Sequence[Object],
    options: Options,
    before: tuple[Change, ...],
) -> list[Change]:
    findings = dict(checked.findings)
    late = [obj for obj in objects if Ref.of(obj) not in findings and not checked.expected.needs_role(obj)]
    findings |= await _examined_late(cluster, late, options, before)
    changes: dict[Ref, Change] = {}
    written: list[Object] = []
    for wave in waves((Ref.of(obj), obj) for obj in objects):
        roles = [obj for obj in wave if Ref.of(obj) not in findings]
        findings |= await _examined_late(cluster, roles, options, (*before, *changes.values()))
        todo = [findings[Ref.of(obj)] for obj in wave if findings[Ref.of(obj)].writes]
        if todo:
            cluster.gate()
        results = await each(todo, lambda finding: write(cluster, finding), cluster.limit)
        for obj in wave:
            finding = findings[Ref.of(obj)]
            if not finding.writes:
                changes[Ref.of(obj)] = Change(finding.ref, finding.action, finding.live, dropped=finding.dropped)
        for result in results:
            if result.live is not None:
                live, dropped = cluster.live(result.live), findings[result.asked].dropped
                changes[result.asked] = Change(result.ref, result.action, live, result.live, dropped)
                written.append(result.live)
        if problems := [result.problem for result in results if result.problem]:
            denied = any(result.denied for result in results)
            done = ChangeSet((*before, *changes.values()))
            raise StageFailed(problems, done, denied=denied, passing=_passing(results))
    ordered = [changes[Ref.of(obj)] for obj in objects]
    if stage.waits and written:
        missing = await until_current(cluster, written, cluster.wait_timeout)
        if missing:
            raise StageFailed([f"timeout waiting for: [{', '.join(missing)}]"], ChangeSet((*before, *ordered)))
    return ordered


async def _examined_late(
    cluster: Cluster, objects: Sequence[Object], options: Options, before: tuple[Change, ...]
) -> dict[Ref, Finding]:
    if not objects:
        return {}
    found = {Ref.of(obj): finding for obj, finding in await _examined(cluster, objects, options)}
    if problems := problems_of(found.values()):
        denied = any(finding.denied for finding in found.values())
        raise StageFailed(problems, ChangeSet(before), denied=denied, passing=_passing(found.values()))
    return found
