"""The table of flows in docs/parity.md: python -m tests.flows.listing rewrites it."""

import importlib
import re
from pathlib import Path

HERE = Path(__file__).parent
PARITY = HERE.parents[1] / "docs/parity.md"
BEGIN, END = "<!-- flows: begin -->", "<!-- flows: end -->"


def flows() -> list[tuple[str, str, str]]:
    """Return (row, file, test) of every flow, by row."""
    found = []
    for path in sorted(HERE.glob("test_*.py")):
        module = importlib.import_module(f"tests.flows.{path.stem}")
        for name, value in vars(module).items():
            if getattr(value, "__module__", "") == module.__name__:
                found += [(row, path.name, name) for row in getattr(value, "rows", ())]
    return sorted(
        found, key=lambda each: [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", each[0])]
    )


def table() -> str:
    """Return the table as Markdown."""
    lines = ["| row | flow |", "|---|---|"]
    lines += [
        f"| {row} | `flows/{file}` {name.removeprefix('test_').replace('_', ' ')} |" for row, file, name in flows()
    ]
    return "\n".join(lines)


def main() -> None:
    text = PARITY.read_text()
    before, after = text.split(BEGIN)[0], text.split(END)[1]
    PARITY.write_text(f"{before}{BEGIN}\n{table()}\n{END}{after}")


if __name__ == "__main__":
    main()
