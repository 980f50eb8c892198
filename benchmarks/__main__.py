"""python -m benchmarks [--smoke] [--only CASE,…] [--runs N] [--json FILE] [--docs]

[--peer-source BIN --peer-kustomize BIN]

With --docs the figures of docs/benchmarks.md are replaced by this run's.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import Any

from benchmarks import report
from benchmarks.cases import CASES, Row
from benchmarks.local import embedded_rows
from benchmarks.measure import load
from benchmarks.smoke import smoke
from benchmarks.stage import OURS, Engine, stage
from tests.support.realserver import peers_folder

SEPARATE = {"kubectl", "thousand", "drift", "still"}  # these need a server without the others' objects


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    parser.add_argument(
        "--smoke", action="store_true", help="request counts and CPU ratios only; fails when one is missed"
    )
    parser.add_argument("--only", default=",".join([*CASES, "embedded"]), help="cases, separated by commas")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--json", type=Path, help="where the results go")
    parser.add_argument("--docs", action="store_true", help="write docs/benchmarks.md")
    parser.add_argument("--peer-source", help="a peer's source controller, measured in the same run")
    parser.add_argument("--peer-kustomize", help="a peer's kustomize controller")
    options = parser.parse_args()
    peers = peers_folder()
    if peers is None:
        parser.error("the peers are not built: make peers")
    if options.smoke:
        return smoke(peers)
    engines = [OURS]
    if options.peer_source and options.peer_kustomize:
        engines.append(Engine("peer", (options.peer_source,), (options.peer_kustomize,)))
    names = options.only.split(",")
    rows: dict[str, list[list[Row]]] = defaultdict(list)
    for run in range(options.runs):
        for engine in engines:
            rows[engine.name].append(_play(peers, engine, [name for name in names if name in CASES], run))
        if "embedded" in names:
            rows["embedded"].append(embedded_rows())
            for row in rows["embedded"][-1]:
                _print("embedded", run, row)
    results = {name: _summary(runs) for name, runs in rows.items()}
    if options.json:
        options.json.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n")
    if options.docs:
        cores = len(os.sched_getaffinity(0))
        conditions = f"{options.runs} runs on {cores} cores, load average at the end {load():.1f}."
        report.write(results, conditions)
    return 0


def _play(peers: Path, engine: Engine, names: list[str], run: int) -> list[Row]:
    together = [name for name in names if name not in SEPARATE]
    rows: list[Row] = []
    for group in [together, *([name] for name in names if name in SEPARATE)]:
        if group:
            rows += _play_group(peers, engine, group, run)
    return rows


def _play_group(peers: Path, engine: Engine, names: list[str], run: int) -> list[Row]:
    rows: list[Row] = []
    shared_memory = "/dev/shm" if os.path.isdir("/dev/shm") else None
    with (
        tempfile.TemporaryDirectory(prefix="fluvial-bench-", dir=shared_memory) as folder,
        stage(peers, engine, Path(folder)) as made,
    ):
        for name in names:
            for row in CASES[name](made):
                rows.append(row)
                _print(engine.name, run, row)
    return rows


def _print(engine: str, run: int, row: Row) -> None:
    verdict = "" if row.bar is None else ("ok" if row.holds else f"MISSED, bar {row.bar:g}")
    line = f"{engine} run {run + 1}: {row.measure}: {row.value:.3g} {row.unit} {verdict} (load {load():.1f})"
    print(line, row.detail or "", flush=True)


def _summary(runs: list[list[Row]]) -> list[dict[str, Any]]:
    by_measure: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for rows in runs:
        for row in rows:
            by_measure[row.measure, row.unit].append(row)
    return [
        {
            "measure": measure,
            "unit": unit,
            "median": statistics.median(row.value for row in rows),
            "spread": [min(row.value for row in rows), max(row.value for row in rows)],
            "bar": rows[0].bar,
            "detail": rows[0].detail,
        }
        for (measure, unit), rows in by_measure.items()
    ]


if __name__ == "__main__":
    sys.exit(main())
