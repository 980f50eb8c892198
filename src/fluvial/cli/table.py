"""Tables as flux prints them: padded cells with a tab between, no borders, a tab after each row of data."""

import unicodedata
from collections.abc import Sequence


def render(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return the table as text; an empty `header` leaves the header out.

    A cell of several lines spreads over several rows, as flux's table writer spreads it.
    """
    heads = [head.replace("_", " ").replace(".", " ").upper() for head in header]
    cells = [[cell.split("\n") for cell in row] for row in rows]
    count = max([len(heads), *(len(row) for row in cells)], default=0)
    widths = [0] * count
    for column, head in enumerate(heads):
        widths[column] = width(head)
    for row in cells:
        for column, lines in enumerate(row):
            widths[column] = max(widths[column], *(width(line) for line in lines))
    text = []
    if heads:
        # The header ends in a space where rows of data end in a tab, as flux's table writer has it.
        text.append("\t".join(_pad(head, widths[column]) for column, head in enumerate(heads)) + " \n")
    for row in cells:
        for number in range(max((len(lines) for lines in row), default=1)):
            line = [_pad(lines[number] if number < len(lines) else "", widths[at]) for at, lines in enumerate(row)]
            text.append("\t".join(line) + "\t\n")
    return "".join(text)


def width(text: str) -> int:
    """Return the columns that `text` takes on a terminal; wide East Asian characters take two."""
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text
    )


def _pad(text: str, columns: int) -> str:
    return text + " " * (columns - width(text))
