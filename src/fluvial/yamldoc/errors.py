"""The one error of this package; whoever made the text must change it, retrying cannot help."""

from typing import Self


class YamlError(ValueError):
    """Text that is not YAML, or YAML that has no JSON value.

    `problem` is the bare cause; `line` and `column` are 1-based (0 = not known). The text starts as go-yaml's does
    (`yaml: line 3: …`), because people search for it.
    """

    def __init__(self, problem: str, line: int = 0, column: int = 0) -> None:
        self.problem = problem
        self.line = line
        self.column = column
        super().__init__(f"yaml: line {line}: {problem}" if line else f"yaml: {problem}")

    @classmethod
    def many(cls, problems: list[str]) -> Self:
        """Return one error for several `line N: …` problems of a document, in go-yaml's form."""
        error = cls("unmarshal errors:\n  " + "\n  ".join(problems))
        error.line = int(problems[0].removeprefix("line ").partition(":")[0])
        return error
