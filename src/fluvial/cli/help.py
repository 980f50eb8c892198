"""Help texts, laid out as cobra lays them out."""

from collections.abc import Iterable, Sequence

import click

from fluvial.cli.command import HELP, Command, Group, persistent, words_of
from fluvial.cli.flags import Flag


def render(ctx: click.Context) -> str:
    """Return the help of the command of `ctx`."""
    command = ctx.command
    assert isinstance(command, Command)
    blocks = [(command.help or "").strip("\n")]
    blocks.append("Usage:\n" + "".join(f"  {line}\n" for line in _usage(ctx, command)).rstrip("\n"))
    aliases = _aliases(ctx)
    if aliases:
        blocks.append("Aliases:\n  " + ", ".join([str(command.name), *aliases]))
    if command.example:
        blocks.append("Examples:\n" + command.example.strip("\n").replace("@", ctx.find_root().info_name or ""))
    if isinstance(command, Group):
        blocks.append("Available Commands:\n" + _children(command))
    own = [flag for flag in command.params if isinstance(flag, Flag)]
    own += command.shared if isinstance(command, Group) else []
    blocks.append("Flags:\n" + _flags([*own, HELP]))
    inherited = list(persistent(ctx.parent))
    if inherited:
        blocks.append("Global Flags:\n" + _flags(inherited))
    if isinstance(command, Group):
        blocks.append(f'Use "{words_of(ctx)} [command] --help" for more information about a command.')
    return "\n\n".join(blocks) + "\n"


def _usage(ctx: click.Context, command: Command) -> Iterable[str]:
    if isinstance(command, Group):
        yield f"{words_of(ctx)} [command]"
    else:
        yield " ".join(part for part in (words_of(ctx), command.usage, "[flags]") if part)


def _aliases(ctx: click.Context) -> Sequence[str]:
    above = ctx.parent.command if ctx.parent else None
    children = above.children if isinstance(above, Group) else ()
    return next((child.aliases for child in children if child.name == ctx.command.name), ())


def _children(group: Group) -> str:
    rows = [
        (str(child.name), (child.short_help if isinstance(child, Command) else child.short) or "")
        for child in group.children
        if not child.hidden
    ]
    width = max(11, *(len(name) for name, _ in rows))
    return "\n".join(f"  {name:<{width}} {short}" for name, short in rows)


def _flags(flags: Sequence[Flag]) -> str:
    rows = []
    for flag in sorted(flags, key=lambda flag: flag.flag_name):
        if flag.hidden:
            continue
        letter = f"-{flag.letter}, " if flag.letter else "    "
        left = f"  {letter}--{flag.flag_name} {flag.go_type}".rstrip()
        default = f" (default {_quoted(flag)})" if flag.shown_default else ""
        rows.append((left, (flag.help or "") + default))
    width = max(len(left) for left, _ in rows)
    return "\n".join(f"{left:<{width}}   {text}" for left, text in rows)


def _quoted(flag: Flag) -> str:
    return f'"{flag.shown_default}"' if flag.go_type == "string" else str(flag.shown_default)
