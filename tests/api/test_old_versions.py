"""Every field of an old API version survives storage in v1: written through the old version, read back through it."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from fluvial import testing
from fluvial.api import crds
from fluvial.controlplane import ControlPlane
from fluvial.kube import Client
from fluvial.net import MemoryTransport
from fluvial.objects import Ref
from tests.api.test_crds import by_name

SERVER = "https://api.fluvial.local"
TEXTS = {
    "^([0-9]+(\\.[0-9]+)?(ms|s|m|h))+$": "5m",
    "^([0-9]+(\\.[0-9]+)?(ms|s|m))+$": "5m",
    "^(http|https|ssh)://.*$": "https://host/r",
    "^(http|https|oci)://.*$": "https://host/r",
    "^oci://.*$": "oci://host/r",
}
# A rule in CEL ties its provider to the bucket's.
EXCLUDED = {"sts"}


def sample(schema: Any, name: str = "") -> Any:
    """A value with every property of `schema`."""
    if "enum" in schema:
        return schema["enum"][0]
    kind = schema.get("type")
    if kind == "object":
        if "properties" in schema:
            found = {key: sample(below, key) for key, below in schema["properties"].items() if key not in EXCLUDED}
            return {key: value for key, value in found.items() if value is not None}
        return {"key": "value"}
    if kind == "array":
        return [sample(schema["items"], name)]
    if kind == "boolean":
        return True
    if kind == "integer":
        return 7
    if schema.get("x-kubernetes-preserve-unknown-fields"):
        return {"any": "thing"}
    if kind is None:
        return "anything"
    if schema.get("format") == "date-time":
        return "2026-01-01T00:00:00Z"
    return TEXTS.get(schema.get("pattern", ""), "sha256:abc" if name == "digest" else "text")


OLD = [
    (name, version["name"])
    for name, crd in by_name().items()
    for version in crd["spec"]["versions"]
    if not version["storage"]
]


@pytest.mark.parametrize(("name", "version"), OLD)
def test_an_object_with_every_field_of_an_old_version_comes_back_as_it_was(name: str, version: str) -> None:
    crd = by_name()[name]
    group, kind = crd["spec"]["group"], crd["spec"]["names"]["kind"]
    (schema,) = [each["schema"]["openAPIV3Schema"] for each in crd["spec"]["versions"] if each["name"] == version]
    spec = sample(schema["properties"]["spec"])
    written = {
        "apiVersion": f"{group}/{version}",
        "kind": kind,
        "metadata": {"name": "old", "namespace": "default"},
        "spec": spec,
    }

    async def test(client: Client) -> None:
        await client.create(written)
        old = await client.get(f"{group}/{version}", kind, "default", "old")
        new = await client.get(f"{group}/v1", kind, "default", "old")
        assert old is not None
        assert new is not None
        assert old["spec"] == spec
        assert holds(new["spec"], spec)

    run(name, test)


def test_a_write_through_an_old_version_keeps_an_inventory_that_was_written_through_v1() -> None:
    async def test(client: Client) -> None:
        source = {"kind": "GitRepository", "name": "fleet"}
        obj = {
            "apiVersion": "kustomize.toolkit.fluxcd.io/v1beta1",
            "kind": "Kustomization",
            "metadata": {"name": "apps", "namespace": "default"},
            "spec": {"interval": "5m", "prune": True, "sourceRef": source, "validation": "client"},
        }
        await client.apply(obj, field_manager="kubectl")
        ref = Ref("kustomize.toolkit.fluxcd.io", "v1", "Kustomization", "default", "apps")
        inventory = {"entries": [{"id": "default_a__ConfigMap", "v": "v1"}]}
        await client.patch(ref, {"status": {"inventory": inventory}}, kind="merge", subresource="status")
        obj["spec"]["path"] = "./apps"  # type: ignore[index]
        await client.apply(obj, field_manager="kubectl")
        found = await client.get("kustomize.toolkit.fluxcd.io/v1", "Kustomization", "default", "apps")
        assert found is not None
        assert found["status"]["inventory"] == inventory
        assert (found["spec"]["path"], found["spec"]["validation"]) == ("./apps", "client")

    run("kustomizations.kustomize.toolkit.fluxcd.io", test)


def run(name: str, test: Callable[[Client], Awaitable[None]]) -> None:
    """Run `test` on a server that serves the CRD `name`."""

    async def main() -> None:
        clock, chance = testing.VirtualClock(), testing.chance()
        plane = ControlPlane(clock=clock, chance=chance)
        await plane.start()
        client = Client(SERVER, MemoryTransport({SERVER: plane.handle}), chance=chance)
        try:
            for each in crds():
                if each["metadata"]["name"] == name:
                    await client.apply(each, field_manager="test")
            await asyncio.sleep(1)
            await test(client)
        finally:
            await client.close()
            await plane.stop()

    testing.run(main())


def holds(found: Any, wanted: Any) -> bool:
    """Whether everything of `wanted` is in `found`; v1's defaults may stand beside it."""
    if isinstance(wanted, dict):
        return isinstance(found, dict) and all(holds(found.get(key), value) for key, value in wanted.items())
    if isinstance(wanted, list):
        return isinstance(found, list) and len(found) == len(wanted) and all(map(holds, found, wanted))
    return bool(found == wanted)
