"""`delete`: remove one Flux object; its controller then removes what belongs to it."""

from fluvial.cli import flags, kinds
from fluvial.cli.command import Command
from fluvial.cli.errors import UsageFailure
from fluvial.cli.fetch import fetch, ref_of
from fluvial.cli.kinds import FluxKind
from fluvial.cli.session import Session
from fluvial.cli.verbs import by_kind


def _make(kind: FluxKind) -> Command:
    async def run(session: Session, arguments: tuple[str, ...], silent: bool) -> None:
        await delete(session, kind, arguments, silent=silent)

    return Command(kind.name, f"Delete {kind.article} {kind.kind} resource", run, usage="[name]", aliases=kind.aliases)


async def delete(session: Session, kind: FluxKind, arguments: tuple[str, ...], *, silent: bool) -> None:
    """Delete the object named first in `arguments`, after a question unless `silent`."""
    if not arguments:
        raise UsageFailure(f"{kind.human} name is required")
    name = arguments[0]
    await fetch(session, kind, name)
    if not silent:
        session.confirm(f"Are you sure you want to delete this {kind.human}")
    session.say.action(f"deleting {kind.human} {name} in {session.namespace} namespace")
    await (await session.client()).delete(ref_of(session, kind, name))
    session.say.success(f"{kind.human} deleted")


command = by_kind(
    "delete",
    "Delete sources and resources",
    "The delete sub-commands delete sources and resources.",
    [kind for kind in kinds.ALL if kind not in (kinds.EXTERNAL_ARTIFACT, kinds.ARTIFACT_GENERATOR)],
    _make,
    shared=[flags.boolean("silent", "delete resource without asking for confirmation", letter="s")],
)
