"""Our metrics beside those that Flux's controllers were seen to expose."""

import asyncio
import json
import random
from pathlib import Path

import pytest

from fluvial.runtime import Controller, Key, Result, SystemClock
from fluvial.telemetry import Logger, Registry, silent_logger
from fluvial.telemetry.metrics import FAMILIES

RECORDED = json.loads((Path(__file__).parents[1] / "vectors/telemetry/flux-metrics.json").read_text())

# What has no counterpart here, and why.
ABSENT = {
    "certwatcher_read_certificate_errors_total": "no webhooks, no certificates to watch",
    "certwatcher_read_certificate_total": "no webhooks, no certificates to watch",
    "controller_runtime_conversion_webhook_panics_total": "no webhooks",
    "controller_runtime_webhook_panics_total": "no webhooks",
    "gotk_token_cache_evictions_total": "cloud tokens are not built yet",
    "gotk_token_cached_items": "cloud tokens are not built yet",
    "gotk_cache_events_total": "Helm indexes are not built yet",
    "controller_runtime_reconcile_timeouts_total": "a reconcile has no time limit of its own",
    "process_network_receive_bytes_total": "not offered by the Python client library",
    "process_network_transmit_bytes_total": "not offered by the Python client library",
    "process_virtual_memory_max_bytes": "not offered by the Python client library",
}


PROCESS = ("process_cpu_seconds_total", "process_max_fds", "process_open_fds", "process_resident_memory_bytes",
           "process_start_time_seconds", "process_virtual_memory_bytes")  # fmt: skip


async def exposed(name: str, kind: str) -> str:
    registry = Registry()
    log: Logger = silent_logger(SystemClock())

    async def look(key: Key, log: Logger) -> Result:
        return Result()

    Controller(name, kind, look, chance=random.Random(1), log=log, metrics=registry)
    return (await registry.render()).decode()


@pytest.mark.parametrize("flux", ["source", "kustomize"])
def test_each_family_of_flux_is_known_here_with_its_type_and_labels_or_listed_as_absent(flux: str) -> None:
    ours = {family.name: family for family in FAMILIES}
    for name, recorded in RECORDED[flux].items():
        if name in ABSENT or name in PROCESS:
            continue
        assert name in ours, f"{name} is not known"
        assert ours[name].kind == recorded["type"], name
        assert set(recorded["labels"]) <= set(ours[name].labels), name


def test_counters_begin_at_zero_and_the_process_is_shown() -> None:
    text = asyncio.run(exposed("kustomization", "Kustomization"))
    assert 'controller_runtime_reconcile_errors_total{controller="kustomization"} 0' in text
    assert 'controller_runtime_reconcile_total{controller="kustomization",result="error"} 0' in text
    assert all(f"# TYPE {name} " in text for name in PROCESS)
