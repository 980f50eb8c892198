"""`why`: the one cause behind an object that is not as it should be."""

import json

from fluvial.cli import flags
from fluvial.cli.command import Command
from fluvial.cli.objects import ref_to, split_arguments
from fluvial.cli.session import Session
from fluvial.insight import Answer, Stage, resolve, why


async def _run(session: Session, arguments: tuple[str, ...], output: str) -> None:
    pairs = split_arguments(arguments)
    client = await session.client()
    for word, name in pairs:
        resource = await resolve(client, word)
        answer = await why(client, ref_to(resource, session.namespace, name), session.world.clock.now())
        if output == "json":
            session.print(json.dumps(as_data(answer), indent=2, ensure_ascii=False))
        else:
            session.print(draw(answer, session.world.program), end="")


def draw(answer: Answer, program: str) -> str:
    """Return the answer for a person: the cause first, then how one gets there, then what shows it, then what to do."""
    sign = {Stage.FINE: "✔", Stage.WORKING: "◎", Stage.SUSPENDED: "⚠️"}.get(answer.stage, "✗")
    lines = [f"{sign} {answer.text}"]
    if len(answer.path) > 1:
        lines.append("")
        for depth, step in enumerate(answer.path):
            lead = "" if depth == 0 else "   " * (depth - 1) + "└─ "
            lines.append(f"  {lead}{step.relation} {step.ref}" if step.relation else f"  {lead}{step.ref}")
    if answer.stage not in (Stage.FINE, Stage.WORKING):
        lines += ["", f"Stage:     {answer.stage.value}"]
    for index, one in enumerate(answer.evidence):
        lines.append(("Evidence:  " if index == 0 else "           ") + one)
    if answer.next:
        lines.append(f"Next:      {_named(answer.next, program)}")
    return "\n".join(lines) + "\n"


def _named(command: str, program: str) -> str:
    return program + command.removeprefix("fluvial") if command.startswith("fluvial ") else command


def as_data(answer: Answer) -> dict[str, object]:
    """Return the answer for a program."""
    return {
        "stage": answer.stage.value,
        "cause": answer.text,
        "object": str(answer.root),
        "path": [{"object": str(step.ref), "relation": step.relation} for step in answer.path],
        "evidence": list(answer.evidence),
        "next": answer.next,
    }


command = Command(
    "why",
    "Name the one cause why an object is not as it should be",
    _run,
    usage="KIND/NAME",
    long="""The why command follows an object through source, artifact, build, apply, health and its dependencies,
and prints one root cause, what shows it, and the command that takes you further.""",
    example="""
  # Why is this Kustomization not ready?
  @ why kustomization/apps

  # Why does this Deployment not come up?
  @ why -n apps deployment/frontend
""",
    own=[
        flags.choice(
            "output", "output format: json, or text without it", ("json",), lambda value: "must be json", letter="o"
        )
    ],
)
