"""`diff kustomization`: what an apply of local files would change in the cluster.

Exit codes: 0 nothing would change, 1 something would, 2 it could not be told.
"""

from dataclasses import dataclass
from typing import Any

from fluvial.api import unsupported_fields
from fluvial.apply import Action, Owner, PreflightFailed, make_plan
from fluvial.cli import flags
from fluvial.cli.build import read_flags, shared_flags
from fluvial.cli.command import Command, Group, unbuilt
from fluvial.cli.errors import Failure, UsageFailure
from fluvial.cli.failures import explain
from fluvial.cli.localbuild import LocalBuild, build_local, is_kustomization, is_same
from fluvial.cli.session import Session
from fluvial.insight import Planned, planned, stale
from fluvial.objects import Object, Ref, dig

_CHANGED = "identified at least one change, exiting with non-zero exit code"


@dataclass(slots=True)
class _Diff:
    """The text of a diff so far, and what went wrong on the way."""

    text: str = ""
    changes: bool = False
    problems: tuple[str, ...] = ()


async def _run(session: Session, arguments: tuple[str, ...], **given: Any) -> None:
    try:
        wanted = read_flags(session, arguments, given)
    except UsageFailure as wrong:
        code = 2 if str(wrong).startswith("invalid resource path") else 1
        raise UsageFailure(str(wrong), code=code) from wrong
    if given["ignore_not_found"] and wanted.file is None:
        raise Failure("kustomization file is required when assuming new kustomizations", code=2)
    try:
        found = await _diff(session, wanted)
    except Exception as error:
        failure = explain(error)
        if failure is None:
            raise
        raise Failure(str(failure), code=2) from error
    session.print(found.text, end="")
    if found.problems:
        raise Failure(_aggregate(found.problems), code=2)
    if found.changes:
        raise Failure(_CHANGED, code=1, warning=True)


def _aggregate(problems: tuple[str, ...]) -> str:
    distinct = list(dict.fromkeys(problems))
    return distinct[0] if len(distinct) == 1 else f"[{', '.join(distinct)}]"


async def _diff(session: Session, wanted: LocalBuild) -> _Diff:
    result = await build_local(session, wanted)
    if "spec.ignore" in unsupported_fields(result.kustomization):
        raise Failure("spec.ignore is not supported yet: drift that Flux would ignore cannot be left out", code=2)
    client = await session.client()
    force = bool(dig(result.kustomization, "spec", "force", default=False))
    diff, changes, problems = _Diff(), list[Planned](), list[str]()
    for obj in _final(result.objects, result.kustomization):
        one = await planned(client, obj, force=force)
        if one.problem:
            problems.append(one.problem)
            continue
        changes.append(one)
        diff.text += one.text
        diff.changes |= one.changes
        if wanted.recursive and is_kustomization(obj) and one.action is not Action.CREATED:
            await _child(session, wanted, obj, result.kustomization, diff, problems)
    if dig(result.kustomization, "spec", "prune", default=False) and not problems:
        for one in stale(result.kustomization, changes):
            diff.text += one.text
            diff.changes = True
    diff.problems = tuple(problems)
    return diff


def _final(objects: list[Object], kustomization: Object) -> list[Object]:
    """Return the objects in the form in which they are applied, in the order of the build."""
    metadata = kustomization["metadata"]
    try:
        plan = make_plan(objects, Owner(metadata["name"], str(metadata.get("namespace") or "")))
    except PreflightFailed as error:
        raise Failure(str(error), code=2) from error
    final = {Ref.of(obj): obj for obj in plan.objects}
    return [final[Ref.of(obj)] for obj in objects]


async def _child(
    session: Session, wanted: LocalBuild, obj: Object, parent: Object, diff: _Diff, problems: list[str]
) -> None:
    """Add the differences of a Kustomization that this one holds."""
    if is_same(obj, parent):
        return
    ref = Ref.of(obj)
    if dig(obj, "spec", "kubeConfig", default=None) is not None:
        diff.text += f"⚠️ {ref} skipped: diff not supported for remote clusters\n"
        return
    try:
        inner = await _diff(session, wanted.child(obj))
    except Failure as failure:
        problems.append(str(failure))
        return
    problems += inner.problems
    if inner.changes:
        diff.changes = True
        diff.text += f"📁 {ref} changed\n{inner.text}"


command = Group(
    "diff",
    "Diff a flux resource",
    [
        Command(
            "kustomization",
            "Diff Kustomization",
            _run,
            aliases=("ks",),
            long="""The diff command does a build, then it performs a server-side dry-run and prints the diff.
Exit status: 0 No differences were found. 1 Differences were found. >1 diff failed with an error.""",
            example="""
  # Preview local changes as they were applied on the cluster
  @ diff kustomization my-app --path ./path/to/local/manifests

  # Preview using a local flux kustomization file
  @ diff kustomization my-app --path ./path/to/local/manifests \\
    --kustomization-file ./path/to/local/my-app.yaml
""",
            own=[
                *shared_flags("Path to a local directory that matches the specified Kustomization.spec.path.", "diff"),
                flags.boolean("progress-bar", "accepted for flux's sake: no progress bar is shown", True),
                flags.boolean("ignore-not-found", "Ignore Kustomization not found errors on the cluster when diffing."),
            ],
        ),
        unbuilt("artifact"),
    ],
    long="The diff command is used to do a server-side dry-run on flux resources, then prints the diff.",
)
