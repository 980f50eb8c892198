"""Makes src/fluvial/api/data/crds.json from Flux's released CRDs; see README.md beside this file.

Usage: python tools/crds/merge.py
"""

import copy
import json
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).parent
TARGET = HERE.parent.parent / "src" / "fluvial" / "api" / "data" / "crds.json"
KEPT = "Kept so that objects of older API versions survive storage; new manifests don't set it."


def load(folder: str) -> dict[str, dict[str, Any]]:
    files = sorted((HERE / folder).glob("*.yaml"))
    documents = [yaml.safe_load(file.read_text()) for file in files]
    return {document["metadata"]["name"]: document for document in documents}


def properties(schema: dict[str, Any]) -> dict[str, Any]:
    found = schema.get("properties")
    return found if isinstance(found, dict) else {}


def add_missing(target: dict[str, Any], other: dict[str, Any], description: str | None) -> None:
    """Give `target` the properties that only `other` has, at every depth; `required` and validation stay."""
    for name, schema in properties(other).items():
        own = target.setdefault("properties", {})
        if name in own:
            add_missing(own[name], schema, description)
        else:
            own[name] = copy.deepcopy(schema)
            if description is not None:
                own[name]["description"] = description
            own[name].pop("default", None)
    if "items" in other and "items" in target:
        add_missing(target["items"], other["items"], description)


def merge(new: dict[str, Any], old: dict[str, Any]) -> dict[str, Any]:
    """`new` with the old versions of `old` served beside its own."""
    out = copy.deepcopy(new)
    (storage,) = out["spec"]["versions"]
    served = [copy.deepcopy(version) for version in old["spec"]["versions"] if version["name"] != storage["name"]]
    schema = storage["schema"]["openAPIV3Schema"]
    for version in served:
        version["storage"] = False
        add_missing(schema, version["schema"]["openAPIV3Schema"], KEPT)
    for version in served:
        status = properties(version["schema"]["openAPIV3Schema"]).get("status")
        if status is not None:
            add_missing(status, properties(schema)["status"], None)
    out["spec"]["versions"] = [storage, *served]
    return out


def render() -> str:
    """The text of the data file: one CRD a line, sorted by name."""
    new, old = load("v2.9.4"), load("served-until-v1.6")
    merged = [merge(crd, old[name]) if name in old else crd for name, crd in sorted(new.items())]
    lines = (json.dumps(crd, sort_keys=True, separators=(",", ":"), ensure_ascii=False) for crd in merged)
    return "[\n" + ",\n".join(lines) + "\n]\n"


if __name__ == "__main__":
    TARGET.write_text(render())
