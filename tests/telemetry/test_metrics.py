"""Metrics carry the names of Flux, controller-runtime and client-go, and go when their object goes."""

import asyncio
import time

import pytest

from fluvial.telemetry import Registry
from fluvial.telemetry.metrics import FAMILIES, Family

APP = {"kind": "Kustomization", "name": "apps", "namespace": "flux-system"}


def render(registry: Registry) -> list[str]:
    return asyncio.run(registry.render()).decode().splitlines()


def test_a_reconcile_is_shown_in_fluxs_buckets() -> None:
    registry = Registry(process=False)
    registry.observe("gotk_reconcile_duration_seconds", APP, 0.2)
    registry.observe("gotk_reconcile_duration_seconds", APP, 3000)
    labels = 'kind="Kustomization",name="apps",namespace="flux-system"'
    found = render(registry)
    assert found[:2] == [
        "# HELP gotk_reconcile_duration_seconds The duration in seconds of a GitOps Toolkit resource reconciliation.",
        "# TYPE gotk_reconcile_duration_seconds histogram",
    ]
    assert found[2] == f'gotk_reconcile_duration_seconds_bucket{{{labels},le="0.01"}} 0'
    bounds = [line.split('le="')[1].split('"')[0] for line in found if "_bucket" in line]
    assert len(bounds) == 11
    assert bounds == [
        *("0.01", "0.038363583488692544", "0.1471764538093883", "0.5646216173286169", "2.166090855590701"),
        *("8.309900738254731", "31.879757075478317", "122.30217221643493", "469.19495946736544"),
        *("1799.9999999999986", "+Inf"),
    ]
    assert f"gotk_reconcile_duration_seconds_sum{{{labels}}} 3000.2" in found
    assert f"gotk_reconcile_duration_seconds_count{{{labels}}} 2" in found


def test_series_of_a_deleted_object_are_dropped_and_no_others() -> None:
    registry = Registry(process=False)
    other = {**APP, "name": "infra"}
    registry.observe("gotk_reconcile_duration_seconds", APP, 1)
    registry.observe("gotk_reconcile_duration_seconds", other, 1)
    registry.inc("rest_client_requests_total", {"code": "200", "host": "h", "method": "GET"})
    registry.forget(APP)
    text = "\n".join(render(registry))
    assert 'name="apps"' not in text
    assert 'name="infra"' in text
    assert "rest_client_requests_total" in text
    registry.observe("gotk_reconcile_duration_seconds", APP, 1)
    assert 'gotk_reconcile_duration_seconds_count{kind="Kustomization",name="apps",namespace="flux-system"} 1' in (
        "\n".join(render(registry))
    )


def test_bounds_of_queues_are_written_as_go_writes_them() -> None:
    registry = Registry(process=False)
    registry.observe("workqueue_queue_duration_seconds", {"controller": "c", "name": "c"}, 0.5)
    bounds = [line.split('le="')[1].split('"')[0] for line in render(registry) if "_bucket" in line]
    assert bounds == [
        *("1e-08", "1e-07", "1e-06", "9.999999999999999e-06", "9.999999999999999e-05", "0.001", "0.01", "0.1"),
        *("1", "10", "100", "1000", "+Inf"),
    ]


def test_label_values_are_escaped() -> None:
    registry = Registry(process=False)
    registry.set("leader_election_master_status", {"name": 'a"b\\c\nd'}, 1)
    assert render(registry)[-1] == r'leader_election_master_status{name="a\"b\\c\nd"} 1'


def test_families_without_series_are_not_shown() -> None:
    assert render(Registry(process=False)) == []


def test_the_process_is_shown() -> None:
    text = "\n".join(render(Registry()))
    assert "process_resident_memory_bytes " in text
    assert "# TYPE process_cpu_seconds_total counter" in text
    assert "_created" not in text


def test_unknown_names_and_missing_labels_are_mistakes_of_the_programmer() -> None:
    registry = Registry(process=False)
    with pytest.raises(KeyError):
        registry.inc("no_such_metric", {})
    with pytest.raises(KeyError):
        registry.inc("rest_client_requests_total", {"code": "200"})
    with pytest.raises(ValueError, match="registered already"):
        registry.add(FAMILIES[0])


def test_a_package_adds_its_own() -> None:
    registry = Registry(process=False)
    registry.add(Family("fluvial_cache_hits_total", "counter", "Hits.", ("cache",)))
    registry.inc("fluvial_cache_hits_total", {"cache": "artifacts"}, 3)
    assert render(registry)[-1] == 'fluvial_cache_hits_total{cache="artifacts"} 3'


def test_rendering_many_series_gives_the_loop_its_turns() -> None:
    async def main() -> None:
        registry = Registry(process=False)
        for number in range(1000):
            registry.observe("gotk_reconcile_duration_seconds", {**APP, "name": f"n{number}"}, 1)
        turns = 0
        longest = 0.0

        async def other() -> None:
            nonlocal turns, longest
            before = time.thread_time()
            while True:
                await asyncio.sleep(0)
                now = time.thread_time()
                longest = max(longest, now - before)
                before = now
                turns += 1

        task = asyncio.create_task(other())
        text = await registry.render()
        task.cancel()
        assert text.count(b"\n") == 13_002
        assert turns >= 15
        assert longest < 0.05

    asyncio.run(main())
