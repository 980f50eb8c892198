"""The entry point: finds the command, runs it, turns what went wrong into one line and an exit code."""

import os
import sys
from collections.abc import Awaitable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fluvial.cli import help as helptext
from fluvial.cli.command import Command, Group, find, flag_set, words_of
from fluvial.cli.errors import Failure, UsageFailure
from fluvial.cli.globals import Cluster, environment_warnings, follows_context, read_globals
from fluvial.cli.root import make_root
from fluvial.cli.session import Session, World

if TYPE_CHECKING:
    from fluvial.kube import Client


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line of this process and return its exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    world = _this_world()
    try:
        result = dispatch(words, world)
        return result if isinstance(result, int) else _run(result)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # The reader of a pipe is gone; keep the interpreter from complaining when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141  # what a shell reports for a program that SIGPIPE ended


@dataclass(frozen=True, slots=True)
class Running:
    """A command that has to wait for something: await `work` for its exit code, on uvloop if `fast_loop`."""

    work: Coroutine[Any, Any, int]
    fast_loop: bool


def _run(running: Running) -> int:
    import asyncio

    factory = None
    if running.fast_loop:
        import uvloop

        factory = uvloop.new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        return runner.run(running.work)


def dispatch(words: Sequence[str], world: World) -> int | Running:
    """Find and start the command that `words` name; return its exit code, or what is to be awaited for it."""
    try:
        return _start(words, world)
    except Failure as failure:
        return _report(failure, world)


def _start(words: Sequence[str], world: World) -> int | Running:
    for warning in environment_warnings(world.environ):
        world.err.write(f"⚠️ {warning}\n")
    ctx, rest = find(make_root(world.environ), world.program, words)
    command = ctx.command
    assert isinstance(command, Command)
    with ctx:
        if ctx.parent is None:
            _plugin(command, rest, world)
        scanned = command.scan(ctx, rest)
        arguments = scanned.arguments
        asked_for_help = ("help", "true") in scanned.flags
        if asked_for_help or (isinstance(command, Group) and not rest):
            world.out.write(helptext.render(ctx))
            return 0
        command.parse_args(ctx, rest)
        if ctx.parent is None and ctx.params["version"]:
            from fluvial import __version__

            world.out.write(f"{world.program} version {__version__}\n")
            return 0
        if isinstance(command, Group) and arguments:
            raise UsageFailure(f'unknown command "{arguments[0]}" for "{words_of(ctx)}"')
        if isinstance(command, Group):
            world.out.write(helptext.render(ctx))
            return 0
        session = _session(ctx, world)
        result = command.call(session, ctx)
    if result is None or isinstance(result, int):
        return result or 0
    seconds = 0.0 if command.endless else session.globals.timeout
    return Running(_guard(result, session, seconds), command.fast_loop)


def _session(ctx: click.Context, world: World) -> Session:
    # cobra runs only the nearest hook, so that `create` and what is below it skip the check of the namespace.
    checked = "create" not in words_of(ctx).split()
    settings = read_globals(ctx.params, checked=checked)
    session = Session(world, settings)
    if follows_context(ctx.params, ctx, world.environ):
        from fluvial.cli.connect import context_namespace

        found = context_namespace(settings.cluster, world.environ)
        if found:
            session = session.within(found)
    return session


async def _guard(running: Awaitable[int | None], session: Session, seconds: float) -> int:
    """Await a command under its timeout; close the client whatever happens."""
    from fluvial.cli.failures import explain, limited

    try:
        return await limited(session, running, seconds) or 0
    except Exception as error:
        failure = explain(error)
        if failure is None:
            raise
        return _report(failure, session.world)
    finally:
        await session.close()


def _report(failure: Failure, world: World) -> int:
    if str(failure):
        world.err.write(f"{'⚠️' if failure.warning else '✗'} {failure}\n")
    return failure.code


def _plugin(root: Command, words: Sequence[str], world: World) -> None:
    """Replace this process by `flux-NAME` from the plugin folder, if the first argument is such a NAME."""
    from fluvial.cli.pflag import first_argument

    index = first_argument(words, flag_set(root.get_params(click.Context(root))))
    if index is None:
        return
    from fluvial.cli.plugins import find_plugin

    path = find_plugin(words[index], world.environ)
    if path is not None:
        os.execve(path, [str(path), *words[index + 1 :]], dict(world.environ))


def _this_world() -> World:
    from fluvial.cli.clock import WallClock

    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(encoding="utf-8")  # symbols must come out in the C locale too
    return World(
        program=Path(sys.argv[0]).name or "fluvial",
        environ=dict(os.environ),
        out=sys.stdout,
        err=sys.stderr,
        inp=sys.stdin,
        clock=WallClock(),
        connect=_connect,
        here=Path.cwd(),
    )


async def _connect(cluster: Cluster, environ: Mapping[str, str]) -> "Client":
    from fluvial.cli.connect import connect

    return await connect(cluster, environ)
