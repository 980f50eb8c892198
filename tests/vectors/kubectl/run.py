"""Run the commands of `commands.yaml` with kubectl and mask what no two servers agree on.

As a program it records a real kube-apiserver: python tests/vectors/kubectl/run.py
"""

import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from fluvial.yamldoc import load

HERE = Path(__file__).parent

MASKS = (
    (re.compile(r"https://127\.0\.0\.1:\d+"), "<server>"),
    (re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b"), "<uid>"),
    (re.compile(r"20\d\d-\d\d-\d\dT[\d:]{8}(\.\d+)?Z"), "<time>"),
    (re.compile(r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d \w{3} 20\d\d [\d:]{8} \+0000"), "<time>"),
    (re.compile(r'([rR]esource ?[vV]ersion: +)"?\d+"?'), r"\1<revision>"),
    (re.compile(r"\b10\.\d+\.\d+\.\d+\b"), "<address>"),
    (re.compile(r"(?m)^(diff|---|\+\+\+) .*$"), r"\1"),
    (re.compile(r"/[^\s\"]*/kubectl-vectors-\w+"), "<dir>"),
    (re.compile(r"\b\d+[smhd](\d+[smhd])?\b"), "<age>"),
    (re.compile(r" {2,}"), "  "),
    (re.compile(r"-{3,}"), "---"),
)


def mask(text: str) -> str:
    for pattern, replacement in MASKS:
        text = pattern.sub(replacement, text)
    return "\n".join(line.rstrip() for line in text.splitlines())


def run(kubectl: Path, kubeconfig: Path, only: str = "") -> list[dict[str, Any]]:
    """Return what each command printed, masked."""
    vectors = load((HERE / "commands.yaml").read_bytes())
    with tempfile.TemporaryDirectory(prefix="kubectl-vectors-") as folder:
        for name, text in vectors["files"].items():
            Path(folder, name).write_text(text)
        Path(folder, "edit.sh").chmod(0o755)
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": folder,
            "KUBECONFIG": str(kubeconfig),
            "EDITOR": f"{folder}/edit.sh",
        }
        return [answer(kubectl, command, folder, environment) for command in vectors["commands"] if only in command]


def answer(kubectl: Path, command: str, folder: str, environment: dict[str, str]) -> dict[str, Any]:
    words = [word.replace("{dir}", folder) for word in _split(command)]
    done = subprocess.run([kubectl, *words], env=environment, capture_output=True, text=True, timeout=60, check=False)
    return {"run": command, "code": done.returncode, "out": mask(done.stdout), "err": mask(done.stderr)}


def _split(command: str) -> list[str]:
    """Split at spaces; JSON arguments keep their quotes."""
    if "-p " not in command:
        return shlex.split(command)
    head, patch = command.split("-p ", 1)
    return [*shlex.split(head), "-p", patch]


def main() -> None:
    sys.path.insert(0, str(HERE.parents[2]))
    from tests.support.realserver import peers_folder, real_server

    peers = peers_folder()
    if peers is None:
        raise SystemExit("build the peers first: make peers")
    with real_server(peers, controllers=False) as server:
        recorded = run(peers / "kubectl", server.kubeconfig)
    (HERE / "commands.json").write_text(json.dumps(recorded, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
