"""Commands and groups of commands: lazy, with persistent flags, found and helped as cobra does.

A `Group` knows its children by name, one line of help and the module that holds them; a module is imported when its
command is called. Flags of a group are persistent: every command below takes them, before or after its own name.
"""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, TypeAlias

import click

from fluvial.cli import flags, pflag
from fluvial.cli.errors import UsageFailure
from fluvial.cli.flags import Flag

if TYPE_CHECKING:
    from fluvial.cli.session import Session

Result: TypeAlias = "int | Awaitable[int | None] | None"
Run: TypeAlias = Callable[..., Result]


@dataclass(frozen=True, slots=True)
class Child:
    """A command of a group before it is imported: `attribute` of `module` is the command, or makes it from a name."""

    name: str
    short: str
    module: str = ""
    attribute: str = "command"
    aliases: tuple[str, ...] = ()
    hidden: bool = False


class Command(click.Command):
    """One command.

    Args:
        usage: what follows the command in its usage line, such as `[name]`.
        run: called with the session, the arguments, and as keywords the flags of the command and of the groups above
            it; those of the root are in the session.
        max_args: more arguments than this are an error; None = any number.
        endless: the command runs until it is interrupted: `--timeout` is not for it.
        fast_loop: the command is worth the start of uvloop.
    """

    def __init__(
        self,
        name: str,
        short: str,
        run: Run | None = None,
        *,
        usage: str = "",
        long: str = "",
        example: str = "",
        own: Sequence[Flag] = (),
        max_args: int | None = None,
        aliases: Sequence[str] = (),
        endless: bool = False,
        fast_loop: bool = False,
    ) -> None:
        super().__init__(name, params=list(own), short_help=short, help=long or short, add_help_option=False)
        self.usage = usage
        self.example = example
        self.run = run
        self.max_args = max_args
        self.aliases = tuple(aliases)
        self.endless = endless
        self.fast_loop = fast_loop

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        return [*self.params, *persistent(ctx.parent), HELP, _REST]

    def scan(self, ctx: click.Context, args: Sequence[str]) -> pflag.Scanned:
        """Sort `args` into flags and arguments without reading the flags' values."""
        return pflag.normalise(args, flag_set(self.get_params(ctx)))

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        scanned = self.scan(ctx, args)
        words = [f"--{name}={value}" for name, value in scanned.flags]
        try:
            return super().parse_args(ctx, [*words, "--", *scanned.arguments])
        except click.ClickException as wrong:
            raise UsageFailure(wrong.format_message()) from wrong

    def call(self, session: "Session", ctx: click.Context) -> Result:
        """Run the command with what was parsed."""
        arguments: tuple[str, ...] = ctx.params["arguments"]
        if self.max_args is not None and len(arguments) > self.max_args:
            if self.max_args == 0:
                raise UsageFailure(f'unknown command "{arguments[0]}" for "{words_of(ctx)}"')
            raise UsageFailure(f"accepts at most {self.max_args} arg(s), received {len(arguments)}")
        mine = [*self.params, *(flag for flag in persistent(ctx.parent) if flag not in persistent_of_root(ctx))]
        assert self.run is not None
        return self.run(session, arguments, **{str(flag.name): ctx.params[str(flag.name)] for flag in mine})


def unbuilt(name: str, short: str = "", aliases: tuple[str, ...] = ()) -> Child:
    """Return a hidden child for a command of flux that this program does not have yet; calling it says so."""
    return Child(name, short, "fluvial.cli.unbuilt", "make", aliases, hidden=True)


class Group(Command):
    """Commands under one name; `shared` are the flags that all of them take."""

    def __init__(
        self,
        name: str,
        short: str,
        children: "Sequence[Child | Command]",
        *,
        long: str = "",
        example: str = "",
        shared: Sequence[Flag] = (),
        own: Sequence[Flag] = (),
        aliases: Sequence[str] = (),
    ) -> None:
        super().__init__(name, short, long=long, example=example, own=own, aliases=aliases)
        self.children = children
        self.shared = list(shared)

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        return [*self.shared, *super().get_params(ctx)]

    def child(self, name: str) -> Command | None:
        """Import and return the command that goes by `name` or has it as an alias."""
        for child in self.children:
            if name == child.name or name in child.aliases:
                return child if isinstance(child, Command) else _load(child)
        return None


def _load(child: Child) -> Command:
    found = getattr(import_module(child.module), child.attribute)
    command = found if isinstance(found, Command) else found(child.name)
    assert isinstance(command, Command)
    return command


def words_of(ctx: click.Context) -> str:
    """Return the words that call the command of `ctx`: `fluvial get sources git`."""
    above = f"{words_of(ctx.parent)} " if ctx.parent else ""
    return above + str(ctx.info_name)


def persistent(ctx: click.Context | None) -> Iterator[Flag]:
    """Yield the flags that the groups above have for every command below them, innermost group first."""
    while ctx is not None:
        if isinstance(ctx.command, Group):
            yield from ctx.command.shared
        ctx = ctx.parent


def persistent_of_root(ctx: click.Context) -> list[Flag]:
    """Return the flags that the session carries for every command."""
    root = ctx.find_root().command
    return root.shared if isinstance(root, Group) else []


def flag_set(parameters: Sequence[click.Parameter]) -> pflag.FlagSet:
    """Return the flags among `parameters` as the scanner wants them."""
    found = [parameter for parameter in parameters if isinstance(parameter, Flag)]
    specs = [(flag, pflag.FlagSpec(flag.flag_name, flag.bare)) for flag in found]
    return pflag.FlagSet(
        {flag.flag_name: spec for flag, spec in specs}, {flag.letter: spec for flag, spec in specs if flag.letter}
    )


def find(root: Group, program: str, words: Sequence[str]) -> tuple[click.Context, list[str]]:
    """Walk down from `root` along the commands named in `words`.

    Returns:
        The context of the deepest command found, and the words without the names of commands.
    """
    ctx = click.Context(root, info_name=program)
    rest = list(words)
    while isinstance(ctx.command, Group):
        index = pflag.first_argument(rest, flag_set([*ctx.command.shared, *persistent(ctx.parent), HELP]))
        child = ctx.command.child(rest[index]) if index is not None else None
        if child is None or index is None:
            break
        rest.pop(index)
        ctx = click.Context(child, info_name=child.name, parent=ctx)
    return ctx, rest


HELP = flags.boolean("help", "help for this command", letter="h")
_REST = click.Argument(["arguments"], nargs=-1, required=False)
