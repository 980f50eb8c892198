"""The short benchmark of CI: request counts and CPU ratios, never wall times, on a real kube-apiserver."""

import os
import tempfile
import time
from pathlib import Path

from benchmarks.api import KUSTOMIZATIONS, REPOSITORIES, kustomization
from benchmarks.cases import Row
from benchmarks.fleet import config_maps
from benchmarks.fleet import kustomization as kustomization_file
from benchmarks.stage import OURS, Stage, stage

OBJECTS = 200
KUSTOMIZATION_COUNT = 10
# Engine CPU of build, dry-run, apply and health of an object, per CPU of one plain apply; 4.0 to 5.5 were measured.
CPU_RATIO = 8.0


def smoke(peers: Path) -> int:
    """Play the short cases; return 1 when a bar is missed."""
    with (
        tempfile.TemporaryDirectory(
            prefix="fluvial-smoke-", dir="/dev/shm" if os.path.isdir("/dev/shm") else None
        ) as folder,
        stage(peers, OURS, Path(folder)) as made,
    ):
        rows = _cases(made)
    for row in rows:
        print(
            f"{row.measure}: {row.value:.3g} {row.unit}, bar {row.bar}: {'ok' if row.holds else 'MISSED'}",
            row.detail or "",
        )
    return 0 if all(row.holds for row in rows) else 1


def _cases(made: Stage) -> list[Row]:
    files = {"big/cm.yaml": config_maps("big", OBJECTS), "big/kustomization.yaml": kustomization_file(["cm.yaml"])}
    for i in range(KUSTOMIZATION_COUNT):
        files[f"apps/a{i}/cm.yaml"] = config_maps(f"a{i}", 2)
    fleet = made.repository("smoke", files)
    cpu = time.process_time()
    made.unit()
    plain = (time.process_time() - cpu) / 1000 * OBJECTS
    with made.measured() as first:
        made.create(kustomization("big", "./big", "smoke"))
        made.wait_ready("big")
    with made.measured() as again:
        value = made.request(KUSTOMIZATIONS, "big")
        made.until(lambda: made.handled("big", value))
    with made.measured() as changed:
        revision = fleet.push({"big/cm.yaml": config_maps("big", OBJECTS).replace("big-00000 number 0", "changed", 1)})
        made.request(REPOSITORIES, "smoke")
        made.wait_ready("big", revision)
    names = [f"a{i}" for i in range(KUSTOMIZATION_COUNT)]
    with made.measured() as many:
        for name in names:
            made.create(kustomization(name, f"./apps/{name}", "smoke"))
        for name in names:
            made.wait_ready(name)
    with made.measured() as still:
        time.sleep(10)
    return [
        Row(f"first apply of {OBJECTS}", first.total, "requests", 2 * OBJECTS + 50, dict(first.requests)),
        Row(f"first apply of {OBJECTS}", first.cpu / plain, "CPU per plain apply", CPU_RATIO),
        Row("again, nothing changed", again.total, "requests", 5, dict(again.requests)),
        Row("one changed", changed.total, "requests", 15, dict(changed.requests)),
        Row(
            f"{KUSTOMIZATION_COUNT} Kustomizations",
            many.total / KUSTOMIZATION_COUNT,
            "requests each",
            11,
            dict(many.requests),
        ),
        Row("still for ten seconds", still.total, "requests", 0, dict(still.requests)),
    ]
