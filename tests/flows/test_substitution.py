"""Post-build substitution: variables of the spec, of ConfigMaps and Secrets."""

import json

from tests.flows.flow import config_map, flow
from tests.flows.world import World


@flow("4.8 Sources")
async def test_variables_come_from_config_maps_secrets_and_the_spec_in_that_order(world: World) -> None:
    await world.put(json.loads(config_map("vars", {"one": "from-cm", "two": "from-cm", "three": "from-cm"})))
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "vars"},
        "stringData": {"two": "s2", "three": "s3"},
    }
    await world.put(secret)
    substitute = {
        "substituteFrom": [{"kind": "ConfigMap", "name": "vars"}, {"kind": "Secret", "name": "vars"}],
        "substitute": {"three": "from-spec"},
    }
    data = {"all": "${one} ${two} ${three} ${four:=default}", "kept": "$one $${one}"}
    await world.reconciled({"apps/cm.yaml": config_map("a", data)}, postBuild=substitute)
    live = await world.get("ConfigMap", "a")
    assert live is not None
    assert live["data"] == {"all": "from-cm s2 from-spec default", "kept": "$one ${one}"}


@flow("4.8 Strict", "4.3 BuildFailed")
async def test_an_undefined_variable_fails_the_build_and_names_it(world: World) -> None:
    world.commit({"apps/cm.yaml": config_map("a", {"key": "${nowhere}"})})
    await world.source()
    await world.kustomization(postBuild={"substitute": {"other": "x"}})
    await world.condition("Kustomization", "apps", "False", "BuildFailed", "nowhere")
    assert await world.get("ConfigMap", "a") is None


@flow("4.8 Sources")
async def test_a_missing_source_of_variables_fails_unless_optional(world: World) -> None:
    world.commit({"apps/cm.yaml": config_map("a", {"key": "${x:=word}"})})
    await world.source()
    missing = {"kind": "ConfigMap", "name": "nobody"}
    await world.kustomization(postBuild={"substituteFrom": [missing]})
    await world.condition("Kustomization", "apps", "False", "BuildFailed", "nobody")
    await world.kustomization(postBuild={"substituteFrom": [missing | {"optional": True}], "substitute": {"z": "z"}})
    await world.ready("Kustomization", "apps")


@flow("4.8 Sources", "4.2 Build key")
async def test_a_changed_variable_reaches_the_objects(world: World) -> None:
    label = {"reconcile.fluxcd.io/watch": "Enabled"}
    await world.put(json.loads(config_map("vars", {"colour": "blue"}, labels=label)))
    post = {"substituteFrom": [{"kind": "ConfigMap", "name": "vars"}]}
    await world.reconciled({"apps/cm.yaml": config_map("a", {"key": "${colour}"})}, postBuild=post)
    await world.put(json.loads(config_map("vars", {"colour": "green"}, labels=label)))

    async def green() -> bool:
        live = await world.get("ConfigMap", "a")
        return live is not None and live["data"] == {"key": "green"}

    await world.until("the new value is applied", green, timeout=5)


@flow("4.8 Opt-out")
async def test_an_object_may_refuse_substitution(world: World) -> None:
    mark = {"kustomize.toolkit.fluxcd.io/substitute": "disabled"}
    files = {"apps/cm.yaml": config_map("a", {"key": "${x}"}, annotations=mark)}
    await world.reconciled(files, postBuild={"substitute": {"x": "word"}})
    live = await world.get("ConfigMap", "a")
    assert live is not None
    assert live["data"] == {"key": "${x}"}
