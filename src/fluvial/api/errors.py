"""What can be wrong with an object of the Flux API."""


class InvalidObject(ValueError):
    """A field holds a value that no controller can read; only a changed object helps.

    A CRD's schema stops most of these, but not all: `interval: 999999999h` fits the pattern and no Go duration
    (CVE-2022-39272 was such a value). One bad object must stall alone.
    """

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field}: {problem}")
        self.field = field
        self.problem = problem
