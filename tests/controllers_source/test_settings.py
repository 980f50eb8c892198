"""Every flag is built, or ends the start with a sentence that names it."""

import dataclasses
from pathlib import Path

import pytest

from fluvial import testing
from fluvial.controllers.source import GATES, Settings
from fluvial.controllers.source.server import advertised
from tests.controllers_source.world import world

# What a test of its own or of another package proves to have an effect.
BUILT = {
    "concurrent",
    "ssh_kex_algos",
    "ssh_hostkey_algos",
    "storage_path",
    "storage_addr",
    "storage_adv_addr",
    "artifact_retention_ttl",
    "artifact_retention_records",
    "artifact_digest_algo",
    "min_retry_delay",
    "max_retry_delay",
    "interval_jitter_percentage",
    "watch_namespace",
    "watch_label_selector",
}
WITHOUT_EFFECT_IN_FLUX = {"watch_configs_label_selector"}


def test_the_defaults_are_fine() -> None:
    assert Settings().problems() == []


def other_value(value: object) -> object:
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return value + 1
    return ("x",) if isinstance(value, tuple) else "7s"


@pytest.mark.parametrize(
    "name",
    sorted(
        field.name
        for field in dataclasses.fields(Settings)
        if field.name not in BUILT | WITHOUT_EFFECT_IN_FLUX | {"feature_gates"}
    ),
)
def test_a_flag_without_effect_is_refused_by_name(name: str) -> None:
    changed = dataclasses.replace(Settings(), **{name: other_value(getattr(Settings(), name))})  # type: ignore[arg-type]
    assert changed.problems() == [f"--{name.replace('_', '-')} is not supported yet"]


def test_every_gate_is_refused_or_unknown() -> None:
    for gate, default in GATES.items():
        assert Settings(feature_gates={gate: default}).problems() == []
        [problem] = Settings(feature_gates={gate: not default}).problems()
        assert problem.startswith(f"--feature-gates={gate}=true is not supported: ")
    assert Settings(feature_gates={"Nonsense": True}).problems() == ["unknown feature gate Nonsense"]


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        (Settings(artifact_digest_algo="blake3"), "--artifact-digest-algo=blake3 is not supported: use one of sha256"),
        (Settings(interval_jitter_percentage=100), "--interval-jitter-percentage must be at least 0 and below 100"),
        (Settings(concurrent=0), "--concurrent must be at least 1"),
    ],
)
def test_values_out_of_range_are_refused(settings: Settings, says: str) -> None:
    [problem] = settings.problems()
    assert problem.startswith(says)


def test_the_same_duration_in_other_words_is_no_change() -> None:
    assert Settings(helm_cache_ttl="900s", helm_cache_purge_interval="60s").problems() == []


@pytest.mark.parametrize(
    ("address", "advertise", "expected"),
    [
        (":9090", "", "localhost:9090"),
        ("0.0.0.0:9090", "", "pod-1:9090"),
        ("127.0.0.1:9090", "", "127.0.0.1:9090"),
        ("[::1]:9090", "", "[::1]:9090"),
        (
            ":9090",
            "source-controller.flux-system.svc.cluster.local.",
            "source-controller.flux-system.svc.cluster.local.",
        ),
        (":9090", "https://artifacts.test", "https://artifacts.test"),
    ],
)
def test_the_advertised_address_is_made_as_flux_makes_it(address: str, advertise: str, expected: str) -> None:
    assert advertised(Settings(storage_addr=address, storage_adv_addr=advertise), "pod-1", 9090) == expected


def test_a_start_with_a_refused_flag_fails_and_touches_nothing(tmp_path: Path) -> None:
    async def play() -> None:
        async with world() as made:
            with pytest.raises(ValueError, match="--helm-cache-max-size is not supported yet"):
                await made.start(helm_cache_max_size=5, storage_path=str(tmp_path / "data"))
            assert not (tmp_path / "data").exists()

    testing.run(play())


def test_namespace_and_labels_restrict_what_is_watched() -> None:
    async def play() -> None:
        async with world() as made:
            made.git.commit({"a.yaml": "1"}, message="one")
            await made.apply("mine")
            await made.edit({"metadata": {"labels": {"sharding.fluxcd.io/key": "shard1"}}}, "mine")
            await made.apply("yours")
            await made.start(watch_namespace="default", watch_label_selector="sharding.fluxcd.io/key=shard1")
            await made.ready(name="mine")
            assert (await made.get("yours")).get("status", {}).get("conditions") is None

    testing.run(play())
