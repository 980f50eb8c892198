"""Commands of flux that this program does not have yet: each says so, and does nothing."""

from collections.abc import Sequence

import click

from fluvial.cli.command import Command, words_of
from fluvial.cli.errors import UsageFailure
from fluvial.cli.pflag import Scanned


class Unbuilt(Command):
    """Takes whatever words follow, since their meaning does not matter any more."""

    def scan(self, ctx: click.Context, args: Sequence[str]) -> Scanned:
        raise UsageFailure(f"{words_of(ctx)} is not supported yet")


def make(name: str) -> Unbuilt:
    """Return the command that says that `name` is not built."""
    return Unbuilt(name, "")
