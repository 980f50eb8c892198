"""`up`: the embedded API server and all controllers in this process."""

from fluvial.cli import flags
from fluvial.cli.command import Command
from fluvial.cli.errors import UsageFailure
from fluvial.cli.session import Session
from fluvial.cli.signals import until_ended


async def _run(session: Session, arguments: tuple[str, ...], listen: str) -> None:
    from fluvial import local

    if len(arguments) > 1:
        raise UsageFailure("at most one folder can be given")
    host, port = read_address(listen)
    # --kubeconfig is a flag of every command; here it says where to write, not what to read.
    target = session.globals.cluster.kubeconfig
    running = local.up(
        folder=session.path(arguments[0]) if arguments else None,
        kubeconfig=session.path(target) if target else None,
        host=host,
        port=port,
        say=session.say.success,
    )
    await until_ended(running)


def read_address(text: str) -> tuple[str, int]:
    """Return host and port of `HOST:PORT`.

    Raises:
        UsageFailure: it is not that.
    """
    host, colon, port = text.rpartition(":")
    if not colon or not host or not port.isdigit() or int(port) > 65535:
        raise UsageFailure(f'invalid argument "{text}" for "--listen" flag: must be HOST:PORT')
    return host.strip("[]"), int(port)


command = Command(
    "up",
    "Run an API server and all controllers in this process",
    _run,
    usage="[DIR]",
    long="""The up command runs the embedded API server and all controllers in this process, until it is interrupted.
With DIR the cluster's data is kept there, without it everything is in memory. When all is ready a kubeconfig is written
(--kubeconfig FILE, else DIR/kubeconfig, else a temporary file) and its path is printed.""",
    example="""
  # A cluster in memory
  @ up --kubeconfig ./kubeconfig

  # A cluster that is still there tomorrow
  @ up ./cluster
""",
    endless=True,
    own=[flags.text("listen", "address of the API server, HOST:PORT; port 0 = any free one", "127.0.0.1:0")],
)
