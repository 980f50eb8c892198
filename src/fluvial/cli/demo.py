"""`demo`: the main job as it happens, in this process."""

from fluvial.cli import flags
from fluvial.cli.command import Command
from fluvial.cli.session import Session
from fluvial.cli.signals import until_ended


async def _run(session: Session, arguments: tuple[str, ...], keep: bool) -> None:
    from fluvial import local

    await until_ended(local.demo(keep=keep, out=session.world.out))


command = Command(
    "demo",
    "Show the main job as it happens, in this process",
    _run,
    max_args=0,
    long="""The demo command starts an API server and the controllers in this process, serves a small fleet repository
over Git, and tells what happens: a commit is found, stored, built, applied, healthy; a second commit removes an object;
a hand edit is corrected; a broken commit is refused.""",
    endless=True,
    own=[flags.boolean("keep", "leave everything running, and print how to look at it with kubectl")],
)
