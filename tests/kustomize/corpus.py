"""Run a corpus of kustomize builds with the real tool's answers, and print a score by group.

    python -m tests.kustomize.corpus PATH [--only TEXT] [--show N] [--group NAME] [--order fifo|legacy|both]

PATH is a folder with `cases.tsv` (columns `id group path args expected exit sha256 sha256_fifo …`). A case whose
features are not built fails with the refusal and counts as refused, never as passed.
"""

import argparse
import csv
import hashlib
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from fluvial.kustomize import KustomizeError, NotSupported, Options, build, render
from fluvial.stdx import Tree

PASSED, DIFFERENT, VERDICT, WORDS, REFUSED, CRASHED = "passed", "different", "verdict", "words", "refused", "crashed"


@dataclass(frozen=True)
class Case:
    name: str
    group: str
    root: Path  # the folder that is the tree
    path: str  # below it
    options: Options
    expected: Path
    succeeds: bool
    sha256: str
    sha256_fifo: str


def cases(corpus: Path) -> Iterator[Case]:
    with (corpus / "cases.tsv").open(newline="") as file:
        for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
            parts = Path(row["path"]).parts
            depth = next(i for i, part in enumerate(parts) if part in ("tree", "files")) + 1
            yield Case(
                name=row["id"],
                group=row["group"],
                root=corpus.joinpath(*parts[:depth]),
                path="/".join(parts[depth:]) or ".",
                options=options_of(row["args"].split()),
                expected=corpus / row["expected"],
                succeeds=row["exit"] == "0",
                sha256=row["sha256"],
                sha256_fifo=row["sha256_fifo"],
            )


def options_of(args: list[str]) -> Options:
    given = {name: args[i + 1] for i, name in enumerate(args[:-1]) if name.startswith("--")}
    return Options(
        order="none" if given.get("--reorder") == "none" else "legacy",
        root_only=given.get("--load-restrictor") != "LoadRestrictionsNone",
        keep_built_in_schema=False,
        managed_by_label="--enable-managedby-label" in args,
    )


class Trees:
    """Trees by folder, each read once."""

    def __init__(self) -> None:
        self._trees: dict[Path, Tree] = {}

    def __getitem__(self, root: Path) -> Tree:
        if root not in self._trees:
            self._trees = {root: read_tree(root)}
        return self._trees[root]


def read_tree(root: Path) -> Tree:
    return Tree({str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()})


def run(case: Case, tree: Tree, order: str) -> tuple[str, str]:
    """Return the verdict and what was printed."""
    options = case.options
    if order == "fifo":
        options = replace(options, order="none")
    try:
        text = render(build(tree, case.path, options=options))
    except NotSupported as error:
        return REFUSED, str(error)
    except KustomizeError as error:
        if case.succeeds:
            return VERDICT, f"Error: {error}"
        return (PASSED if begins_alike(str(error), case.expected.read_text()) else WORDS), f"Error: {error}"
    except Exception as error:
        return CRASHED, f"{type(error).__name__}: {error}"
    if not case.succeeds:
        return VERDICT, text
    wanted = case.sha256_fifo if order == "fifo" else case.sha256
    return (PASSED if hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest() == wanted else DIFFERENT), text


def begins_alike(message: str, wanted: str) -> bool:
    """Tell whether an error begins with upstream's first three words, paths and pointers aside."""
    wanted = wanted.replace("{ROOT}/", "").replace("{ROOT}", ".").replace(" &{0xADDR <nil>}:", ":")
    return f"Error: {message}".split()[:4] == wanted.split()[:4]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--only", default="")
    parser.add_argument("--group", default="")
    parser.add_argument("--show", type=int, default=0)
    parser.add_argument("--kind", default="")
    parser.add_argument("--order", choices=("legacy", "fifo", "both"), default="both")
    parser.add_argument("--dump", type=Path)
    asked = parser.parse_args()
    scores: dict[str, Counter[str]] = defaultdict(Counter)
    shown = 0
    trees = Trees()
    spent = 0.0
    for case in cases(asked.corpus):
        if asked.only not in case.name or (asked.group and asked.group != case.group):
            continue
        tree = trees[case.root]
        for order in ("legacy", "fifo") if asked.order == "both" else (asked.order,):
            if order == "fifo" and not case.sha256_fifo:
                continue
            started = time.perf_counter()
            verdict, text = run(case, tree, order)
            spent += time.perf_counter() - started
            scores[f"{case.group} {order}"][verdict] += 1
            if verdict != PASSED and (not asked.kind or asked.kind == verdict):
                shown += 1
                if shown <= asked.show:
                    wanted = case.expected.read_text()[:300].replace("\n", "\n      ") if verdict != DIFFERENT else ""
                    ours = text[:300] if verdict != DIFFERENT else ""
                    print(f"{verdict:9} {order:6} {case.name}\n      {ours}\n   -> {wanted}")
                if asked.dump and order == asked.order:
                    asked.dump.mkdir(parents=True, exist_ok=True)
                    (asked.dump / case.name.replace("/", "__")).write_text(text)
    for group, counts in sorted(scores.items()):
        total = sum(counts.values())
        details = ", ".join(f"{kind} {count}" for kind, count in counts.most_common())
        print(f"{group:14} {counts[PASSED]:5}/{total:5} {100 * counts[PASSED] / total:6.2f} %   {details}")
    print(f"{spent:.1f} s in builds")
    return 0 if all(set(counts) == {PASSED} for counts in scores.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
