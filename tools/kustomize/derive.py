"""Derive the data files of `fluvial.kustomize` from what kustomize carries.

    python tools/kustomize/derive.py schema SWAGGER.json KUSTOMIZATIONAPI.json > src/fluvial/kustomize/data/schema.json
    python tools/kustomize/derive.py fieldspecs DIR > src/fluvial/kustomize/data/fieldspecs.json

SWAGGER.json is kustomize's Kubernetes OpenAPI document as JSON (kyaml `openapi/kubernetesapi`), KUSTOMIZATIONAPI.json
its second one; DIR is `api/internal/konfig/builtinpluginconsts` of kustomize's source.
"""

import json
import re
import sys
from pathlib import Path
from typing import Any

from fluvial.kustomize.schema import derive
from fluvial.yamldoc import load


def derive_fieldspecs(folder: Path) -> dict[str, Any]:
    sources = {path.name: path.read_text() for path in folder.glob("*.go")}
    labels = re.search(r"metadataLabelsFieldSpecs = `(.*?)`", sources["metadatalabels.go"], re.DOTALL)
    result: dict[str, Any] = {}
    for name, text in sorted(sources.items()):
        block = re.search(r"FieldSpecs = `(.*?)`", text, re.DOTALL)
        if block and name not in ("metadatalabels.go", "defaultconfig.go"):
            whole = block[1] + (labels[1] if labels and "+ metadataLabelsFieldSpecs" in text else "")
            result.update(load(whole))
    return result


if __name__ == "__main__":
    what, *paths = sys.argv[1:]
    if what == "schema":
        derived = derive(*(json.loads(Path(path).read_text()) for path in paths))
    else:
        derived = derive_fieldspecs(Path(paths[0]))
    print(json.dumps(derived, separators=(",", ":"), sort_keys=True))
