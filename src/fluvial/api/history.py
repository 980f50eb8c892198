"""`status.history`: the last five outcomes, newest first, one entry for each (digest of the build, outcome).

Source: fluxcd/pkg `apis/meta/history.go`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from fluvial.gotext import format_duration, rfc3339
from fluvial.objects import Object

HISTORY_MAX: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """One outcome to be recorded."""

    digest: str  # "sha256:<hex>" of the built YAML
    at: datetime
    duration: float  # seconds
    status: str  # the Ready reason of the outcome
    metadata: Mapping[str, str]


def upsert_history(history: Sequence[Object], snapshot: Snapshot) -> list[Object]:
    """`history` with `snapshot` at its head, merged into the entry of the same digest and status when there is one."""
    now = rfc3339(snapshot.at)
    entry: Object = {
        "digest": snapshot.digest,
        "firstReconciled": now,
        "lastReconciled": now,
        "lastReconciledDuration": format_duration(snapshot.duration),
        "lastReconciledStatus": snapshot.status,
        "totalReconciliations": 1,
    }
    if snapshot.metadata:
        entry["metadata"] = dict(snapshot.metadata)
    rest: list[Object] = []
    for old in history:
        if old.get("digest") == snapshot.digest and old.get("lastReconciledStatus") == snapshot.status:
            entry["firstReconciled"] = old.get("firstReconciled", now)
            entry["totalReconciliations"] = int(old.get("totalReconciliations") or 0) + 1
        else:
            rest.append(old)
    return [entry, *rest][:HISTORY_MAX]
