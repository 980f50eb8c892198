"""Why a source gave nothing."""


class SourceFailure(Exception):
    """The source could not be read; the text is Flux's and goes into condition and event.

    Attributes:
        reason: of the condition (`AuthenticationFailed`, `GitOperationFailed`, …).
        stalls: only a change of the object can help, so nobody tries again by the clock.
    """

    def __init__(self, reason: str, message: str, *, stalls: bool = False) -> None:
        super().__init__(message)
        self.reason = reason
        self.stalls = stalls
