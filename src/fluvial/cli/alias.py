"""`alias install`: a command named `flux` that runs this program, for scripts and fingers that type it."""

import os
import shlex
import shutil
import sys
from pathlib import Path

from fluvial.cli import flags
from fluvial.cli.command import Command, Group
from fluvial.cli.errors import Failure, UsageFailure
from fluvial.cli.session import Session

_MARK = "# Installed by fluvial alias install."


def _run(session: Session, arguments: tuple[str, ...], force: bool) -> int:
    if len(arguments) > 1:
        raise UsageFailure("at most one folder can be given")
    folder = session.path(arguments[0]) if arguments else Path(sys.prefix) / "bin"
    target = folder / "flux"
    found = shutil.which("flux", path=session.world.environ.get("PATH", os.defpath))
    shadowed = Path(found) if found else None
    if target.exists() and not is_ours(target):
        raise Failure(f"{target} is another program: choose another folder, or move it away yourself")
    if shadowed is not None and not is_ours(shadowed) and not force:
        raise Failure(
            f"a flux command is installed at {shadowed}: {target} would shadow it, or be shadowed by it, in scripts "
            "that mean it. Use --force if that is what you want"
        )
    if not folder.is_dir():
        raise Failure(f"{folder} is not a folder")
    write(target)
    session.say.success(f"{target} runs fluvial")
    if shadowed is not None and shadowed != target and not is_ours(shadowed):
        session.say.warning(f"{shadowed} is still there; which one runs depends on the order of folders in PATH")
    return 0


def is_ours(path: Path) -> bool:
    """Tell whether the command at `path` was installed by us."""
    try:
        return _MARK in path.read_bytes()[:400].decode("utf-8", "replace")
    except OSError:
        return False


def write(target: Path) -> None:
    """Write the command, whole or not at all."""
    # $0 is the script, so that messages and help say `flux`, which the user typed.
    program = 'import sys; from fluvial.cli.entry import main; sys.argv[0] = "flux"; sys.exit(main())'
    text = f'#!/bin/sh\n{_MARK}\nexec {shlex.quote(sys.executable)} -c {shlex.quote(program)} "$@"\n'
    fresh = target.with_name(f".{target.name}.fluvial")
    fresh.write_text(text)
    fresh.chmod(0o755)
    fresh.replace(target)


command = Group(
    "alias",
    "Install a flux command that runs this program",
    [
        Command(
            "install",
            "Put a flux command into a folder",
            _run,
            usage="[DIR]",
            long="""The alias install command puts a command named flux into DIR (without DIR: beside this program).
It refuses when another flux is installed anywhere on PATH, unless forced, and never overwrites one.""",
            example="""
  # Beside this program
  @ alias install

  # Where you like
  @ alias install ~/bin
""",
            own=[flags.boolean("force", "install although another flux command is on PATH")],
        )
    ],
    long="The alias sub-commands install a flux command that runs this program.",
)
