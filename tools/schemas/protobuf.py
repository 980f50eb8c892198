"""Derive the field numbers of Kubernetes' protobuf messages: python tools/schemas/protobuf.py

Reads `generated.proto` and `types.go` of k8s.io/api and k8s.io/apimachinery v0.36.3 in the Go module cache (put there
by `make peers`) and writes src/fluvial/controlplane/protobuf/data/messages.json.gz.
"""

import gzip
import json
import re
import subprocess
from pathlib import Path

VERSION = "v0.36.3"
# Packages of the groups and versions that kube-apiserver serves by default, and what they use.
PACKAGES = (
    *(
        f"api@{VERSION}/{path}"
        for path in (
            "admissionregistration/v1",
            "apps/v1",
            "authentication/v1",
            "authorization/v1",
            "autoscaling/v1",
            "autoscaling/v2",
            "batch/v1",
            "certificates/v1",
            "coordination/v1",
            "core/v1",
            "discovery/v1",
            "events/v1",
            "flowcontrol/v1",
            "networking/v1",
            "node/v1",
            "policy/v1",
            "rbac/v1",
            "resource/v1",
            "scheduling/v1",
            "storage/v1",
        )
    ),
    *(f"apimachinery@{VERSION}/pkg/{path}" for path in ("apis/meta/v1", "runtime", "api/resource", "util/intstr")),
)
FIELD = re.compile(r"(?:(optional|repeated|required) )?(map<\w+, [\w.]+>|[\w.]+) (\w+) = (\d+)")
OUT = Path(__file__).parents[2] / "src/fluvial/controlplane/protobuf/data/messages.json.gz"


def main() -> None:
    cache = subprocess.run(["go", "env", "GOMODCACHE"], check=True, capture_output=True, text=True).stdout.strip()
    messages: dict[str, dict[str, list[object]]] = {}
    for package in PACKAGES:
        folder = Path(cache) / "k8s.io" / package
        messages.update(read(folder))
    text = json.dumps(messages, separators=(",", ":"), sort_keys=True)
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_bytes(gzip.compress(text.encode(), 9, mtime=0))
    print(f"{len(messages)} messages, {OUT.stat().st_size} bytes")


def read(folder: Path) -> dict[str, dict[str, list[object]]]:
    """Return message name to field number to [JSON name, type, repeated, inlined]."""
    text = (folder / "generated.proto").read_text()
    package = re.search(r"^package ([\w.]+);", text, re.M)[1]
    inlined = inlined_fields(folder)
    found: dict[str, dict[str, list[object]]] = {}
    current = None
    for line in text.splitlines():
        line = line.strip()
        if match := re.match(r"message (\w+) \{", line):
            current = match[1]
            found[f"{package}.{current}"] = {}
        elif current and (match := FIELD.match(line)):
            label, kind, name, number = match.groups()
            inline = name in inlined.get(current, ())
            found[f"{package}.{current}"][number] = [name, full(kind, package), label == "repeated", inline]
    return found


def full(kind: str, package: str) -> str:
    """Return a type with the package of its message."""
    if match := re.match(r"map<(\w+), ([\w.]+)>", kind):
        return f"map {match[1]} {full(match[2], package)}"
    if kind[0].islower() and "." not in kind:
        return kind
    return kind.removeprefix(".") if "." in kind else f"{package}.{kind}"


def inlined_fields(folder: Path) -> dict[str, set[str]]:
    """Return the fields that JSON merges into their parent, by message."""
    found: dict[str, set[str]] = {}
    current = ""
    for path in folder.glob("*.go"):
        for line in path.read_text().splitlines():
            if match := re.match(r"type (\w+) struct", line):
                current = match[1]
            elif match := re.match(
                r"\s+(\w+) +`json:\",inline\" protobuf:\"bytes,\d+(?:,\w+)*(?:,name=(\w+))?\"", line
            ):
                name = match[2] or match[1][0].lower() + match[1][1:]
                found.setdefault(current, set()).add(name)
    return found


main()
