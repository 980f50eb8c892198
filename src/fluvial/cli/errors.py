"""What can go wrong on the command line itself.

Failure            ends the command; printed once as `✗ message`, with an exit code
└── UsageFailure   the arguments are wrong: nothing was read or written yet
"""


class Failure(Exception):
    """The command ends here.

    Args:
        code: the exit code. `diff` uses 1 for "there are differences" and 2 for trouble, everything else 1.
        warning: print with the warning sign instead of the failure sign.
    """

    def __init__(self, message: str, *, code: int = 1, warning: bool = False) -> None:
        super().__init__(message)
        self.code = code
        self.warning = warning


class UsageFailure(Failure):
    """A wrong flag, a missing argument, a value that cannot be read."""
