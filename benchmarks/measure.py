"""What is read from outside: CPU seconds and memory of process trees, requests from the audit log, load."""

import json
import os
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


def tree_of(pid: int) -> list[int]:
    """Return `pid` and all its descendants that are alive."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
            except (FileNotFoundError, ProcessLookupError):
                continue
            children.setdefault(parent, []).append(int(entry.name))
    found, todo = [], [pid]
    while todo:
        one = todo.pop()
        found.append(one)
        todo.extend(children.get(one, []))
    return found


def cpu_seconds(pids: Iterable[int]) -> float:
    """Return user and system time of the process trees, dead children included."""
    total = 0.0
    for pid in pids:
        for one in tree_of(pid):
            try:
                fields = Path(f"/proc/{one}/stat").read_text().rsplit(")", 1)[1].split()
            except (FileNotFoundError, ProcessLookupError):
                continue
            total += sum(map(int, fields[11:13])) / TICKS
    return total


def pss_mib(pids: Iterable[int]) -> float:
    """Return the proportional set size of the process trees in MiB."""
    total = 0
    for pid in pids:
        for one in tree_of(pid):
            try:
                rollup = Path(f"/proc/{one}/smaps_rollup").read_text()
            except (FileNotFoundError, ProcessLookupError, PermissionError):
                continue
            total += next(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:"))
    return total / 1024


class AuditLog:
    """Requests of the engine, told from others by user agent, as the API server's audit log has them."""

    ENGINE = ("source-controller", "kustomize-controller")

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0

    def mark(self) -> None:
        """Forget what was logged so far."""
        self._offset = self._path.stat().st_size if self._path.exists() else 0

    def since_mark(self) -> Counter[str]:
        """Return counts of `verb resource[/subresource][ dry]` by the engine since the mark; leases are left out."""
        counts: Counter[str] = Counter()
        with self._path.open("rb") as log:
            log.seek(self._offset)
            for line in log:
                if not line.endswith(b"\n"):
                    break
                event = json.loads(line)
                if event.get("userAgent", "").startswith(self.ENGINE) and event["stage"] == "ResponseComplete":
                    counts[_name(event)] += 1
        for name in [name for name in counts if "leases" in name]:
            del counts[name]
        return counts


def _name(event: dict[str, object]) -> str:
    ref = event.get("objectRef") or {}
    assert isinstance(ref, dict)
    resource = ref.get("resource", str(event.get("requestURI", "")).split("?")[0])
    if ref.get("subresource"):
        resource += "/" + ref["subresource"]
    dry = " dry" if "dryRun=All" in str(event.get("requestURI")) else ""
    return f"{event['verb']} {resource}{dry}"


def load() -> float:
    """Return the machine's one-minute load average, printed beside every figure."""
    return os.getloadavg()[0]
