"""`__complete`: what may come next on a command line, for the scripts of `completion`."""

from collections.abc import Sequence

import click

from fluvial.cli import kinds, pflag
from fluvial.cli.command import Command, Group, find
from fluvial.cli.flags import Flag
from fluvial.cli.globals import read_globals
from fluvial.cli.kinds import FluxKind
from fluvial.cli.session import Session

Candidates = Sequence[tuple[str, str]]


class Complete(Command):
    """Takes the user's words as they are: flags among them are not this command's own."""

    def scan(self, ctx: click.Context, args: Sequence[str]) -> pflag.Scanned:
        return pflag.Scanned(arguments=list(args))


async def _run(session: Session, words: tuple[str, ...]) -> None:
    *before, current = words or ("",)
    ctx = click.get_current_context(silent=True)
    root = ctx.find_root().command if ctx else None
    if root is None:
        from fluvial.cli.root import make_root

        root = make_root(session.world.environ)
    assert isinstance(root, Group)
    for word, text in await candidates(session, root, before, current):
        session.print(f"{word}\t{text}" if text else word)


async def candidates(session: Session, root: Group, before: Sequence[str], current: str) -> Candidates:
    """Return what may stand in place of `current` after the words `before`."""
    ctx, rest = find(root, session.world.program, before)
    command = ctx.command
    assert isinstance(command, Command)
    flags = [each for each in command.get_params(ctx) if isinstance(each, Flag) and not each.hidden]
    waiting = _waiting_flag(rest, flags)
    if waiting is not None:
        found = await _values(session, waiting)
    elif current.startswith("-"):
        found = [(f"--{flag.flag_name}", flag.help or "") for flag in flags]
    elif isinstance(command, Group):
        found = [(str(child.name), _short(child)) for child in command.children if not child.hidden]
    else:
        kind = _kind_of(ctx)
        found = [(name, "") for name in await _names(session, ctx, rest, kind)] if kind is not None else []
    return [(word, text) for word, text in found if word.startswith(current)]


def _short(child: object) -> str:
    return str(getattr(child, "short", "") or getattr(child, "short_help", "") or "")


def _waiting_flag(words: Sequence[str], flags: Sequence[Flag]) -> Flag | None:
    """Return the flag whose value comes next, if the last word is one."""
    last = words[-1] if words else ""
    for flag in flags:
        if not flag.bare and last in (f"--{flag.flag_name}", f"-{flag.letter}") and last != "-":
            return flag
    return None


async def _values(session: Session, flag: Flag) -> Candidates:
    if flag.flag_name == "namespace":
        client = await session.client()
        found = await client.list("v1", "Namespace", metadata_only=True)
        return [(str(obj["metadata"]["name"]), "") for obj in found.items]
    if flag.flag_name == "context":
        from fluvial.cli.connect import context_names

        return [(name, "") for name in context_names(session.globals.cluster, session.world.environ)]
    return [(option, "") for option in flag.go_type.split("|")] if "|" in flag.go_type else []


def _kind_of(ctx: click.Context) -> FluxKind | None:
    """Return the kind whose objects the command of `ctx` takes: `get sources git`, `export kustomization`, …"""
    above = str(ctx.parent.command.name).rstrip("s") if ctx.parent else ""
    name = str(ctx.command.name)
    for kind in kinds.ALL:
        under = kind.under or None
        if name in (kind.name, *kind.aliases, *kind.plural) and (
            above == under or (under is None and above not in _UNDER)
        ):
            return kind
    return None


_UNDER = {"source", "image", "artifact"}


async def _names(session: Session, ctx: click.Context, rest: Sequence[str], kind: FluxKind) -> Sequence[str]:
    """Return the names of the objects of `kind` in the namespace that the words so far choose."""
    command = ctx.command
    assert isinstance(command, Command)
    command.parse_args(ctx, list(rest))
    namespace = read_globals(ctx.params, checked=False).namespace
    client = await session.client()
    found = await client.list(kind.api_version, kind.kind, namespace, metadata_only=True)
    return [str(obj["metadata"]["name"]) for obj in found.items]


command = Complete("__complete", "Answer a shell that asks for completions", _run)
