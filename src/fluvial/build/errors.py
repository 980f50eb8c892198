"""The errors of this package. Retrying cannot help: the request must change.

BuildError             manifests that cannot be built (Flux's reason BuildFailed)
├── PathNotFound       `spec.path` is no folder of the source (Flux's reason ArtifactFailed)
└── NotBuilt           the manifests are right, but ask for what is not built here
"""


class BuildError(ValueError):
    """The message is what Flux puts into the Ready condition.

    `file` and `line` (1-based, 0 = not known) point into the tree where one file is to blame, `field` names the field
    of its kustomization.
    """

    def __init__(self, message: str, *, file: str = "", line: int = 0, field: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.file = file
        self.line = line
        self.field = field


class PathNotFound(BuildError):
    """The folder to build is not in the source."""


class NotBuilt(BuildError):
    """A feature that is refused; nothing of the build was done."""
