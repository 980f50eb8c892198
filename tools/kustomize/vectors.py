"""Choose the builds of `tests/vectors/kustomize` from a corpus of kustomize builds with the real tool's answers.

    python -m tools.kustomize.vectors CORPUS OUT

CORPUS is a folder as `tests.kustomize.corpus` reads it. Of each group, builds are taken until every feature that
`cases.tsv` names is in two of them (one for krusty), small builds first.
"""

import argparse
import base64
import csv
import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

_TIMES = {"edge": 2, "krusty": 1}
_LARGEST = 8192  # bytes of a build, answer included


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("out", type=Path)
    asked = parser.parse_args()
    with (asked.corpus / "cases.tsv").open(newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    for group, times in _TIMES.items():
        chosen = choose([row for row in rows if row["group"] == group], asked.corpus, times)
        text = json.dumps(chosen, indent=1, sort_keys=True, ensure_ascii=False)
        (asked.out / f"{group}.json").write_text(text + "\n")
        print(f"{group}: {len(chosen)} builds, {len(text)} bytes", file=sys.stderr)


def choose(rows: list[dict[str, str]], corpus: Path, times: int) -> dict[str, Any]:
    found: dict[str, Any] = {}
    seen: Counter[str] = Counter()
    sized = sorted(((size(row, corpus), row["id"], row) for row in rows), key=lambda entry: entry[:2])
    for total, name, row in sized:
        wanted = [feature for feature in [*row["features"].split(), f"exit {row['exit']}"] if seen[feature] < times]
        if wanted and total <= _LARGEST:
            seen.update({*row["features"].split(), f"exit {row['exit']}"})
            found[name.partition("/")[2]] = vector(row, corpus)
    return found


def folder_of(row: dict[str, str], corpus: Path) -> tuple[Path, str]:
    parts = Path(row["path"]).parts
    depth = parts.index("files") + 1
    return corpus.joinpath(*parts[:depth]), "/".join(parts[depth:]) or "."


def size(row: dict[str, str], corpus: Path) -> int:
    folder, _ = folder_of(row, corpus)
    inputs = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    return inputs + (corpus / row["expected"]).stat().st_size


def vector(row: dict[str, str], corpus: Path) -> dict[str, Any]:
    folder, path = folder_of(row, corpus)
    files = {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}
    answer = (corpus / row["expected"]).read_text()
    return {
        "args": row["args"],
        "files": {name: as_text(data) for name, data in files.items()},
        "path": path,
        "error" if row["exit"] != "0" else "output": answer,
    }


def as_text(data: bytes) -> str | dict[str, str]:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(data).decode()}


if __name__ == "__main__":
    main()
