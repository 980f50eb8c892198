"""Laws: an apply repeated changes nothing, and the order of the manifests does not matter."""

import asyncio
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from fluvial.objects import Object
from tests.apply.world import World, run

NAMES = st.sampled_from(["a", "b", "c", "d"])
TEXTS = st.text(alphabet="abc-1", max_size=5)
MAPS = st.dictionaries(st.sampled_from(["x", "y", "z"]), TEXTS, max_size=3)
PORTS = st.lists(st.integers(1, 5), unique=True, min_size=1, max_size=3)


def config_maps(name: str, data: dict[str, str]) -> Object:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "default"}, "data": data}


def secrets(name: str, data: dict[str, str]) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": "default"},
        "stringData": data,
    }


def services(name: str, ports: list[int]) -> Object:
    spec = {"ports": [{"name": f"p{port}", "port": port} for port in ports], "selector": {"app": name}}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": "default"}, "spec": spec}


OBJECTS = st.lists(
    st.one_of(st.builds(config_maps, NAMES, MAPS), st.builds(secrets, NAMES, MAPS), st.builds(services, NAMES, PORTS)),
    max_size=6,
    unique_by=lambda obj: (obj["kind"], obj["metadata"]["name"]),
)


@settings(max_examples=30)
@given(first=OBJECTS, second=OBJECTS, data=st.data())
def test_a_plan_made_after_its_own_apply_is_empty_in_any_order(first: Any, second: Any, data: st.DataObject) -> None:
    shuffled = data.draw(st.permutations(second))

    async def test(world: World) -> None:
        await world.apply(*first)
        await asyncio.sleep(10)
        await world.apply(*second)
        await asyncio.sleep(10)
        world.audit.clear()
        assert str((await world.apply(*shuffled)).changed) == ""
        assert not any(record.writes for record in world.audit)

    run(test)
