"""The error of this package."""


class BuildError(ValueError):
    """Manifests that cannot be built; the message is what Flux puts into the Ready condition (reason BuildFailed).

    `file` and `line` (1-based, 0 = not known) point into the tree where one file is to blame.
    """

    def __init__(self, message: str, *, file: str = "", line: int = 0) -> None:
        super().__init__(message)
        self.message = message
        self.file = file
        self.line = line
