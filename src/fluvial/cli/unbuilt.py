"""Commands of flux that this program does not have yet: each says so, and does nothing."""

import click

from fluvial.cli.command import Command, Result
from fluvial.cli.errors import UsageFailure
from fluvial.cli.flags import text
from fluvial.cli.session import Session


class Unbuilt(Command):
    """Takes whatever words follow, since their meaning does not matter any more."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        raise UsageFailure(f"{ctx.command_path} is not supported yet")


def _never(session: Session, arguments: tuple[str, ...], **own: object) -> Result:
    raise AssertionError("an unbuilt command was parsed")


command = Unbuilt("unbuilt", "", _never, own=[text("unused", "")])
