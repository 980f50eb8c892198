"""Run the Flux Kustomizations of real fleets, with what Flux's own library made of them, and print a score.

    python -m tests.build.fleets PATH [--only TEXT] [--show N]

PATH is a folder with `builds.tsv` (columns `repo kustomization file document path mode variables_from expected exit
sha256 …`) and one folder a repository with a `tree`.
"""

import argparse
import csv
import difflib
import hashlib
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fluvial.build import BuildError, BuildRequest, NotBuilt, build, variables_of
from fluvial.stdx import Tree
from fluvial.yamldoc import YamlError, load_all


def rows(corpus: Path) -> Iterator[dict[str, str]]:
    with (corpus / "builds.tsv").open(newline="") as file:
        yield from csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)


def read_tree(root: Path) -> Tree:
    return Tree({str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()})


class Fleet:
    """One repository: its tree, and the ConfigMaps and Secrets in it by kind and name."""

    def __init__(self, root: Path) -> None:
        self.tree = read_tree(root)
        self.sources: dict[tuple[str, str], dict[str, Any]] = {}
        for path in self.tree:
            if path.endswith((".yaml", ".yml")):
                for obj in objects(self.tree[path]):
                    if obj.get("kind") in ("ConfigMap", "Secret"):
                        name = (obj.get("metadata") or {}).get("name")
                        self.sources.setdefault((obj["kind"], str(name)), obj)


def objects(data: bytes) -> list[dict[str, Any]]:
    try:
        return [document.value for document in load_all(data) if isinstance(document.value, dict)]
    except YamlError:
        return []


def request_of(row: dict[str, str], fleet: Fleet) -> BuildRequest:
    found = [document.value for document in load_all(fleet.tree[row["file"]])]
    spec = found[int(row["document"])]["spec"]
    controller = row["mode"] == "controller"
    variables: dict[str, str] = {}
    for source in (spec.get("postBuild") or {}).get("substituteFrom") or () if controller else ():
        obj = fleet.sources.get((source["kind"], source["name"]))
        if obj is not None:
            variables.update(variables_of(obj))
    return BuildRequest(tree=fleet.tree, path=spec.get("path") or "", spec=spec, variables=variables, strict=controller)


def run(row: dict[str, str], fleet: Fleet, wanted: str) -> tuple[str, str]:
    try:
        text = build(request_of(row, fleet)).text
    except NotBuilt as error:
        return "refused", str(error)
    except BuildError as error:
        if row["exit"] == "0":
            return "verdict", str(error)
        words = wanted.replace("{ROOT}/", "").removeprefix("Error: ").removeprefix("generate: ").split()
        return ("passed" if str(error).split()[:3] == words[:3] else "words"), str(error)
    if row["exit"] != "0":
        return "verdict", text
    same = hashlib.sha256(text.encode()).hexdigest() == row["sha256"]
    return ("passed" if same else "different"), text


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--only", default="")
    parser.add_argument("--show", type=int, default=0)
    asked = parser.parse_args()
    scores: Counter[str] = Counter()
    fleets: dict[str, Fleet] = {}
    spent = 0.0
    for row in rows(asked.corpus):
        if asked.only not in f"{row['repo']}/{row['kustomization']}":
            continue
        if row["repo"] not in fleets:
            fleets[row["repo"]] = Fleet(asked.corpus / row["repo"] / "tree")
        fleet = fleets[row["repo"]]
        wanted = (asked.corpus / row["expected"]).read_text()
        started = time.perf_counter()
        verdict, text = run(row, fleet, wanted)
        spent += time.perf_counter() - started
        scores[verdict] += 1
        if verdict != "passed" and sum(scores.values()) - scores["passed"] <= asked.show:
            print(f"{verdict} {row['repo']} {row['kustomization']} {row['path']}")
            if verdict == "different":
                print("\n".join(list(difflib.unified_diff(wanted.splitlines(), text.splitlines(), lineterm=""))[:30]))
            else:
                print(f"   {text[:300]}\n-> {wanted[:300]}")
    total = sum(scores.values())
    print(
        f"{scores['passed']}/{total} {100 * scores['passed'] / total:.2f} %   {dict(scores)}   {spent:.1f} s in builds"
    )
    return 0 if scores["passed"] == total else 1


if __name__ == "__main__":
    sys.exit(main())
