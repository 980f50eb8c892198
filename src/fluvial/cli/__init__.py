"""The `fluvial` command: parse, call a library, print.

Its commands, flags, texts and exit codes are those of flux v2.9 (docs/cli.md names what differs). Environment,
arguments and signals are read here and nowhere else. Command modules are imported when they are called, so that
`fluvial --help` costs little more than the interpreter's own start.
"""

from fluvial.cli.entry import Running, dispatch, main
from fluvial.cli.session import Session, World

__all__ = ["Running", "Session", "World", "dispatch", "main"]
