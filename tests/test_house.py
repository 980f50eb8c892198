"""Rules of the house that no import contract can say."""

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src/fluvial"
PROGRAM = {"create_subprocess_exec", "create_subprocess_shell", "Popen", "system", "popen", "posix_spawn", "fork"}
PROGRAM |= {f"{verb}{form}" for verb in ("exec", "spawn") for form in ("l", "le", "lp", "lpe", "v", "ve", "vp", "vpe")}

# Who may start a program or a process, and which.
STARTERS = {
    "kube/execplugin.py": "the credential plugin of the user's kubeconfig",
    "cli/entry.py": "a flux-NAME plugin",
    "runtime/forkserver.py": "our own workers",
    "runtime/workers.py": "our own workers",
}


def modules() -> Iterator[tuple[str, ast.Module]]:
    for path in sorted(SOURCE.rglob("*.py")):
        yield str(path.relative_to(SOURCE)), ast.parse(path.read_text())


def _starts_something(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Attribute)
        and node.attr in PROGRAM
        and isinstance(node.value, ast.Name)
        and node.value.id in ("os", "asyncio", "subprocess")
    )


def test_only_the_listed_modules_start_a_program_or_a_process() -> None:
    found = set()
    for name, tree in modules():
        for node in ast.walk(tree):
            if _starts_something(node):
                found.add(name)
            if isinstance(node, ast.Import | ast.ImportFrom):
                names = [alias.name for alias in node.names] + [getattr(node, "module", "") or ""]
                assert not any(each.split(".")[0] in ("subprocess", "multiprocessing") for each in names), name
    assert found == set(STARTERS)


def test_dulwichs_own_clients_are_not_used() -> None:
    for name, tree in modules():
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom):
                assert node.module not in ("dulwich.client", "dulwich.porcelain", "dulwich.repo"), name


@pytest.mark.parametrize("package", sorted(path.parent.name for path in SOURCE.glob("*/__init__.py")))
def test_a_doorway_begins_with_its_sentence_and_names_only_what_is_there(package: str) -> None:
    text = (SOURCE / package / "__init__.py").read_text()
    sentence = (ast.get_docstring(ast.parse(text)) or "").split("\n\n")[0]
    assert sentence.endswith("."), "the docstring opens with the package's sentence"
    module = __import__(f"fluvial.{package}", fromlist=["*"])
    assert all(hasattr(module, name) for name in getattr(module, "__all__", ()))


ENGINES = """
import json, os, sys
from datetime import UTC, datetime

import fluvial
from fluvial.api import Kustomization, crds, unsupported_fields
from fluvial.build import BuildRequest, build
from fluvial.gotext import Constraint, Version, compile_re2, format_duration, parse_duration
from fluvial.health import assess
from fluvial.kustomize import Options, build as kustomize, render
from fluvial.managedfields import DEDUCED, apply
from fluvial.objects import LabelSelector, apply_json_patch, apply_merge_patch
from fluvial.stdx import Tree
from fluvial.wire import parse_path, parse_query
from fluvial.yamldoc import dump, load, load_all

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SPEC = {"interval": "1m", "path": "./a", "prune": True, "sourceRef": {"kind": "GitRepository", "name": "x"}}
KS = {"apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
      "metadata": {"name": "a", "namespace": "b"}, "spec": SPEC}
CM = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "b"}, "data": {"k": "v"}}
KUSTOMIZATION = b"resources: [cm.yaml]\\nnamePrefix: x-\\nconfigMapGenerator: [{name: g, literals: [a=b]}]"
TREE = Tree({"a/kustomization.yaml": KUSTOMIZATION, "a/cm.yaml": dump(CM).encode()})


def every_engine():
    assert load(dump(CM)) == CM and load_all("a: 1\\n---\\nb: 2\\n")
    assert crds() and Kustomization.parse(KS).prune and not unsupported_fields(KS)
    assert "x-a" in render(kustomize(TREE, "a", options=Options()))
    assert build(BuildRequest(tree=TREE, path="./a", spec=SPEC, variables={"x": "y"})).objects
    assert assess(CM, now=NOW).state
    assert apply(None, CM, manager="m", force=False, schema=DEDUCED, now=NOW, api_version="v1")
    assert apply_merge_patch(CM, {"data": None}) and apply_json_patch(CM, [{"op": "remove", "path": "/data/k"}])
    assert LabelSelector.parse("a in (b,c)") and parse_path("/api/v1/namespaces/a/configmaps/b") and parse_query("a=b")
    assert Constraint.parse(">=1.0").check(Version.parse("1.2.3")) and compile_re2("^a+$")
    assert format_duration(parse_duration("5m"))
"""


def test_no_engine_opens_a_file_or_a_socket_or_starts_a_program() -> None:
    """The first round imports; the second runs under an audit hook, in a process of its own."""
    run = subprocess.run([sys.executable, "-c", ENGINES + HOOK], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert json.loads(run.stdout) == []


HOOK = """
every_engine()
seen = []
WATCHED = ("open", "socket", "subprocess", "os", "shutil", "tempfile")
DATA = os.path.dirname(fluvial.__file__)  # package data comes through its one loader


def hook(event, arguments):
    if event.split(".")[0] in WATCHED and not (event == "open" and str(arguments[0]).startswith(DATA + "/api/data/")):
        seen.append([event, str(arguments[0])])


sys.addaudithook(hook)
every_engine()
print(json.dumps(list(seen)))
"""
