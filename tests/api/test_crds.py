"""The CRDs: old versions beside v1, v1 the only storage version, no field of an old version lost."""

import importlib.util
import json
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from fluvial.api import crds
from fluvial.stdx import package_data

TOOL = Path(__file__).parents[2] / "tools" / "crds" / "merge.py"


def by_name() -> dict[str, Any]:
    return {crd["metadata"]["name"]: crd for crd in crds()}


def versions(name: str) -> dict[str, Any]:
    return {version["name"]: version for version in by_name()[name]["spec"]["versions"]}


def fields(schema: Any, path: str = "") -> Iterator[str]:
    for name, below in (schema.get("properties") or {}).items():
        here = f"{path}.{name}" if path else name
        yield here
        yield from fields(below, here)
    if "items" in schema:
        yield from fields(schema["items"], path + "[]")


def merge_tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location("merge", TOOL)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_data_file_is_what_the_tool_makes_of_the_vendored_files() -> None:
    assert package_data("fluvial.api", "data/crds.json").decode() == merge_tool().render()


def test_every_flux_kind_is_there() -> None:
    kinds = {crd["spec"]["names"]["kind"] for crd in crds()}
    assert kinds == {
        *("GitRepository", "OCIRepository", "Bucket", "HelmRepository", "HelmChart", "ExternalArtifact"),
        *("ArtifactGenerator", "Kustomization", "HelmRelease", "Provider", "Alert", "Receiver"),
        *("ImageRepository", "ImagePolicy", "ImageUpdateAutomation"),
    }


def test_each_call_gives_objects_of_ones_own() -> None:
    crds()[0]["metadata"]["name"] = "changed"
    assert crds()[0]["metadata"]["name"] != "changed"


@pytest.mark.parametrize(
    "name", ["gitrepositories.source.toolkit.fluxcd.io", "kustomizations.kustomize.toolkit.fluxcd.io"]
)
def test_v1beta1_and_v1beta2_are_served_and_v1_alone_is_stored(name: str) -> None:
    found = versions(name)
    assert {version: (each["served"], each["storage"]) for version, each in found.items()} == {
        "v1": (True, True),
        "v1beta1": (True, False),
        "v1beta2": (True, False),
    }
    assert found["v1beta1"]["deprecated"] is True
    assert found["v1beta1"]["deprecationWarning"]


def test_v1_carries_every_field_that_an_old_version_has() -> None:
    for name, crd in by_name().items():
        served = {version["name"]: version["schema"]["openAPIV3Schema"] for version in crd["spec"]["versions"]}
        if "v1" not in served:
            continue
        kept = set(fields(served["v1"]))
        for version, schema in served.items():
            assert set(fields(schema)) <= kept, (name, version)


def test_the_status_of_every_version_carries_every_status_field() -> None:
    for name, crd in by_name().items():
        of_version = [set(fields(version["schema"]["openAPIV3Schema"])) for version in crd["spec"]["versions"]]
        statuses = [{field for field in found if field.startswith("status")} for found in of_version]
        assert all(found == statuses[0] for found in statuses), name


def test_a_kept_field_brings_no_default_into_v1() -> None:
    spec = versions("gitrepositories.source.toolkit.fluxcd.io")["v1"]["schema"]["openAPIV3Schema"]["properties"]["spec"]
    assert "default" not in spec["properties"]["gitImplementation"]
    assert spec["properties"]["gitImplementation"]["description"] != ""


def test_nothing_required_by_v1_is_missing_in_what_v1_released() -> None:
    """The merge adds properties and nothing else: requirements and rules of v1 are as released."""
    tool = merge_tool()
    released = tool.load("v2.9.4")
    for name, crd in by_name().items():
        ours = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
        theirs = released[name]["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
        assert json.dumps(without_additions(ours, theirs), sort_keys=True) == json.dumps(theirs, sort_keys=True)


def without_additions(ours: Any, theirs: Any) -> Any:
    """`ours` without properties that `theirs` lacks."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        kept = ours
        if isinstance(theirs.get("properties"), dict):
            properties = {name: ours["properties"][name] for name in theirs["properties"]}
            kept = {**ours, "properties": properties}
        return {key: without_additions(value, theirs.get(key)) for key, value in kept.items()}
    return ours
