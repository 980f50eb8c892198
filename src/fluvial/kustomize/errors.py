"""The errors of a build. Retrying cannot help: the files must change.

KustomizeError     the input is wrong, or upstream refuses it too
└── NotSupported   the input is right, but asks for what is not built here
"""

from fluvial.gotext import go_quote


class KustomizeError(ValueError):
    """A build that cannot be done; the text begins as upstream's does, since people search for it.

    `file` is the path in the tree, "" where no single file is to blame; `line` is 1-based, 0 = not known; `field` is
    the field of the kustomization file, as written there.
    """

    def __init__(self, message: str, *, file: str = "", line: int = 0, field: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.file = file
        self.line = line
        self.field = field

    def within(self, prefix: str) -> "KustomizeError":
        """Return this error told from one level up: `prefix: message`; place and kind are kept."""
        return type(self)(f"{prefix}: {self.message}", file=self.file, line=self.line, field=self.field)

    def quoted_within(self, prefix: str) -> "KustomizeError":
        """Return this error told from one level up, in quotes, as upstream tells of components."""
        return type(self)(f"{prefix} {go_quote(self.message)}", file=self.file, line=self.line, field=self.field)

    def at(self, file: str, line: int = 0) -> "KustomizeError":
        """Return this error with its place, where it has none yet."""
        if self.file:
            return self
        return type(self)(self.message, file=file, line=line or self.line, field=self.field)


class NotSupported(KustomizeError):
    """What is asked for is not built; nothing was ignored, the whole build is refused."""
