"""The tables of docs/benchmarks.md, written from results."""

from pathlib import Path
from typing import Any

DOCS = Path(__file__).parents[1] / "docs/benchmarks.md"
BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"


def table(results: dict[str, list[dict[str, Any]]]) -> str:
    """Return one table over all engines: median, spread, bar, and whether it is kept."""
    lines = ["| measure | median | lowest to highest | bar | |", "|---|---|---|---|---|"]
    for engine, rows in results.items():
        prefix = "" if engine in ("fluvial", "embedded") else f"{engine}: "
        lines += [_line(prefix, row) for row in rows]
    return "\n".join(lines)


def write(results: dict[str, list[dict[str, Any]]], conditions: str) -> None:
    """Replace the figures of docs/benchmarks.md."""
    text = DOCS.read_text()
    before, after = text.split(BEGIN)[0], text.split(END)[1]
    DOCS.write_text(f"{before}{BEGIN}\n{conditions}\n\n{table(results)}\n{END}{after}")


def _line(prefix: str, row: dict[str, Any]) -> str:
    low, high = row["spread"]
    bar = "" if row["bar"] is None else f"≤ {row['bar']:,g} {row['unit']}"
    verdict = "" if row["bar"] is None else ("kept" if row["median"] <= row["bar"] else "**missed**")
    value = f"{_number(row['median'])} {row['unit']}"
    return f"| {prefix}{row['measure']} | {value} | {_number(low)} to {_number(high)} | {bar} | {verdict} |"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:.3g}"
