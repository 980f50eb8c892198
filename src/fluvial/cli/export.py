"""`export`: Flux objects as YAML to keep in Git."""

from fluvial.cli import flags, kinds
from fluvial.cli.command import Command
from fluvial.cli.errors import Failure, UsageFailure
from fluvial.cli.fetch import fetch
from fluvial.cli.kinds import FluxKind
from fluvial.cli.manifest import document, exported
from fluvial.cli.session import Session
from fluvial.cli.verbs import by_kind
from fluvial.objects import Object, dig

_WITH_CREDENTIALS = "include credential secrets"


def _make(kind: FluxKind) -> Command:
    async def run(session: Session, arguments: tuple[str, ...], all: bool, with_credentials: bool = False) -> None:
        await _export(session, kind, arguments, everything=all, credentials=with_credentials)

    return Command(kind.name, f"Export {kind.kind} resources in YAML format", run, usage="[name]", aliases=kind.aliases)


async def _export(
    session: Session, kind: FluxKind, arguments: tuple[str, ...], *, everything: bool, credentials: bool
) -> None:
    if not everything and not arguments:
        raise UsageFailure("name is required")
    if everything:
        client = await session.client()
        objects = (await client.list(kind.api_version, kind.kind, session.namespace)).items
        if not objects:
            raise Failure(f"no objects found in {session.namespace} namespace")
    else:
        objects = [await fetch(session, kind, arguments[0])]
    for obj in objects:
        session.print(document(exported(obj)), end="")
        if credentials:
            await _export_secret(session, obj)


async def _export_secret(session: Session, obj: Object) -> None:
    name = dig(obj, "spec", "secretRef", "name", default="")
    if not name:
        return
    secret = await (await session.client()).get("v1", "Secret", session.namespace, name)
    if secret is None:
        raise Failure(f'failed to retrieve secret {name}, error: secrets "{name}" not found')
    shown: Object = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": session.namespace}}
    shown |= {key: secret[key] for key in ("data", "type") if key in secret}
    session.print(document(shown), end="")


command = by_kind(
    "export",
    "Export resources in YAML format",
    "The export sub-commands export resources in YAML format.",
    kinds.ALL,
    _make,
    shared=[flags.boolean("all", "select all resources")],
    subgroup_flags=[flags.boolean("with-credentials", _WITH_CREDENTIALS)],
)
